"""A matrix of numbers lying in a file, read window by window.

Windows are read, not memory-mapped: touched pages of a map count as resident memory until it is closed, so a
mapped 3 GB file looks like 3 GB of use; a read window is 32 MiB and gone with its block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import as_block, block_dtype, dtype_name, dtype_notices
from thinshell.io.failures import explained
from thinshell.io.files import opened
from thinshell.io.source import Source, row_slices

__all__ = ["RawMatrix", "RawSource", "SeekableBytes"]

# A column-major window takes one read per column; windows of 32 MiB keep each read long (40 KB at d = 768)
# when blocks are small, and are the most that is held beside the block itself.
COLUMN_MAJOR_WINDOW = 32 * 2**20


class SeekableBytes(Protocol):
    """What is asked of an open file, or of a compressed stream that only goes forward."""

    def seek(self, offset: int, /) -> int:
        """Go to a byte."""
        ...

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill as much of the buffer as is at hand and return how much, 0 at the end."""
        ...


@dataclass(frozen=True)
class RawMatrix:
    """Where the (n_samples, n_features) numbers lie: from byte `offset` on, of type `dtype`.

    A part of a 3-D column-major array is interleaved with its `interleave` - 1 sisters: `offset` then points
    at its own first number and every `interleave`-th number is its own.
    """

    offset: int
    n_samples: int
    n_features: int
    dtype: np.dtype
    column_major: bool = False
    interleave: int = 1

    @classmethod
    def part(
        cls, offset: int, shape: tuple[int, ...], dtype: np.dtype, column_major: bool, index: int | None
    ) -> RawMatrix:
        """Return the 2-D array of `shape` at `offset`, or part `index` of the 3-D one."""
        n_samples, n_features = shape[-2:]
        sisters = shape[0] if index is not None else 1
        skipped = 0 if index is None else index * (1 if column_major else n_samples * n_features)
        start = offset + skipped * dtype.itemsize
        return cls(start, n_samples, n_features, dtype, column_major, sisters if column_major else 1)

    def windows(self, file: SeekableBytes, rows: int, path: str) -> Iterator[np.ndarray]:
        """Yield fresh arrays of at most `rows` rows, of the stored type and any memory order."""
        if not self.column_major:
            file.seek(self.offset)
            for start, stop in row_slices(self.n_samples, rows):
                window = np.empty((stop - start, self.n_features), dtype=self.dtype)
                _read_into(file, window, path)
                yield window
            return
        bytes_per_row = self.n_features * self.dtype.itemsize * self.interleave
        for start, stop in row_slices(self.n_samples, max(rows, COLUMN_MAJOR_WINDOW // bytes_per_row)):
            window = self._columns(file, start, stop, path)
            for first, last in row_slices(stop - start, rows):
                yield window[first:last]

    def _columns(self, file: SeekableBytes, start: int, stop: int, path: str) -> np.ndarray:
        # The last wanted number of the last part has no sisters after it in the file.
        length = (stop - start - 1) * self.interleave + 1
        columns = np.empty((self.n_features, length), dtype=self.dtype)
        for j in range(self.n_features):
            file.seek(self.offset + (j * self.n_samples + start) * self.interleave * self.dtype.itemsize)
            _read_into(file, columns[j], path)
        return columns[:, :: self.interleave].T


def _read_into(file: SeekableBytes, array: np.ndarray, path: str) -> None:
    """Fill the C-contiguous `array` from `file`, however short the single reads are."""
    # Through uint8: a memoryview of float16 or of swapped byte order cannot be cast to bytes.
    view = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])
        if not count:
            raise InputError(f"{path} ended while it was being read; is it still being written?")
        filled += count


class RawSource(Source):
    """A :class:`RawMatrix` of a file as blocks; `decode` turns a stored window into a block."""

    container: str | None = None  # the format whose library may fail while its bytes are read

    def __init__(
        self,
        path: str,
        matrix: RawMatrix,
        *,
        dtype: str | None = None,
        notices: Iterable[str] = (),
        decode: Callable[[np.ndarray], np.ndarray] = as_block,
        decoded_dtype: np.dtype | None = None,
    ) -> None:
        self._matrix = matrix
        self._decode = decode
        super().__init__(
            paths=(path,),
            n_samples=matrix.n_samples,
            n_features=matrix.n_features,
            dtype=dtype or dtype_name(matrix.dtype),
            block_dtype=decoded_dtype or block_dtype(matrix.dtype),
            notices=[*(dtype_notices(matrix.dtype) if dtype is None else []), *notices],
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        path = self.paths[0]
        with explained(path, self.container), self._opened() as file:
            for window in self._matrix.windows(file, rows, path):
                yield self._decode(window)

    def _opened(self) -> AbstractContextManager[SeekableBytes]:
        return cast(AbstractContextManager[SeekableBytes], opened(self.paths[0]))
