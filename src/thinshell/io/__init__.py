"""Files of embeddings as blocks of rows.

``open_source`` looks at one file, a list or a glob and returns a :class:`Source`: how many rows and features
there are, and an iterator over C-contiguous float blocks in bounded memory. ``ArraySource`` gives an array in
memory the same face. ``prefetch`` reads ahead in a thread.
"""

from thinshell.io.array import ArraySource
from thinshell.io.opening import open_each, open_source
from thinshell.io.prefetch import prefetch
from thinshell.io.source import DEFAULT_BLOCK_BYTES, Source

__all__ = ["DEFAULT_BLOCK_BYTES", "ArraySource", "Source", "open_each", "open_source", "prefetch"]
