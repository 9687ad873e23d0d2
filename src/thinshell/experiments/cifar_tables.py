"""Tables of the CIFAR-10 columns: the contrast beside the paper's, the other layer, what the labels say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.experiments.experiment import Table
from thinshell.experiments.published import TABLE1_NUMBERS, table1_column
from thinshell.experiments.table1 import KINDS, LABELS
from thinshell.experiments.tabulate import shown
from thinshell.report.numbers import share

__all__ = ["GAUSSIAN_CV", "contrast", "contrast_table", "layer_table", "pairing_table", "score_table"]

SUPERVISED, CONTRASTIVE = "cifar-supervised", "cifar-contrastive"
# A contrast of the paper's sign counts as one of its size from half of it to twice: our reading of "size".
SIZE = (0.5, 2.0)


def contrast(supervised: Mapping[str, Any], contrastive: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the difference between the two columns beside the paper's, for each number of Table 1.

    Parameters
    ----------
    supervised, contrastive : mapping
        What ``thinshell.monitoring.measure`` returns.

    Returns
    -------
    list of dict
        `number`, `ours` and `paper` (supervised less contrastive), `ratio` of the two, and `verdict`: "sign and size";
        "sign, smaller" or "sign, larger"; or "neither".

    Examples
    --------
    >>> paper = [table1_column(name) for name in ("cifar-supervised", "cifar-contrastive")]
    >>> contrast(*paper)[0]["verdict"]
    'sign and size'
    """
    rows = []
    for number in TABLE1_NUMBERS:
        ours = supervised[number] - contrastive[number]
        paper = table1_column(SUPERVISED)[number] - table1_column(CONTRASTIVE)[number]
        ratio = ours / paper
        verdict = _verdict(ratio)
        rows.append({"number": number, "ours": ours, "paper": paper, "ratio": ratio, "verdict": verdict})
    return rows


def _verdict(ratio: float) -> str:
    if ratio <= 0:
        return "neither"
    least, most = SIZE
    return "sign, smaller" if ratio < least else "sign, larger" if ratio > most else "sign and size"


def contrast_table(results: Mapping[str, Any]) -> Table:
    """Return supervised against contrastive, ours and the paper's."""
    columns = results["columns"]
    records = [columns[name]["columns"][name] for name in (SUPERVISED, CONTRASTIVE)]
    rows = []
    for row in contrast(*records):
        number, kind = row["number"], KINDS[row["number"]]
        ours = [shown(record[number], kind) for record in records]
        paper = [shown(table1_column(name)[number], kind) for name in (SUPERVISED, CONTRASTIVE)]
        baseline = shown(columns[SUPERVISED]["baseline"][number], kind)
        rows.append([LABELS[number], baseline, *ours, *paper, f"{100 * row['ratio']:.0f} %", row["verdict"]])
    header = ["", "epoch 0 (both)", "supervised", "contrastive", "supervised, paper", "contrastive, paper"]
    result = columns[CONTRASTIVE]
    return Table(
        "The contrast",
        [*header, "of the paper's difference", "as the paper"],
        rows,
        [
            _pictures(results),
            f"layer: {result['layer']}",
            f"after {_epochs(records)} epochs; both columns began with the same weights of the encoder: "
            f"{'yes' if _same_start(columns) else 'no'}",
            f"a contrast counts as one of the paper's size from {SIZE[0]:g} to {SIZE[1]:g} times its difference",
        ],
    )


def layer_table(results: Mapping[str, Any]) -> Table:
    """Return every layer and normalisation, before and after training."""
    rows: list[Sequence[str]] = []
    for column, result in results["columns"].items():
        last = max(record["epoch"] for record in result["all_records"])
        for record in result["all_records"]:
            if record["epoch"] in (0, last):
                numbers = [shown(record[number], KINDS[number]) for number in TABLE1_NUMBERS]
                raw = "raw" if record["normalize"] == "none" else "normalised"
                what = [column.removeprefix("cifar-"), record["layer"], raw, str(record["epoch"])]
                rows.append([*what, *numbers, *(_extra(record, name) for name in EXTRAS)])
    header = ["", "layer", "rows", "epoch", *(LABELS[number] for number in TABLE1_NUMBERS), *EXTRAS.values()]
    notes = [_pictures(results), f"{GAUSSIAN_CV}: of norms of a Gaussian of the same mean and covariance"]
    return Table("Both layers, before and after", header, rows, notes)


# Which layer of the supervised and of the contrastive column stand against each other.
PAIRINGS = (("projection", "projection"), ("representation", "representation"), ("representation", "projection"))


def pairing_table(results: Mapping[str, Any]) -> Table:
    """Return the contrast for every choice of layers: which one the paper measured, it does not say."""
    rows: list[Sequence[str]] = []
    for layers in PAIRINGS:
        names = zip((SUPERVISED, CONTRASTIVE), layers, strict=True)
        records = [_last(results["columns"][name], layer) for name, layer in names]
        for row in contrast(*records):
            ours = [shown(record[row["number"]], KINDS[row["number"]]) for record in records]
            where = list(layers) if row["number"] == TABLE1_NUMBERS[0] else ["", ""]
            rows.append([*where, LABELS[row["number"]], *ours, f"{100 * row['ratio']:.0f} %", row["verdict"]])
    header = ["layer, supervised", "layer, contrastive", "", "supervised", "contrastive", "of the paper's difference"]
    return Table("The contrast by layer", [*header, "as the paper"], rows, [_pictures(results)])


def _last(result: Mapping[str, Any], layer: str) -> Mapping[str, Any]:
    return [record for record in result["all_records"] if (record["layer"], record["normalize"]) == (layer, "none")][-1]


GAUSSIAN_CV = "CV of its Gaussian"
EXTRAS = {
    "cv_reference": GAUSSIAN_CV,
    "norm_mean": "mean norm",
    "alignment": "alignment",
    "uniformity": "uniformity",
    "effective_rank": "effective rank",
}


def _extra(record: Mapping[str, Any], name: str) -> str:
    return shown(record[name], KINDS["cv"] if name == "cv_reference" else "number")


def score_table(results: Mapping[str, Any]) -> Table:
    """Return what the classes say of each layer, before and after training."""
    rows = [
        [
            name.removeprefix("cifar-"),
            score["layer"],
            str(score["epoch"]),
            share(score["knn"]),
            share(score["linear_probe"]),
        ]
        for name, result in results["columns"].items()
        for score in result["downstream"]
    ]
    header = ["", "layer", "epoch", "kNN (cosine, k = 20)", "linear probe"]
    return Table("What the classes say: frozen features judged on the test set", header, rows, [_pictures(results)])


def _pictures(results: Mapping[str, Any]) -> str:
    data = next(iter(results["columns"].values()))["data"]
    return f"{data['pictures']}: {data['n_train']:,} pictures trained on, {data['n_test']:,} test pictures measured"


def _epochs(records: Sequence[Mapping[str, Any]]) -> str:
    supervised, contrastive = (record["epoch"] for record in records)
    return f"{contrastive}" if supervised == contrastive else f"{supervised} supervised and {contrastive} contrastive"


def _same_start(columns: Mapping[str, Any]) -> bool:
    return len({result["initial_weights"] for result in columns.values()}) == 1
