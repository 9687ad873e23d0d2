"""How many rows a sketch keeps, and what it holds in memory."""

from __future__ import annotations

from thinshell.sketch.gram import GRAM_LIMIT
from thinshell.sketch.marginals import bins_for
from thinshell.sketch.passes import TAIL_BUCKETS
from thinshell.sketch.range_finder import vectors_for

__all__ = ["memory_of_sketch", "row_capacity_for"]

# Rows kept: enough for 20 disjoint tests of 250 rows (the paper protocol) and for joint checks; at most 2**26
# values (256 MiB of float32), but never under 512 rows.
_ROWS, _FEWEST_ROWS, _VALUES = 8192, 512, 2**26


def row_capacity_for(n_features: int) -> int:
    """Return how many rows a sketch keeps by default.

    Parameters
    ----------
    n_features : int
        Columns, at least 1.

    Returns
    -------
    int
        8,192, fewer above 8,192 columns, never under 512.

    Examples
    --------
    >>> row_capacity_for(768), row_capacity_for(100_000)
    (8192, 671)
    """
    return max(_FEWEST_ROWS, min(_ROWS, _VALUES // n_features))


def memory_of_sketch(n_features: int, row_capacity: int | None = None, covariance: bool = True) -> int:
    """Return about how many bytes a sketch of many rows holds.

    Parameters
    ----------
    n_features : int
        Columns, at least 1.
    row_capacity : int, optional
        Rows it keeps.
    covariance : bool
        Whether it keeps the products of columns, or beyond 4,096 columns those with random vectors.

    Returns
    -------
    int
        Bytes: the rows as float32, the histograms, the products and what adding to them takes.

    Examples
    --------
    >>> round(memory_of_sketch(768) / 2**20)
    84
    """
    rows = row_capacity_for(n_features) if row_capacity is None else row_capacity
    counts = n_features * (4 * bins_for(n_features) + 2 * 8 * TAIL_BUCKETS)
    # Of random vectors the matrix itself is there as well, once, as float32.
    columns = n_features if n_features <= GRAM_LIMIT else vectors_for(n_features) * 5 // 4
    products = 2 * 8 * n_features * columns if covariance else 0
    return rows * (4 * n_features + 32) + counts + products + 64 * n_features
