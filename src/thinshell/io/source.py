"""What every source of rows looks like, whatever it is stored in."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from thinshell.errors import InputError, InputTypeError

__all__ = ["DEFAULT_BLOCK_BYTES", "Source", "row_slices"]

# 32 MiB: the histograms of a sketch are fetched into the cache once a block, which small blocks pay for dearly
# (8 MiB: a third more time); a block, a converted copy of it and two read ahead stay under 140 MB.
DEFAULT_BLOCK_BYTES = 32 * 2**20


class Source(ABC):
    """Rows of embeddings that can be read in blocks, as often as wanted.

    Attributes
    ----------
    paths : tuple of str
        The files, as they were named by the caller (globs expanded), in reading order.
    n_features : int
        Number of columns d.
    n_samples : int or None
        Number of rows; None for a CSV file that has not been read to its end yet.
    dtype : str
        The type as stored, for example ``"float16"``; several are joined by ``", "``.
    block_dtype : numpy.dtype
        The widest type of the blocks: float32 or float64.
    feature_names : tuple of str or None
        Names of the columns where the format has them.
    notices : list of str
        Sentences for the person who gave the file: what was converted, taken or left out.
    once : bool
        Whether the rows can be read a single time, as from a pipe.
    portable : bool
        Whether another process can open it by its `paths`.
    """

    once = False
    portable = True

    def __init__(
        self,
        *,
        paths: Iterable[str],
        n_samples: int | None,
        n_features: int,
        dtype: str,
        block_dtype: np.dtype,
        feature_names: Iterable[str] | None = None,
        notices: Iterable[str] = (),
    ) -> None:
        self.paths = tuple(paths)
        self.n_samples = n_samples
        self.n_features = n_features
        self.dtype = dtype
        self.block_dtype = np.dtype(block_dtype)
        self.feature_names = None if feature_names is None else tuple(feature_names)
        self.notices = list(notices)

    def __repr__(self) -> str:
        rows = "?" if self.n_samples is None else f"{self.n_samples:,}"
        names = self.paths[0] + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")
        return f"<{type(self).__name__} {names}: {rows} x {self.n_features:,} {self.dtype}>"

    def blocks(self, max_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[np.ndarray]:
        """Iterate over the rows in order; every call starts again from the first.

        Parameters
        ----------
        max_bytes : int
            Upper bound on the bytes of one block, at least 1. A block always has at least one row.

        Returns
        -------
        iterator of numpy.ndarray
            C-contiguous arrays of shape (rows, n_features), float32 (from float16, bfloat16, float32) or
            float64 (from float64, integers, booleans, text). Values are not checked for being finite.

        Raises
        ------
        InputError
            If `max_bytes` is below 1 (at once), or when a file turns out to be damaged (while reading).
        InputTypeError
            If `max_bytes` is not an integer.

        Examples
        --------
        >>> import numpy as np
        >>> from thinshell.io import ArraySource
        >>> [block.shape for block in ArraySource(np.zeros((5, 4))).blocks(max_bytes=64)]
        [(2, 4), (2, 4), (1, 4)]
        """
        return self._read(self._rows_per_block(max_bytes))

    def partitions(self) -> list[Source]:
        """Return consecutive parts of the rows that are sketched each by itself, in their order.

        They depend on the files alone, never on who reads them: one process and a cluster cut the same data alike.
        A source of one file is one part.
        """
        return [self]

    def without(self, path: str) -> Source | None:
        """Return the rest when `path` is left out, None where nothing is left."""
        return None if path in self.paths else self

    def _rows_per_block(self, max_bytes: int) -> int:
        try:
            budget = operator.index(max_bytes)
        except TypeError:
            raise InputTypeError(f"max_bytes must be a whole number of bytes, got {type(max_bytes).__name__}") from None
        if budget < 1:
            raise InputError(f"max_bytes must be at least 1, got {budget}; leave it out for 32 MiB")
        return max(1, budget // (self.n_features * self.block_dtype.itemsize))

    @abstractmethod
    def _read(self, rows: int) -> Iterator[np.ndarray]:
        """Yield blocks of at most `rows` rows."""


def row_slices(n_samples: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive windows of at most `rows` rows."""
    for start in range(0, n_samples, rows):
        yield start, min(start + rows, n_samples)
