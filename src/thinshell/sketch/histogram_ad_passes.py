"""The Anderson-Darling statistic from counts, in NumPy: the occupied bins of several columns side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

from thinshell.sketch.passes import TAIL_PER_OCTAVE

__all__ = ["NODES", "WEIGHTS", "statistics_of_counts"]

# 4-point Gauss-Legendre nodes and weights on [0, 1] (Abramowitz & Stegun 25.4.30): exact for the polynomial part
# of the integrand, and the rest changes little over a bin of sigma/400.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(4)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2

_TINY = np.finfo(np.float64).tiny
# Beyond every bin and tail bucket.
_FAR = 2**32


@dataclass(frozen=True)
class _Places:
    """Where F_n rises: column by column, and within a column in the order of z; one entry a place.

    Attributes
    ----------
    column, order : ndarray of int
        `order` sorts the places of a column.
    left, right : ndarray of float64
        Ends in units of z, equal where it rises at once.
    count : ndarray of float64
        Values there.
    """

    column: np.ndarray
    order: np.ndarray
    left: np.ndarray
    right: np.ndarray
    count: np.ndarray


def statistics_of_counts(
    counts: np.ndarray,
    tails: np.ndarray,
    joins: np.ndarray,
    first: np.ndarray,
    width: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    n: int,
    out: np.ndarray,
) -> None:
    """Fill A^2 of each column, NaN where `scale` is zero; `histogram_ad_kernels` holds the compiled twin."""
    in_tails = _tail_places(tails, first + 0.5 * counts.shape[1], width, 0.5 * counts.shape[1], low, high)
    in_tails = _standardised(in_tails, mean, scale, np.zeros(len(out)))
    in_bins, middle = _bin_places(counts, joins, first, width)
    # How far (in z) the middles of the joined bins lie, on average, above the values counted in them. The mean is
    # known exactly, so this is what is left of it in the counts. Continuous values are spread evenly over a bin and
    # leave nothing; values on a lattice (integers, float32 far from zero) sit on the left edges of dyadic bins and
    # leave up to half a width, which would bias A^2.
    middle_z = (middle - mean[in_bins.column]) * scale[in_bins.column]
    lag = np.bincount(in_bins.column, in_bins.count * middle_z, len(out))
    lag = lag + np.bincount(in_tails.column, in_tails.count * in_tails.left, len(out))
    # Tail buckets are wide; what they get wrong must not move a bin by more than half of itself.
    most = 0.5 * joins * width * scale
    in_bins = _standardised(in_bins, mean, scale, np.clip(lag / n, -most, most))
    statistic = _statistic(_sorted(in_tails, in_bins, _ends(len(out))), len(out), n)
    out[:] = np.where(scale > 0.0, statistic, np.nan)


def _tail_places(
    tails: np.ndarray, centre: np.ndarray, width: np.ndarray, half: float, low: np.ndarray, high: np.ndarray
) -> _Places:
    column, side, bucket = np.nonzero(tails)
    sign = 2.0 * side - 1.0
    at = (centre[column] + sign * half * np.exp2((bucket + 0.5) / TAIL_PER_OCTAVE)) * width[column]
    at = np.clip(at, low[column], high[column])
    # Below: before all bins, the farthest first.
    order = np.where(side, 2 * int(half) + bucket, -1 - bucket)
    return _Places(column, order, at, at, tails[column, side, bucket].astype(np.float64))


def _bin_places(
    counts: np.ndarray, joins: np.ndarray, first: np.ndarray, width: np.ndarray
) -> tuple[_Places, np.ndarray]:
    """Return the occupied bins after joining, and their whole middles; bins are aligned to multiples of `joins`."""
    occupied = counts != 0
    column = np.repeat(np.arange(len(counts)), np.count_nonzero(occupied, axis=1))
    flat = np.flatnonzero(occupied)
    # `joins` are powers of two: a shift divides and rounds down at once.
    joined = (flat + (first - np.arange(len(counts)) * counts.shape[1])[column]) >> _log2(joins)[column]
    fresh = np.ones(len(column), bool)
    fresh[1:] = (column[1:] != column[:-1]) | (joined[1:] != joined[:-1])
    heads = np.flatnonzero(fresh)
    count = np.add.reduceat(counts.reshape(-1)[flat].astype(np.float64), heads) if len(heads) else np.empty(0)
    column, joined = column[heads], joined[heads]
    join, lowest = joins[column], first[column]
    left = np.maximum(joined * join, lowest)
    right = np.minimum((joined + 1) * join, lowest + counts.shape[1])
    order = left - lowest
    touching = (column[1:] == column[:-1]) & (joined[1:] == joined[:-1] + 1)
    # Alone between empty bins: an atom, or one far value; either way it steps at one place.
    alone = np.ones(len(column), bool)
    alone[1:] &= ~touching
    alone[:-1] &= ~touching
    unit = width[column]
    centre = 0.5 * (left + right)
    begin, end = (np.where(alone, centre, edge) * unit for edge in (left, right))
    return _Places(column, order, begin, end, count), (joined + 0.5) * join * unit


def _log2(powers: np.ndarray) -> np.ndarray:
    return np.frexp(powers)[1] - 1


def _ends(columns: int) -> _Places:
    """Return a place without values at infinity for each column, which the last step leads to."""
    far = np.full(columns, np.inf)
    return _Places(np.arange(columns), np.full(columns, _FAR), far, far, np.zeros(columns))


def _standardised(places: _Places, mean: np.ndarray, scale: np.ndarray, lag: np.ndarray) -> _Places:
    column = places.column
    left, right = ((end - mean[column]) * scale[column] - lag[column] for end in (places.left, places.right))
    return _Places(column, places.order, left, right, places.count)


def _sorted(*parts: _Places) -> _Places:
    names = ("column", "order", "left", "right", "count")
    column, order, left, right, count = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    by = np.argsort(column * (2 * _FAR) + order, kind="stable")
    return _Places(column[by], order[by], left[by], right[by], count[by])


def _statistic(places: _Places, columns: int, n: int) -> np.ndarray:
    column, count = places.column, places.count
    begin = np.searchsorted(column, np.arange(columns))
    held = np.cumsum(count) - count
    held -= held[begin][column]
    # The largest z that was reached before each place, -inf at first.
    number = np.arange(len(column)) - begin[column]
    reached = np.full((columns, int(number.max()) + 2), -np.inf)
    reached[column, number + 1] = places.right
    at = np.maximum.accumulate(reached, axis=1)[column, number]
    left = np.maximum(places.left, at)
    right = np.maximum(places.right, left)
    total = np.zeros(len(column))
    steps = np.flatnonzero(left > at)
    total[steps] = _flat(held[steps] / n, (n - held[steps]) / n, at[steps], left[steps])
    rising = np.flatnonzero(places.right > places.left)
    total[rising] += _sloped(held[rising], count[rising], n, left[rising], right[rising])
    return n * np.bincount(column, total, columns)


def _flat(share: np.ndarray, rest: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Integrate (share - F)^2 / (F (1 - F)) dF from left to right, with share + rest = 1.

    The antiderivative is share^2 log F - rest^2 log(1 - F) - F; infinite ends have share or rest zero.
    """
    with np.errstate(invalid="ignore"):
        below = np.where(share > 0.0, share * share * (log_ndtr(right) - log_ndtr(left)), 0.0)
        above = np.where(rest > 0.0, rest * rest * (log_ndtr(-left) - log_ndtr(-right)), 0.0)
    return below + above - _tails(left, right)[2]


def _tails(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return F(left), 1 - F(right) and F(right) - F(left), each to full precision."""
    # The smaller tail at either end holds all its digits.
    at_left, at_right = ndtr(-np.abs(left)), ndtr(-np.abs(right))
    f_left = np.where(left > 0.0, 1.0 - at_left, at_left)
    g_right = np.where(right > 0.0, at_right, 1.0 - at_right)
    mass = np.where(right > 0.0, 1.0 - at_right, at_right) - f_left
    return f_left, g_right, np.where(left > 0.0, at_left - at_right, mass)


def _sloped(before: np.ndarray, count: np.ndarray, n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Integrate over bins that hold `count` values, F_n rising in proportion to F, plus what that hides.

    A straight line instead of `count` steps loses their variance, count u (1 - u) / n^2 at the fraction u of the
    bin (what the design document calls the loss of binning): it is added back.
    """
    f_left, g_right, mass = _tails(left, right)
    # F_n - F at the left end, from whichever tail is the small one, and how much it grows over the bin.
    gap = np.where(left > 0.0, (g_right + mass) - (n - before) / n, before / n - f_left)
    growth = count / n - mass
    hidden = count / (n * n)
    total = np.zeros(len(count))
    for u, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
        square = growth * u
        square += gap
        square *= square
        square += hidden * (u * (1.0 - u))
        product = mass * u
        product += f_left
        product *= g_right + mass * (1.0 - u)
        # Where a tail underflows, the bin has no mass.
        np.maximum(product, _TINY, out=product)
        square /= product
        total += square * weight
    return total * mass
