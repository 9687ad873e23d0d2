"""The Anderson-Darling statistic from counts, compiled: one column after the other, bin by bin."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from thinshell.sketch.histogram_ad_passes import NODES, WEIGHTS
from thinshell.sketch.passes import TAIL_BUCKETS, TAIL_PER_OCTAVE
from thinshell.statistics._log_normal_cdf import log_tail

__all__ = ["statistics_of_counts"]

_ROOT_HALF = math.sqrt(0.5)


@njit(cache=True, nogil=True)
def _flat(share, rest, z_left, z_right):  # pragma: no cover - compiled
    """Integrate (share - F)^2 / (F (1 - F)) dF from z_left to z_right, with share + rest = 1.

    The antiderivative is share^2 log F - rest^2 log(1 - F) - F; infinite ends have share or rest zero.
    """
    total = 0.0
    if share > 0.0:
        total += share * share * (log_tail(z_right) - log_tail(z_left))
    if rest > 0.0:
        total += rest * rest * (log_tail(-z_left) - log_tail(-z_right))
    mass = 0.5 * (math.erfc(-z_right * _ROOT_HALF) - math.erfc(-z_left * _ROOT_HALF))
    if z_left > 0.0:
        mass = 0.5 * (math.erfc(z_left * _ROOT_HALF) - math.erfc(z_right * _ROOT_HALF))
    return total - mass


@njit(cache=True, nogil=True)
def _sloped(before, count, after, n, z_left, z_right):  # pragma: no cover - compiled
    """Integrate over a bin that holds `count` values, F_n rising in proportion to F, plus what that hides.

    A straight line instead of `count` steps loses their variance, count u (1 - u) / n^2 at the fraction u of the
    bin (what the design document calls the loss of binning): it is added back.
    """
    f_left = 0.5 * math.erfc(-z_left * _ROOT_HALF)
    g_right = 0.5 * math.erfc(z_right * _ROOT_HALF)
    if z_left > 0.0:
        mass = 0.5 * math.erfc(z_left * _ROOT_HALF) - g_right
    else:
        mass = 0.5 * math.erfc(-z_right * _ROOT_HALF) - f_left
    total = 0.0
    for k in range(4):
        u = NODES[k]
        below = f_left + u * mass
        above = g_right + (1.0 - u) * mass
        if below <= 0.0 or above <= 0.0:
            continue
        # Whichever tail is the small one is the one held to full precision.
        gap = (before + u * count) / n - below if below < above else above - (after + (1.0 - u) * count) / n
        total += WEIGHTS[k] * (gap * gap + count * u * (1.0 - u) / (n * n)) / (below * above)
    return total * mass


@njit(cache=True, nogil=True)
def _step_to(z, held, n, at):  # pragma: no cover - compiled
    """Integral between the last position `at` and `z` with `held` of n values so far."""
    return _flat(held / n, (n - held) / n, at, z) if z > at else 0.0


@njit(cache=True, nogil=True)
def _tail_z(bucket, side, centre, half, mean, scale, low, high):  # pragma: no cover - compiled
    distance = half * 2.0 ** ((bucket + 0.5) / TAIL_PER_OCTAVE)
    return (min(max(centre + side * distance, low), high) - mean) * scale


@njit(cache=True, nogil=True)
def _lag(counts, tails, join, first, width, mean, scale, low, high, n):  # pragma: no cover - compiled
    """How far (in z) the middles of the joined bins lie, on average, above the values counted in them.

    The mean is known exactly, so this is what is left of it in the counts. Continuous values are spread evenly
    over a bin and leave nothing; values on a lattice (integers, float32 far from zero) sit on the left edges of
    dyadic bins and leave up to half a width, which would bias A^2.
    """
    centre, half = (first + 0.5 * counts.size) * width, 0.5 * counts.size * width
    total = 0.0
    for i in range(counts.size):
        if counts[i]:
            middle = (first + i) - (first + i) % join + 0.5 * join
            total += counts[i] * (middle * width - mean) * scale
    for bucket in range(TAIL_BUCKETS):
        if tails[0, bucket]:
            total += tails[0, bucket] * _tail_z(bucket, -1.0, centre, half, mean, scale, low, high)
        if tails[1, bucket]:
            total += tails[1, bucket] * _tail_z(bucket, 1.0, centre, half, mean, scale, low, high)
    # Tail buckets are wide; what they get wrong must not move a bin by more than half of itself.
    most = 0.5 * join * width * scale
    return min(max(total / n, -most), most)


@njit(cache=True, nogil=True)
def _statistic(counts, tails, join, first, width, mean, scale, low, high, n):  # pragma: no cover - compiled
    """A^2 of one column; `join` bins are read as one, aligned to multiples of `join` on the real line."""
    bins = counts.size
    centre, half = (first + 0.5 * bins) * width, 0.5 * bins * width
    lag = _lag(counts, tails, join, first, width, mean, scale, low, high, n)
    total, held, at = 0.0, 0.0, -math.inf
    for bucket in range(TAIL_BUCKETS - 1, -1, -1):
        if tails[0, bucket]:
            z = _tail_z(bucket, -1.0, centre, half, mean, scale, low, high)
            total += _step_to(z, held, n, at)
            at = max(at, z)
            held += tails[0, bucket]
    i, before, count = 0, 0.0, 0.0
    stop = min(join - first % join, bins)
    for k in range(stop):
        count += counts[k]
    while i < bins:
        end = min(stop + join, bins)
        after = 0.0
        for k in range(stop, end):
            after += counts[k]
        if count and not before and not after:
            # Alone between empty bins: an atom, or one far value; either way it steps at one place.
            z = max(((first + 0.5 * (i + stop)) * width - mean) * scale - lag, at)
            total += _step_to(z, held, n, at)
            at = z
            held += count
        elif count:
            left = ((first + i) * width - mean) * scale - lag
            right = ((first + stop) * width - mean) * scale - lag
            left = max(left, at)
            right = max(right, left)
            total += _step_to(left, held, n, at)
            total += _sloped(held, count, n - held - count, n, left, right)
            at = right
            held += count
        i, stop, before, count = stop, end, count, after
    for bucket in range(TAIL_BUCKETS):
        if tails[1, bucket]:
            z = _tail_z(bucket, 1.0, centre, half, mean, scale, low, high)
            total += _step_to(z, held, n, at)
            at = max(at, z)
            held += tails[1, bucket]
    return n * (total + _step_to(math.inf, held, n, at))


@njit(cache=True, nogil=True)
def statistics_of_counts(counts, tails, joins, first, width, mean, scale, low, high, n, out):  # pragma: no cover
    """Fill A^2 of each column, NaN where `scale` is zero."""
    for j in range(out.size):
        if scale[j] > 0.0:
            out[j] = _statistic(
                counts[j], tails[j], joins[j], first[j], width[j], mean[j], scale[j], low[j], high[j], n
            )
        else:
            out[j] = np.nan
