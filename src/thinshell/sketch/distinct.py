"""How many rows are exact copies of others, told from a sample of different rows."""

from __future__ import annotations

import numpy as np

from thinshell.sketch.passes import mix

__all__ = ["DistinctRows"]


class DistinctRows:
    """The `capacity` different rows with the smallest keys, and how often each occurs.

    A row's key is a hash of its values, so a row that is kept has been kept since it first came: its count is exact,
    and the whole depends neither on the order of the rows nor on blocks and merging (distinct sampling, Gibbons 2001).
    Up to `capacity` different rows it holds them all.

    Parameters
    ----------
    capacity : int
        Different rows kept at most.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._keys = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._n_waiting = 0

    def add(self, hashes: np.ndarray) -> None:
        """Count the rows of a block, whose fingerprints `scan_rows` made."""
        keys = mix(hashes)
        self._offer(*np.unique(keys[self._within(keys)], return_counts=True))

    def merge(self, other: DistinctRows) -> None:
        """Count the rows of another."""
        other._settle()
        chosen = self._within(other._keys)
        self._offer(other._keys[chosen], other._counts[chosen])

    def _within(self, keys: np.ndarray) -> np.ndarray:
        """Return which keys may still be among the smallest; those of rows that are kept always are."""
        if len(self._keys) < self.capacity:
            return np.ones(len(keys), bool)
        return keys <= self._keys[-1]

    def _offer(self, keys: np.ndarray, counts: np.ndarray) -> None:
        if not len(keys):
            return
        self._waiting.append((keys, counts.astype(np.int64, copy=False)))
        self._n_waiting += len(keys)
        if self._n_waiting >= self.capacity // 4:
            self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            return
        self._waiting.append((self._keys, self._counts))
        keys, counts = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._n_waiting = [], 0
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        self._keys = keys[first][: self.capacity]
        self._counts = np.add.reduceat(counts, first)[: self.capacity]

    def counts(self) -> np.ndarray:
        """Return how often each of the kept rows occurs."""
        self._settle()
        return self._counts

    def state(self) -> dict[str, np.ndarray]:
        """Return the arrays that `restore` takes."""
        self._settle()
        return {"keys": self._keys, "counts": self._counts}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take the arrays of another's `state`."""
        if len(state["keys"]) != len(state["counts"]):
            raise ValueError("its counts of copies do not fit")
        self._keys, self._counts = state["keys"], state["counts"]
        self._waiting, self._n_waiting = [], 0
