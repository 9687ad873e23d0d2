"""The ``thinshell`` command, one file a command.

Nothing here imports NumPy, SciPy, Numba or PyArrow before a command's own work begins, so that ``--help``,
``--version``, a mistyped option and shell completion answer at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["entry", "main"]

# New containers between two collections, where Python's own is 700: importing makes a quarter of a million that stay.
_COLLECT_AFTER = 20_000
_INTERRUPTED = 130


def entry() -> int:
    """Run the command line as a process of its own and return its exit status.

    Importing and leaving took a fifth of a short run for looking through objects that are never garbage: collections
    are fewer, and at the end, when all memory goes back anyway, there is none. After Ctrl-C the process ends at once:
    Python would wait for threads and libraries that it came upon in the middle of something, some of them for ever.
    """
    gc.set_threshold(_COLLECT_AFTER)
    try:
        status = main()
        if status == _INTERRUPTED:
            _leave(status)
        return status
    finally:
        gc.freeze()


def _leave(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads
            stream.flush()
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``thinshell``; those of this process when not given.

    Returns
    -------
    int
        0 done; 1 a departure was found and ``--fail-on departure`` given; 2 bad usage or bad data; 70 an
        error of thinshell's own; 75 a time limit came first; 130 interrupted; 141 the reader of standard output went
        away.

    Examples
    --------
    >>> main(["--version"])
    thinshell ...
    0
    """
    try:
        from thinshell.cli.app import app
        from thinshell.cli.boundary import run

        return run(app, sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # while Python was still loading
        print("thinshell: interrupted; nothing was written", file=sys.stderr)
        return _INTERRUPTED
