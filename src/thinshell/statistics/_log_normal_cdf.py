"""Piecewise Taylor polynomials of log F and log (1 - F) of the standard normal law, for compiled kernels.

A library call for the logarithm of both tails costs about 50 ns a value. Sorted values visit the intervals of
a grid one after the other, so within an interval two polynomials with fixed coefficients do the same in about
3 ns, with full float64 accuracy.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.special import log_ndtr

__all__ = ["CELLS_PER_UNIT", "LIMIT", "log_cdf_polynomials", "log_tail"]

# The grid covers [-LIMIT, LIMIT) with cells of width 1/CELLS_PER_UNIT. Outside, `log_tail` is called: a
# normal sample of a million rows has no value there.
LIMIT = 8
CELLS_PER_UNIT = 8
# Degree 9 on half-width 1/16: the nearest complex zero of F is 2.8 away from the real line, so the first term
# left out is at most about (1/16 / 2.8)^10 = 3e-17.
_DEGREE = 9
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
# Below this erfc(-z / sqrt(2)) is subnormal or zero in float64; the asymptotic series holds 15 digits there.
_ERFC_UNDERFLOW = -37.0


def log_cdf_polynomials() -> np.ndarray:
    """Return Taylor coefficients of log F(c + u) and log(1 - F(c + u)) about every cell's centre c.

    With g = F'/F the recurrence follows from g' = -g (c + u + g), and (log F)' = g.

    Returns
    -------
    ndarray of shape (2 * LIMIT * CELLS_PER_UNIT, 2, 10), float64
        Lowest order first; index 0 of the second axis is log F, index 1 is log(1 - F).
    """
    cells = 2 * LIMIT * CELLS_PER_UNIT
    centres = (np.arange(cells) + 0.5) / CELLS_PER_UNIT - LIMIT
    slope = np.empty((_DEGREE, cells))
    log_cdf = np.empty((_DEGREE + 1, cells))
    log_cdf[0] = log_ndtr(centres)
    slope[0] = np.exp(-0.5 * centres**2 - _HALF_LOG_TWO_PI - log_cdf[0])
    for k in range(_DEGREE):
        log_cdf[k + 1] = slope[k] / (k + 1)
        if k + 1 < _DEGREE:
            square = sum(slope[j] * slope[k - j] for j in range(k + 1))
            before = slope[k - 1] if k else 0.0
            slope[k + 1] = -(centres * slope[k] + before + square) / (k + 1)
    # The centres are symmetric about 0, so 1 - F(c + u) = F(-c - u) is the mirrored cell with u negated.
    signs = (-1.0) ** np.arange(_DEGREE + 1)
    log_sf = log_cdf[:, ::-1] * signs[:, None]
    return np.ascontiguousarray(np.stack([log_cdf, log_sf], axis=0).transpose(2, 0, 1))


@njit(cache=True, nogil=True)
def log_tail(z):  # pragma: no cover - compiled
    """Return log F(z) for any z, -inf only where z * z overflows."""
    if z > 0.0:
        return math.log1p(-0.5 * math.erfc(z / math.sqrt(2.0)))
    if z > _ERFC_UNDERFLOW:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    # Abramowitz & Stegun 26.2.12; the first term left out is 945 / z^10 < 2e-13 of a value below -680.
    inverse = 1.0 / (z * z)
    series = -inverse * (1.0 - inverse * (3.0 - inverse * (15.0 - inverse * 105.0)))
    return -0.5 * z * z - math.log(-z) - _HALF_LOG_TWO_PI + math.log1p(series)
