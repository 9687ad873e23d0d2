"""A^2 of sorted columns in NumPy: one call of the distribution function and one logarithm a value."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

__all__ = ["sorted_statistics"]

# Values worked on at once: the float64 intermediates of so many stay in the second-level cache.
_TILE_VALUES = 2**13
# A product of two tails below this has lost digits to underflow.
_SMALLEST = 1e-290


def sorted_statistics(columns: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return A^2 of each row of `columns`, sorted, after ``(x - mean) * scale``; NaN where `scale` is not positive."""
    known = np.isfinite(mean) & np.isfinite(scale) & (scale > 0.0)
    mean, scale = np.where(known, mean, 0.0)[:, None], np.where(known, scale, 0.0)[:, None]
    columns, out = np.ascontiguousarray(columns), np.empty(len(columns))
    n = columns.shape[1]
    weights = np.arange(1.0, 2.0 * n, 2.0) / n
    step = max(1, _TILE_VALUES // n)
    for top in range(0, len(columns), step):
        part = slice(top, top + step)
        z = np.subtract(columns[part], mean[part], dtype=np.float64)
        z *= scale[part]
        terms = _log_of_both_tails(z)
        terms *= weights
        # Pairwise sums: n and the sum agree in all but their last digits when n is large.
        out[part] = -n - terms.sum(axis=1)
    return np.where(known, out, np.nan)


def _log_of_both_tails(z: np.ndarray) -> np.ndarray:
    """Return log F(z_i) + log(1 - F(z_(n + 1 - i))) of rows of ascending values, as the sum for A^2 pairs them."""
    below = z < 0.0
    # The smaller tail holds all its digits, and so does its difference from one.
    tail = np.abs(z)
    ndtr(np.negative(tail, out=tail), out=tail)
    rest = 1.0 - tail
    product = np.where(below, tail, rest)
    product *= np.where(below, rest, tail)[:, ::-1]
    vanishing = product < _SMALLEST
    if not vanishing.any():
        return np.log(product, out=product)
    logs = np.log(product, out=np.zeros_like(product), where=~vanishing)
    logs[vanishing] = log_ndtr(z[vanishing]) + log_ndtr(-z[:, ::-1][vanishing])
    return logs
