"""The pictures of Table 1: every number beside the paper's, and the way there over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.experiments.drawing import COLOURS, PAPER, UNTRAINED, mark_epochs, mark_level
from thinshell.experiments.published import paper_values, table1_column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_curves", "draw_numbers"]

THRESHOLDS = paper_values()["stated"]["thresholds"]
# Key, axis label, factor, threshold and its name.
PANELS: tuple[tuple[str, str, float, float | None], ...] = (
    ("cv", "CV of the norms", 1.0, None),
    ("ad_avg", "AD Avg. (A²), below 0.752", 1.0, THRESHOLDS["ad"]),
    ("dp_avg", "DP Avg. (p), above 0.05", 1.0, THRESHOLDS["dp_p"]),
    ("ad_normal_share", "AD Norm. Feat. (%)", 100.0, None),
    ("dp_normal_share", "DP Norm. Feat. (%)", 100.0, None),
)


def draw_numbers(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw a panel for each number of Table 1: ours, the paper's, and the untrained encoder's."""
    columns = [
        (table1_column(name), record, result["baseline"])
        for result in results["columns"].values()
        for name, record in result["columns"].items()
    ]
    panels = figure.subplots(2, 3).flat
    for axes, (key, label, factor, threshold) in zip(panels, PANELS, strict=False):
        places = range(len(columns))
        axes.plot(places, [factor * _number(base[key]) for _, _, base in columns], **UNTRAINED)
        ours = [factor * _number(record[key]) for _, record, _ in columns]
        axes.plot(places, ours, "o", color=COLOURS[0], markersize=7, label="ours")
        axes.plot(places, [factor * paper[key] for paper, _, _ in columns], **PAPER)
        if threshold is not None:
            mark_level(axes, threshold, "threshold of the paper")
        axes.set_title(label)
        axes.set_xticks(list(places), [paper["label"].replace(" ", "\n", 1) for paper, _, _ in columns], fontsize=8)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(bottom=0)
        axes.grid(visible=False, axis="x")
    _legend(figure)


def draw_curves(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw CV, mean A-squared and mean p-value over the epochs, a line a column of ours."""
    panels = figure.subplots(1, 3)
    for axes, (key, label, factor, threshold) in zip(panels, PANELS[:3], strict=True):
        last = 0
        for colour, (name, result) in zip(COLOURS, results["columns"].items(), strict=False):
            records = [record for record in result["records"] if record["normalize"] == "none"]
            epochs = [record["epoch"] for record in records]
            axes.plot(epochs, [factor * _number(r[key]) for r in records], "o-", color=colour, label=name)
            for paper_name, record in result["columns"].items():
                paper = PAPER | {"color": colour, "markeredgecolor": "black", "label": None}
                axes.plot([record["epoch"]], [factor * table1_column(paper_name)[key]], **paper)
            last = max(last, *epochs)
        axes.plot([], [], **PAPER | {"color": "white", "markeredgecolor": "black", "label": "paper, colour as ours"})
        if threshold is not None:
            mark_level(axes, threshold, "threshold of the paper")
        axes.set_title(label)
        axes.set_ylim(bottom=0)
        mark_epochs(axes, last)
    _legend(figure)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _legend(figure: Figure) -> None:
    """Put one legend for all panels below them, each entry once."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    blank = [axes for axes in figure.axes if not axes.has_data()]
    for axes in blank:
        axes.set_axis_off()
    if blank:
        blank[0].legend(entries.values(), entries.keys(), loc="center")
    else:
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=min(len(entries), 5))
