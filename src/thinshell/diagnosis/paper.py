"""The paper's protocol: each coordinate tested on small random subsets, the statistics averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from thinshell.diagnosis.criteria import CRITERIA, ENOUGH_SAMPLES
from thinshell.diagnosis.options import Options
from thinshell.statistics._threads import thread_map
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.dagostino_pearson import dagostino_pearson_from_moments
from thinshell.statistics.moments import moments

__all__ = ["PaperResult", "paper_protocol", "paper_verdict", "subset_rows"]


@dataclass(frozen=True)
class PaperResult:
    """Numbers of the paper's Table 1.

    Attributes
    ----------
    samples_per_test, repeats, n_rows_used : int
        Rows of one test, tests per coordinate, different rows that entered any test.
    ad, dp : ndarray of shape (n_features,)
        A^2 and the p-value of K^2 of each coordinate, averaged over the repeats; NaN where no test was possible.
    ad_avg, dp_avg : float
        Means of `ad` and `dp` over the coordinates.
    ad_normal_share, dp_normal_share : float
        Shares of coordinates with A^2 < 0.752 and with p > 0.05.
    ad_avg_interval : tuple of float or None
        95 % interval of `ad_avg` from its spread between the tests.
    """

    samples_per_test: int
    repeats: int
    n_rows_used: int
    ad: np.ndarray
    dp: np.ndarray
    ad_avg: float
    dp_avg: float
    ad_normal_share: float
    dp_normal_share: float
    ad_avg_interval: tuple[float, float] | None

    def numbers(self) -> dict[str, float]:
        """Return the four numbers of the table."""
        return {name: getattr(self, name) for name in ("ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share")}


def subset_rows(n_rows: int, samples_per_test: int, repeats: int, seed: int) -> list[np.ndarray]:
    """Return the row numbers of each test: disjoint where the rows allow, else independent draws.

    With no more rows than one test takes there is one test, of all rows.

    Examples
    --------
    >>> [len(rows) for rows in subset_rows(1000, 250, 3, seed=0)], len(subset_rows(200, 250, 20, seed=0))
    ([250, 250, 250], 1)
    """
    rng = np.random.default_rng([seed, 0])
    if n_rows <= samples_per_test:
        return [np.arange(n_rows)]
    if n_rows >= samples_per_test * repeats:
        return np.split(rng.permutation(n_rows)[: samples_per_test * repeats], repeats)
    return [rng.permutation(n_rows)[:samples_per_test] for _ in range(repeats)]


def _mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=axis)
    count = known.sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def _test(rows: np.ndarray, subset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return A^2 and the p-value of K^2 of every column of some rows."""
    part = np.ascontiguousarray(rows[np.sort(subset)])
    measured = moments(part)
    ad = anderson_darling(part, known_moments=measured).statistic
    dp = dagostino_pearson_from_moments(measured.n_samples, measured.skewness, measured.excess_kurtosis)[1]
    return np.asarray(ad), np.asarray(dp)


def paper_protocol(rows: np.ndarray, options: Options) -> PaperResult:
    """Run the protocol on a uniform sample of rows without constant columns.

    Null hypothesis of each test: the coordinate is normal with any mean and variance.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5 and Tables 1 and 2. The paper does not state rows per test or repeats; 250
    rows is what the same group states later, and 20 averaged tests give the shares of 100 % that it prints.
    """
    subsets = subset_rows(len(rows), options.samples_per_test, options.repeats, options.seed)
    ad, dp = map(np.array, zip(*thread_map(lambda subset: _test(rows, subset), subsets), strict=True))
    # A column that is constant in every test (a rare spike) is as far from normal as can be: it stays in the
    # denominator of the shares, and NaN compares as not normal.
    per_ad, per_dp = _mean(ad, axis=0), _mean(dp, axis=0)
    average = float(_mean(per_ad))
    return PaperResult(
        samples_per_test=len(subsets[0]),
        repeats=len(subsets),
        n_rows_used=len(np.unique(np.concatenate(subsets))),
        ad=per_ad,
        dp=per_dp,
        ad_avg=average,
        dp_avg=float(_mean(per_dp)),
        ad_normal_share=float((per_ad < CRITERIA["ad_avg"].threshold).mean()),
        dp_normal_share=float((per_dp > CRITERIA["dp_avg"].threshold).mean()),
        ad_avg_interval=_interval(average, _mean(ad, axis=1), len(subsets[0]) / len(rows)),
    )


def _interval(average: float, per_test: np.ndarray, share: float) -> tuple[float, float] | None:
    """95 % interval of an average over tests that each take `share` of the rows.

    Tests drawn without replacement from the same rows vary by (1 - share) of the variance of tests on fresh rows;
    their average varies by `share` of it for the rows, and by what is left of the drawing. Disjoint tests just
    average out.
    """
    repeats = len(per_test)
    if repeats < 2 or not share < 1 or np.isnan(per_test).any():
        return None
    disjoint = repeats * share <= 1
    variance = float(per_test.var(ddof=1)) * (1 / repeats if disjoint else share / (1 - share) + 1 / repeats)
    reach = float(stdtrit(repeats - 1, 0.975)) * variance**0.5
    return max(average - reach, 0.0), average + reach


def paper_verdict(result: PaperResult, n_samples: int) -> str:
    """Judge as the paper does: both averages on the right side, and most coordinates normal by both tests."""
    if np.isnan(result.ad_avg) or np.isnan(result.dp_avg):
        return "not_applicable"
    ad_limit, half = CRITERIA["ad_avg"].threshold, CRITERIA["normal_share"].threshold
    ad_fails = result.ad_avg >= ad_limit
    others_fail = (
        result.dp_avg <= CRITERIA["dp_avg"].threshold or result.ad_normal_share < half or result.dp_normal_share < half
    )
    low, high = result.ad_avg_interval or (result.ad_avg, result.ad_avg)
    if low < ad_limit <= high and not (ad_fails and others_fail):
        return "inconclusive"
    if ad_fails or others_fail:
        return "departure"
    return "consistent" if n_samples >= ENOUGH_SAMPLES else "inconclusive"
