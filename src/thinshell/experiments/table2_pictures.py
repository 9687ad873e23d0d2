"""Figures 6, 9 and 10: radii of pretrained embeddings, and cosines of negative pairs before and after whitening."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS
from thinshell.experiments.published import paper_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_cosines", "draw_radii"]


def draw_radii(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the norms of each model's rows beside those of a Gaussian with their spectrum."""
    for axes, (name, row) in _panels(results, figure):
        raw = row["forms"]["none"]
        histogram = raw["norm_histogram"]
        _steps(axes, histogram, "counts", {"color": COLOURS[0], "fill": True, "alpha": 0.35})
        if histogram.get("expected"):
            _steps(axes, histogram, "expected", {"color": "0.2", "linestyle": "--", "label": "Gaussian, same spectrum"})
        axes.set_title(f"{_label(name)}\nCV {raw['cv']:.3f}" if raw["cv"] is not None else _label(name))
        axes.set_xlabel("norm")
    figure.axes[0].legend(loc="upper right")


def draw_cosines(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw cosines of negative pairs, raw and whitened, beside those of uniform directions."""
    for axes, (name, row) in _panels(results, figure):
        for form, words, colour in (("none", "raw", COLOURS[0]), ("whiten", "whitened", COLOURS[1])):
            histogram = row["forms"].get(form, {}).get("negative_cosine", {}).get("histogram")
            if histogram is not None:
                _steps(axes, histogram, "counts", {"color": colour, "label": words})
        spread = row["n_features"] ** -0.5
        at = np.linspace(-4 * spread, 4 * spread, 200)
        density = np.exp(-0.5 * (at / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
        axes.plot(at, density, color="0.2", linestyle="--", linewidth=1.0, label="uniform directions")
        axes.set_title(_label(name))
        axes.set_xlabel("cosine of a negative pair")
    figure.axes[0].legend(loc="upper right")


def _panels(results: Mapping[str, Any], figure: Figure) -> list[tuple[Axes, tuple[str, Any]]]:
    rows = list(results["rows"].items())
    wide = min(3, len(rows))
    grid = np.atleast_1d(figure.subplots(-(-len(rows) // wide), wide)).ravel()
    for axes in grid[len(rows) :]:
        axes.set_visible(False)
    return list(zip(grid[: len(rows)], rows, strict=True))


def _steps(axes: Axes, histogram: Mapping[str, Any], key: str, look: dict[str, Any]) -> None:
    edges, counts = np.asarray(histogram["edges"], float), np.asarray(histogram[key], float)
    widths, total = np.diff(edges), counts.sum()
    axes.stairs(counts / np.maximum(widths * max(total, 1.0), 1e-300), edges, **look)
    axes.set_yticks([])


def _label(name: str) -> str:
    return paper_values()["table2"]["columns"][name]["label"]
