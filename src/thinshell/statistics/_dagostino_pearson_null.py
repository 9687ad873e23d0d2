"""Null law of K^2 at finite n, from simulated quantiles: chi-square underrates its tail by up to ten times.

The table was made by tests/statistics/reference/dagostino_pearson_null.py (NumPy's PCG64, seed [11, n]; 1e7
normal samples for each n up to 250, 6e6, 4e6, 1.5e6 and 1e6 for the rest).
"""

from __future__ import annotations

import numpy as np

__all__ = ["calibrated_pvalue"]

# First line: the probabilities. Then n, and the roots K = sqrt(K^2) that normal samples of that size exceed.
_TABLE = """
    0 .9    .7    .5    .3    .2    .1    .05   .02   .01   .005  .002  .001  .0005 .0002 .0001 .00002
    8 0.475 0.827 1.097 1.407 1.650 2.096 2.595 3.159 3.493 3.762 4.035 4.193 4.316 4.443 4.513 4.634
   10 0.469 0.823 1.101 1.415 1.655 2.092 2.553 3.134 3.502 3.809 4.137 4.333 4.495 4.674 4.780 4.971
   14 0.463 0.822 1.110 1.435 1.674 2.098 2.529 3.082 3.461 3.799 4.181 4.427 4.641 4.888 5.040 5.334
   20 0.460 0.825 1.123 1.458 1.698 2.111 2.522 3.048 3.421 3.763 4.169 4.446 4.698 4.987 5.190 5.595
   30 0.458 0.828 1.136 1.482 1.723 2.126 2.524 3.029 3.392 3.736 4.158 4.450 4.714 5.049 5.274 5.750
   50 0.457 0.832 1.149 1.506 1.748 2.138 2.521 3.008 3.361 3.699 4.123 4.426 4.713 5.070 5.321 5.875
  100 0.455 0.833 1.157 1.523 1.766 2.142 2.501 2.963 3.300 3.630 4.048 4.355 4.651 5.029 5.303 5.905
  250 0.454 0.836 1.163 1.533 1.776 2.142 2.474 2.891 3.201 3.502 3.896 4.184 4.470 4.846 5.137 5.781
  500 0.455 0.837 1.167 1.539 1.783 2.143 2.463 2.855 3.138 3.416 3.778 4.047 4.308 4.657 4.920 5.569
 1000 0.456 0.840 1.170 1.543 1.786 2.143 2.457 2.829 3.096 3.351 3.678 3.925 4.173 4.466 4.695 5.180
 3000 0.459 0.843 1.176 1.549 1.791 2.145 2.449 2.809 3.058 3.292 3.586 3.794 3.999 4.273 4.506 4.967
10000 0.459 0.844 1.176 1.550 1.792 2.145 2.446 2.799 3.041 3.270 3.540 3.740 3.937 4.170 4.342 4.731
"""
_NUMBERS = np.array([line.split() for line in _TABLE.strip().splitlines()], dtype=np.float64)
_PROBABILITIES = _NUMBERS[0, 1:]
_SIZES = _NUMBERS[1:, 0]
_ROOTS = _NUMBERS[1:, 1:]
# What chi-square with two degrees of freedom puts in their place: sqrt(-2 log p).
_CHI_ROOTS = np.sqrt(-2.0 * np.log(_PROBABILITIES))
# Above the last root log p is carried on as a straight line in K, with the slope from p = 1e-3 to the last p.
# The true curve bends down (towards -K^2/2 for large n, to the largest possible K^2 for small n), so the
# p-value errs on the large side.
_SLOPE_FROM = int(np.flatnonzero(_PROBABILITIES == 0.001)[0])


def _roots_at(n_samples: int) -> np.ndarray:
    """Return the table's row for any n: linear in log n, and towards chi-square as n^-1/2 above the last."""
    last = _SIZES[-1]
    if n_samples >= last:
        return _CHI_ROOTS + (_ROOTS[-1] - _CHI_ROOTS) * np.sqrt(last / n_samples)
    place = np.interp(np.log(n_samples), np.log(_SIZES), np.arange(len(_SIZES)))
    i = min(int(place), len(_SIZES) - 2)
    return _ROOTS[i] + (place - i) * (_ROOTS[i + 1] - _ROOTS[i])


def calibrated_pvalue(statistic: np.ndarray, n_samples: int) -> np.ndarray:
    """Return P(K^2 > statistic) for a normal sample of `n_samples`; NaN stays NaN.

    Each K is moved to the place of chi-square with the same probability, linearly between the quantiles of
    the table: the map is near the identity and increasing, so the p-value falls strictly and never exceeds 1.
    """
    roots = np.concatenate([[0.0], _roots_at(n_samples)])
    chi = np.concatenate([[0.0], _CHI_ROOTS])
    slope = (chi[-1] ** 2 - chi[_SLOPE_FROM + 1] ** 2) / (roots[-1] - roots[_SLOPE_FROM + 1])
    with np.errstate(invalid="ignore", under="ignore"):
        root = np.sqrt(statistic)
        beyond = np.maximum(root - roots[-1], 0.0)
        return np.exp(-0.5 * (np.interp(root, roots, chi) ** 2 + slope * beyond))
