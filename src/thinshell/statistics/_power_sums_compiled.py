"""Sums of the first four powers of shifted columns, compiled: one pass over rows in memory order."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["add_power_sums"]

# Rows and columns of a tile: its accumulators (4 x 1024 float64) stay in the cache.
_TILE_ROWS = 256
_TILE_COLUMNS = 1024


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_four_rows(b0, b1, b2, b3, shift, s1, s2, s3, s4):  # pragma: no cover - compiled
    # Four rows at a time: the accumulators are read and written once for four values.
    for j in range(shift.size):
        x0 = np.float64(b0[j]) - shift[j]
        x1 = np.float64(b1[j]) - shift[j]
        x2 = np.float64(b2[j]) - shift[j]
        x3 = np.float64(b3[j]) - shift[j]
        q0, q1, q2, q3 = x0 * x0, x1 * x1, x2 * x2, x3 * x3
        s1[j] += (x0 + x1) + (x2 + x3)
        s2[j] += (q0 + q1) + (q2 + q3)
        s3[j] += (q0 * x0 + q1 * x1) + (q2 * x2 + q3 * x3)
        s4[j] += (q0 * q0 + q1 * q1) + (q2 * q2 + q3 * q3)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_row(row, shift, s1, s2, s3, s4):  # pragma: no cover - compiled
    for j in range(shift.size):
        x = np.float64(row[j]) - shift[j]
        square = x * x
        s1[j] += x
        s2[j] += square
        s3[j] += square * x
        s4[j] += square * square


@njit(cache=True, nogil=True)
def add_power_sums(block, shift, sums):  # pragma: no cover - compiled
    """Add the sums over rows of ``(block - shift) ** k`` for k = 1, 2, 3, 4 to `sums`."""
    n, d = block.shape
    local = np.empty((4, _TILE_COLUMNS))
    # Tiles of rows bound the length of each running sum, and with it the rounding; tiles of columns keep the
    # accumulators in cache while the rows are read in the order in which they lie in memory.
    for start in range(0, n, _TILE_ROWS):
        stop = min(start + _TILE_ROWS, n)
        for left in range(0, d, _TILE_COLUMNS):
            right = min(left + _TILE_COLUMNS, d)
            s1, s2, s3, s4 = (
                local[0, : right - left],
                local[1, : right - left],
                local[2, : right - left],
                local[3, : right - left],
            )
            local[:] = 0.0
            pilot = shift[left:right]
            fours = stop - (stop - start) % 4
            for i in range(start, fours, 4):
                _add_four_rows(
                    block[i, left:right],
                    block[i + 1, left:right],
                    block[i + 2, left:right],
                    block[i + 3, left:right],
                    pilot,
                    s1,
                    s2,
                    s3,
                    s4,
                )
            for i in range(fours, stop):
                _add_row(block[i, left:right], pilot, s1, s2, s3, s4)
            sums[:, left:right] += local[:, : right - left]
