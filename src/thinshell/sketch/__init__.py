"""The one-pass, mergeable summary of a set of embeddings."""

from thinshell.sketch.embedding_sketch import EmbeddingSketch, row_capacity_for
from thinshell.sketch.storage import is_sketch_file
from thinshell.sketch.summary import Summary, summarize

__all__ = ["EmbeddingSketch", "Summary", "is_sketch_file", "row_capacity_for", "summarize"]
