"""The picture of the experiment `ood`: a dot a score and set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.experiments.drawing import COLOURS, mark_level
from thinshell.experiments.ood_tables import LABELS, space_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_detection"]

SHOWN = (
    "log_density",
    "typicality",
    "typicality_near",
    "relative_mahalanobis",
    "class_mahalanobis",
    "knn_distance",
    "norm",
    "max_softmax",
)
MARKERS = "os^vDP"


def draw_detection(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the AUROC of each score on each set, a panel for each of the spaces of the first table."""
    spaces = [space for space in results["spaces"].values() if space["layer"] in (results["headline"], "pixels")]
    panels = np.atleast_1d(figure.subplots(1, len(spaces), sharey=True))
    places = np.arange(len(SHOWN))
    for axes, space in zip(panels, spaces, strict=True):
        sets = list(space["sets"])
        offsets = np.linspace(-0.28, 0.28, len(sets))
        for number, name in enumerate(sets):
            found = [space["metrics"].get(score, {}).get(name, {}).get("auroc") for score in SHOWN]
            values, lows, highs = (
                np.array([np.nan if one is None else one[key] for one in found]) for key in ("value", "low", "high")
            )
            axes.errorbar(
                values,
                places + offsets[number],
                xerr=np.maximum([values - lows, highs - values], 0),
                fmt=MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=4,
                linewidth=1,
                label=name,
            )
        mark_level(axes, 0.5, "a coin", vertical=True)
        axes.set_title(space_words(space))
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("AUROC")
    panels[0].set_yticks(places, ["log-density (Mahalanobis)", *(LABELS[score] for score in SHOWN[1:])])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
