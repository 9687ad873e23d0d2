"""A^2 of sorted columns, compiled: the logarithms of both tails by piecewise polynomials."""

from __future__ import annotations

import numpy as np
from numba import njit

from thinshell.statistics._log_normal_cdf import CELLS_PER_UNIT, LIMIT, log_cdf_polynomials, log_tail

__all__ = ["sorted_statistics", "transpose"]

_POLYNOMIALS = log_cdf_polynomials()


@njit(cache=True, nogil=True)
def transpose(block, left, out):  # pragma: no cover - compiled
    """Copy the columns of `block` from `left` on into the rows of `out`."""
    columns, n = out.shape
    for start in range(0, n, 64):
        stop = min(start + 64, n)
        for j in range(columns):
            for i in range(start, stop):
                out[j, i] = block[i, left + j]


# Reassociation lets the sum run in vector registers; the values are finite and inside one cell of the grid.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _cell_sum(x, mean, scale, centre, polynomials, first, n):  # pragma: no cover - compiled
    low = 2.0 * first + 1.0
    high = 2.0 * (n - first) - 1.0
    total = 0.0
    for i in range(x.size):
        u = (np.float64(x[i]) - mean) * scale - centre
        log_cdf = polynomials[0, 9]
        log_sf = polynomials[1, 9]
        for k in range(8, -1, -1):
            log_cdf = log_cdf * u + polynomials[0, k]
            log_sf = log_sf * u + polynomials[1, k]
        step = 2.0 * np.float64(np.int32(i))
        total += (low + step) * log_cdf + (high - step) * log_sf
    return total


@njit(cache=True, nogil=True)
def _end_of_cell(x, mean, scale, first, edge):  # pragma: no cover - compiled
    """Return the first index whose z is not below `edge`: strides double from `first`, then bisection."""
    low, stride = first, 1
    while low + stride < x.size and (np.float64(x[low + stride]) - mean) * scale < edge:
        low += stride
        stride *= 2
    high = min(low + stride, x.size)
    while high - low > 1:
        middle = (low + high) // 2
        if (np.float64(x[middle]) - mean) * scale < edge:
            low = middle
        else:
            high = middle
    return high


@njit(cache=True, nogil=True)
def _sorted_statistic(x, mean, scale, polynomials):  # pragma: no cover - compiled
    n = x.size
    total = 0.0
    lost = 0.0
    i = 0
    while i < n:
        z = (np.float64(x[i]) - mean) * scale
        if -LIMIT <= z < LIMIT:
            cell = int((z + LIMIT) * CELLS_PER_UNIT)
            edge = (cell + 1.0) / CELLS_PER_UNIT - LIMIT
            centre = (cell + 0.5) / CELLS_PER_UNIT - LIMIT
            end = _end_of_cell(x, mean, scale, i, edge)
            term = _cell_sum(x[i:end], mean, scale, centre, polynomials[cell], i, n)
        else:
            end = i + 1
            term = (2.0 * i + 1.0) * log_tail(z) + (2.0 * (n - i) - 1.0) * log_tail(-z)
        # Compensated: n and the sum over n agree in all but their last digits when n is large.
        next_total = total + term
        lost += term - (next_total - total)
        total = next_total
        i = end
    return -n - (total + lost) / n


@njit(cache=True, nogil=True)
def _fill_statistics(columns, means, scales, polynomials, out):  # pragma: no cover - compiled
    for j in range(columns.shape[0]):
        if np.isfinite(means[j]) and np.isfinite(scales[j]) and scales[j] > 0.0:
            out[j] = _sorted_statistic(columns[j], means[j], scales[j], polynomials)
        else:
            out[j] = np.nan


def sorted_statistics(columns: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return A^2 of each row of `columns`, sorted, after ``(x - mean) * scale``; NaN where `scale` is not positive."""
    out = np.empty(len(columns))
    _fill_statistics(np.ascontiguousarray(columns), mean, scale, _POLYNOMIALS, out)
    return out
