"""Mardia's multivariate skewness and kurtosis, and the skewness check used in a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import gammaincc, ndtr

from thinshell.errors import InputError
from thinshell.statistics._columns import row_blocks, standardized, varying_columns
from thinshell.statistics._validation import as_sample

__all__ = ["MardiaCheck", "MardiaResult", "mardia", "mardia_skewness_check", "whitened"]

# Variance of n b1 / 6 under the null over that of its chi-square limit:
# (n - d - 1)(n - d - 3) / n^2 * (1 + 4.5 d / n). Fitted to simulated normal samples, n = 50 to 400 and d/n = .05 to .6
# (tests/statistics/reference/mardia_null.py gives 4.55; no point is off by more than 3 of its standard errors).
VARIANCE_SLOPE = 4.5

# Skewness of n b1 / 6 beyond that of its chi-square limit, times sqrt(n); same simulations (1.54).
EXTRA_SKEWNESS = 1.5

# Columns have standard deviation 1; what is left of one after regression on the others must exceed this. Rounding
# leaves about 1e-8 * sqrt(d) in float64 and 1e-7 in float32 data.
NEGLIGIBLE_SPREAD = 1e-6

# Where the fit ends. At d/n = .9 a nominal 5 % is 10 %, and at d = n - 1 the rows form a regular simplex whatever
# the data are.
MAX_LOAD = 0.6

# Rows of the check per column of a group. With fewer than four the covariance uses up the degrees of
# freedom that the third moments need.
ROWS_PER_COLUMN = 4


@dataclass(frozen=True)
class MardiaCheck:
    """Outcome of `mardia_skewness_check`.

    Attributes
    ----------
    statistic : float
        Largest standardised skewness, ``(b1 - mean) / sd`` under the null, over the groups; NaN without a
        group.
    pvalue : float
        Bonferroni over the groups; NaN where the statistic is.
    n_samples : int
        Rows used.
    n_groups, group_size : int
        Groups of consecutive columns tested, and columns in each (the last may hold fewer).
    """

    statistic: float
    pvalue: float
    n_samples: int
    n_groups: int
    group_size: int


@dataclass(frozen=True)
class MardiaResult:
    """Outcome of `mardia`.

    Attributes
    ----------
    skewness : float
        ``b1 = mean over i, j of ((x_i - m)' S^-1 (x_j - m))^3``, >= 0 and 0 for a symmetric cloud in the
        limit.
    skewness_pvalue : float
        Small when b1 is too large for a Gaussian; NaN when n_features is over .6 n_samples.
    kurtosis : float
        ``b2 = mean over i of ((x_i - m)' S^-1 (x_i - m))^2``; ``d (d + 2)`` for a Gaussian in the limit.
    kurtosis_pvalue : float
        Two-sided.
    n_samples : int
    """

    skewness: float
    skewness_pvalue: float
    kurtosis: float
    kurtosis_pvalue: float
    n_samples: int


def whitened(sample: np.ndarray) -> np.ndarray:
    """Rows with mean zero and biased covariance I, float64; refuses a singular covariance."""
    n, d = sample.shape
    if n <= d:
        raise InputError(
            f"embeddings must have more rows than columns for this test, got {n} rows and {d} columns; "
            "give more rows or fewer columns"
        )
    standard = standardized(sample.astype(np.float64, copy=False))
    covariance = standard.T @ standard / n
    try:
        root = cholesky(covariance, lower=True, check_finite=False)
    except LinAlgError:
        root = np.zeros((d, d))
    if np.diagonal(root).min() < NEGLIGIBLE_SPREAD:
        raise InputError(
            "embeddings must have a non-singular covariance for this test, got constant or linearly "
            "dependent columns; drop them or project onto the leading principal axes first"
        )
    return solve_triangular(root, standard.T, lower=True, check_finite=False).T


def _skewness(white: np.ndarray) -> float:
    """Mean of the cubes of all inner products, block by block."""
    # float32 products are good to 1e-6 of the largest, and n^2 of them average out; the sum is kept in
    # float64.
    rows32 = np.ascontiguousarray(white, dtype=np.float32)
    total = 0.0
    for rows in row_blocks(len(white), len(white)):
        gram = rows32[rows] @ rows32.T
        total += float(np.einsum("ij,ij,ij->", gram, gram, gram, dtype=np.float64))
    return total / len(white) ** 2


def _pearson_upper_tail(z: float, skewness: float) -> float:
    """Upper tail probability of a standardised Pearson type III (shifted gamma) variable."""
    shape = 4.0 / skewness**2
    return float(gammaincc(shape, max(0.0, shape + np.sqrt(shape) * z)))


def _anscombe_glynn(z: float, skewness: float) -> float:
    """Turn a standardised kurtosis of the given skewness into a normal score (Anscombe & Glynn 1983)."""
    a = 6.0 + 8.0 / skewness * (2.0 / skewness + np.sqrt(1.0 + 4.0 / skewness**2))
    # Below its support the reciprocal chi-square law has no mass: the cube root runs off to -infinity there.
    base = max(1.0 + z * np.sqrt(2.0 / (a - 4.0)), np.finfo(float).tiny)
    return float((1.0 - 2.0 / (9.0 * a) - np.cbrt((1.0 - 2.0 / a) / base)) / np.sqrt(2.0 / (9.0 * a)))


def _skewness_score(b1: float, n: int, d: int) -> tuple[float, float]:
    """b1 standardised with its null mean (exact) and spread (calibrated), and its upper tail probability."""
    degrees = d * (d + 1) * (d + 2) / 6
    mean = d * (d + 2) * ((n + 1) * (d + 1) - 6) / ((n + 1) * (n + 3))
    if d > MAX_LOAD * n:
        return float("nan"), float("nan")
    room = (n - d - 1) * (n - d - 3) / n**2
    spread = np.sqrt(room * (1.0 + VARIANCE_SLOPE * d / n) * 2.0 * degrees) * 6.0 / n
    score = (b1 - mean) / spread
    return float(score), _pearson_upper_tail(score, np.sqrt(8.0 / degrees) + EXTRA_SKEWNESS / np.sqrt(n))


def _kurtosis_pvalue(b2: float, n: int, d: int) -> float:
    mean = d * (d + 2) * (n - 1) / (n + 1)
    variance = 8 * d * (d + 2) * (n - 3) * (n - d - 1) * (n - d + 1) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    if variance <= 0:
        return float("nan")
    score = (b2 - mean) / np.sqrt(variance)
    # With y chi-square, h = y^2 - 2 (d + 2) y + d (d + 2) is the influence of one row: E h^2 = 8 d (d + 2)
    # and E h^3 = 64 d (d + 2) (d + 8). At d = 1 the skewness of b2 is known exactly (Fisher 1930); how far
    # it stays below 6 sqrt(6 / n), its limit, is taken over to every d.
    exact = 6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9)) * np.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    limit = 64 * d * (d + 2) * (d + 8) / (8 * d * (d + 2)) ** 1.5
    return float(2.0 * ndtr(-abs(_anscombe_glynn(score, limit * exact / (6 * np.sqrt(6.0))))))


def mardia(embeddings: object) -> MardiaResult:
    """Mardia's multivariate skewness and kurtosis with calibrated p-values.

    Null hypothesis: rows are independent Gaussian with any mean and any non-singular covariance. Both
    statistics use the biased covariance (divisor n) and do not change under affine maps. The mean of b1 and
    the mean and variance of b2 are exact (Mardia 1974); the variance of b1, which the textbook chi-square
    law misses by +20 % at d/n = .2 and by -40 % at d/n = .6, is calibrated by simulation. Their shapes are
    Pearson type III and, for b2, Anscombe & Glynn's, with the skewness of any d.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        More rows than columns, at least 8. Time grows as n_samples^2 * n_features; memory does not. Power
        fades as n_features approaches n_samples: keep at least four rows a column.

    Returns
    -------
    MardiaResult

    Raises
    ------
    InputError
        Not more rows than columns, a singular covariance, fewer than 8 rows, not finite.

    References
    ----------
    Mardia, K. V. (1970). Measures of multivariate skewness and kurtosis with applications. Biometrika
    57, 519-530.
    Mardia, K. V. (1974). Applications of some measures of multivariate skewness and kurtosis in testing
    normality and robustness studies. Sankhya B 36, 115-128.
    Anscombe, F. J. and Glynn, W. J. (1983). Distribution of the kurtosis statistic b2 for normal samples.
    Biometrika 70, 227-234.

    Examples
    --------
    >>> result = mardia(np.random.default_rng(0).exponential(size=(500, 4)))
    >>> result.skewness_pvalue < 1e-9, result.kurtosis > 4 * 6
    (True, True)
    """
    white = whitened(as_sample(embeddings, "embeddings", min_samples=8))
    n, d = white.shape
    b1 = _skewness(white)
    b2 = float((np.einsum("ij,ij->i", white, white) ** 2).mean())
    return MardiaResult(b1, _skewness_score(b1, n, d)[1], b2, _kurtosis_pvalue(b2, n, d), n)


def _column_groups(n_columns: int, size: int, max_groups: int) -> list[np.ndarray]:
    """Consecutive columns in groups of at most `size`; evenly spaced groups where there are too many."""
    groups = [np.arange(start, min(start + size, n_columns)) for start in range(0, n_columns, size)]
    if len(groups) <= max_groups:
        return groups
    return [groups[k] for k in np.linspace(0, len(groups) - 1, max_groups).astype(int)]


def _group_score(columns: np.ndarray) -> tuple[float, float]:
    try:
        white = whitened(columns)
    except InputError:
        # Linearly dependent columns: as many principal axes as carry variance hold all there is.
        standard = standardized(columns.astype(np.float64))
        left, sizes, _ = np.linalg.svd(standard, full_matrices=False)
        kept = sizes > sizes[0] * NEGLIGIBLE_SPREAD
        white = left[:, kept] * np.sqrt(len(columns))
    return _skewness_score(_skewness(white), *white.shape)


def mardia_skewness_check(
    embeddings: object,
    rng: np.random.Generator | int = 0,
    max_rows: int = 2048,
    max_groups: int = 16,
) -> MardiaCheck:
    """Mardia's skewness on a subsample of rows, in groups of columns where there are too many for it.

    It sees third-order dependence that no pair of coordinates shows, and clusters. Null hypothesis as in
    `mardia`. Columns are split into groups of consecutive ones, at most a quarter of the rows wide, each
    tested by itself; dependence across groups is not seen.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        At least 8 rows. Constant columns are left out; linearly dependent ones are replaced by their
        principal axes.
    rng : numpy.random.Generator or int, default 0
        Draws the rows when there are more than `max_rows`.
    max_rows : int, default 2048
        At least 8.
    max_groups : int, default 16
        At least 1; evenly spaced groups are taken when there would be more.

    Returns
    -------
    MardiaCheck

    Raises
    ------
    InputError
        Fewer than 8 rows, `max_rows` below 8, `max_groups` below 1, not finite.

    References
    ----------
    Mardia, K. V. (1970). Biometrika 57, 519-530.

    Examples
    --------
    >>> g = np.random.default_rng(0).standard_normal((1000, 12))
    >>> g[:, 2] = np.abs(g[:, 2]) * np.sign(g[:, 0] * g[:, 1])  # pairwise independent, jointly not
    >>> mardia_skewness_check(g).pvalue < 1e-6
    True
    """
    if max_rows < 8 or max_groups < 1:
        raise InputError(
            f"max_rows must be at least 8 and max_groups at least 1, got {max_rows} and {max_groups}; "
            "the usual values are 2048 and 16"
        )
    sample = as_sample(embeddings, "embeddings", min_samples=8)
    if len(sample) > max_rows:
        drawn = np.random.default_rng(rng).choice(len(sample), max_rows, replace=False)
        sample = sample[np.sort(drawn)]
    sample = sample[:, varying_columns(sample)]
    n, d = sample.shape
    if d == 0:
        return MardiaCheck(float("nan"), float("nan"), n, 0, 0)
    size = min(d, n // ROWS_PER_COLUMN)
    groups = _column_groups(d, size, max_groups)
    scores = [_group_score(sample[:, group]) for group in groups]
    score, pvalue = min(scores, key=lambda pair: (pair[1], -pair[0]))
    return MardiaCheck(score, min(1.0, pvalue * len(groups)), n, len(groups), size)
