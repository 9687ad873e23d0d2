"""Rows from a pipe: a .npy stream, or bare float32 numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import as_block, check_dtype
from thinshell.io.failures import explained
from thinshell.io.npy import read_header
from thinshell.io.raw import RawMatrix, RawSource, SeekableBytes
from thinshell.io.shapes import matrix_shape
from thinshell.io.source import Source

__all__ = ["open_stream"]

MAGIC = b"\x93NUMPY"


def open_stream(stream: BinaryIO, name: str, dim: int | None) -> Source:
    """Open a stream that goes forward only.

    Parameters
    ----------
    stream : binary file
        Such as ``sys.stdin.buffer``.
    name : str
        What error sentences call it.
    dim : int or None
        Of bare float32 numbers: how many make a row. A .npy stream tells by itself.

    Returns
    -------
    Source
        That can be read once.
    """
    forward = _Forward(stream)
    start = forward.peek(len(MAGIC))
    if not start:
        raise InputError(f"{name} is empty (0 bytes); send a .npy file, or float32 numbers with dim (--dim)")
    if start == MAGIC:
        with explained(name):
            header = read_header(cast(BinaryIO, forward), name)
        check_dtype(header.dtype, name)
        n_features = matrix_shape(header.shape, name, None)[1]
        if header.column_major and header.shape[0] > 1 and n_features > 1:
            raise InputError(
                f"{name} is a .npy stream in column order (Fortran), of which no row is complete before the end; save "
                "it with numpy.ascontiguousarray, or name the file"
            )
        if dim is not None and dim != n_features:
            raise InputError(f"{name} is a .npy stream of {n_features} columns, got dim {dim}; leave it out")
        return _NpyStream(name, RawMatrix(header.offset, header.shape[0], n_features, header.dtype), forward)
    if dim is None:
        raise InputError(
            f"{name} is no .npy stream (it starts with {start!r}); say how many float32 numbers make a row with dim "
            "(--dim), or name a file"
        )
    return _BareStream(name, dim, forward)


class _Forward(io.RawIOBase):
    """A stream with a few bytes put back, that counts how far it has gone."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream, self._back, self._place = stream, b"", 0

    def peek(self, count: int) -> bytes:
        while len(self._back) < count and (more := self._stream.read(count - len(self._back))):
            self._back += more
        return self._back[:count]

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset != self._place:
            raise io.UnsupportedOperation("a pipe goes forward only")
        return offset

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        taken = self._back[: len(view)]
        view[: len(taken)] = taken
        self._back, count = self._back[len(taken) :], len(taken)
        while count < len(view) and (more := self._stream.read(len(view) - count)):
            view[count : count + len(more)] = more
            count += len(more)
        self._place += count
        return count


class _Once(Source):
    once = True
    portable = False
    _begun = False

    def _begin(self) -> None:
        if self._begun:
            raise InputError(f"{self.paths[0]} has been read already, a pipe comes once; save it to a file")
        self._begun = True


class _NpyStream(_Once, RawSource):
    """The rows of a .npy stream."""

    def __init__(self, name: str, matrix: RawMatrix, stream: _Forward) -> None:
        self._stream = stream
        super().__init__(name, matrix)

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        self._begin()
        with explained(self.paths[0]):
            for window in self._matrix.windows(cast(SeekableBytes, self._stream), rows, self.paths[0]):
                yield as_block(window)


class _BareStream(_Once):
    """Rows of float32 numbers until the stream ends."""

    def __init__(self, name: str, dim: int, stream: _Forward) -> None:
        self._stream = stream
        kind = np.dtype(np.float32)
        super().__init__(paths=(name,), n_samples=None, n_features=dim, dtype="float32", block_dtype=kind)

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        self._begin()
        n_samples, width = 0, self.n_features * 4
        while True:
            held = np.empty((rows, self.n_features), dtype="<f4")
            with explained(self.paths[0]):
                count = self._stream.readinto(held.reshape(-1).view(np.uint8).data)
            if count % width:
                raise InputError(
                    f"{self.paths[0]} ends inside row {n_samples + count // width:,}: {count % width} bytes are left "
                    f"of rows of {width:,} (dim {self.n_features}, float32); is dim right?"
                )
            if count:
                n_samples += count // width
                yield as_block(held[: count // width])
            if count < held.nbytes:
                break
        self.n_samples = n_samples
