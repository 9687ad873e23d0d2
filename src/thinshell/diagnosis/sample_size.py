"""How the share of coordinates that look normal falls with the number of rows that a test is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from thinshell.statistics._anderson_darling_null import composite_pvalue
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.dagostino_pearson import dagostino_pearson_from_moments
from thinshell.statistics.moments import moments

__all__ = ["curve_columns", "grid", "sample_size_section"]

# From 20 rows on, the fewest that D'Agostino and Pearson's test is recommended for (D'Agostino, Belanger and
# D'Agostino 1990, "A suggestion for using powerful and informative tests of normality", The American Statistician 44).
_FIRST = (20, 50, 100, 250, 500)
# The last size of the grid is all rows; one below it that is closer than this factor is left out.
_CLOSE = 1.25
# As many as the paper protocol averages.
_MOST_SUBSETS = 20
# Values tested at one size, or one subset of all columns if that is more: what many columns show needs fewer subsets.
_VALUES = 2**22
_MOST_COLUMNS = 4096
# Columns of one call: subsets of few columns are tested side by side, because a call costs as much as they do.
_SIDE_BY_SIDE = 2048
_LEVEL = 0.05


def grid(n_rows: int) -> list[int]:
    """Return the numbers of rows to test: 20, 50, 100, 250, 500, then doubling from 1,000, up to all rows.

    Examples
    --------
    >>> grid(8192), grid(600), grid(19)
    ([20, 50, 100, 250, 500, 1000, 2000, 4000, 8192], [20, 50, 100, 250, 600], [])
    """
    if n_rows < _FIRST[0]:
        return []
    sizes = [*_FIRST, *(1000 * 2**k for k in range(max(n_rows // 1000, 1).bit_length()))]
    return [size for size in sizes if size * _CLOSE < n_rows] + [n_rows]


def curve_columns(n_features: int) -> np.ndarray:
    """Return which of so many columns are tested: all, or 4,096 spread evenly.

    Examples
    --------
    >>> len(curve_columns(3)), len(curve_columns(10_000))
    (3, 4096)
    """
    if n_features <= _MOST_COLUMNS:
        return np.arange(n_features)
    return np.linspace(0, n_features - 1, _MOST_COLUMNS).round().astype(np.intp)


def sample_size_section(rows: np.ndarray, ad: np.ndarray) -> dict[str, Any]:
    """Test every coordinate once on each of up to 20 disjoint subsets of every size, fewer where columns are many.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        A uniform sample in random order, without constant columns.
    ad : ndarray of shape (n_tested,)
        A^2 of all of these rows, for the `curve_columns`.

    Notes
    -----
    Each share is that of tests at level .05 which do not reject: A^2 by its composite p-value, K^2 by the textbook
    chi-square one. A column that is constant in a subset is no normal one.
    """
    n, d = rows.shape
    columns, sizes = curve_columns(d), grid(n)
    part = rows if len(columns) == d else np.ascontiguousarray(rows[:, columns])
    subsets = [min(_MOST_SUBSETS, n // size, max(1, _VALUES // (size * len(columns)))) for size in sizes]
    shares = [_shares(part, size, count, ad) for size, count in zip(sizes, subsets, strict=True)]
    return {
        "n": sizes,
        "ad_normal_share": [share for share, _ in shares],
        "dp_normal_share": [share for _, share in shares],
        "subsets": subsets,
        "n_rows_used": n,
        "n_columns": len(columns),
        "expected": 1 - _LEVEL,
    }


def _shares(rows: np.ndarray, size: int, count: int, ad: np.ndarray) -> tuple[float, float]:
    d, batch = rows.shape[1], max(1, _SIDE_BY_SIDE // rows.shape[1])
    normal = np.zeros(2, np.int64)
    for first in range(0, count, batch):
        some = min(batch, count - first)
        subsets = rows[first * size : (first + some) * size].reshape(some, size, d)
        beside = subsets.transpose(1, 0, 2).reshape(size, some * d)
        measured = moments(beside)
        statistic = ad if size == len(rows) else anderson_darling(beside, known_moments=measured).statistic
        pvalue = dagostino_pearson_from_moments(size, measured.skewness, measured.excess_kurtosis)[1]
        # NaN compares as rejected.
        normal += (composite_pvalue(np.asarray(statistic), size) > _LEVEL).sum(), (pvalue > _LEVEL).sum()
    ad_share, dp_share = normal / (count * d)
    return float(ad_share), float(dp_share)
