"""The .npz format: a zip archive of .npy members, read as a stream."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from thinshell.errors import InputError
from thinshell.io.dtypes import check_dtype, dtype_name
from thinshell.io.failures import explained, listed_names, unknown_name
from thinshell.io.files import opened
from thinshell.io.npy import NpyHeader, check_size, read_header
from thinshell.io.raw import RawMatrix, RawSource, SeekableBytes
from thinshell.io.shapes import matrix_shape

__all__ = ["open_npz"]

LOCAL_HEADER_BYTES = 30  # fixed part of a zip local file header (APPNOTE.TXT 4.3.7), then name and extra field
COPY_BYTES = 2**20


def open_npz(path: str, key: str | None, index: int | None) -> RawSource:
    """Open member `key` (or the only one) of a .npz file, or part `index` of it if it is 3-D."""
    with explained(path, ".npz"), opened(path) as file, ZipFile(file) as archive:
        member = _member(archive, path, key)
        where = f"{path}[{_key(member)!r}]"
        if member.flag_bits & 1:
            raise InputError(f"{where} is encrypted; save the archive without a password")
        with archive.open(member) as stream:
            header = read_header(stream, where)
        check_dtype(header.dtype, where)
        matrix_shape(header.shape, where, index)
        check_size(header, member.file_size - header.offset, where)
        stored_at = _data_offset(path, member) if member.compress_type == ZIP_STORED else None
    matrix = RawMatrix.part(header.offset + (stored_at or 0), header.shape, header.dtype, header.column_major, index)
    if stored_at is not None:
        return RawSource(path, matrix)
    return DeflatedSource(path, matrix, member.filename)


def _key(member: ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _member(archive: ZipFile, path: str, key: str | None) -> ZipInfo:
    members = {_key(info): info for info in archive.infolist() if info.filename.endswith(".npy")}
    if not members:
        raise InputError(f"{path} holds no arrays (.npy members); save it with numpy.savez(path, embeddings=...)")
    if key is not None:
        if key.removesuffix(".npy") not in members:
            raise unknown_name(path, "array", key, members)
        return members[key.removesuffix(".npy")]
    if len(members) > 1:
        texts = [f"{name} {_summary(archive, info)}".rstrip() for name, info in members.items()]
        first = next(iter(members))
        raise InputError(
            f"{path} holds {len(members)} arrays: {listed_names(texts)}; name one with key={first!r} (--key {first})"
        )
    return next(iter(members.values()))


def _summary(archive: ZipFile, member: ZipInfo) -> str:
    try:
        with archive.open(member) as stream:
            header: NpyHeader = read_header(stream, member.filename)
    except (InputError, RuntimeError):  # a damaged or encrypted sister is listed by its name alone
        return ""
    return f"{header.shape} {dtype_name(header.dtype)}"


def _data_offset(path: str, member: ZipInfo) -> int:
    """Return where the bytes of a stored (uncompressed) member begin, to read it like a plain file."""
    with opened(path) as file:
        file.seek(member.header_offset)
        local = file.read(LOCAL_HEADER_BYTES)
    name_length = int.from_bytes(local[26:28], "little")
    extra_length = int.from_bytes(local[28:30], "little")
    return member.header_offset + LOCAL_HEADER_BYTES + name_length + extra_length


class DeflatedSource(RawSource):
    """A compressed member; its stream only goes forward, which suits row-major arrays."""

    container = ".npz"

    def __init__(self, path: str, matrix: RawMatrix, member: str) -> None:
        self._member = member
        notices = []
        if matrix.column_major:
            size = os.path.basename(path)
            notices.append(
                f"the array in {size} is compressed in column order and is unpacked to a temporary file first"
            )
        super().__init__(path, matrix, notices=notices)

    @contextmanager
    def _opened(self) -> Iterator[SeekableBytes]:
        with opened(self.paths[0]) as file, ZipFile(file) as archive, archive.open(self._member) as stream:
            if not self._matrix.column_major:
                # zipfile's readinto takes a memoryview, its type stub only says so indirectly.
                yield cast(SeekableBytes, stream)
                return
            with tempfile.TemporaryFile(prefix="thinshell-") as unpacked:
                shutil.copyfileobj(stream, unpacked, COPY_BYTES)
                yield cast(SeekableBytes, unpacked)
