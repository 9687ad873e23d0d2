"""Dot products of pairs of rows, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["dots"]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def dots(first, second, left, right, out):  # pragma: no cover - compiled
    """Fill the products of rows `left` of one array with rows `right` of the other, added up in float64."""
    for i in range(out.size):
        a, b, total = first[left[i]], second[right[i]], 0.0
        for j in range(a.size):
            total += np.float64(a[j]) * np.float64(b[j])
        out[i] = total
