"""Sums of cosines and sines of every column, compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["characteristic_sums"]

# Columns whose rotating cosines and sines stay in the L1 cache.
_TILE_COLUMNS = 128


@njit(cache=True, nogil=True, fastmath={"contract"})
def _rotate_row(row, shift, scale, step, c, s, c1, s1, cosines, sines):  # pragma: no cover - compiled
    for j in range(row.size):
        angle = (np.float64(row[j]) - shift[j]) * scale[j] * step
        c1[j] = math.cos(angle)
        s1[j] = math.sin(angle)
        c[j] = 1.0
        s[j] = 0.0
    # cos and sin of k * angle by rotation: one library call a value instead of one for each point.
    for k in range(1, cosines.shape[0]):
        for j in range(row.size):
            turned = c[j] * c1[j] - s[j] * s1[j]
            s[j] = s[j] * c1[j] + c[j] * s1[j]
            c[j] = turned
            cosines[k, j] += turned
            sines[k, j] += s[j]


@njit(cache=True, nogil=True)
def characteristic_sums(block, shift, scale, step, cosines, sines):  # pragma: no cover - compiled
    """Add cosines and sines of 0, 1, 2 ... times ``(x - shift) * scale * step`` up over the rows."""
    n, d = block.shape
    work = np.empty((4, _TILE_COLUMNS))
    cosines[0, :] = n
    for left in range(0, d, _TILE_COLUMNS):
        right = min(left + _TILE_COLUMNS, d)
        w = right - left
        c, s, c1, s1 = work[0, :w], work[1, :w], work[2, :w], work[3, :w]
        for i in range(n):
            _rotate_row(
                block[i, left:right],
                shift[left:right],
                scale[left:right],
                step,
                c,
                s,
                c1,
                s1,
                cosines[:, left:right],
                sines[:, left:right],
            )
