"""The panels of several diagnoses on common axes, one colour each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from thinshell.errors import InputError
from thinshell.report.comparison_panels import comparison_panels
from thinshell.report.figures.marks import (
    accepted_region,
    as_percent,
    frame_points,
    log_rows,
    show_middle,
    tail_scale,
)
from thinshell.report.figures.style import COLOURS, REFERENCE, add_legend, axes_for, checked, label, short
from thinshell.report.numbers import count, rounded, share
from thinshell.report.panels import CosinePanel, NormPanel, PointsPanel, SampleSizePanel, SpectrumPanel, density

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COMPARISON", "comparison_axes"]

COMPARISON = "thinshell/comparison/1"
# After as many data sets as there are colours, the pattern of the line changes.
LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), "-.")
MARKERS = ("o", "s", "^", "D", "v", "P")
# Words of a name that leave room for a number beside it.
NAME_WIDTH = 20


class Look(NamedTuple):
    """How the marks of one data set look."""

    name: str
    colour: str
    line: Any
    marker: str


def comparison_axes(comparison: Mapping[str, Any], panel: str, ax: Axes | None = None) -> Axes:
    """Draw one panel of every data set of a comparison on the same axes.

    Parameters
    ----------
    comparison : mapping
        What ``Comparison.to_dict()`` returns, or its JSON file read.
    panel : {"norms", "coordinates", "directions", "spectrum", "cosines", "sample_size"}
        Norms are drawn relative to their mean: what is compared is how thin the shells are.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column (3.4 inches) when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If there is no such panel, no data set has it, or matplotlib is missing.

    Examples
    --------
    >>> spectra = [{"n_features": 2, "spectrum": {"eigenvalues": [a, 1.0]}} for a in (3.0, 1.0)]
    >>> axes = comparison_axes(
    ...     {"schema": "thinshell/comparison/1", "names": ["before", "after"], "diagnoses": spectra}, "spectrum")
    >>> [text.get_text() for text in axes.get_legend().get_texts()][:2]
    ['before', 'after']
    """
    panels = comparison_panels(checked(comparison, COMPARISON), panel)
    names = _last_parts([name for name, _ in panels])
    shown = [(_look(number, names[number]), one) for number, (_, one) in enumerate(panels) if one is not None]
    if not shown:
        raise InputError(f"comparison holds no {panel} to draw: no data set has that panel; choose another")
    with axes_for(ax) as axes:
        _DRAW[panel](axes, shown)
    return axes


def _last_parts(names: list[str]) -> list[str]:
    """Return names of files without their folders, where that still tells them apart."""
    last = [PurePath(name).name or name for name in names]
    return last if len(set(last)) == len(last) else names


def _look(number: int, name: str) -> Look:
    # A name keeps its colour in every panel, also where another data set lacks the panel.
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    return Look(short(name, NAME_WIDTH), colour, LINES[number // len(COLOURS) % len(LINES)], marker)


def _norms(axes: Axes, shown: list[tuple[Look, NormPanel]]) -> None:
    entries, ranges = [], []
    for look, panel in shown:
        mean = panel.mean or 1.0
        edges = [edge / mean for edge in panel.edges]
        heights = density(edges, panel.counts)
        line = axes.stairs(heights, edges, baseline=None, color=look.colour, linestyle=look.line, linewidth=1.3)
        entries.append((line, f"{look.name}: CV {rounded(panel.cv)} (Gaussian {rounded(panel.cv_reference)})"))
        if panel.expected is not None:
            lawful = density(edges, panel.expected, sum(panel.counts))
            axes.stairs(lawful, edges, baseline=None, color=look.colour, linestyle=":", linewidth=1.0)
        show_middle(axes, edges, panel.counts, panel.expected)
        ranges.append(axes.get_xlim())
    axes.set_xlim(min(low for low, _ in ranges), max(high for _, high in ranges))
    entries.append((axes.plot([], [], color="0.25", linestyle=":")[0], "Gaussian, same mean and spectrum"))
    label(axes, "norm / mean norm", "density")
    add_legend(axes, entries)


def _points(axes: Axes, shown: list[tuple[Look, PointsPanel]]) -> None:
    entries = []
    values = [
        [(x, y) for x, y in zip(panel.excess_kurtosis, panel.ad, strict=True) if x is not None and y is not None]
        for _, panel in shown
    ]
    first = shown[0][1]
    frame_points(axes, [[y for _, y in pairs] for pairs in values], first.ad_limit)
    for (look, _), pairs in zip(shown, values, strict=True):
        (points,) = axes.plot(
            [x for x, _ in pairs], [y for _, y in pairs], look.marker, color=look.colour, alpha=0.5, markeredgewidth=0
        )
        entries.append((points, look.name))
    limits = {panel.kurtosis_limits for _, panel in shown}
    tail_scale(axes, [x for pairs in values for x, _ in pairs] + [end for pair in limits for end in pair])
    if len(limits) == 1:
        region = accepted_region(axes, first.kurtosis_limits, first.ad_limit)
        entries.append((region, f"A² < {first.ad_limit} and 95 % of {count(first.n_limits)} normal rows"))
    else:
        # With other numbers of rows the limits of the tails differ, that of A² does not.
        entries.append((axes.axhline(first.ad_limit, **REFERENCE), f"A² = {first.ad_limit}"))
    words = {panel.ad_words for _, panel in shown}
    kurtosis = "excess kurtosis of all rows" if first.kind == "coordinate" else "excess kurtosis"
    label(axes, kurtosis, words.pop() if len(words) == 1 else "A²")
    add_legend(axes, entries)


def _spectrum(axes: Axes, shown: list[tuple[Look, SpectrumPanel]]) -> None:
    entries = []
    for look, panel in shown:
        shares = [value for value in panel.shares if value > 0]
        (line,) = axes.plot(range(1, len(shares) + 1), shares, color=look.colour, linestyle=look.line)
        rank = f": effective rank {rounded(panel.effective_rank)}" if panel.effective_rank is not None else ""
        entries.append((line, f"{look.name}{rank}"))
    sizes = {panel.n_features for _, panel in shown}
    if len(sizes) == 1:
        d = sizes.pop()
        entries.append((axes.axhline(1.0 / d, **REFERENCE), f"all {count(d)} alike"))
    axes.set_yscale("log")
    label(axes, "eigenvalue, largest first", "share of the variance")
    add_legend(axes, entries)


def _cosines(axes: Axes, shown: list[tuple[Look, CosinePanel]]) -> None:
    entries = []
    for look, panel in shown:
        heights = density(panel.edges, panel.counts)
        line = axes.stairs(heights, panel.edges, baseline=None, color=look.colour, linestyle=look.line, linewidth=1.3)
        entries.append((line, f"{look.name}: mean {rounded(panel.mean)}, std {rounded(panel.std)}"))
        if panel.expected is not None:
            lawful = density(panel.edges, panel.expected, sum(panel.counts))
            axes.stairs(lawful, panel.edges, baseline=None, color=look.colour, linestyle=":", linewidth=1.0)
    entries.append((axes.plot([], [], color="0.25", linestyle=":")[0], "independent uniform directions"))
    axes.set_ylim(bottom=0)
    label(axes, "cosine of two rows", "density")
    add_legend(axes, entries)


def _sample_size(axes: Axes, shown: list[tuple[Look, SampleSizePanel]]) -> None:
    entries = []
    for look, panel in shown:
        (line,) = axes.plot(
            panel.n, as_percent(panel.ad_normal_share), look.marker, linestyle=look.line, color=look.colour
        )
        words = look.name
        if panel.detectable_at is not None:
            axes.axvline(panel.detectable_at, color=look.colour, linestyle="-.", linewidth=1.0)
            words += f": detectable at {count(panel.detectable_at)}"
        entries.append((line, words))
    expected = shown[0][1].expected
    entries.append((axes.axhline(100 * expected, **REFERENCE), f"exact Gaussian: {share(expected)}"))
    log_rows(axes)
    axes.set_ylim(-3, 103)
    label(axes, "rows of a test", "normal coordinates by A², %")
    add_legend(axes, entries)


_DRAW: dict[str, Callable[[Axes, list[Any]], None]] = {
    "norms": _norms,
    "coordinates": _points,
    "directions": _points,
    "spectrum": _spectrum,
    "cosines": _cosines,
    "sample_size": _sample_size,
}
