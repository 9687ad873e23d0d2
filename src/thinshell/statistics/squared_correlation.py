"""Dependence between the magnitudes of two coordinates that their linear correlation does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import Chebyshev
from scipy.special import log_ndtr

from thinshell.statistics._columns import column_means, column_stds, row_blocks, varying_columns
from thinshell.statistics._validation import as_sample

__all__ = ["MAX_COLUMNS", "SquaredCorrelationResult", "squared_correlation"]

# Two (d, d) float32 matrices of 4096 columns take 128 MB; beyond that an evenly spaced subset is tested.
MAX_COLUMNS = 4096

# Pairs this close to a line are copies of each other: e is then a function of rho alone and both the excess
# and its variance vanish.
LINEAR_LIMIT = 0.999

# Below this variance of e (float32 rounding squared, with a margin; a normal column has .077) e is constant.
MIN_VARIANCE = 1e-8

# Chebyshev points for the variance of the excess as a function of the correlation: relative error 4e-11 at 32.
_POINTS = 32

# Skewness of the score times sqrt(n) for a normal pair is .67 - 2.6 rho^2 - 1.3 rho^12 within .4: fitted to
# 20,000 simulated samples of n = 400 and 40,000 of n = 100 at each of ten correlations from 0 to .98.
LINEAR_SKEWNESS = (2.6, 1.3)

# The Cornish-Fisher correction is used up to here; a Bonferroni maximum over 8 million pairs needs 6.4.
FAR_SCORE = 8.0


@dataclass(frozen=True)
class SquaredCorrelationResult:
    """Outcome of `squared_correlation`.

    Attributes
    ----------
    statistic : float
        Largest absolute z-score over the pairs; NaN when fewer than two columns vary.
    pvalue : float
        Bonferroni over the pairs, in [0, 1]; NaN where the statistic is.
    pair : tuple of int
        The two columns it belongs to; (-1, -1) without one.
    excess : float
        Effect size for that pair: correlation of the squared coordinates minus the squared correlation, in
        [-1, 1]; 0 for a Gaussian.
    correlation : float
        Ordinary correlation of the pair.
    n_samples, n_pairs : int
        Rows, and pairs of columns compared.
    """

    statistic: float
    pvalue: float
    pair: tuple[int, int]
    excess: float
    correlation: float
    n_samples: int
    n_pairs: int


def _bump_correlation(rho: np.ndarray) -> np.ndarray:
    """Correlation of ``exp(-x^2/2)`` and ``exp(-y^2/2)`` for a standard normal pair with correlation `rho`.

    From ``E exp(-a x^2/2 - b y^2/2) = ((1 + a)(1 + b) - a b rho^2)^(-1/2)``.
    """
    return (1.0 / np.sqrt(4.0 - rho**2) - 0.5) / (1.0 / np.sqrt(3.0) - 0.5)


@lru_cache(maxsize=1)
def _null_variance() -> tuple[np.ndarray, np.ndarray]:
    """Grid of |rho| and the asymptotic n * variance of the excess there, rho and the scales being estimated.

    The influence function of ``corr(e(x), e(y)) - g(rho)`` is even in (x, y), so estimated means drop out;
    it is integrated by Gauss-Hermite quadrature in two dimensions.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    # Smooth in rho: a polynomial through Chebyshev points, read off on a fine grid.
    points = Chebyshev.basis(_POINTS, domain=(0.0, LINEAR_LIMIT)).roots()
    x = nodes[:, None]
    c, v = np.sqrt(0.5), 1.0 / np.sqrt(3.0) - 0.5
    variance = np.empty_like(points)
    for k, rho in enumerate(points):
        y = rho * x + np.sqrt(1.0 - rho**2) * nodes
        a, b = (np.exp(-(x**2) / 2) - c) / np.sqrt(v), (np.exp(-(y**2) / 2) - c) / np.sqrt(v)
        g = _bump_correlation(np.asarray(rho))
        slope_rho = rho * (4.0 - rho**2) ** -1.5 / v
        influence = a * b - g * (a**2 + b**2) / 2
        influence -= _scale_slope(rho, v) * (x**2 + y**2 - 2.0) / 2
        influence -= slope_rho * (x * y - rho * (x**2 + y**2) / 2)
        influence -= (weights * influence).sum()
        variance[k] = (weights * influence**2).sum()
    grid = np.linspace(0.0, LINEAR_LIMIT, 400)
    return grid, Chebyshev.fit(points, variance, _POINTS - 1, domain=(0.0, LINEAR_LIMIT))(grid)


def _scale_slope(rho: float, v: float) -> float:
    """Differentiate ``corr(e(s x), e(y))`` in log s at s = 1; an estimated scale takes this away."""
    h = 1e-4

    def correlation(s: float) -> float:
        a = s**2
        joint = ((1 + a) * 2.0 - a * rho**2) ** -0.5
        return (joint - (1 + a) ** -0.5 * 0.5**0.5) / np.sqrt(((1 + 2 * a) ** -0.5 - 1 / (1 + a)) * v)

    return float((correlation(np.exp(h)) - correlation(np.exp(-h))) / (2 * h))


@dataclass(frozen=True)
class _Bumps:
    """Correlations of the coordinates and of their bumps ``exp(-z^2/2)``, and the skewness of the bumps."""

    correlation: np.ndarray
    bump_correlation: np.ndarray
    skewness: np.ndarray


def _bumps(sample: np.ndarray) -> _Bumps:
    n, d = sample.shape
    means = column_means(sample)
    scale = 1.0 / column_stds(sample, means)
    linear, bump = np.zeros((d, d), dtype=np.float32), np.zeros((d, d), dtype=np.float32)
    first, third = np.zeros(d), np.zeros(d)
    for rows in row_blocks(n, d):
        z = ((sample[rows] - means) * scale).astype(np.float32)
        # Shifted by its normal mean so that float32 products keep their digits.
        e = np.exp(-0.5 * z * z) - np.float32(np.sqrt(0.5))
        linear += (z.T @ z) / n
        bump += (e.T @ e) / n
        first += e.sum(axis=0, dtype=np.float64) / n
        third += np.einsum("ij,ij,ij->j", e, e, e, dtype=np.float64) / n
    second = np.diagonal(bump).astype(np.float64)
    variance = second - first**2
    moment = third - 3 * first * second + 2 * first**3
    # A column of two values of equal size has one value of e: no magnitude to correlate, only rounding.
    inverse = np.where(variance > MIN_VARIANCE, 1.0 / np.sqrt(np.maximum(variance, MIN_VARIANCE)), 0.0)
    bump -= np.outer(first, first).astype(np.float32)
    bump *= np.outer(inverse, inverse).astype(np.float32)
    return _Bumps(linear, bump, moment * inverse**3)


def _scores(bumps: _Bumps, rows: slice, n_samples: int) -> np.ndarray:
    """z-scores of the pairs (rows, all columns); 0 up to the diagonal and where nothing can be tested."""
    rho = bumps.correlation[rows].astype(np.float64)
    grid, variance = _null_variance()
    spread = np.sqrt(np.interp(np.abs(rho), grid, variance) / n_samples)
    size = np.abs(rho)
    testable = (size < LINEAR_LIMIT) & (bumps.skewness[rows, None] != 0) & (bumps.skewness != 0)
    testable &= np.arange(len(bumps.skewness)) > np.arange(rows.start, rows.start + len(rho))[:, None]
    excess = bumps.bump_correlation[rows] - _bump_correlation(np.clip(rho, -1.0, 1.0))
    scores = np.where(testable, excess / np.maximum(spread, 1e-12), 0.0)
    # Cornish-Fisher: the product of two skew variables is skew, which matters at the five sigma a maximum
    # over 1e5 pairs reaches. Its third cumulant is the product of theirs, less what the correlation takes
    # away.
    own = np.outer(bumps.skewness[rows], bumps.skewness)
    skewness = (own - LINEAR_SKEWNESS[0] * rho**2 - LINEAR_SKEWNESS[1] * rho**12) / np.sqrt(n_samples)
    corrected = scores - skewness * (scores**2 - 1.0) / 6.0
    # The expansion is for moderate scores; far out it must not undo what is plain.
    return np.where(np.abs(scores) < FAR_SCORE, corrected, scores) * testable


def _largest(bumps: _Bumps, n_samples: int) -> tuple[float, tuple[int, int]]:
    d = len(bumps.skewness)
    best, pair = -1.0, (0, 1)
    for rows in row_blocks(d, 8 * d):
        scores = np.abs(_scores(bumps, rows, n_samples))
        i, j = np.unravel_index(int(scores.argmax()), scores.shape)
        if scores[i, j] > best:
            best, pair = float(scores[i, j]), (rows.start + int(i), int(j))
    return best, pair


def _square_excess(pair: np.ndarray) -> tuple[float, float]:
    """Correlation of two columns, and correlation of their squared deviations less its square."""
    z = pair.astype(np.float64)
    z = z - z.mean(axis=0)
    rho = float(np.corrcoef(z, rowvar=False)[0, 1])
    squares = z**2
    if not (squares.std(axis=0) > 0).all():
        return rho, float("nan")
    return rho, float(np.corrcoef(squares, rowvar=False)[0, 1]) - rho**2


def squared_correlation(embeddings: object) -> SquaredCorrelationResult:
    """Look for a pair of coordinates whose magnitudes go together more than their correlation implies.

    Two coordinates can each be normal and uncorrelated and yet dependent: ``y = +-x`` with a random sign.
    Squares show it, but the tails of ``x^2 y^2`` are too heavy for a maximum over 300,000 pairs; the
    bounded even bump ``e(z) = exp(-z^2/2)`` of the standardised coordinates serves instead. Null
    hypothesis: each pair is Gaussian (or independent, with any marginals). Then ``corr(e(x), e(y))`` has a
    closed form g(rho), and

        score = sqrt(n) (corr(e_i, e_j) - g(rho_ij)) / sqrt(v(rho_ij)),

    v being the asymptotic variance with rho and both scales estimated, is standard normal after a skewness
    correction. The largest |score| gets a Bonferroni p-value. It is built for few strongly dependent pairs;
    weak dependence spread over all of them is what `spectrum_norm_test` sees.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        At least 8 rows. Of more than 4096 varying columns, 4096 evenly spaced ones are used. Pairs with
        |correlation| of .999 or more are left out.

    Returns
    -------
    SquaredCorrelationResult

    Raises
    ------
    InputError
        Fewer than 8 rows, not finite, or not 1-D/2-D.

    References
    ----------
    Szekely, G. J., Rizzo, M. L. and Bakirov, N. K. (2007). Measuring and testing dependence by correlation of
    distances. Annals of Statistics 35, 2769-2794 (why linear correlation is not enough).
    Hall, P. (1992). The Bootstrap and Edgeworth Expansion, Section 2.5 (Cornish-Fisher).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cloud = rng.standard_normal((1000, 16))
    >>> cloud[:, 5] = cloud[:, 3] * rng.choice([-1, 1], size=1000)
    >>> result = squared_correlation(cloud)
    >>> result.pair, round(result.excess, 2), result.pvalue < 1e-9
    ((3, 5), 1.0, True)
    """
    sample = as_sample(embeddings, "embeddings", min_samples=8)
    columns = varying_columns(sample)
    if columns.size > MAX_COLUMNS:
        columns = columns[np.linspace(0, columns.size - 1, MAX_COLUMNS).astype(int)]
    n, d = len(sample), columns.size
    if d < 2:
        nan = float("nan")
        return SquaredCorrelationResult(nan, nan, (-1, -1), nan, nan, n, 0)
    best, (i, j) = _largest(_bumps(sample if d == sample.shape[1] else sample[:, columns]), n)
    pair = (int(columns[i]), int(columns[j]))
    rho, excess = _square_excess(sample[:, list(pair)])
    n_pairs = d * (d - 1) // 2
    pvalue = min(1.0, 2.0 * n_pairs * float(np.exp(log_ndtr(-best))))
    return SquaredCorrelationResult(best, pvalue, pair, excess, rho, n, n_pairs)
