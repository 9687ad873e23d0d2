"""Tables of the experiment `ood`: a line a space and score, a column a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.experiments.experiment import Table
from thinshell.report.numbers import MISSING, fixed, share

__all__ = ["LABELS", "ood_tables", "space_words"]

LABELS = {
    "log_density": "log-density",
    "bits_per_dimension": "bits per dimension",
    "mahalanobis": "Mahalanobis, squared",
    "pvalue": "p-value",
    "typicality": "typicality, both sides",
    "typicality_far": "typicality, too far",
    "typicality_near": "typicality, too near",
    "relative_mahalanobis": "relative Mahalanobis",
    "class_mahalanobis": "class Mahalanobis",
    "knn_distance": "kNN distance",
    "norm": "norm",
    "max_softmax": "max-softmax",
}
LAST_DIGIT = 2e-3
# Lines of the tables: scores that order rows alike share one.
ALIKE = ("log_density", "bits_per_dimension", "mahalanobis", "pvalue", "typicality_far")


def ood_tables(results: Mapping[str, Any]) -> list[Table]:
    """Return the tables of what `OOD` computed."""
    spaces, headline = results["spaces"], results["headline"]
    first = {name: space for name, space in spaces.items() if space["layer"] in (headline, "pixels")}
    other = {name: space for name, space in spaces.items() if name not in first}
    return [
        _table("AUROC, z and pixels", first, "auroc", _protocol(results)),
        _table("False positives at 95 % (FPR@95), z and pixels", first, "fpr_at_95_tpr", [FPR]),
        _table("AUPR with the unknown pictures as positives, z and pixels", first, "aupr_out", [_prevalence(spaces)]),
        _table("AUPR with the known pictures as positives, z and pixels", first, "aupr_in", [_prevalence(spaces)]),
        _table("AUROC, h", other, "auroc", [f"layer: {_layer_words(other)}"]),
        _table("FPR@95, h", other, "fpr_at_95_tpr", [FPR]),
        _calibration(spaces),
    ]


FPR = "share of the unknown pictures that pass for known where 95 % of the known ones do; smaller is better"


def space_words(space: Mapping[str, Any]) -> str:
    """Return what a space is called in a line of a table.

    Examples
    --------
    >>> space_words({"kind": "supervised", "layer": "representation"}), space_words({"kind": "pixels", "layer": ""})
    ('supervised, h', 'raw pixels')
    """
    if space["kind"] == "pixels":
        return "raw pixels"
    return f"{space['kind']}, {'z' if space['layer'] == 'projection' else 'h'}"


def _table(title: str, spaces: Mapping[str, Any], number: str, notes: Sequence[str]) -> Table:
    sets = _sets(spaces)
    rows = []
    for space in spaces.values():
        for place, (words, score) in enumerate(_lines(space["metrics"])):
            cells = [_cell(space["metrics"][score].get(name), number) for name in sets]
            rows.append([space_words(space) if place == 0 else "", words, *cells])
    return Table(title, ["", "score", *sets], rows, list(notes))


def _lines(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and score of each line; what orders all rows as the log-density does stands in its line."""
    same = [name for name in ALIKE if _equal(metrics[name], metrics["log_density"])]
    lines = [("log-density" if same == ["log_density"] else "log-density and alike*", "log_density")]
    return lines + [(LABELS[name], name) for name in LABELS if name in metrics and name not in same]


def _equal(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether all numbers of two scores are printed alike, within the last digit."""
    values = [(first[name][key]["value"], one[key]["value"]) for name, one in second.items() for key in one]
    return all(abs(ours - theirs) < LAST_DIGIT for ours, theirs in values)


def _cell(numbers: Mapping[str, Any] | None, number: str) -> str:
    if numbers is None:
        return MISSING
    one = numbers[number]
    return f"{_three(one['value'])} [{_three(one['low'])}, {_three(one['high'])}]"


def _three(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 0.9995 else "1.00"


def _sets(spaces: Mapping[str, Any]) -> list[str]:
    return list(next(iter(spaces.values()))["sets"])


def _protocol(results: Mapping[str, Any]) -> list[str]:
    spaces = results["spaces"]
    space = next(iter(spaces.values()))
    data, encoders = space["data"], results["encoders"]
    same = len({encoder["initial_weights"] for encoder in encoders.values()}) == 1
    accuracy = next((one["accuracy"] for one in spaces.values() if one["accuracy"] is not None), None)
    sets = "; ".join(f"{name}: {one['n']:,}, {one['words']}" for name, one in space["sets"].items())
    epochs = ", ".join(f"{kind} {encoder['history'][-1]['epoch']} epochs" for kind, encoder in encoders.items())
    return [
        f"{data['pictures']}: fitted to {data['n_train']:,} training pictures, known are {data['n_test']:,} test "
        f"pictures. Covariance: {space['covariance']}; kNN: {space['n_neighbours']} neighbours, directions only",
        sets,
        f"layer: {_layer_words(spaces)}. Both encoders began with the same weights: {'yes' if same else 'no'}; "
        f"{epochs}; the classifier is right in {share(accuracy)} of the test pictures",
        "*: bits per dimension, squared Mahalanobis distance, p-value and typicality (too far), wherever they have no "
        "line of their own, give the same numbers (to .002): they order rows alike",
        "in brackets: 95 % intervals of a stratified bootstrap over pictures, not over trainings; the unknown pictures "
        "are the positives; .5 is a coin, below it known and unknown change places",
        *space["missing"],
    ]


def _layer_words(spaces: Mapping[str, Any]) -> str:
    return next(iter(spaces.values()))["layer_words"]


def _prevalence(spaces: Mapping[str, Any]) -> str:
    space = next(iter(spaces.values()))
    known = space["data"]["n_test"]
    shares = ", ".join(f"{name} {share(one['n'] / (one['n'] + known))}" for name, one in space["sets"].items())
    return f"by chance it is the share of the positives; unknown pictures among all: {shares}"


def _calibration(spaces: Mapping[str, Any]) -> Table:
    rows = []
    for space in spaces.values():
        numbers, medians = space["calibration"], space["medians"]
        far = [medians[name]["typicality"] for name in ("test", *space["sets"])]
        rows.append(
            [
                space_words(space),
                f"{space['d']:,}",
                f"{space['rank']:,}",
                fixed(space["shrinkage"], 4),
                str(numbers["verdict"]),
                *(fixed(value, 1) for value in far),
            ]
        )
    header = ["", "d", "rank", "shrinkage", "on test pictures", "test", *_sets(spaces)]
    notes = [
        "on the right: the median typicality of each set, in standard deviations of the radius of the fitted Gaussian: "
        "0 on the shell, below 0 too near the mean, above 0 too far out"
    ]
    return Table("Is the Gaussian calibrated, and where do the sets lie?", header, rows, notes)
