"""Tars of vectors, as WebDataset lays them out: read forward, a member at a time."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import numpy as np

from thinshell.errors import InputError
from thinshell.io.batches import gathered
from thinshell.io.dtypes import block_dtype, check_dtype, dtype_name, dtype_notices
from thinshell.io.failures import explained, listed_names, unknown_name
from thinshell.io.npy import NpyHeader, check_size, read_header
from thinshell.io.raw import RawMatrix, SeekableBytes
from thinshell.io.source import Source

__all__ = ["open_tar"]

# Rows of a member that are read at a time, and what of a column-major one is held in memory.
WINDOW_BYTES = 8 * 2**20
# tarfile reads 10 KB at a time of its own accord.
STREAM_BYTES = 2**18
COPY_BYTES = 2**20
DECOMPRESSORS: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}

Opener = Callable[[], IO[bytes]]


def open_tar(path: str, key: str | None, opener: Opener | None = None) -> Source:
    """Open the ``.npy`` members of a tar, compressed or not, each one vector (d,) or a matrix (n, d).

    Parameters
    ----------
    path : str
        The file; it starts every error sentence.
    key : str or None
        The extension of the members to take, such as ``"image.npy"``: in WebDataset's way it begins at the first
        dot of a member's base name. Needed where the samples have several that end in ``npy``.
    opener : callable, optional
        Returns a readable, seekable binary file to be read in place of `path`, a fresh one at each call.

    Returns
    -------
    Source
        Its rows; only the first sample has been read, so `n_samples` is None until the rows were read to the end.
    """
    wanted = None if key is None else key.lower().removeprefix(".")
    with explained(path, "tar"):
        extension, header, width = _first(path, wanted, opener)
    return TarSource(path, extension, header, width, opener, alone=key is None)


class TarSource(Source):
    """Rows of one tar; `n_samples` is None until they have been read to the end."""

    def __init__(
        self, path: str, extension: str, header: NpyHeader, width: int, opener: Opener | None, *, alone: bool
    ) -> None:
        self._extension = extension
        self._opener = opener
        self._alone = alone  # another extension was not to be chosen from, so there must be none
        super().__init__(
            paths=(path,),
            n_samples=None,
            n_features=width,
            dtype=dtype_name(header.dtype),
            block_dtype=block_dtype(header.dtype),
            notices=dtype_notices(header.dtype),
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        n_samples = 0
        with explained(self.paths[0], "tar"):
            for block in gathered(self._pieces(), rows, self.block_dtype):
                n_samples += len(block)
                yield block
        self.n_samples = n_samples

    def _pieces(self) -> Iterator[np.ndarray]:
        path = self.paths[0]
        with _archive(path, self._opener) as members:
            last = None
            for member in members:
                if member.extension == self._extension:
                    where = f"{path}[{member.name!r}]"
                    content = member.content()
                    header = _same_header(content, member.size, last)
                    if header is None:
                        header = _header(content, member.size, where)
                        self._check(header, where)
                        last = _repeatable(content, header)
                    yield from _windows(content, header, where)
                elif self._alone:
                    raise _several(path, [self._extension, member.extension])

    def _check(self, header: NpyHeader, where: str) -> None:
        width = header.shape[-1]
        if width != self.n_features:
            raise InputError(
                f"{where} has {width:,} features, the first member has {self.n_features:,}; every vector must have "
                "the same number of them"
            )
        if np.result_type(block_dtype(header.dtype), self.block_dtype) != self.block_dtype:
            raise InputError(
                f"{where} holds {dtype_name(header.dtype)}, the first member {self.dtype}; save all with the same type"
            )


def _first(path: str, wanted: str | None, opener: Opener | None) -> tuple[str, NpyHeader, int]:
    """Return the extension to take, and the header and width of the first member that has it."""
    found: dict[str, NpyHeader | None] = {}
    first_sample = None
    with _archive(path, opener) as members:
        for member in members:
            first_sample = first_sample or member.sample
            if wanted is None and member.sample != first_sample:
                break  # the members of a sample lie side by side
            header = None
            if member.extension == wanted or (wanted is None and not found):
                header = _header(member.content(), member.size, f"{path}[{member.name!r}]")
            found[member.extension] = header
            if member.extension == wanted:
                break
    if not found:
        raise InputError(
            f"{path} holds no .npy members; put one vector a sample in it, saved with numpy.save as 000001.npy"
        )
    if wanted is None and len(found) > 1:
        raise _several(path, list(found))
    chosen = wanted or next(iter(found))
    header = found.get(chosen)
    if header is None:
        raise unknown_name(path, "extension", chosen, found)
    return chosen, header, header.shape[-1]


def _several(path: str, extensions: list[str]) -> InputError:
    return InputError(
        f"{path} holds members with {len(extensions)} extensions: {listed_names(extensions)}; "
        f"name one with key={extensions[0]!r} (--key {extensions[0]})"
    )


def _header(content: _Content, size: int, where: str) -> NpyHeader:
    header = read_header(cast(IO[bytes], content), where)
    check_dtype(header.dtype, where)
    if len(header.shape) not in (1, 2) or header.shape[-1] == 0:
        raise InputError(
            f"{where} has shape {header.shape}; thinshell reads members of shape (n_features,) or (n, n_features)"
        )
    check_size(header, size - header.offset, where)
    return header


def _repeatable(content: _Content, header: NpyHeader) -> tuple[bytes, NpyHeader] | None:
    """Return what is known of a short member: parsing the same header again costs more than reading a vector."""
    return (content.getvalue()[: header.offset], header) if isinstance(content, BytesIO) else None


def _same_header(content: _Content, size: int, last: tuple[bytes, NpyHeader] | None) -> NpyHeader | None:
    if last is None or not isinstance(content, BytesIO):
        return None
    encoded, header = last
    fits = size >= header.offset + header.data_bytes
    return header if fits and content.getvalue().startswith(encoded) else None


def _windows(content: _Content, header: NpyHeader, where: str) -> Iterator[np.ndarray]:
    """Yield the rows of one member, whose header has been read."""
    n_samples, width = header.shape if len(header.shape) == 2 else (1, header.shape[0])
    rows = max(1, WINDOW_BYTES // (width * header.dtype.itemsize))
    matrix = RawMatrix(header.offset, n_samples, width, header.dtype, header.column_major)
    if not (header.column_major and isinstance(content, _Forward)):
        yield from matrix.windows(content, rows, where)
        return
    with SpooledTemporaryFile(max_size=WINDOW_BYTES, prefix="thinshell-") as turned:
        turned.write(bytes(header.offset))
        while data := content.read(COPY_BYTES):
            turned.write(data)
        yield from matrix.windows(cast(SeekableBytes, turned), rows, where)


class _Forward:
    """A long member, read as the tar goes by."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._position = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        data = self.read(min(len(buffer), COPY_BYTES))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, /) -> int:
        if offset != self._position:
            raise tarfile.StreamError("a tar is only read forward")
        return offset


_Content = BytesIO | _Forward


@dataclass(frozen=True)
class _Member:
    """A ``.npy`` member; its content must be taken before the next member is asked for."""

    name: str
    extension: str
    size: int
    stream: IO[bytes]

    @property
    def sample(self) -> str:
        return self.name[: -len(self.extension) - 1]

    def content(self) -> _Content:
        return BytesIO(self.stream.read()) if self.size <= WINDOW_BYTES else _Forward(self.stream)


class _Ending:
    """A stream that knows its last bytes: tarfile takes any damage between members for the end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kept = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._kept = self._kept[-STREAM_BYTES:] + data
        self._position += len(data)
        return data

    def has_end_mark(self, offset: int) -> bool:
        """Tell whether a block of zeros lies at byte `offset`, which must have been read just now."""
        start = offset - (self._position - len(self._kept))
        return self._kept[start : start + tarfile.BLOCKSIZE] == bytes(tarfile.BLOCKSIZE)


@contextmanager
def _archive(path: str, opener: Opener | None) -> Iterator[Iterator[_Member]]:
    """Open the tar for one pass over its ``.npy`` members."""
    with ExitStack() as stack:
        file = stack.enter_context(cast(IO[bytes], open(path, "rb")) if opener is None else opener())  # noqa: SIM115
        head = file.read(6)
        file.seek(0)
        for magic, decompressor in DECOMPRESSORS.items():
            if head.startswith(magic):
                # Not tarfile's own: it does not check the checksums of gzip.
                file = stack.enter_context(cast(IO[bytes], decompressor(file)))
                break
        stream = _Ending(file)
        archive = stack.enter_context(tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", bufsize=STREAM_BYTES))
        yield _members(archive, stream, path)


def _members(archive: tarfile.TarFile, stream: _Ending, path: str) -> Iterator[_Member]:
    while (member := archive.next()) is not None:
        cast(Any, archive).members.clear()  # it would keep all of them
        extension = _extension(member.name)
        if extension is None:
            continue
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise InputError(f"{path}[{member.name!r}] is not a plain file in the tar; pack the vectors themselves")
        yield _Member(member.name, extension, member.size, content)
    offset = cast(Any, archive).offset
    if not stream.has_end_mark(offset):
        raise InputError(
            f"{path} is damaged or truncated after {offset:,} bytes: no mark of the end follows; copy or save it again"
        )
    while stream.read(COPY_BYTES):
        pass  # to the checksum behind the compressed data


def _extension(name: str) -> str | None:
    """Return the extension of a ``.npy`` member, in WebDataset's way; None for any other."""
    base, dot, extension = name.rpartition("/")[2].partition(".")
    extension = extension.lower()
    return extension if base and dot and (extension == "npy" or extension.endswith(".npy")) else None
