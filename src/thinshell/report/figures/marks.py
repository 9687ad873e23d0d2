"""Marks and scales that several panels share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "accepted_region",
    "as_percent",
    "frame_points",
    "histogram",
    "log_rows",
    "show_middle",
    "tail_scale",
]

# Share of the rows at either end that may fall out of view: one outlier must not press all others into one bin.
HIDDEN = 0.001
# Of the whole range: where more than this much is to be seen anyway, nothing is hidden.
WORTH_HIDING = 0.6
# Of its peak, below which the tail of a reference law needs no room.
NEGLIGIBLE = 0.005
# Beyond this excess kurtosis a linear axis shows heavy tails and nothing else.
HEAVY = 20.0


def histogram(axes: Axes, edges: Sequence[float], heights: Sequence[float], colour: str) -> Any:
    """Draw filled steps with an outline; what lies behind shines through."""
    from matplotlib.colors import to_rgba

    return axes.stairs(heights, edges, fill=True, facecolor=to_rgba(colour, 0.3), edgecolor=colour, linewidth=1.0)


def as_percent(shares: Sequence[float | None]) -> list[float]:
    """Return shares in per cent, NaN (a gap in the line) where there is none.

    Examples
    --------
    >>> as_percent([0.5, None])
    [50.0, nan]
    """
    return [float("nan") if value is None else 100.0 * value for value in shares]


def show_middle(
    axes: Axes, edges: Sequence[float], counts: Sequence[float], expected: Sequence[float] | None = None
) -> int:
    """Show the bins of 99.8 % of the rows and of the reference law, or all where that is not much wider.

    Returns how many rows lie beyond.
    """
    total, below, low, high = sum(counts), 0.0, 0, len(counts) - 1
    for place, number in enumerate(counts):
        if below <= HIDDEN * total < below + number:
            low = place
        if below < (1 - HIDDEN) * total <= below + number:
            high = place
        below += number
    if expected is not None and max(expected) > 0:
        seen = [place for place, number in enumerate(expected) if number > NEGLIGIBLE * max(expected)]
        low, high = min(low, seen[0]), max(high, seen[-1])
    if edges[high + 1] - edges[low] > WORTH_HIDING * (edges[-1] - edges[0]):
        low, high = 0, len(counts) - 1
    margin = 0.03 * (edges[high + 1] - edges[low])
    axes.set_xlim(edges[low] - margin, edges[high + 1] + margin)
    axes.set_ylim(bottom=0)
    return int(total - sum(counts[low : high + 1]))


def frame_points(axes: Axes, groups: Sequence[Sequence[float]], limit: float) -> None:
    """Make the axis of A² logarithmic and wide enough for all points and the limit."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    values = [value for group in groups for value in group if value > 0]
    low, high = 0.8 * min([*values, 0.3 * limit]), 1.4 * max([*values, 2.0 * limit])
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    # As numbers: 0.5, 1, 2, 5; over many decades only their ends have room.
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def accepted_region(axes: Axes, kurtosis_limits: tuple[float, float], ad_limit: float) -> Any:
    """Shade where coordinates look normal; the axis of A² has its range already."""
    from matplotlib.patches import Rectangle

    (low, high), bottom = kurtosis_limits, axes.get_ylim()[0]
    region = Rectangle((low, bottom), high - low, ad_limit - bottom, facecolor="0.85", edgecolor="0.45", linewidth=0.8)
    region.set_zorder(0.5)
    return axes.add_patch(region)


def tail_scale(axes: Axes, kurtosis: Sequence[float]) -> None:
    """Make the axis of excess kurtosis logarithmic away from 0 where some tails are very heavy."""
    low, high = min(kurtosis), max(kurtosis)
    if max(-low, high) <= HEAVY:
        margin = 0.05 * (high - low)
        axes.set_xlim(low - margin, high + margin)
        return
    axes.set_xscale("symlog", linthresh=2.0, linscale=0.8)
    axes.set_xlim(min(1.3 * low, low - 0.3), 1.3 * high)


def log_rows(axes: Axes) -> None:
    """Make the horizontal axis one of numbers of rows: logarithmic, written out."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
