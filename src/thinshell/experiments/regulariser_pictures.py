"""The pictures of `regulariser`: radii beside their law, and numbers against the weight of the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS, mark_level
from thinshell.experiments.published import paper_values
from thinshell.theory import radius_cdf

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_numbers", "draw_radii"]


def draw_radii(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the radii of each source at the smallest dimension, one histogram a weight, and the law aimed at."""
    groups = _groups(results)
    d = min(key[1] for key in groups)
    chosen = [(mean_std, runs) for (mean_std, dimension), runs in groups.items() if dimension == d]
    panels = np.atleast_1d(figure.subplots(1, len(chosen)))
    for axes, (mean_std, runs) in zip(panels, chosen, strict=True):
        for colour, run in zip(COLOURS, runs, strict=False):
            edges, counts = np.asarray(run["radii"]["edges"]), np.asarray(run["radii"]["counts"])
            density = counts / counts.sum() / np.diff(edges)
            axes.stairs(density, edges, color=colour, linewidth=1.4, label=_weight(run))
        _law(axes, runs[0])
        axes.set_title(f"{'mixture of clusters' if mean_std else 'Gaussian source'}, d = {d}")
        axes.set_xlabel("radius |z| of a view")
        axes.set_xlim(left=0)
    panels[0].set_ylabel("density")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _law(axes: Axes, run: Mapping[str, Any]) -> None:
    _, last = axes.get_xlim()
    r = np.linspace(0, last, 400)
    density = np.gradient(radius_cdf(r, run["d"], run["lambda_"]), r)
    axes.plot(r, density, color="black", linestyle="--", linewidth=1.2, label="law of Proposition 3")


def draw_numbers(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw KS distance, AD Avg. and kNN accuracy against the weight, a line a source and dimension."""
    panels = figure.subplots(1, 3)
    for colour, ((mean_std, d), runs) in zip(COLOURS, _groups(results).items(), strict=False):
        name = f"{'mixture' if mean_std else 'Gaussian'}, d = {d}"
        places = range(len(runs))
        panels[0].plot(places, [run["ks"] for run in runs], "o-", color=colour, label=name)
        panels[1].plot(places, [run["gaussianity"]["ad_avg"] for run in runs], "o-", color=colour, label=name)
        if runs[0]["downstream"]:
            accuracy = [100 * run["downstream"]["knn"] for run in runs]
            panels[2].plot(places, accuracy, "o-", color=colour, label=name)
    titles = ("KS distance of the radius", "AD Avg. (A²)", "kNN accuracy on the components (%)")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
        factors = [f"{run['factor']:g}" for run in next(iter(_groups(results).values()))]
        axes.set_xticks(range(len(factors)), factors)
        axes.set_xlabel("beta / beta0")
        axes.set_ylim(bottom=0)
    mark_level(panels[1], paper_values()["stated"]["thresholds"]["ad"], "threshold of the paper")
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _groups(results: Mapping[str, Any]) -> dict[tuple[float, int], list[Mapping[str, Any]]]:
    """Return the runs of each source and dimension, in the order of the weight."""
    groups: dict[tuple[float, int], list[Mapping[str, Any]]] = {}
    for run in results["runs"].values():
        groups.setdefault((run["mean_std"], run["d"]), []).append(run)
    return {key: sorted(runs, key=lambda run: run["factor"]) for key, runs in groups.items()}


def _weight(run: Mapping[str, Any]) -> str:
    return "InfoNCE alone" if not run["factor"] else f"beta = {run['factor']:g} beta0"
