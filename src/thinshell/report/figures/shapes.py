"""One coordinate: its histogram with the fitted normal, and its quantiles against normal ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError
from thinshell.report.figures.diagnosis import DIAGNOSIS, needed
from thinshell.report.figures.marks import histogram
from thinshell.report.figures.style import COLOURS, REFERENCE, add_legend, axes_for, checked, label, short
from thinshell.report.numbers import count, rounded
from thinshell.report.panels import PointsPanel, Shape, coordinates_panel, density, directions_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["quantile_axes", "shape_axes"]

# Points of the normal curve.
STEPS = 200
# Share of the rows in an outermost bin, which holds those beyond as well, from which on that is said: a normal law has
# 3e-5 beyond 4 standard deviations.
BEYOND = 0.001
# Positions that a sentence lists.
LISTED = 8


def shape_axes(
    result: Mapping[str, Any],
    coordinate: int | str | None = None,
    ax: Axes | None = None,
    *,
    kind: str = "coordinate",
) -> Axes:
    """Draw the histogram of one coordinate with the fitted normal; its outermost bins also hold what lies beyond.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    coordinate : int or str, optional
        Position counted from 0, or name; of those that the result keeps. The one of largest A² when not given.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.
    kind : {"coordinate", "direction"}
        Whether positions are those of coordinates or of random directions.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result keeps no histogram of that coordinate, or matplotlib is missing.

    Examples
    --------
    >>> result = {"schema": "thinshell/diagnosis/1", "n_samples": 40,
    ...           "shape": {"edges": [-2, 0, 2], "normal_quantiles": [-0.67, 0.67]},
    ...           "coordinates": {"ad": [0.3, 4.0], "excess_kurtosis": [0.1, 2.0], "shapes": {
    ...               "indices": [1], "histograms": [[30, 10]], "quantiles": [[-0.5, 0.5]]}}}
    >>> shape_axes(result).get_xlabel()
    'coordinate 1, standard deviations from its mean'
    """
    panel, place, shape = _chosen(result, coordinate, kind)
    with axes_for(ax) as axes:
        heights = density(shape.edges, shape.counts, shape.n_rows)
        bars = histogram(axes, shape.edges, heights, COLOURS[0])
        low, high = shape.edges[0], shape.edges[-1]
        points = [low + step * (high - low) / STEPS for step in range(STEPS + 1)]
        curve = [math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) for x in points]
        (normal,) = axes.plot(points, curve, **REFERENCE)
        axes.set_xlim(low, high)
        axes.set_ylim(bottom=0)
        label(axes, _words(panel, place), "density")
        words = _facts(panel, place, shape)
        if max(shape.counts[0], shape.counts[-1]) > BEYOND * shape.n_rows:
            words += "\n(outermost bins: and beyond)"
        add_legend(axes, [(bars, words), (normal, "normal, same mean and variance")])
    return axes


def quantile_axes(
    result: Mapping[str, Any],
    coordinate: int | str | None = None,
    ax: Axes | None = None,
    *,
    kind: str = "coordinate",
) -> Axes:
    """Draw the quantiles of one coordinate against those of the normal law (Q–Q).

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    coordinate : int or str, optional
        Position counted from 0, or name; of those that the result keeps. The one of largest A² when not given.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.
    kind : {"coordinate", "direction"}
        Whether positions are those of coordinates or of random directions.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result keeps no quantiles of that coordinate, or matplotlib is missing.

    Examples
    --------
    >>> result = {"schema": "thinshell/diagnosis/1", "n_samples": 40,
    ...           "shape": {"edges": [-2, 0, 2], "normal_quantiles": [-0.67, 0.67]},
    ...           "coordinates": {"ad": [0.3, 4.0], "excess_kurtosis": [0.1, 2.0], "shapes": {
    ...               "indices": [1], "histograms": [[30, 10]], "quantiles": [[-0.5, 0.5]]}}}
    >>> quantile_axes(result).get_lines()[0].get_ydata().tolist()
    [-0.5, 0.5]
    """
    panel, place, shape = _chosen(result, coordinate, kind)
    with axes_for(ax) as axes:
        (points,) = axes.plot(shape.normal_quantiles, shape.quantiles, "o", color=COLOURS[0], markeredgewidth=0)
        ends = (shape.normal_quantiles[0], shape.normal_quantiles[-1])
        (line,) = axes.plot(ends, ends, **REFERENCE)
        label(axes, "normal quantile", _words(panel, place))
        add_legend(axes, [(points, _facts(panel, place, shape)), (line, "normal, same mean and variance")])
    return axes


def _chosen(result: Any, coordinate: int | str | None, kind: str) -> tuple[PointsPanel, int, Shape]:
    panels = {"coordinate": coordinates_panel, "direction": directions_panel}
    if kind not in panels:
        raise InputError(f"kind must be 'coordinate' or 'direction', got {kind!r}; choose one of them")
    panel = needed(panels[kind](checked(result, DIAGNOSIS)), f"{kind}s")
    place = panel.worst() if coordinate is None else _place(panel, coordinate)
    if place is None or place not in panel.shapes:
        kept = sorted(panel.shapes)
        listed = ", ".join(map(str, kept[:LISTED])) + (", …" if len(kept) > LISTED else "")
        wanted = f"{kind} {coordinate!r}" if coordinate is not None else f"any {kind}"
        advice = f"choose one of {listed}" if kept else "an older version made it: diagnose again"
        raise InputError(f"result keeps no histogram of {wanted}; {advice}")
    return panel, place, panel.shapes[place]


def _place(panel: PointsPanel, coordinate: int | str) -> int | None:
    if isinstance(coordinate, str):
        return list(panel.names).index(coordinate) if coordinate in panel.names else None
    return int(coordinate)


def _words(panel: PointsPanel, place: int) -> str:
    return f"{panel.kind} {short(panel.names[place])}, standard deviations from its mean"


def _facts(panel: PointsPanel, place: int, shape: Shape) -> str:
    skewness, kurtosis = rounded(panel.skewness[place], 2), rounded(panel.excess_kurtosis[place], 2)
    return f"{count(shape.n_rows)} rows: skewness {skewness}, excess kurtosis {kurtosis}"
