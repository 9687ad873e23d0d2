"""One way to open bytes, on this machine or behind a URL."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from thinshell.io.urls import is_url

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_file", "opened", "opened_text", "size_of"]


def opened(path: str) -> BinaryIO:
    """Open a file for reading, unbuffered, seekable."""
    if is_url(path):
        from thinshell.io.remote import RemoteFile

        return cast(BinaryIO, RemoteFile(path))
    return cast(BinaryIO, open(path, "rb", buffering=0))


def opened_text(path: str) -> TextIO:
    """Open a table as text, without failing on odd characters."""
    # Only numbers matter: text in another encoding beside them is passed over.
    if is_url(path):
        return io.TextIOWrapper(io.BufferedReader(opened(path)), encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[arg-type]
    return open(path, encoding="utf-8-sig", errors="replace", newline="")


def size_of(path: str) -> int:
    """Return the bytes of a file."""
    if is_url(path):
        from thinshell.io.remote import remote_size

        return remote_size(path)
    return os.path.getsize(path)


def arrow_file(path: str, *, mapped: bool = False) -> pa.NativeFile:
    """Open a file for Arrow; `mapped` maps it into memory where it lies on this machine."""
    import pyarrow as pa

    if is_url(path):
        return pa.PythonFile(opened(path), mode="r")
    return pa.memory_map(path) if mapped else pa.OSFile(path)
