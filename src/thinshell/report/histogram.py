"""A histogram in one line of text, beside the one an exact Gaussian would give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from thinshell.report.console import Glyphs
from thinshell.report.numbers import rounded

__all__ = ["bars", "norm_histogram", "rebin"]

# Columns of the picture; with the label in front and the CV behind, a line stays under 80.
WIDTH = 44
# How many reference standard deviations either side are always shown, so that the reference is never cut.
REFERENCE_SPAN = 3.5


def norm_histogram(norms: Mapping[str, Any], glyphs: Glyphs) -> Text | None:
    """Return three lines: the norms, the norms of an exact Gaussian on the same axis, the axis.

    Each picture is scaled to its own peak: what is compared is place and width. The second line is the
    normal law of the same mean and the reference CV; the norm of a Gaussian vector in many dimensions is
    normal to within its (small) skewness. ``None`` where there is nothing to draw.
    """
    table = norms.get("histogram") or {}
    edges, counts = table.get("edges") or [], table.get("counts") or []
    if len(edges) < 2 or not sum(counts):
        return None
    expected = _expected(norms, edges)
    low, high = _window(edges, counts, expected)
    lines = [("yours", bars(rebin(edges, counts, low, high, WIDTH), glyphs), norms.get("cv"))]
    if expected is not None:
        picture = bars(_normal(*expected, low, high, WIDTH), glyphs)
        lines.append(("expected", picture, norms.get("cv_reference")))
    text = Text()
    for label, picture, spread in lines:
        text.append(f"  {label:<10}")
        text.append(picture, style="cyan" if label == "yours" else "dim")
        text.append(f"  CV {rounded(spread)}\n")
    left, right = rounded(low), rounded(high)
    text.append(f"  {'':<10}{left}{right:>{WIDTH - len(left)}}", style="dim")
    return text


def bars(heights: Sequence[float], glyphs: Glyphs) -> str:
    """Return one bar a height, scaled so that the tallest is full.

    Examples
    --------
    >>> from thinshell.report.console import UNICODE, ASCII
    >>> bars([0, 0.01, 2, 4], UNICODE), bars([0, 0.01, 2, 4], ASCII)
    ('  ▄█', '  =@')
    """
    top = max(heights, default=0)
    levels = len(glyphs.bars) - 1
    # Below half a per cent of the peak nothing is drawn: the tails of the reference law never end.
    shown = (0 if h <= top / 200 else max(1, round(levels * h / top)) for h in heights)
    return "".join(glyphs.bars[level] for level in shown)


def rebin(edges: Sequence[float], counts: Sequence[float], low: float, high: float, width: int) -> list[float]:
    """Return `width` equal bins over [low, high], each old bin shared out by how much of it they cover.

    Examples
    --------
    >>> rebin([0, 1, 2, 3], [2, 4, 6], 0, 3, 2)
    [4.0, 8.0]
    """
    step = (high - low) / width
    bins = [0.0] * width
    for left, right, number in zip(edges, edges[1:], counts, strict=False):
        if not number or right <= low or left >= high:
            continue
        first = max(int((left - low) / step), 0)
        last = min(math.ceil((right - low) / step), width)
        for index in range(first, last):
            covered = min(right, low + (index + 1) * step) - max(left, low + index * step)
            bins[index] += number * max(covered, 0.0) / (right - left)
    return bins


def _expected(norms: Mapping[str, Any], edges: Sequence[float]) -> tuple[float, float] | None:
    """Return mean and standard deviation of the reference, where there is one on this axis."""
    mean, cv = norms.get("mean"), norms.get("cv_reference")
    if mean is None or cv is None or not edges[0] <= mean <= edges[-1] or not 0 < cv < math.inf:
        return None
    return mean, cv * mean


def _window(
    edges: Sequence[float], counts: Sequence[float], expected: tuple[float, float] | None
) -> tuple[float, float]:
    # 99.8 % of the rows: one outlier must not press everything else into a single column.
    total, below, low, high = sum(counts), 0.0, edges[0], edges[-1]
    for left, right, number in zip(edges, edges[1:], counts, strict=False):
        if below <= 0.001 * total < below + number:
            low = left
        if below < 0.999 * total <= below + number:
            high = right
        below += number
    if expected is not None:
        mean, deviation = expected
        low = min(low, max(mean - REFERENCE_SPAN * deviation, 0.0))
        high = max(high, mean + REFERENCE_SPAN * deviation)
    return low, high


def _normal(mean: float, deviation: float, low: float, high: float, width: int) -> list[float]:
    step = (high - low) / width
    # A law narrower than a column still fills one; beyond 9 deviations nothing is drawn anyway.
    spread = max(deviation, step / 2)
    offsets = (min(abs(low + (index + 0.5) * step - mean) / spread, 9.0) for index in range(width))
    return [math.exp(-0.5 * offset * offset) for offset in offsets]
