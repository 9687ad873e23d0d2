"""Compiled passes over a block of rows: fingerprints and norms row by row, histogram counts column by column.

`passes` holds their twins in NumPy.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from thinshell.sketch.passes import TAIL_BUCKETS, TAIL_PER_OCTAVE, mix

__all__ = ["add_counts", "fingerprint_rows"]

# Rows whose bins are worked out before they are turned into columns: without branches, so in vector registers.
_TILE_ROWS = 64

# Bit patterns of -0.0, which equals 0.0 and must not get another fingerprint.
_MINUS_ZERO = np.uint32(0x80000000)


_mix = njit(cache=True, nogil=True)(mix)


# Multilinear hashing (Lemire & Kaser 2014): a sum of products with random odd multipliers modulo 2**64. The order
# of the additions does not change it, so the compiler may use vector registers.
@njit(cache=True, nogil=True)
def _fingerprint32(bits, high):  # pragma: no cover - compiled
    total = np.uint64(0)
    for j in range(bits.size):
        word = bits[j]
        if word == _MINUS_ZERO:
            word = np.uint32(0)
        total += high[j] * np.uint64(word)
    return total


@njit(cache=True, nogil=True)
def _fingerprint64(row, high, low, words):  # pragma: no cover - compiled
    # A float64 is hashed as the nearest float32 and the float32 of what is left: rows that float32 holds
    # exactly get the same fingerprint in either type.
    for j in range(row.size):
        words[j] = np.float32(row[j])
    total = _fingerprint32(words.view(np.uint32), high)
    for j in range(row.size):
        words[j] = np.float32(row[j] - np.float64(words[j]))
    return total + _fingerprint32(words.view(np.uint32), low)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _square_norm(row):  # pragma: no cover - compiled
    total = 0.0
    for j in range(row.size):
        value = np.float64(row[j])
        total += value * value
    return total


@njit(cache=True, nogil=True)
def _all_finite(row):  # pragma: no cover - compiled
    for j in range(row.size):  # noqa: SIM110 - the compiler takes a loop, not a generator
        if not math.isfinite(row[j]):
            return False
    return True


@njit(cache=True, nogil=True)
def _scaled_norm(row):  # pragma: no cover - compiled
    # The square overflowed (or vanished) although the row is finite: scale by the largest entry first.
    largest = 0.0
    for j in range(row.size):
        largest = max(largest, abs(np.float64(row[j])))
    if largest == 0.0:
        return 0.0
    total = 0.0
    for j in range(row.size):
        value = np.float64(row[j]) / largest
        total += value * value
    return largest * math.sqrt(total)


@njit(cache=True, nogil=True)
def _fingerprint_rows(block, bits, high, low, hashes, norms, unit_sum):  # pragma: no cover - compiled
    n, d = block.shape
    words = np.empty(0 if bits.size else d, np.float32)
    for i in range(n):
        row = block[i]
        square = _square_norm(row)
        if 1e-280 < square < 1e280:
            norm = math.sqrt(square)
        elif _all_finite(row):
            norm = _scaled_norm(row)
        else:
            norms[i] = np.nan
            continue
        norms[i] = norm
        hashes[i] = _mix(_fingerprint32(bits[i], high) if bits.size else _fingerprint64(row, high, low, words))
        if norm > 0.0:
            scale = 1.0 / norm
            for j in range(d):
                unit_sum[j] += np.float64(row[j]) * scale


def fingerprint_rows(
    block: np.ndarray,
    multipliers: tuple[np.ndarray, np.ndarray],
    hashes: np.ndarray,
    norms: np.ndarray,
    unit_sum: np.ndarray,
) -> None:
    """Fill fingerprint and Euclidean norm of each row (NaN where it is not finite); add the unit rows up.

    Zero rows have no direction and add nothing to `unit_sum`. Rows that are not finite keep the hash they had.
    """
    bits = block.view(np.uint32) if block.dtype == np.float32 else np.empty((0, 0), np.uint32)
    _fingerprint_rows(block, bits, *multipliers, hashes, norms, unit_sum)


@njit(cache=True, nogil=True)
def _tail_bucket(offset, half):  # pragma: no cover - compiled
    bucket = int(math.log2(abs(offset) / half) * TAIL_PER_OCTAVE)
    return min(max(bucket, 0), TAIL_BUCKETS - 1)


@njit(cache=True, nogil=True)
def _move_to_tails(tile, left, scale, first, counts, tails):  # pragma: no cover - compiled
    """Take the values beyond the bins out of the end bins, where `_place` put them, into the tail buckets."""
    columns, bins = counts.shape
    half = 0.5 * bins
    for i in range(len(tile)):
        for j in range(columns):
            position = np.float64(tile[i, left + j]) * scale[j] - first[j]
            if position < 0.0 or position >= bins:
                above = 1 if position > half else 0
                tails[j, above, _tail_bucket(position - half, half)] += 1
                counts[j, (bins - 1) * above] -= np.uint32(1)


@njit(cache=True, nogil=True)
def _place(tile, left, scale, first, last, bins):  # pragma: no cover - compiled
    """Write the bin of every value, the nearest one where it lies beyond; return how many do."""
    outside = 0
    for i in range(len(tile)):
        for j in range(scale.size):
            position = np.float64(tile[i, left + j]) * scale[j] - first[j]
            outside += (position < 0.0) | (position > last)
            bins[i, j] = np.int32(min(max(position, 0.0), last))
    return outside


@njit(cache=True, nogil=True)
def add_counts(block, left, inverse_width, start, counts, tails):  # pragma: no cover - compiled
    """Count each value of columns `left` onward in its bin, or in a tail bucket beyond the bins.

    `counts` (columns, bins) and `tails` (columns, 2, TAIL_BUCKETS: below, above) belong to these columns. The bin
    of x is ``floor(x * inverse_width) - start``; the width is a power of two, so the product is exact.
    """
    n = block.shape[0]
    columns, bins = counts.shape
    last = np.nextafter(np.float64(bins), 0.0)
    places = np.empty((columns, n), np.uint16)
    rows = np.empty((_TILE_ROWS, columns), np.int32)
    for top in range(0, n, _TILE_ROWS):
        tile = block[top : top + _TILE_ROWS]
        if _place(tile, left, inverse_width, start, last, rows):
            _move_to_tails(tile, left, inverse_width, start, counts, tails)
        for j in range(columns):
            for i in range(len(tile)):
                places[j, top + i] = np.uint16(rows[i, j])
    for j in range(columns):
        count, column = counts[j], places[j]
        for i in range(n):
            # An unsigned index spares the test for negative ones.
            count[np.uint64(column[i])] += np.uint32(1)
