"""The full protocol: every row once, effect sizes with intervals, and how many rows it takes to notice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from thinshell.diagnosis.criteria import ALPHA, ENOUGH_SAMPLES
from thinshell.sketch import Summary
from thinshell.statistics._anderson_darling_null import composite_pvalue
from thinshell.statistics.anderson_darling import (
    AD_CRITICAL_5,
    anderson_darling,
    anderson_darling_null_mean,
)
from thinshell.statistics.dagostino_pearson import dagostino_pearson_from_moments
from thinshell.statistics.moments import moments
from thinshell.statistics.multiplicity import cauchy_combination

__all__ = ["FullResult", "detectable_at", "full_protocol", "full_verdict"]

# Parts of the row sample whose spread gives the intervals: 20, as many as the paper protocol has tests.
_PARTS = 20
# What the null mean and, read off counts, A^2 itself may be off by on average; with thousands of columns the mean
# over them is known better than that.
_MEAN_ERROR = 0.002
# 4 lambda_1 / (2 sum lambda_k^2) with the eigenvalues of the composite null law (Stephens 1976; computed by
# tests/statistics/reference/anderson_darling_null.py: lambda_1 = .098431, 2 sum lambda_k^2 = .036226).
_VARIANCE_GROWTH = 10.87
# Nothing is said about numbers of rows beyond this: no data set has them.
_FAR = 10**12


@dataclass(frozen=True)
class FullResult:
    """Statistics of every coordinate over all rows.

    Attributes
    ----------
    n_samples : int
    exact : bool
        A^2 from sorted values (True) or from the sketch's counts.
    ad, ad_pvalue, dp_pvalue, skewness, excess_kurtosis : ndarray of shape (n_features,)
        NaN for constant columns.
    skewness_interval, excess_kurtosis_interval : tuple of float or None
        95 % intervals of the mean of absolute skewness and of the excess kurtosis over coordinates, from the spread
        between parts of the rows, so that correlation between coordinates is accounted for.
    pvalue : float
        That every coordinate is normal: twice the smaller of the Cauchy combination over coordinates and a one-sided
        test of the mean A^2.
    detectable_at : int or None
        Rows at which the departure of the average coordinate alone lifts A^2 to its 5 % point, .752; a 5 % test
        of one coordinate then rejects about three times in four. None where no departure is established.
    detectable_at_interval : tuple of int or None
        95 % interval; an end is None where it is beyond any number of rows.
    """

    n_samples: int
    exact: bool
    ad: np.ndarray
    ad_pvalue: np.ndarray
    dp_pvalue: np.ndarray
    skewness: np.ndarray
    excess_kurtosis: np.ndarray
    skewness_interval: tuple[float, float] | None
    excess_kurtosis_interval: tuple[float, float] | None
    pvalue: float
    detectable_at: int | None
    detectable_at_interval: tuple[int | None, int | None]


def detectable_at(ad_mean: float, n_samples: int) -> float:
    """Return the number of rows at which a departure of this size is detected, inf where there is none.

    A^2 grows as its null mean plus n times a constant that measures the distance from a normal law. The answer
    is the n at which that constant part reaches the 5 % point of A^2.

    Examples
    --------
    >>> round(detectable_at(8.2, 100_000))
    9622
    """
    departure = (ad_mean - anderson_darling_null_mean(n_samples)) / n_samples
    return AD_CRITICAL_5 / departure if departure > AD_CRITICAL_5 / _FAR else float("inf")


def full_protocol(summary: Summary) -> FullResult:
    """Run the protocol on a summary of all rows without constant columns."""
    n, measured = summary.n_samples, summary.moments
    skewness, kurtosis = measured.skewness, measured.excess_kurtosis
    ad_pvalue = composite_pvalue(summary.ad, n)
    dp_pvalue = dagostino_pearson_from_moments(n, skewness, kurtosis)[1]
    parts = _parts(summary.rows)
    ad_mean = float(np.nanmean(summary.ad))
    errors = _ad_errors(parts, ad_mean, n)
    reach = float(stdtrit(_PARTS - 1, 0.975)) * errors[1] + _MEAN_ERROR if errors else 0.0
    ends = [_whole(detectable_at(ad_mean + sign * reach, n)) for sign in (1, -1)]
    pvalue = single = float(cauchy_combination(ad_pvalue))
    if errors and errors[0] > 0:
        excess = ad_mean - anderson_darling_null_mean(n) - _MEAN_ERROR
        pvalue = min(1.0, 2.0 * min(single, float(stdtr(_PARTS - 1, -excess / errors[0]))))
    established = pvalue < ALPHA or (errors is not None and ends[1] is not None)
    return FullResult(
        n_samples=n,
        exact=summary.exact,
        ad=summary.ad,
        ad_pvalue=ad_pvalue,
        dp_pvalue=dp_pvalue,
        skewness=skewness,
        excess_kurtosis=kurtosis,
        skewness_interval=_interval(float(np.nanmean(np.abs(skewness))), parts, "skewness", n),
        excess_kurtosis_interval=_interval(float(np.nanmean(kurtosis)), parts, "excess_kurtosis", n),
        pvalue=pvalue,
        detectable_at=_whole(detectable_at(ad_mean, n)) if established else None,
        detectable_at_interval=(ends[0], ends[1]),
    )


def _whole(n: float) -> int | None:
    return None if np.isinf(n) else max(1, round(n))


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    """Split the sample into equal parts, none where they would have fewer than the 8 rows a test needs."""
    size = len(rows) // _PARTS
    return [] if size < 8 else [rows[k * size : (k + 1) * size] for k in range(_PARTS)]


def _ad_errors(parts: list[np.ndarray], ad_mean: float, n_samples: int) -> tuple[float, float] | None:
    """Return standard errors of the mean A^2 at `n_samples`: under the null, and for the law as it seems to be.

    Rows are independent, so equal parts show how correlated coordinates let their mean A^2 vary, whatever the
    correlation. Away from the null the variance of A^2 grows with the number of rows. With A^2 = sum over k of
    lambda_k (Z_k + sqrt(n) a_k)^2 it is at most 2 sum lambda_k^2 + 4 lambda_1 (A^2's own departure): that bound
    tells the part of the spread that grows from the part that does not.
    """
    if not parts:
        return None
    size = len(parts[0])
    means = [np.nanmean(anderson_darling(np.ascontiguousarray(part)).statistic) for part in parts]
    growth = max(ad_mean - anderson_darling_null_mean(n_samples), 0.0) / n_samples
    at_null = float(np.std(means, ddof=1)) / math.sqrt(1 + _VARIANCE_GROWTH * growth * size)
    return at_null, at_null * math.sqrt(1 + _VARIANCE_GROWTH * growth * n_samples)


def _interval(value: float, parts: list[np.ndarray], what: str, n_samples: int) -> tuple[float, float] | None:
    """95 % interval of a mean over coordinates: standard error from the parts, scaled to all rows."""
    if not parts:
        return None
    size = len(parts[0])
    per_part = []
    for part in parts:
        values = getattr(moments(part), what)
        per_part.append(np.nanmean(np.abs(values) if what == "skewness" else values))
    error = np.std(per_part, ddof=1) * np.sqrt(size / n_samples)
    reach = float(stdtrit(_PARTS - 1, 0.975)) * float(error)
    low = float(value) - reach
    return max(low, 0.0) if what == "skewness" else low, float(value) + reach


def full_verdict(result: FullResult) -> str:
    """Judge by the p-value over all coordinates."""
    if np.isnan(result.pvalue):
        return "not_applicable"
    if result.pvalue < ALPHA:
        return "departure"
    return "consistent" if result.n_samples >= ENOUGH_SAMPLES else "inconclusive"
