"""Where held-out or scored rows lie among a fitted model's own, on axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError
from thinshell.report.figures.diagnosis import FIT
from thinshell.report.figures.marks import histogram
from thinshell.report.figures.style import COLOURS, REFERENCE, add_legend, axes_for, checked, label
from thinshell.report.gaussian_panels import pit_panel
from thinshell.report.numbers import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCORES", "pit_axes"]

SCORES = "thinshell/scores/1"


def pit_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw where rows lie in a model: the histogram of the share of its own rows that are nearer to the mean.

    Parameters
    ----------
    result : mapping
        The JSON of ``thinshell fit`` (held-out rows are drawn) or ``thinshell score`` (scored ones) read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column (3.4 inches) when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If no rows were held out, the model gives no p-values, or matplotlib is missing.

    Examples
    --------
    >>> pit = {"edges": [0, 0.5, 1], "counts": [3, 5], "expected": [4, 4]}
    >>> axes = pit_axes({"schema": "thinshell/scores/1", "pit": pit})
    >>> axes.get_ylabel()
    'rows per bin'
    """
    panel = pit_panel(checked(result, FIT, SCORES))
    if panel is None:
        raise InputError(
            "result holds no histogram of distances to draw: no rows were held out, or the model gives no p-values; "
            "fit with rows held out, or draw another panel"
        )
    rows = "held-out rows" if result.get("schema") == FIT else "scored rows"
    edges = [100 * edge for edge in panel.edges]
    with axes_for(ax) as axes:
        entries: list[tuple[Any, str]] = [
            (histogram(axes, edges, panel.counts, COLOURS[0]), f"{count(panel.n_rows)} {rows}")
        ]
        if panel.low is not None and panel.high is not None:
            band = axes.stairs(panel.high, edges, baseline=panel.low, fill=True, color="0.5", alpha=0.3, linewidth=0)
            entries.append((band, "99 % of bins"))
        if panel.expected is not None:
            entries.append((axes.stairs(panel.expected, edges, baseline=None, **REFERENCE), "expected"))
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        label(axes, "model's own rows that lie nearer to the mean, %", "rows per bin")
        add_legend(axes, entries)
    return axes
