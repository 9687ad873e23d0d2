"""The pictures of `table1-choices`: what the unstated density and scale of means do, the paper's numbers as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.experiments.drawing import COLOURS, mark_level
from thinshell.experiments.published import paper_values, table1_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_density", "draw_mean_std"]

LINES = ("--", "-.", ":")


def draw_density(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw CV and AD Avg. of the sparse binary data against the density of ones."""
    norms, coordinates = figure.subplots(1, 2)
    runs = results.get("density") or []
    values = [run["value"] for run in runs]
    norms.plot(values, [run["untrained"][0]["cv"] for run in runs], "o-", color="0.5", label="epoch 0")
    norms.plot(values, [run["trained"][0]["cv"] for run in runs], "o-", color=COLOURS[0], label="trained")
    for name, line in zip(("binary-e0", "binary-e50", "binary-e100"), LINES, strict=True):
        paper = table1_column(name)
        norms.axhline(paper["cv"], color="black", linestyle=line, linewidth=1, label=f"paper, {paper['label']}")
    _coordinates(coordinates, runs)
    norms.set_title("CV of the norms")
    coordinates.set_title("AD Avg. (A²) by samples per test")
    for axes in (norms, coordinates):
        _logarithmic(axes, values)
        axes.set_xlabel("density of ones")
        axes.legend(fontsize=8)
    norms.set_ylim(bottom=0)


def _coordinates(axes: Axes, runs: Any) -> None:
    values = [run["value"] for run in runs]
    sizes = [measured["samples_per_test"] for measured in runs[0]["trained"]] if runs else []
    for place, (size, colour) in enumerate(zip(sizes, COLOURS, strict=False)):
        before = [run["untrained"][place]["ad_avg"] for run in runs]
        after = [run["trained"][place]["ad_avg"] for run in runs]
        axes.plot(values, before, "o--", color=colour, markerfacecolor="white", label=f"n = {size:,}, epoch 0")
        axes.plot(values, after, "o-", color=colour, label=f"n = {size:,}, trained")
    axes.set_yscale("log")
    mark_level(axes, paper_values()["stated"]["thresholds"]["ad"], "threshold")
    for name, line in zip(("binary-e0", "binary-e100"), (LINES[0], LINES[2]), strict=True):
        paper = table1_column(name)
        axes.axhline(paper["ad_avg"], color="black", linestyle=line, linewidth=1, label=f"paper, {paper['label']}")


def draw_mean_std(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw CV, AD Avg. and DP Avg. of the mixture against the scale of its means."""
    panels = figure.subplots(1, 3)
    runs = results.get("mean-std") or []
    values = [run["value"] for run in runs]
    labels = {"cv": "CV of the norms", "ad_avg": "AD Avg. (A²)", "dp_avg": "DP Avg. (p-value)"}
    thresholds = paper_values()["stated"]["thresholds"]
    for axes, (key, label) in zip(panels, labels.items(), strict=True):
        axes.plot(values, [run["untrained"][0][key] for run in runs], "o-", color="0.5", label="epoch 0")
        axes.plot(values, [run["trained"][0][key] for run in runs], "o-", color=COLOURS[0], label="trained")
        axes.axhline(table1_column("gmm")[key], color="black", linestyle=LINES[2], linewidth=1, label="paper, GMM")
        _logarithmic(axes, values)
        axes.set_title(label)
        axes.set_xlabel("std of the means (in-component std 1)")
        axes.set_ylim(bottom=0)
    mark_level(panels[1], thresholds["ad"], "threshold")
    mark_level(panels[2], thresholds["dp_p"], "threshold")
    handles, names = panels[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)


def _logarithmic(axes: Axes, values: list[float]) -> None:
    if values:
        axes.set_xscale("log")
        axes.set_xticks(values, [f"{value:g}" for value in values], rotation=45)
        axes.minorticks_off()
