"""From what the caller typed to files that can be opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from glob import glob, has_magic
from urllib.parse import unquote, urlsplit

from thinshell.errors import InputError, InputTypeError
from thinshell.io.failures import explained
from thinshell.io.files import opened
from thinshell.io.urls import is_url, scheme_of, without_password

__all__ = ["DATABASES", "expanded", "leading_bytes"]

# Schemes of databases, whose URLs name a table.
DATABASES = ("postgresql", "postgres", "lancedb")

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
    if is_url(typed):
        return _urls_of(typed)
    if typed == "":
        raise InputError("a path is empty; name a file or a glob such as shards/*.parquet")
    path = os.path.expanduser(typed)
    if os.path.lexists(path) or not has_magic(path):
        return [path]
    found = sorted(file for file in glob(path, recursive=True) if not os.path.isdir(file))
    if not found:
        raise InputError(f"{typed} matches no file; check the folder and the pattern (quote it in the shell)")
    return found


def _urls_of(url: str) -> list[str]:
    if scheme_of(url) == "file":
        return _files_of(unquote(urlsplit(url).path))
    if scheme_of(url) in DATABASES or not has_magic(url.partition("://")[2].partition("?")[0]):
        return [url]
    from thinshell.io.remote import glob_urls

    shown = without_password(url)
    with explained(shown, "remote folder"):
        found = glob_urls(url)
    if not found:
        raise InputError(f"{shown} matches no file; check the bucket, the folder and the pattern")
    return found


def leading_bytes(path: str) -> bytes:
    """Return the first bytes of a regular file that is not empty, refusing anything else."""
    if is_url(path):
        with explained(without_password(path), "remote file"), opened(path) as file:
            return _some(path, file.read(SIGNATURE_BYTES))
    with explained(path):
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a directory; name a file or a glob such as {os.path.join(path, '*.parquet')}")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a regular file; save the data to a file first")
        with open(path, "rb") as file:
            return _some(path, file.read(SIGNATURE_BYTES))


def _some(path: str, head: bytes) -> bytes:
    if not head:
        raise InputError(f"{without_password(path)} is empty (0 bytes); save it again")
    return head
