"""Violins of the cosine similarities of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS, mark_level
from thinshell.experiments.published import paper_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_cosines", "violin"]

POSITIVE, NEGATIVE = COLOURS[0], COLOURS[1]


def draw_cosines(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the violins against d on the left and against the batch size on the right."""
    left, right = figure.subplots(1, 2, sharey=True)
    runs = results["runs"]
    _series(left, [runs[name] for name in results["by_dimension"]], "d")
    _series(right, [runs[name] for name in results["by_batch_size"]], "batch_size")
    left.set_title(f"batch size {results['at_batch_size']}")
    right.set_title(f"d = {results['at_dimension']}")
    left.set_xlabel("dimension d")
    right.set_xlabel("batch size")
    left.set_ylabel("cosine similarity")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _series(axes: Axes, runs: Sequence[Mapping[str, Any]], key: str) -> None:
    for place, run in enumerate(runs):
        violin(axes, place, run["positive"], POSITIVE)
        violin(axes, place, run["negative"], NEGATIVE)
        # The uniform law on the sphere puts 90 % of its cosines within 1.64 / sqrt(d).
        reach = 1.645 * run["d"] ** -0.5
        axes.plot([place - 0.45, place - 0.45], [-reach, reach], color="0.35", linewidth=1.5)
    axes.fill_between([], [], [], color=POSITIVE, alpha=0.55, label="positive pairs")
    axes.fill_between([], [], [], color=NEGATIVE, alpha=0.55, label="negative pairs")
    axes.plot([], [], color="0.35", linewidth=1.5, label="uniform sphere, 90 % of pairs")
    axes.plot(range(len(runs)), [run["expected_positive"] for run in runs], "_", color="black", markersize=16,
              label="expected of these views")  # fmt: skip
    mark_level(axes, paper_values()["fig2"]["positive_cosine"], "paper, positive pairs")
    axes.set_xticks(range(len(runs)), [str(run[key]) for run in runs])
    axes.set_xlim(-0.6, len(runs) - 0.4)
    axes.set_ylim(-0.6, 1.05)
    axes.grid(visible=False, axis="x")


def violin(axes: Axes, place: float, summary: Mapping[str, Any], colour: str, width: float = 0.38) -> None:
    """Draw a histogram over [-1, 1] as a violin at `place`, with its median and middle half.

    Parameters
    ----------
    axes : matplotlib Axes
    place : float
        Where on the horizontal axis.
    summary : mapping
        `counts` over equal bins of [-1, 1], and `quantiles` with "25", "50" and "75".
    colour : str
    width : float
        Of the fullest bin to either side.
    """
    counts = np.asarray(summary["counts"], dtype=np.float64)
    edges = np.linspace(-1.0, 1.0, len(counts) + 1)
    # A little smoothing: bins of .01 hold few pairs each.
    smooth = np.convolve(counts, np.array([1, 4, 6, 4, 1]) / 16, mode="same")
    reach = width * smooth / smooth.max()
    middle = (edges[:-1] + edges[1:]) / 2
    shown = reach > 0.002
    axes.fill_betweenx(middle, place - reach, place + reach, where=shown, color=colour, alpha=0.55, linewidth=0)
    quantiles = summary["quantiles"]
    axes.plot([place, place], [quantiles["25"], quantiles["75"]], color=colour, linewidth=3, solid_capstyle="butt")
    axes.plot([place], [quantiles["50"]], "o", color="white", markeredgecolor=colour, markersize=4)
