"""Two-sample tests on what a sketch keeps: means, variances, distribution functions, covariances.

They take moments and counts instead of rows, so they answer for a million rows as fast as for a thousand. Null
hypothesis throughout: both samples are independent rows of one law, whatever it is, with finite fourth moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import kolmogorov, ndtr, stdtr

from thinshell.errors import InputError
from thinshell.statistics._columns import correlation
from thinshell.statistics._weighted_chi2 import weighted_chi2_log_survival
from thinshell.statistics.moments import Moments
from thinshell.statistics.multiplicity import cauchy_combination

__all__ = [
    "TwoSampleResult",
    "kolmogorov_smirnov_test",
    "mean_difference_test",
    "mean_vector_pvalue",
    "variance_ratio_test",
]


@dataclass(frozen=True)
class TwoSampleResult:
    """One two-sided test a column.

    Attributes
    ----------
    statistic : ndarray of shape (n_features,)
    pvalues : ndarray of shape (n_features,)
        Not adjusted; NaN where a column is constant in both samples at the same value.
    effect : ndarray of shape (n_features,)
        How large the difference is, in the unit that the test says.
    effect_se : ndarray of shape (n_features,)
        Standard error of the effect; NaN where the test has none.
    pvalue : float
        That no column differs (Cauchy combination); NaN where every p-value is.
    """

    statistic: np.ndarray
    pvalues: np.ndarray
    effect: np.ndarray
    effect_se: np.ndarray
    pvalue: float


def _check(first: Moments, second: Moments) -> None:
    if first.mean.shape != second.mean.shape:
        raise InputError(
            f"samples to compare must have the same number of features, got {len(first.mean)} and {len(second.mean)}; "
            "compare embeddings of one model"
        )
    if min(first.n_samples, second.n_samples) < 8:
        raise InputError(
            f"samples to compare must have at least 8 rows each, got {first.n_samples} and {second.n_samples}; give "
            "more rows"
        )


def _combined(pvalues: np.ndarray) -> float:
    return float(cauchy_combination(pvalues)) if np.isfinite(pvalues).any() else float("nan")


def mean_difference_test(first: Moments, second: Moments) -> TwoSampleResult:
    """Compare the mean of every column: Welch's t test.

    Parameters
    ----------
    first, second : Moments
        Of at least 8 rows each.

    Returns
    -------
    TwoSampleResult
        The effect is Cohen's d, ``(mean_2 - mean_1) / sqrt((var_1 + var_2) / 2)``, in standard deviations; infinite
        where two different constants are compared.

    Raises
    ------
    InputError
        If the numbers of features differ, or there are fewer than 8 rows.

    References
    ----------
    Welch, B. L. (1947). The generalization of "Student's" problem. Biometrika 34, 28-35. Hedges, L. V. (1981).
    Distribution theory for Glass's estimator of effect size. J. Educational Statistics 6, 107-128 (standard error).

    Examples
    --------
    >>> from thinshell.statistics import moments
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.standard_normal((2, 1000, 3))
    >>> result = mean_difference_test(moments(before), moments(after + [0.0, 0.0, 0.5]))
    >>> (result.pvalues < 0.001).tolist(), round(float(result.effect[2]), 1)
    ([False, False, True], 0.6)
    """
    _check(first, second)
    n1, n2 = first.n_samples, second.n_samples
    v1, v2 = first.variance(ddof=1), second.variance(ddof=1)
    # A column that is constant but for rounding has no spread to measure a difference by.
    v1, v2 = np.where(first.constant, 0.0, v1), np.where(second.constant, 0.0, v2)
    gap, square = second.mean - first.mean, v1 / n1 + v2 / n2
    pooled = np.sqrt((v1 + v2) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = gap / np.sqrt(square)
        freedom = square**2 / ((v1 / n1) ** 2 / (n1 - 1) + (v2 / n2) ** 2 / (n2 - 1))
        effect = gap / pooled
        error = np.sqrt(square) / pooled
    pvalues = 2 * stdtr(freedom, -np.abs(statistic))
    return TwoSampleResult(statistic, *_of_constants(gap, pooled, pvalues, effect, error))


def _of_constants(
    gap: np.ndarray, pooled: np.ndarray, pvalues: np.ndarray, effect: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    constant, differ = pooled == 0, (pooled == 0) & (gap != 0)
    pvalues = np.where(constant, np.where(differ, 0.0, np.nan), pvalues)
    effect = np.where(constant, np.where(differ, np.copysign(np.inf, gap), 0.0), effect)
    return pvalues, effect, np.where(constant, np.nan, error), _combined(pvalues)


def variance_ratio_test(first: Moments, second: Moments) -> TwoSampleResult:
    """Compare the variance of every column on the log scale, with the kurtosis that the columns have.

    ``log(var_2 / var_1)`` has the variance ``(k_1 - 1) / n_1 + (k_2 - 1) / n_2`` to first order, k being the kurtosis
    (3 for a Gaussian): unlike the F test it holds for columns that are not Gaussian.

    Parameters
    ----------
    first, second : Moments
        Of at least 8 rows each.

    Returns
    -------
    TwoSampleResult
        The effect is ``log(std_2 / std_1)``; p-values are two-sided normal, NaN where either sample is constant (0 if
        only one is).

    Raises
    ------
    InputError
        If the numbers of features differ, or there are fewer than 8 rows.

    References
    ----------
    Layard, M. W. J. (1973). Robust large-sample tests for homogeneity of variances. JASA 68, 195-198.

    Examples
    --------
    >>> from thinshell.statistics import moments
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.standard_normal((2, 1000, 2))
    >>> result = variance_ratio_test(moments(before), moments(after * [1.0, 1.3]))
    >>> (result.pvalues < 0.001).tolist(), np.exp(result.effect).round(1).tolist()
    ([False, True], [1.0, 1.3])
    """
    _check(first, second)
    # Under the null both have one kurtosis: the pooled estimate is steadier than two.
    share = first.n_samples / (first.n_samples + second.n_samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = 3 + share * first.excess_kurtosis + (1 - share) * second.excess_kurtosis
        error = np.sqrt((kurtosis - 1) * (1 / (first.n_samples - 1) + 1 / (second.n_samples - 1)))
        log_ratio = np.log(second.variance(ddof=1) / first.variance(ddof=1))
        statistic = log_ratio / error
    pvalues = 2 * ndtr(-np.abs(statistic))
    either, both = first.constant | second.constant, first.constant & second.constant
    pvalues = np.where(either, np.where(both, np.nan, 0.0), pvalues)
    effect = np.where(both, 0.0, log_ratio / 2)
    return TwoSampleResult(statistic, pvalues, effect, np.where(either, np.nan, error / 2), _combined(pvalues))


def mean_vector_pvalue(
    first: Moments, second: Moments, first_covariance: np.ndarray, second_covariance: np.ndarray
) -> float:
    """Test all means together by the sum of squared standardised differences: many small shifts add up.

    The sum is distributed as ``sum_k w_k chi2_1`` with the eigenvalues of the covariance of the differences, whatever
    the correlation between columns; no covariance is inverted, so more columns than rows do no harm.

    Parameters
    ----------
    first, second : Moments
        Of at least 8 rows each.
    first_covariance, second_covariance : ndarray of shape (n_features, n_features)
        Of the same columns.

    Returns
    -------
    float
        In [0, 1]; NaN where every column is constant.

    Raises
    ------
    InputError
        If the numbers of features differ, or there are fewer than 8 rows.

    References
    ----------
    Chen, S. X. and Qin, Y.-L. (2010). A two-sample test for high-dimensional data. Annals of Statistics 38, 808-835
    (the statistic); the null law is kept exact for Gaussian means instead of its normal limit.

    Examples
    --------
    >>> from thinshell.statistics import moments
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.standard_normal((2, 1000, 50))
    >>> covariances = [np.cov(sample, rowvar=False) for sample in (before, after)]
    >>> mean_vector_pvalue(moments(before), moments(after), *covariances) > 0.05
    True
    >>> mean_vector_pvalue(moments(before), moments(after + 0.08), *covariances) < 1e-4
    True
    """
    _check(first, second)
    spread = first_covariance / first.n_samples + second_covariance / second.n_samples
    sizes = np.diag(spread)
    varies = ~(first.constant | second.constant) & (sizes > 0)
    if not varies.any():
        return float("nan")
    gap = (second.mean - first.mean)[varies]
    total = float((gap**2 / sizes[varies]).sum())
    weights = np.linalg.eigvalsh(correlation(spread[np.ix_(varies, varies)]))
    # Rounding leaves some below zero; together they are the number of columns.
    weights = weights[weights > 1e-10 * weights[-1]]
    if total <= 0:
        return 1.0
    return float(min(1.0, np.exp(weighted_chi2_log_survival(np.array([total]), weights)[0][0])))


def kolmogorov_smirnov_test(first_counts: np.ndarray, second_counts: np.ndarray) -> TwoSampleResult:
    """Compare whole distributions column by column, from counts in common bins.

    Parameters
    ----------
    first_counts, second_counts : ndarray of shape (n_features, n_bins)
        How many values of each sample lie in each bin, in ascending order of the bins.

    Returns
    -------
    TwoSampleResult
        The effect is the statistic itself, D in [0, 1]: the largest difference of the distribution functions at the
        ends of bins. p-values are Kolmogorov's limit: a little too large for few values, ties and coarse bins.

    Raises
    ------
    InputError
        If the shapes differ, or a row has no counts.

    References
    ----------
    Smirnov, N. (1948). Table for estimating the goodness of fit of empirical distributions. Ann. Math. Stat. 19,
    279-281.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> edges = np.linspace(-6, 6, 1001)
    >>> counts = [np.histogram(rng.standard_normal(5000) + shift, edges)[0][None] for shift in (0.0, 0.0, 0.2)]
    >>> bool(kolmogorov_smirnov_test(counts[0], counts[1]).pvalue > 0.05)
    True
    >>> bool(kolmogorov_smirnov_test(counts[0], counts[2]).pvalue < 1e-6)
    True
    """
    if first_counts.shape != second_counts.shape or first_counts.ndim != 2:
        raise InputError(
            f"counts must have the same shape (n_features, n_bins), got {first_counts.shape} and "
            f"{second_counts.shape}; count both in the same bins"
        )
    totals = [counts.sum(axis=1, dtype=np.float64) for counts in (first_counts, second_counts)]
    if min(float(total.min(initial=np.inf)) for total in totals) <= 0:
        raise InputError("counts must not be all zero for any feature; count at least one value of each")
    distance = np.empty(len(first_counts))
    for j in range(len(first_counts)):
        first, second = (np.cumsum(counts[j], dtype=np.float64) for counts in (first_counts, second_counts))
        distance[j] = np.abs(first / totals[0][j] - second / totals[1][j]).max()
    effective = totals[0] * totals[1] / (totals[0] + totals[1])
    pvalues = kolmogorov(np.sqrt(effective) * distance)
    return TwoSampleResult(distance, pvalues, distance, np.full_like(distance, np.nan), _combined(pvalues))
