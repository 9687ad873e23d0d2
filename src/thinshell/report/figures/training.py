"""A monitored number of a training run over its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from thinshell.errors import unknown_name
from thinshell.report.figures.marks import as_percent
from thinshell.report.figures.style import COLOURS, REFERENCE, add_legend, axes_for, checked, label, short
from thinshell.report.training_panels import Line, training_numbers, training_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TRAINING", "training_axes"]

TRAINING = "thinshell/training/1"
MARKERS = ("o", "s", "^", "D", "v", "P")
# Epochs whose marks are still told apart.
MARKED = 30


def training_axes(result: Mapping[str, Any], number: str, ax: Axes | None = None) -> Axes:
    """Draw one number of a training run over its epochs, before training (epoch 0) included.

    Parameters
    ----------
    result : mapping
        What ``RunResult.to_dict()`` returns, or the ``result.json`` of a run read.
    number : str
        A key of the records, such as "cv" or "ad_avg", or "loss".
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column (3.4 inches) when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the run has no such number, or matplotlib is missing.

    Examples
    --------
    >>> records = [{"epoch": epoch, "layer": "representation", "normalize": "none", "ad_avg": value}
    ...            for epoch, value in enumerate([0.9, 0.5, 0.4])]
    >>> axes = training_axes({"schema": "thinshell/training/1", "gaussianity": records}, "ad_avg")
    >>> axes.get_lines()[0].get_xdata().tolist(), axes.get_lines()[0].get_ydata().tolist()
    ([0, 1, 2], [0.9, 0.5, 0.4])
    """
    panel = training_panel(checked(result, TRAINING), number)
    if panel is None:
        raise unknown_name("number", number, training_numbers(result))
    with axes_for(ax) as axes:
        entries = []
        for place, line in enumerate(panel.lines):
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            marker = marker if len(line.epochs) <= MARKED else ""
            (drawn,) = axes.plot(line.epochs, _values(line.values, panel.is_share), "-", marker=marker, color=colour)
            if line.name:
                entries.append((drawn, short(line.name)))
            entries += _expected(axes, line, colour)
        if panel.limit is not None:
            value, words = panel.limit
            entries.append((axes.axhline(value, **REFERENCE), words))
        if panel.is_share:
            axes.set_ylim(-3, 103)
        _epochs(axes, max(max(line.epochs) for line in panel.lines))
        label(axes, "epochs trained", panel.label + (", %" if panel.is_share else ""))
        add_legend(axes, entries)
    return axes


def _values(values: Sequence[float | None], is_share: bool) -> list[float]:
    if is_share:
        return as_percent(values)
    return [float("nan") if value is None else value for value in values]


def _expected(axes: Axes, line: Line, colour: str) -> list[tuple[Any, str]]:
    if line.expected is None or all(value is None for value in line.expected):
        return []
    (drawn,) = axes.plot(line.epochs, _values(line.expected, False), ":", color=colour)
    return [(drawn, "Gaussian, same spectrum")]


def _epochs(axes: Axes, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(-0.03 * max(last, 1), 1.03 * max(last, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
