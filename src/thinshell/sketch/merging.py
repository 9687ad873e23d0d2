"""Merging many sketches in one order, so that who merged them does not show."""

from __future__ import annotations

from collections.abc import Iterable

from thinshell.errors import InputError
from thinshell.sketch.embedding_sketch import EmbeddingSketch

__all__ = ["FAN_IN", "SketchMerger", "merge_sketches"]

# Sketches merged in one step: a cluster's tree over a million shards is five steps deep, and whoever merges in a
# stream holds one sketch a level.
FAN_IN = 16


class SketchMerger:
    """Merges a stream of sketches as a tree of `FAN_IN` branches does, holding one sketch a level.

    Sums of floating-point numbers depend on their order to the last bits. Here the order depends on nothing but the
    order of the sketches: one process, or a cluster that merges `FAN_IN` neighbours at a time, gets the same bytes.

    Examples
    --------
    >>> import numpy as np
    >>> merger = SketchMerger()
    >>> for k in range(40):
    ...     merger.add(EmbeddingSketch().update(np.full((5, 2), float(k))))
    >>> merger.result()
    EmbeddingSketch(n_samples=200, n_features=2, exact=True)
    """

    def __init__(self) -> None:
        # One entry a level: what is merged there so far, and how many of the level below it stands for.
        self._levels: list[tuple[EmbeddingSketch | None, int]] = []

    def add(self, sketch: EmbeddingSketch | None) -> None:
        """Take a sketch, which belongs to the merger from now on; None keeps the place of one that is missing."""
        level = 0
        while True:
            if level == len(self._levels):
                self._levels.append((None, 0))
            held, count = self._levels[level]
            sketch = _both(held, sketch)
            if count + 1 < FAN_IN:
                self._levels[level] = (sketch, count + 1)
                return
            self._levels[level] = (None, 0)
            level += 1

    def result(self) -> EmbeddingSketch | None:
        """Return all of them merged, None where there were none; the merger is empty afterwards."""
        levels, self._levels = self._levels, []
        merged: EmbeddingSketch | None = None
        for held, _ in levels:
            merged = _both(held, merged)
        return merged


def _both(first: EmbeddingSketch | None, second: EmbeddingSketch | None) -> EmbeddingSketch | None:
    if first is None or second is None:
        return second if first is None else first
    return first.merge(second)


def merge_sketches(sketches: Iterable[EmbeddingSketch]) -> EmbeddingSketch:
    """Merge sketches in their order; the first of them is changed and returned.

    Parameters
    ----------
    sketches : iterable of EmbeddingSketch
        Of the same number of features and the same row capacity.

    Returns
    -------
    EmbeddingSketch
        Of the rows of all.

    Raises
    ------
    InputError
        If there is none, or two of them do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> merge_sketches(EmbeddingSketch().update(np.eye(3) + k) for k in range(4)).n_samples
    12
    """
    merger = SketchMerger()
    for sketch in sketches:
        merger.add(sketch)
    merged = merger.result()
    if merged is None:
        raise InputError("sketches must hold at least one sketch, got none; sketch a shard first")
    return merged
