"""The tables of `table1-choices`: a line a value, the paper's numbers below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.experiments.experiment import Table
from thinshell.experiments.published import TABLE1_NUMBERS, table1_column
from thinshell.experiments.table1 import TOLERANCES, compared_numbers
from thinshell.report.numbers import fixed, share
from thinshell.statistics import chi_cv

__all__ = ["density_tables", "dimension_table", "mean_std_table", "n_within"]

Run = Mapping[str, Any]
Runs = Sequence[Run]


def n_within(measured: Mapping[str, Any], paper_name: str) -> int:
    """Return how many of the five numbers of a measurement are within what is allowed of a column of Table 1.

    Examples
    --------
    >>> n_within({"cv": 0.09, "ad_avg": 0.39, "ad_normal_share": 1.0, "dp_avg": 0.9, "dp_normal_share": 1.0}, "gmm")
    4
    """
    return sum(bool(number.within) for number in compared_numbers(measured, paper_name, None))


def density_tables(runs: Runs) -> list[Table]:
    """Return what a density meets, the norms, and the coordinates before and after training."""
    epochs = runs[0]["epochs"]
    return [
        _counts(runs),
        _norms(runs),
        _coordinates("Density of ones: coordinates before training", "density", runs, "untrained", ["binary-e0"]),
        _coordinates(
            f"Density of ones: coordinates after {epochs} epochs",
            "density",
            runs,
            "trained",
            ["binary-e50", "binary-e100"],
        ),
    ]


def _counts(runs: Runs) -> Table:
    """How many of the five numbers of each of the paper's columns a density meets, by samples per test."""
    papers = {"binary-e0": "untrained", "binary-e50": "trained", "binary-e100": "trained"}
    sizes = [measured["samples_per_test"] for measured in runs[0]["trained"]]
    rows = [
        [
            f"{run['value']:g}",
            *(str(n_within(measured, name)) for name, state in papers.items() for measured in run[state]),
        ]
        for run in runs
    ]
    header = ["density", *(f"{name.removeprefix('binary-').upper()} at {size}" for name in papers for size in sizes)]
    return Table("Density of ones: how many of the paper's five numbers are within what is allowed", header, rows)


def _norms(runs: Runs) -> Table:
    rows = [
        [
            f"{run['value']:g}",
            share(run["zero_share"]),
            fixed(run["cv_sqrt_ones"], 3),
            fixed(run["untrained"][0]["cv"], 3),
            fixed(run["untrained_other_bias"][0]["cv"], 3),
            fixed(run["trained"][0]["cv"], 3),
        ]
        for run in runs
    ]
    paper = {name: table1_column(f"binary-{name}")["cv"] for name in ("e0", "e50", "e100")}
    rows.append(["paper", "", "", f"{paper['e0']:g}", f"{paper['e0']:g}", f"{paper['e50']:g}, {paper['e100']:g}"])
    header = ["density", "zero vectors", "sqrt(ones)", "epoch 0", "epoch 0, bias", f"epoch {runs[0]['epochs']}"]
    notes = [
        "sqrt(ones): CV of the square root of the number of ones. Whatever W is, the mean of |Wx|^2 over the vectors "
        "with k ones is at least k - (k^2 - k)/1023 times that over the vectors with one: no training brings the CV of "
        "a linear map without bias much below this",
        _cv_sentence(runs, paper),
    ]
    return Table("Density of ones: CV of the norms", header, rows, notes)


def _cv_sentence(runs: Runs, paper: Mapping[str, float]) -> str:
    """Which densities meet the paper's CV before training, and which after."""
    reach = TOLERANCES["cv"]
    before = [run["value"] for run in runs if abs(run["untrained"][0]["cv"] - paper["e0"]) <= reach]
    after = [run["value"] for run in runs if abs(run["trained"][0]["cv"] - paper["e100"]) <= reach]
    both = sorted(set(before) & set(after))
    return (
        f"within .03 of the paper before training: {_listed(before)}; within .03 of its E100 after it: "
        f"{_listed(after)}; both: {_listed(both)}"
    )


def _coordinates(title: str, label: str, runs: Runs, state: str, papers: Sequence[str]) -> Table:
    sizes = [measured["samples_per_test"] for measured in runs[0][state]]
    header = [label, *(f"{name} {size}" for size in sizes for name in ("AD", "AD %", "DP", "DP %"))]
    rows = []
    for run in runs:
        cells = [_four(measured) for measured in run[state]]
        rows.append([f"{run['value']:g}", *(cell for four in cells for cell in four)])
    for name in papers:
        paper = table1_column(name)
        rows.append([f"paper {name.removeprefix('binary-').upper()}", *_four(paper) * len(sizes)])
    note = "The number behind AD and DP is the samples per test; repeats are " + ", ".join(
        str(measured["repeats"]) for measured in runs[0][state]
    )
    return Table(title, header, rows, [note, *_fitting(runs, state, papers)])


def _fitting(runs: Runs, state: str, papers: Sequence[str]) -> list[str]:
    """Say which values meet all five numbers of a column, and under which protocol."""
    found = []
    for name in papers:
        hits = [
            f"{run['value']:g} at {measured['samples_per_test']} samples per test"
            for run in runs
            for measured in run[state]
            if n_within(measured, name) == len(TABLE1_NUMBERS)
        ]
        found.append(f"all five numbers of the paper's {table1_column(name)['label']}: {'; '.join(hits) or 'none'}")
    return found


def mean_std_table(runs: Runs) -> list[Table]:
    """Return the table of the mixture against the scale of its means."""
    sizes = [measured["samples_per_test"] for measured in runs[0]["trained"]]
    header = [
        "mean std",
        "apart",
        "epoch 0 CV",
        "CV",
        "AD",
        "AD %",
        "DP",
        "DP %",
        *(f"AD {n}" for n in sizes[1:]),
        "kNN",
    ]
    rows = []
    for run in runs:
        first, *others = run["trained"]
        rows.append(
            [
                f"{run['value']:g}",
                fixed(run["means_apart"], 1),
                fixed(run["untrained"][0]["cv"], 3),
                fixed(first["cv"], 3),
                *_four(first),
                *(fixed(measured["ad_avg"]) for measured in others),
                share(run["downstream"][-1]["knn"]),
            ]
        )
    paper = table1_column("gmm")
    rows.append(["paper", "", "", f"{paper['cv']:g}", *_four(paper), *("" for _ in sizes[1:]), ""])
    notes = [
        "apart: mean distance of two means in within-component standard deviations; kNN: accuracy on the components",
        *_fitting(runs, "trained", ["gmm"]),
    ]
    return [Table(f"Scale of the means of the mixture, {runs[0]['epochs']} epochs", header, rows, notes)]


def dimension_table(runs: Runs) -> list[Table]:
    """Return the table of the Laplace data against the output dimension."""
    sizes = [measured["samples_per_test"] for measured in runs[0]["trained"]]
    header = ["d", "chi_d", "epoch 0 CV", "CV", "AD", "AD %", "DP", "DP %", *(f"AD {n}" for n in sizes[1:])]
    rows = []
    for run in runs:
        first, *others = run["trained"]
        cells = [chi_cv(run["value"]), run["untrained"][0]["cv"], first["cv"]]
        beyond = [fixed(measured["ad_avg"]) for measured in others]
        rows.append([f"{run['value']:g}", *(fixed(cell, 3) for cell in cells), *_four(first), *beyond])
    paper = table1_column("laplace")
    rows.append(["paper", "", "", f"{paper['cv']:g}", *_four(paper), *("" for _ in sizes[1:])])
    notes = _fitting(runs, "trained", ["laplace"])
    return [Table(f"Output dimension, Laplace data, {runs[0]['epochs']} epochs", header, rows, notes)]


def _four(measured: Mapping[str, Any]) -> list[str]:
    return [
        fixed(measured["ad_avg"]),
        share(measured["ad_normal_share"]),
        fixed(measured["dp_avg"]),
        share(measured["dp_normal_share"]),
    ]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values) or "none"
