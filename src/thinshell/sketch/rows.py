"""A uniform sample of rows that depends on which rows there are, not on their order or how they were split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thinshell.sketch.passes import mix
from thinshell.statistics._threads import thread_map

__all__ = ["RowSample", "Scan", "row_multipliers", "scan_rows"]

# Rows of one piece of the row pass. Fixed, so that sums of unit rows do not depend on the number of CPUs.
_PIECE_ROWS = 512
_PIECE_VALUES = 2**15
# 2**64 divided by the golden ratio: spreads the copies of one row over the key space (Knuth 6.4).
_COPY_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Scan:
    """What one pass over the rows of a block found.

    Attributes
    ----------
    hashes : ndarray of shape (n_samples,), uint64
        A fingerprint of each row's values.
    norms : ndarray of shape (n_samples,), float64
        Euclidean norms; NaN marks a row that is not finite.
    unit_sum : ndarray of shape (n_features,), float64
        Sum of the finite, non-zero rows after division by their norm.
    """

    hashes: np.ndarray
    norms: np.ndarray
    unit_sum: np.ndarray


def row_multipliers(n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two fixed tables of odd 64-bit multipliers that fingerprint rows of `n_features` values."""
    words = np.random.Philox(key=0x7468696E7368656C).random_raw(2 * n_features)
    high, low = (words | np.uint64(1)).reshape(n_features, 2).T.copy()
    return high, low


def scan_rows(block: np.ndarray, multipliers: tuple[np.ndarray, np.ndarray], *, small: bool) -> Scan:
    """Fingerprint and measure every row of a C-contiguous float32 or float64 block; `small` is NumPy's way."""
    n, d = block.shape
    hashes, norms = np.zeros(n, np.uint64), np.empty(n)
    rows = _PIECE_ROWS
    if small:
        from thinshell.sketch.passes import fingerprint_rows

        # Calls of NumPy for 512 short rows would cost more than the rows.
        rows = max(rows, _PIECE_VALUES // d)
    else:
        from thinshell.sketch.kernels import fingerprint_rows

    def piece(top: int) -> np.ndarray:
        part, unit_sum = slice(top, top + rows), np.zeros(d)
        fingerprint_rows(block[part], multipliers, hashes[part], norms[part], unit_sum)
        return unit_sum

    parts = thread_map(piece, range(0, n, rows))
    return Scan(hashes, norms, np.sum(parts, axis=0) if parts else np.zeros(d))


def _copy_numbers(hashes: np.ndarray) -> np.ndarray:
    """Return the numbers of the rows that share a fingerprint 0, 1, 2 …; all zero where every row is different."""
    ranked = np.sort(hashes)
    if not (ranked[1:] == ranked[:-1]).any():  # mostly so, and several times faster to tell than to number
        return np.zeros(len(hashes), np.uint64)
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    first = np.r_[True, ranked[1:] != ranked[:-1]]
    numbers = np.empty(len(hashes), np.uint64)
    numbers[order] = np.arange(len(hashes)) - np.maximum.accumulate(np.where(first, np.arange(len(hashes)), 0))
    return numbers


def _keys(hashes: np.ndarray) -> np.ndarray:
    if not len(hashes):
        return hashes
    return mix(hashes + _copy_numbers(hashes) * _COPY_STEP)


class RowSample:
    """The rows with the `capacity` smallest keys, where a row's key is a hash of its own values.

    A row is drawn for what it is, not for where it stood: the sample is the same whatever the order of the rows,
    the blocks they came in and the order of merging, and each distinct row is drawn with the same probability
    (bottom-k sampling, Cohen & Kaplan 2007). Copies of one row inside a block get keys of their own, or an atom
    that holds a tenth of the data would be drawn wholly or not at all; *which* copies are drawn, and only
    that, depends on the blocks once there are more rows than the sample holds.

    Parameters
    ----------
    n_features : int
        Length of a row.
    capacity : int
        Rows kept at most.
    """

    def __init__(self, n_features: int, capacity: int) -> None:
        self.capacity = capacity
        self._keys = np.empty(0, np.uint64)
        self._hashes = np.empty(0, np.uint64)
        self._rows = np.empty((0, n_features), np.float32)
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._n_waiting = 0

    def add(self, rows: np.ndarray, hashes: np.ndarray) -> None:
        """Offer the rows of a block, whose fingerprints `scan_rows` made."""
        self._offer(_keys(hashes), hashes, rows)

    def merge(self, other: RowSample) -> None:
        """Offer every row that `other` holds."""
        other._settle()
        self._offer(other._keys, other._hashes, other._rows)

    def _offer(self, keys: np.ndarray, hashes: np.ndarray, rows: np.ndarray) -> None:
        if len(self._keys) >= self.capacity:
            chosen = np.flatnonzero(keys < self._keys.max())
            if len(chosen) >= self.capacity // 4:  # as many as are worth a sort by themselves
                self._replace(keys[chosen], hashes[chosen], rows, chosen)
                return
        elif len(keys) > self.capacity:
            # No row of a block enters that has as many smaller keys beside it.
            chosen = np.flatnonzero(keys <= np.partition(keys, self.capacity - 1)[self.capacity - 1])
        else:
            chosen = np.arange(len(keys))
        if not len(chosen):
            return
        # A copy: the caller may reuse its buffer for the next block.
        self._waiting.append((keys[chosen], hashes[chosen], rows[chosen]))
        self._n_waiting += len(chosen)
        if len(self._keys) < self.capacity or self._n_waiting >= self.capacity // 4:
            self._settle(partial=True)

    def _settle(self, partial: bool = False) -> None:
        """Take the waiting rows in and keep the smallest keys; `partial` puts that off while all still fit."""
        if not self._waiting or (partial and len(self._keys) + self._n_waiting < self.capacity):
            return
        if len(self._keys) < self.capacity:
            if len(self._keys):
                self._waiting.insert(0, (self._keys, self._hashes, self._rows))
            self._keys, self._hashes, self._rows = self._joined_waiting()
            if len(self._keys) > self.capacity:
                best = np.argsort(self._keys, kind="stable")[: self.capacity]
                self._keys, self._hashes, self._rows = self._keys[best], self._hashes[best], self._rows[best]
            return
        keys, hashes, rows = self._joined_waiting()
        self._replace(keys, hashes, rows, np.arange(len(keys)))

    def _replace(self, keys: np.ndarray, hashes: np.ndarray, rows: np.ndarray, places: np.ndarray) -> None:
        """Let the winners among ``rows[places]`` take the places of those that they push out: few rows move."""
        kept = np.zeros(self.capacity + len(keys), bool)
        # A full stable sort: equal keys belong to equal rows, and the order is then settled too.
        kept[np.argsort(np.concatenate([self._keys, keys]), kind="stable")[: self.capacity]] = True
        left, winners = np.flatnonzero(~kept[: self.capacity]), np.flatnonzero(kept[self.capacity :])
        self._rows = self._rows.astype(np.result_type(self._rows, rows), copy=False)
        self._keys[left], self._hashes[left] = keys[winners], hashes[winners]
        self._rows[left] = rows[places[winners]]

    def _joined_waiting(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        waiting, self._waiting, self._n_waiting = self._waiting, [], 0
        if len(waiting) == 1:
            return waiting[0]
        keys, hashes, rows = (np.concatenate(parts) for parts in zip(*waiting, strict=True))
        return keys, hashes, rows

    def __len__(self) -> int:
        return min(len(self._keys) + self._n_waiting, self.capacity)

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sampled rows and their fingerprints in an order that depends on the rows alone.

        The order is itself random (by hash), so any leading part of it is a uniform sample again.
        """
        self._settle()
        order = np.lexsort((self._hashes, _keys(self._hashes)))
        return np.ascontiguousarray(self._rows[order]), self._hashes[order]

    def state(self) -> dict[str, np.ndarray]:
        """Return the arrays that `restore` takes."""
        self._settle()
        order = np.argsort(self._keys, kind="stable")
        return {"keys": self._keys[order], "hashes": self._hashes[order], "rows": self._rows[order]}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take the arrays of another sample's `state`."""
        self._keys, self._hashes, self._rows = state["keys"], state["hashes"], state["rows"]
        self._waiting, self._n_waiting = [], 0
