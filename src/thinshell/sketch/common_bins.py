"""The histograms of two sketches in common bins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thinshell.sketch.marginals import Marginals
from thinshell.sketch.summary import Summary
from thinshell.statistics._small import is_small

__all__ = ["column_marginals", "common_counts", "norm_marginals"]

# Columns handed out at a time: 17,000 counts of eight bytes each, twice.
_PANEL = 64


def column_marginals(summary: Summary) -> Marginals:
    """Return the counts of every column, counted now where the sketch still held its rows."""
    return summary.counts if summary.counts is not None else _counted(summary.rows)


def norm_marginals(summary: Summary) -> Marginals:
    """Return the counts of the row norms."""
    norms = summary.norms
    return norms if isinstance(norms, Marginals) else _counted(np.ascontiguousarray(norms[:, None]))


def _counted(rows: np.ndarray) -> Marginals:
    marginals = Marginals(rows.shape[1])
    marginals.add(rows, small=is_small(rows.size))
    return marginals


def common_counts(first: Marginals, second: Marginals) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the counts of both in the same ascending bins, a few columns at a time.

    The bins are those of the two merged: dyadic, so that finer ones join to them without moving a value.

    Parameters
    ----------
    first, second : Marginals
        Of the same number of columns; both are left as they are.

    Yields
    ------
    tuple of ndarray of shape (n_columns, n_bins), int64
    """
    both, one = first.copy(), first.copy()
    both.merge(second)
    # Onto the grid of both, about their common mean.
    one.moments = both.moments
    one._widen(both.exponent)
    for left in range(0, len(first.start), _PANEL):
        part = slice(left, left + _PANEL)
        mine, all_ = _ordered(one, part), _ordered(both, part)
        yield mine, all_ - mine


def _ordered(marginals: Marginals, part: slice) -> np.ndarray:
    tails = marginals.tails[part]
    counts = marginals.counts[part].astype(np.int64)
    return np.concatenate([tails[:, 0, ::-1], counts, tails[:, 1]], axis=1)
