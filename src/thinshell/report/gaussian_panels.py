"""What the pictures of a fitted model and of scored rows show, taken from their plain results: no drawing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Batch", "PitPanel", "batch_of", "pit_panel"]

# Standard errors of each of two tests that together accuse a batch like the fitted rows once in 100 times.
CLEARLY = 2.807


@dataclass(frozen=True)
class PitPanel:
    """Where rows lie among the model's own: the share of those that are nearer to the mean, in bins.

    Attributes
    ----------
    edges : sequence of float, one more than `counts`
        Shares, 0 to 1.
    counts : sequence of float
    expected, low, high : sequence of float or None
        Rows that the model expects in each bin, and the ends of the band of 99 in 100.
    """

    edges: Sequence[float]
    counts: Sequence[float]
    expected: Sequence[float] | None
    low: Sequence[float] | None
    high: Sequence[float] | None

    @property
    def n_rows(self) -> int:
        """Rows in all bins."""
        return round(sum(self.counts))

    def outside(self) -> list[int]:
        """Return the positions of the bins that leave the band; none where there is no band."""
        if self.low is None or self.high is None:
            return []
        bands = zip(self.low, self.counts, self.high, strict=True)
        return [place for place, (low, rows, high) in enumerate(bands) if not low <= rows <= high]


@dataclass(frozen=True)
class Batch:
    """How rows lie as a whole beside those of the model.

    Attributes
    ----------
    kind : {"farther", "nearer", "wider", "narrower", "alike"}
        Where they are moved to, else how their distances spread.
    place, expected_place : float
        Mean share of the model's rows that lie nearer to the mean, and the one expected of it.
    """

    kind: str
    place: float
    expected_place: float


def pit_panel(result: Mapping[str, Any]) -> PitPanel | None:
    """Return the histogram of a fit's held-out rows or of scored rows; None where there is none.

    Parameters
    ----------
    result : mapping
        Of schema ``thinshell/fit/1`` or ``thinshell/scores/1``.

    Returns
    -------
    PitPanel or None

    Examples
    --------
    >>> panel = pit_panel({"pit": {"edges": [0, 0.5, 1], "counts": [30, 70], "low": [37, 37], "high": [63, 63]}})
    >>> panel.n_rows, panel.outside()
    (100, [0, 1])
    >>> pit_panel({"calibration": None}) is None
    True
    """
    histogram = (result.get("calibration") or {}).get("histogram") or result.get("pit") or {}
    edges = histogram.get("edges") or []
    size = len(edges) - 1
    counts = _numbers(histogram.get("counts"), size)
    if counts is None or not sum(counts) > 0 or not _are_shares(edges):
        return None
    expected, low, high = (_numbers(histogram.get(key), size) for key in ("expected", "low", "high"))
    return PitPanel(edges, counts, expected, low, high)


def batch_of(result: Mapping[str, Any]) -> Batch | None:
    """Return whether scored rows are moved, or spread otherwise, as a whole; None where that is not known.

    Means of the bins' places and of their squares are compared with what the bins should hold. The error of the model,
    which all rows share, counts as if they were fewer rows.

    Parameters
    ----------
    result : mapping
        Of schema ``thinshell/scores/1``.

    Returns
    -------
    Batch or None

    Examples
    --------
    >>> batch_of({"pit": {"edges": [0, 0.5, 1], "counts": [30, 70], "expected": [50, 50]}}).kind
    'farther'
    """
    panel = pit_panel(result)
    if panel is None or panel.expected is None or not sum(panel.expected) > 0:
        return None
    model, error = result.get("model") or {}, 1 / panel.n_rows
    fitted, rank = model.get("n_samples") or 0, model.get("rank") or 0
    if fitted > 0:
        error += 1 / (fitted - rank if fitted > rank else fitted)
    place, expected, moved = _compared(panel, lambda u: u, error)
    _, _, spread = _compared(panel, lambda u: (u - 0.5) ** 2, error)
    kind = "alike"
    if abs(moved) > CLEARLY:
        kind = "farther" if moved > 0 else "nearer"
    elif abs(spread) > CLEARLY:
        kind = "wider" if spread > 0 else "narrower"
    return Batch(kind, place, expected)


def _compared(panel: PitPanel, of: Callable[[float], float], error: float) -> tuple[float, float, float]:
    """Return the mean of a function of the places, its expectation, and their difference in standard errors."""
    values = [of((left + right) / 2) for left, right in zip(panel.edges[:-1], panel.edges[1:], strict=True)]
    expected = panel.expected or []
    seen, lawful = _mean(values, panel.counts), _mean(values, expected)
    variance = _mean([(value - lawful) ** 2 for value in values], expected)
    return seen, lawful, (seen - lawful) / math.sqrt(variance * error) if variance > 0 else 0.0


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _are_shares(edges: Sequence[float | None]) -> bool:
    """Return whether the edges rise within [0, 1]."""
    known = [edge for edge in edges if edge is not None]
    rise = all(left < right for left, right in itertools.pairwise(known))
    return len(known) == len(edges) and rise and known[0] >= 0 and known[-1] <= 1


def _numbers(values: Any, size: int) -> list[float] | None:
    """Return the values if there are so many and none is missing."""
    if not values or len(values) != size:
        return None
    return None if any(value is None or not math.isfinite(value) for value in values) else list(values)
