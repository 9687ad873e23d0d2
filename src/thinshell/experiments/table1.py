"""Table 1: norms and coordinates of encoders trained by InfoNCE, beside the untrained ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError
from thinshell.experiments.columns import COLUMNS, load_column
from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.published import TABLE1_NUMBERS, paper_values, table1_column
from thinshell.experiments.table1_pictures import draw_curves, draw_numbers
from thinshell.experiments.tabulate import shown
from thinshell.report.numbers import share

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["LABELS", "TABLE1", "TOLERANCES", "compared_numbers"]

# What counts as the paper's number met: the promise of this project (its issue on reproduction), about the spread
# between seeds and protocols; not a statement of the paper.
TOLERANCES = {"cv": 0.03, "ad_avg": 0.06, "ad_normal_share": 0.06, "dp_avg": 0.08, "dp_normal_share": 0.06}
# The paper's row labels.
LABELS = {
    "cv": "CV",
    "ad_avg": "AD Avg. (< 0.752)",
    "ad_normal_share": "AD Norm. Feat.",
    "dp_avg": "DP Avg. (> 0.05)",
    "dp_normal_share": "DP Norm. Feat.",
}
KINDS = {"cv": "cv", "ad_avg": "number", "ad_normal_share": "share", "dp_avg": "number", "dp_normal_share": "share"}
SYNTHETIC = ("laplace", "gmm", "binary")
ALL = {name: load_column(name) for name in COLUMNS}


def compared_numbers(
    record: Mapping[str, Any], paper_name: str, baseline: Mapping[str, Any] | None
) -> list[Comparison]:
    """Return the five numbers of a measurement beside a column of the paper's Table 1.

    Parameters
    ----------
    record : mapping
        What ``thinshell.monitoring.measure`` returns.
    paper_name : str
        The paper's column.
    baseline : mapping, optional
        The same before training.

    Returns
    -------
    list of Comparison

    Examples
    --------
    >>> record = {"cv": 0.056, "ad_avg": 0.38, "ad_normal_share": 1.0, "dp_avg": 0.5, "dp_normal_share": 1.0}
    >>> [number.within for number in compared_numbers(record, "laplace", None)]
    [True, True, True, True, True]
    """
    paper = table1_column(paper_name)
    return [
        Comparison(
            paper["label"],
            LABELS[name],
            record[name],
            paper[name],
            TOLERANCES[name],
            None if baseline is None else baseline[name],
            KINDS[name],
        )
        for name in TABLE1_NUMBERS
    ]


def _run(settings: Mapping[str, Any], context: Context) -> dict[str, Any]:
    chosen = {name: ALL[name] for name in context.columns}
    for name, column in chosen.items():
        if column.needs_data and context.data_dir is None:
            raise InputError(f"column {name} reads a data set; give the folder that holds it by --data-dir")
    if len(chosen) > 1 and any(column.needs_data for column in chosen.values()):
        _read_once(context)
    context.plan({name: column.units(settings[name]) for name, column in chosen.items()})
    return {"columns": {name: column.run(settings[name], context) for name, column in chosen.items()}}


def _read_once(context: Context) -> None:
    """Look at the data set now: what is wrong with it should not be told after another column has trained."""
    from thinshell.experiments.cifar_data import cifar_samples

    cifar_samples(context.data_dir, 1, 1)


def _measured(results: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Return the record and the baseline of each of the paper's columns that was run."""
    return {
        paper_name: (record, None if record == result["baseline"] else result["baseline"])
        for result in results["columns"].values()
        for paper_name, record in result["columns"].items()
    }


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    return [
        comparison
        for paper_name, (record, baseline) in _measured(results).items()
        for comparison in compared_numbers(record, paper_name, baseline)
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    scores = [
        [name, f"{score['layer']}, {_when(score['epoch'])}", share(score["knn"]), share(score["linear_probe"])]
        for name, result in results["columns"].items()
        for score in result["downstream"]
    ]
    downstream = Table(
        "What the labels say: frozen features judged on the test rows",
        ["", "layer", "kNN (cosine, k = 20)", "linear probe"],
        scores,
        ["Labels are the components of the mixture, or the classes; columns without labels have no line."],
    )
    return [_as_the_paper(results), *([downstream] if scores else [])]


def _when(epoch: int | None) -> str:
    return "as given" if epoch is None else f"epoch {epoch}"


def _as_the_paper(results: Mapping[str, Any]) -> Table:
    """Return the paper's Table 1 with ours in front of each number."""
    measured = _measured(results)
    papers = {name: table1_column(name) for name in measured}
    rows: list[Sequence[str]] = [["epochs trained", *(str(record["epoch"]) for record, _ in measured.values())]]
    for name in TABLE1_NUMBERS:
        cells = [
            f"{shown(record[name], KINDS[name])} ({_short(papers[paper][name], KINDS[name])})"
            for paper, (record, _) in measured.items()
        ]
        rows.append([LABELS[name], *cells])
    rows.append(["Gaussian?", *(_gaussian(record, papers[paper]) for paper, (record, _) in measured.items())])
    title = "Table 1: ours, in brackets the paper's"
    return Table(title, ["", *(column["label"] for column in papers.values())], rows)


def _short(value: float, kind: str) -> str:
    return share(value) if kind == "share" else f"{value:g}"


def _gaussian(record: Mapping[str, Any], paper: Mapping[str, Any]) -> str:
    """Both averages on the right side of the row labels' thresholds, as the paper judges."""
    thresholds = paper_values()["stated"]["thresholds"]
    ours = record["ad_avg"] < thresholds["ad"] and record["dp_avg"] > thresholds["dp_p"]
    return f"{'yes' if ours else 'no'} ({'yes' if paper['gaussian'] else 'no'})"


TABLE1 = Experiment(
    name="table1",
    summary="norms and coordinates of encoders trained by InfoNCE, before and after",
    place="Table 1",
    settings={name: column.settings for name, column in ALL.items()},
    quick={name: column.quick for name, column in ALL.items()},
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("numbers", (9.0, 6.0), draw_numbers), Picture("epochs", (9.0, 5.0), draw_curves)),
    choices=tuple(
        Choice(f"{name}.{choice.setting}", choice.reason) for name, column in ALL.items() for choice in column.choices
    ),
    column_notes={name: column.notes for name, column in ALL.items()},
    columns=tuple(ALL),
    default_columns=SYNTHETIC,
)
