"""From what the caller typed to files that can be opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from glob import glob, has_magic

from thinshell.errors import InputError, InputTypeError
from thinshell.io.failures import explained

__all__ = ["expanded", "leading_bytes"]

# The longest signature looked for is ARROW1, six bytes; 16 also give a readable glimpse of anything else.
SIGNATURE_BYTES = 16


def expanded(paths: object) -> tuple[str, ...]:
    """Return the files named by a path, a glob or an iterable of them; each glob sorted by name.

    A path that exists is itself even when it contains ``[`` or ``*``.
    """
    if isinstance(paths, (str, os.PathLike)):
        named: Iterable[object] = [paths]
    elif isinstance(paths, Iterable) and not isinstance(paths, (bytes, bytearray)):
        named = paths
    else:
        raise InputTypeError(f"paths must be a path, a glob or a list of them, got {type(paths).__name__}")
    files = tuple(file for item in named for file in _files_of(item))
    if not files:
        raise InputError("paths is empty; name at least one file")
    return files


def _files_of(item: object) -> list[str]:
    if not isinstance(item, (str, os.PathLike)):
        raise InputTypeError(f"paths must hold paths (str or Path), got {type(item).__name__}")
    typed = os.fspath(item)
    if not isinstance(typed, str):
        raise InputTypeError("paths must hold text paths, got bytes; decode them with os.fsdecode")
    if "://" in typed:
        raise InputError(f"{typed} is a URL; thinshell reads local files: download it first")
    if typed == "":
        raise InputError("a path is empty; name a file or a glob such as shards/*.parquet")
    path = os.path.expanduser(typed)
    if os.path.lexists(path) or not has_magic(path):
        return [path]
    found = sorted(file for file in glob(path, recursive=True) if not os.path.isdir(file))
    if not found:
        raise InputError(f"{typed} matches no file; check the folder and the pattern (quote it in the shell)")
    return found


def leading_bytes(path: str) -> bytes:
    """Return the first bytes of a regular file that is not empty, refusing anything else."""
    with explained(path):
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a directory; name a file or a glob such as {os.path.join(path, '*.parquet')}")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a regular file; save the data to a file first")
        if status.st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); save it again")
        with open(path, "rb") as file:
            return file.read(SIGNATURE_BYTES)
