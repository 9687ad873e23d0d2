"""Pictures of the CIFAR-10 runs: both layers of both columns, and the curves of Figure 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.experiments.drawing import COLOURS, PAPER, mark_epochs, mark_level
from thinshell.experiments.published import paper_values, table1_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_curve", "draw_layers", "draw_variants"]

# Key, title, factor, threshold of the paper.
PANELS: tuple[tuple[str, str, float, float | None], ...] = (
    ("cv", "CV of the norms", 1.0, None),
    ("ad_avg", "AD Avg. (A²)", 1.0, 0.752),
    ("dp_normal_share", "DP Norm. Feat. (%)", 100.0, None),
)
LINES = {"representation": ":", "projection": "-"}


def draw_layers(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw CV, mean A-squared and DP share over the epochs for both layers of both columns."""
    for axes, panel in zip(figure.subplots(1, 3), PANELS, strict=True):
        last = 0
        for colour, (name, result) in zip(COLOURS, results["columns"].items(), strict=False):
            for layer, line in LINES.items():
                records = [one for one in result["all_records"] if one["layer"] == layer and one["normalize"] == "none"]
                label = f"{name.removeprefix('cifar-')}, {layer}"
                _curve(axes, records, panel, color=colour, linestyle=line, label=label)
                last = max(last, *(record["epoch"] for record in records))
        _finish(axes, panel, last)
    _legend(figure)


def draw_curve(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the curves of Figure 4 with the points that we know of the paper's."""
    curve, paper = results["curve"], paper_values()["fig4"]
    records = [record for record in curve["records"] if record["normalize"] == "none"]
    last = max(record["epoch"] for record in records)
    for axes, panel in zip(figure.subplots(1, 3), PANELS, strict=True):
        _curve(axes, records, panel, color=COLOURS[0], label="ours")
        if panel[0] == "ad_avg":
            known = [(epoch, value) for epoch, value in paper["ad_avg"] if epoch is not None and epoch <= 1.2 * last]
            axes.plot(*zip(*known, strict=True), **PAPER) if known else None
        if panel[0] == "cv":
            for when, line in {"first": "-.", "last": ":"}.items():
                words = f"paper, {when} epoch shown: {paper['cv'][when]:g}"
                axes.axhline(paper["cv"][when], color="black", linestyle=line, linewidth=1.0, label=words)
        _finish(axes, panel, last)
    _legend(figure)


def draw_variants(results: Mapping[str, Any], figure: Figure) -> None:
    """Draw a row a run: three numbers of z after training, the paper's column as a line."""
    runs = list(results["runs"].values())
    places = range(len(runs))
    panels = figure.subplots(1, 3, sharey=True)
    kinds = ("supervised", "contrastive")
    for axes, (key, title, factor, _) in zip(panels, PANELS, strict=True):
        for colour, kind in zip(COLOURS, kinds, strict=False):
            mine = [place for place in places if runs[place]["kind"] == kind]
            ours = [_projection(runs[place])[key] for place in mine]
            values = [float("nan") if value is None else factor * value for value in ours]
            axes.plot(values, mine, "o", color=colour, label=kind)
            paper = factor * table1_column(f"cifar-{kind}")[key]
            axes.axvline(paper, color=colour, linestyle="--", linewidth=1.0, label=f"{kind}, paper")
        axes.set_title(title)
        axes.set_xlim(left=0)
        axes.set_yticks(list(places), [run["words"] for run in runs])
    panels[0].invert_yaxis()
    _legend(figure)


def _projection(run: Mapping[str, Any]) -> Mapping[str, Any]:
    return [one for one in run["all_records"] if (one["layer"], one["normalize"]) == ("projection", "none")][-1]


def _curve(axes: Axes, records: list[Any], panel: tuple[str, str, float, float | None], **look: Any) -> None:
    key, _, factor, _ = panel
    values = [float("nan") if record[key] is None else factor * record[key] for record in records]
    axes.plot([record["epoch"] for record in records], values, marker="o", **look)


def _finish(axes: Axes, panel: tuple[str, str, float, float | None], last: int) -> None:
    _, title, factor, threshold = panel
    if threshold is not None:
        mark_level(axes, threshold, f"threshold of the paper: {threshold:g}")
    axes.set_title(title)
    axes.set_ylim(bottom=0, top=105 if factor == 100.0 else None)
    mark_epochs(axes, last)


def _legend(figure: Figure) -> None:
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=min(len(entries), 3))
