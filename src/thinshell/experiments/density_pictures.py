"""The pictures of Figure 11: clouds of log-densities, and the correlation against the dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS, PAPER
from thinshell.experiments.published import paper_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_densities", "draw_dimensions"]


def draw_densities(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw a cloud of test rows for each strength of the channel."""
    runs = [results["runs"][name] for name in results["by_strength"]]
    panels = np.atleast_1d(figure.subplots(1, len(runs)))
    paper = paper_values()["fig11"]["pearson"]
    for axes, run in zip(panels, runs, strict=True):
        axes.plot(run["shown"]["input"], run["shown"]["embedding"], ".", color=COLOURS[0], markersize=3, alpha=0.5)
        printed = paper.get(f"{run['a']:g}")
        beside = "" if printed is None else f" (paper {printed:g})"
        axes.set_title(f"A = {run['a']:g}, Pearson {run['trained']['full']:.2f}{beside}")
        axes.set_xlabel("log-density of the Laplace input")
    panels[0].set_ylabel("Gaussian log-density of its embedding")


def draw_dimensions(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the correlation against d, beside what a projection gives and what the paper prints."""
    from thinshell.experiments.fig11 import projection_correlation

    axes = figure.subplots()
    runs = [results["runs"][name] for name in results["by_dimension"]]
    line = np.linspace(min(run["d"] for run in runs) / 2, results["n_inputs"], 100)
    theory = [projection_correlation(d, results["n_inputs"]) for d in line]
    axes.plot(line, theory, color="0.35", linestyle="--", label="projection, 4 / sqrt(8 D/d + 12)")
    dimensions = [run["d"] for run in runs]
    axes.plot(
        dimensions, [run["trained"]["full"] for run in runs], "o", color=COLOURS[0], label="ours, full covariance"
    )
    axes.plot(dimensions, [run["trained"]["isotropic"] for run in runs], "s", color=COLOURS[1], label="ours, isotropic")
    printed = paper_values()["fig11"]["pearson"].get(f"{results['at_strength']:g}")
    if printed is not None:
        marker: dict[str, Any] = PAPER | {"label": "paper (d not stated)"}
        axes.plot([results["n_inputs"]], [printed], **marker)
    axes.set_title(f"A = {results['at_strength']:g}")
    axes.set_xlabel("dimension d of the embedding")
    axes.set_ylabel("Pearson correlation")
    axes.set_ylim(0, 1)
    axes.legend(loc="lower right")
