"""Moments, extremes and a mergeable fine histogram of every column, in bounded memory."""

from __future__ import annotations

import numpy as np

from thinshell.sketch.histogram_ad import histogram_anderson_darling
from thinshell.sketch.passes import TAIL_BUCKETS, TAIL_PER_OCTAVE
from thinshell.statistics._threads import thread_map
from thinshell.statistics.moments import Moments, power_sums

__all__ = ["Marginals", "bins_for"]

# Bins a column: 16,384 over at least +-5 standard deviations, which leaves bins of at most sigma/800 and, joined
# in pairs when they are read, sigma/400 (the design simulated sigma/256). Wide data get fewer, so
# that all histograms together stay under 128 MiB.
_MOST_BINS, _FEWEST_BINS = 16384, 256
_HISTOGRAM_BYTES = 128 * 2**20
# The bins reach at least this many standard deviations to either side of the mean.
_REACH = 5.0
# Places in the width of the bins where their centre may lie: a third of a standard deviation apart or less.
_CENTRES = 32
# Rows of one piece when moments are added up, more where rows are short: a piece of a column costs 60 microseconds
# before the first value. Fixed, so that sums do not depend on the number of CPUs.
_PIECE_ROWS, _PIECE_VALUES = 1024, 2**17
_PIECE_COLUMNS = 16
# Binary exponent of the bin width while a column has shown nothing but zeros.
_NO_SPREAD = -500


def bins_for(n_features: int) -> int:
    """Return the bins kept for each of `n_features` columns: a power of two from 256 to 16,384."""
    affordable = _HISTOGRAM_BYTES // (4 * n_features)
    return int(np.clip(2 ** int(np.log2(max(affordable, 1))), _FEWEST_BINS, _MOST_BINS))


class Marginals:
    """What is kept of every column: moments, minimum, maximum and counts in bins of a power-of-two width.

    The bins of a column are ``[k w, (k + 1) w)`` with w = 2**exponent: every grid of a given width is part of
    one grid over the real line and every coarser grid is a union of finer bins, so two histograms of different
    resolution add up exactly at the coarser one. When the spread of a column grows, its bins are joined in
    pairs until they reach 5 standard deviations again.

    Parameters
    ----------
    n_features : int
        Number of columns.
    """

    def __init__(self, n_features: int) -> None:
        self.bins = bins_for(n_features)
        self.moments = Moments.empty(n_features)
        self.minimum = np.full(n_features, np.inf)
        self.maximum = np.full(n_features, -np.inf)
        self.exponent = np.full(n_features, _NO_SPREAD, np.int64)
        self.start = np.full(n_features, -self.bins // 2, np.int64)
        # Zeroed pages cost nothing until they are counted in.
        self.counts = np.zeros((n_features, self.bins), np.uint32)
        self.tails = np.zeros((n_features, 2, TAIL_BUCKETS), np.int64)

    @property
    def n_samples(self) -> int:
        """Rows added so far."""
        return self.moments.n_samples

    def add(self, block: np.ndarray, *, small: bool) -> None:
        """Add the rows of a finite, C-contiguous float32 or float64 block; `small` is NumPy's way."""
        if not len(block):
            return
        fresh = not self.n_samples
        shift = self.moments.mean if not fresh else np.median(block[:63], axis=0).astype(np.float64)
        rows = max(_PIECE_ROWS, _PIECE_VALUES // block.shape[1])
        pieces = [block[top : top + rows] for top in range(0, len(block), rows)]
        parts = thread_map(lambda p: (power_sums(p, shift, small=small), p.min(axis=0), p.max(axis=0)), pieces)
        sums, lows, highs = zip(*parts, strict=True)
        added = Moments.from_power_sums(len(block), shift, np.sum(sums, axis=0))
        self.moments = self.moments.merge(added)
        self.minimum = np.minimum(self.minimum, np.min(lows, axis=0))
        self.maximum = np.maximum(self.maximum, np.max(highs, axis=0))
        if fresh:
            self.exponent = self._wanted_exponent()
            self.start = self._centred_start(self.exponent)
        else:
            self._widen(self._wanted_exponent())
        self._count(block, small)

    def _count(self, block: np.ndarray, small: bool) -> None:
        if small:
            from thinshell.sketch.passes import add_counts
        else:
            from thinshell.sketch.kernels import add_counts
        inverse_width = np.ldexp(1.0, -self.exponent)
        first = self.start.astype(np.float64)

        def count(left: int) -> None:
            part = slice(left, left + _PIECE_COLUMNS)
            add_counts(block, left, inverse_width[part], first[part], self.counts[part], self.tails[part])

        thread_map(count, range(0, block.shape[1], _PIECE_COLUMNS))

    def merge(self, other: Marginals) -> None:
        """Add the rows of `other`, which is left as it is."""
        if not other.n_samples:
            return
        self.moments = self.moments.merge(other.moments)
        self.minimum = np.minimum(self.minimum, other.minimum)
        self.maximum = np.maximum(self.maximum, other.maximum)
        exponent = np.maximum(self._wanted_exponent(), np.maximum(self.exponent, other.exponent))
        self._widen(exponent)
        if (exponent > other.exponent).any():
            other = other.copy()
            other._widen(exponent)
        same = self.start == other.start
        if same.all():  # shards of one law mostly are alike: without two copies of every histogram
            self.counts += other.counts
            self.tails += other.tails
            return
        self.counts[same] += other.counts[same]
        self.tails[same] += other.tails[same]
        for j in np.flatnonzero(~same).tolist():
            self._recount(j, *other._points(j))

    def copy(self) -> Marginals:
        """Return an independent copy."""
        twin = Marginals.__new__(Marginals)
        twin.bins, twin.moments = self.bins, self.moments
        for name, array in self.state().items():
            if not name.startswith("moment_"):
                setattr(twin, name, array.copy())
        return twin

    def anderson_darling(self) -> np.ndarray:
        """Return A^2 of every column under the composite null, from the counts; NaN for constant columns."""
        return histogram_anderson_darling(self)

    def quantiles(self, levels: np.ndarray) -> np.ndarray:
        """Return quantiles, linear within a bin: shape (n_features, len(levels)), in the unit of the data."""
        out = np.empty((len(self.start), len(levels)))
        for j in range(len(out)):
            points, weights = self._points(j)
            order = np.argsort(points, kind="stable")
            points = np.clip(points[order], self.minimum[j], self.maximum[j])
            middle = np.cumsum(weights[order]) - 0.5 * weights[order]
            out[j] = np.interp(np.asarray(levels) * self.n_samples, middle, points)
        return out

    def histogram(self, column: int, edges: np.ndarray) -> np.ndarray:
        """Return the counts of one column between `edges`; a bin goes where its middle lies."""
        points, weights = self._points(column)
        points = np.clip(points, self.minimum[column], self.maximum[column])
        return np.histogram(points, bins=edges, weights=weights)[0].astype(np.int64)

    def _wanted_exponent(self) -> np.ndarray:
        """Return the smallest exponent at which the bins reach 5 standard deviations to either side."""
        std = self.moments.std()
        with np.errstate(divide="ignore"):
            spread = np.ceil(np.log2(std * (2 * _REACH / self.bins)))
            # However little a column varies about its mean, bin numbers stay below 2**40, where float64 is exact.
            finest = np.ceil(np.log2(np.abs(self.moments.mean))) - 40
        return np.maximum(np.maximum(spread, finest), _NO_SPREAD).astype(np.int64)

    def _centred_start(self, exponent: np.ndarray) -> np.ndarray:
        """Return the first bin of grids of these widths about the means.

        Centres are rounded, so that two pilots of one law mostly get the very same grid, tails included.
        """
        step = self.bins // _CENTRES
        centre = np.rint(np.ldexp(self.moments.mean, -exponent) / step).astype(np.int64) * step
        return centre - self.bins // 2

    def _widen(self, exponent: np.ndarray) -> None:
        """Coarsen the columns whose width is below 2**exponent and centre their bins on the mean."""
        start = self._centred_start(exponent)
        for j in np.flatnonzero(exponent > self.exponent).tolist():
            points = self._points(j)
            self.exponent[j], self.start[j] = exponent[j], start[j]
            self.counts[j] = 0
            self.tails[j] = 0
            self._recount(j, *points)

    def _points(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (points, weights) that stand for one column: middles of bins, then tail buckets."""
        used = np.flatnonzero(self.counts[column])
        width = np.ldexp(1.0, int(self.exponent[column]))
        middles = (self.start[column] + used + 0.5) * width
        below, above = (np.flatnonzero(side) for side in self.tails[column])
        centre, half = (self.start[column] + self.bins / 2) * width, self.bins / 2 * width
        points = np.concatenate(
            [
                middles,
                centre - half * np.exp2((below + 0.5) / TAIL_PER_OCTAVE),
                centre + half * np.exp2((above + 0.5) / TAIL_PER_OCTAVE),
            ]
        )
        weights = np.concatenate(
            [self.counts[column, used], self.tails[column, 0, below], self.tails[column, 1, above]]
        ).astype(np.int64)
        return points, weights

    def _recount(self, column: int, points: np.ndarray, weights: np.ndarray) -> None:
        """Add weighted points; the middle of a finer bin always falls into the coarser bin that holds it."""
        position = np.ldexp(points, -int(self.exponent[column])) - self.start[column]
        inside = (position >= 0) & (position < self.bins)
        # float64 weights would round beyond 2**53; np.add.at keeps integers.
        np.add.at(self.counts[column], position[inside].astype(np.int64), weights[inside].astype(np.uint32))
        offset = position[~inside] - self.bins / 2
        bucket = np.clip(np.log2(np.abs(offset) / (self.bins / 2)) * TAIL_PER_OCTAVE, 0, TAIL_BUCKETS - 1)
        np.add.at(self.tails[column], ((offset > 0).astype(int), bucket.astype(int)), weights[~inside])

    def state(self) -> dict[str, np.ndarray]:
        """Return every array, by name, as `restore` takes them."""
        moments = {f"moment_{name}": getattr(self.moments, name) for name in ("mean", "m2", "m3", "m4")}
        names = ("minimum", "maximum", "exponent", "start", "counts", "tails")
        return moments | {name: getattr(self, name) for name in names}

    @classmethod
    def restore(cls, n_samples: int, state: dict[str, np.ndarray]) -> Marginals:
        """Rebuild from the arrays of `state`."""
        self = cls.__new__(cls)
        self.moments = Moments(n_samples, *(state[f"moment_{k}"] for k in ("mean", "m2", "m3", "m4")))
        for name in ("minimum", "maximum", "exponent", "start", "counts", "tails"):
            setattr(self, name, np.array(state[name]))
        self.bins = self.counts.shape[1]
        return self
