"""The pictures of Figure 3: curves over the batch size, and histograms of norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS, mark_level
from thinshell.experiments.published import paper_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_grid", "draw_histograms"]


def draw_grid(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw CV, AD Avg. and DP Avg. against the batch size, a line a dimension."""
    thresholds = paper_values()["stated"]["thresholds"]
    panels = figure.subplots(1, 3)
    labels = {"cv": "CV of the norms", "ad_avg": "AD Avg. (A²)", "dp_avg": "DP Avg. (p-value)"}
    for axes, (key, label) in zip(panels, labels.items(), strict=True):
        _curves(axes, results, key)
        axes.set_title(label)
    for colour, d in zip(COLOURS, results["dimensions"], strict=False):
        run = results["runs"][f"d{d}-b{results['batch_sizes'][0]}"]
        panels[0].axhline(run["cv_chi"], color=colour, linestyle=":", linewidth=1.0)
    panels[0].plot([], [], color="0.35", linestyle=":", label="Gaussian, chi law of d")
    mark_level(panels[1], thresholds["ad"], "paper's band")
    mark_level(panels[2], thresholds["dp_p"], "paper's band")
    handles, names = panels[0].get_legend_handles_labels()
    more, more_names = panels[1].get_legend_handles_labels()
    figure.legend([*handles, more[-1]], [*names, more_names[-1]], loc="outside lower center", ncols=4)


def _curves(axes: Axes, results: Mapping[str, Any], key: str) -> None:
    batches = results["batch_sizes"]
    for colour, d in zip(COLOURS, results["dimensions"], strict=False):
        values = [results["runs"][f"d{d}-b{batch}"]["trained"][key] for batch in batches]
        axes.plot(batches, values, "o-", color=colour, label=f"d = {d}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(batch) for batch in batches], rotation=45 if len(batches) > 5 else 0)
    axes.minorticks_off()
    axes.set_xlabel("batch size")
    axes.set_ylim(bottom=0)


def draw_histograms(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the norms at the smallest dimension for some batch sizes, with the paper's mean norms marked."""
    paper = paper_values()["fig3"]
    d = results["dimensions"][0]
    axes = figure.subplots()
    batches = [batch for batch in paper["batch_of_histograms"] if batch in results["batch_sizes"]]
    for colour, batch in zip(COLOURS, batches, strict=False):
        norms = results["runs"][f"d{d}-b{batch}"]["norms"]
        edges = np.asarray(norms["edges"])
        density = np.asarray(norms["counts"]) / sum(norms["counts"]) / np.diff(edges)
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.45, label=f"batch size {batch}")
        axes.stairs(density, edges, color=colour, linewidth=1.2)
        if d == paper["d_of_histograms"] and str(batch) in paper["norm_mean"]:
            mean = paper["norm_mean"][str(batch)]
            axes.plot([mean], [0.0], "D", color=colour, markeredgecolor="black", clip_on=False, zorder=5,
                      label=f"paper's mean, batch size {batch}")  # fmt: skip
    axes.set_title(f"Norms of the test rows, d = {d}, {results['epochs']} epochs")
    axes.set_xlabel("norm of the embedding")
    axes.set_ylabel("density")
    axes.set_xlim(left=0)
    axes.legend()
