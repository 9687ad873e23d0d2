"""The tables of a diagnosis, each number beside an exact Gaussian's and a uniform sphere's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from rich.table import Table

from thinshell.report.console import Glyphs
from thinshell.report.numbers import count, fixed, interval, rounded, share

__all__ = [
    "ALL_ROWS",
    "PAPER_ROWS",
    "SPECTRUM_ROWS",
    "SPHERE_ROWS",
    "Row",
    "all_rows_lines",
    "all_rows_table",
    "directions_lines",
    "directions_table",
    "paper_lines",
    "paper_table",
]


class Row(NamedTuple):
    """One line of a table: its label, where its number stands, how it is printed."""

    label: str
    key: str
    show: Callable[[float | None], str] = rounded
    interval: str | None = None


# The labels of the paper's Table 1 (Betser, Gofer, Levi and Gilboa 2026), thresholds included.
PAPER_ROWS = (
    Row("AD Avg. (< 0.752)", "ad_avg", fixed, "ad_avg_interval"),
    Row("AD Norm. Feat.", "ad_normal_share", share),
    Row("DP Avg. (> 0.05)", "dp_avg", fixed),
    Row("DP Norm. Feat.", "dp_normal_share", share),
)
ALL_ROWS = (
    Row("AD Avg.", "ad_mean", fixed),
    Row("AD Norm. Feat.", "ad_normal_share", share),
    Row("DP Avg.", "dp_mean", fixed),
    Row("DP Norm. Feat.", "dp_normal_share", share),
    Row("|skewness|, mean", "skewness_abs_mean", partial(fixed, decimals=3), "skewness_interval"),
    Row("excess kurtosis, mean", "excess_kurtosis_mean", partial(fixed, decimals=3), "excess_kurtosis_interval"),
    Row("AD / n, effect size", "ad_per_sample"),
    Row("detectable at, rows", "detectable_at", count, "detectable_at_interval"),
)
SPHERE_ROWS = (
    Row("uniformity", "uniformity", fixed),
    Row("mean direction, length", "mean_direction_norm"),
)
SPECTRUM_ROWS = (
    Row("effective rank", "effective_rank"),
    Row("participation ratio", "participation_ratio"),
)


def paper_table(result: Mapping[str, Any], glyphs: Glyphs) -> Table:
    """Return the paper's Table 1 for this data set: CV of the norms, then both tests."""
    return _table(paper_lines(result), glyphs)


def paper_lines(result: Mapping[str, Any]) -> list[list[str]]:
    """Return the cells of the paper's Table 1: label, yours, exact Gaussian, uniform sphere, 95 % interval.

    Examples
    --------
    >>> paper_lines({"norms": {"cv": 0.07}, "paper": {"ad_avg": 0.41, "ad_avg_interval": [0.4, 0.42]}})[:2]
    [['CV', '0.070', '-', '-', ''], ['AD Avg. (< 0.752)', '0.41', '-', '-', '[0.40, 0.42]']]
    """
    norms, paper = result.get("norms") or {}, result.get("paper") or {}
    gaussian, sphere = _references(paper)
    cv = [
        fixed(norms.get("cv"), 3) if norms.get("applicable", True) else "n/a",
        # Of a Gaussian with the spectrum of these rows, where that is known.
        fixed(_first(norms.get("cv_reference"), gaussian.get("cv")), 3),
        fixed(_first(sphere.get("cv"), norms.get("cv_sphere")), 3),
    ]
    return [["CV", *cv, ""], *_lines(PAPER_ROWS, paper)]


def all_rows_table(full: Mapping[str, Any], glyphs: Glyphs) -> Table:
    """Return the statistics and effect sizes of the full protocol."""
    return _table(all_rows_lines(full), glyphs)


def all_rows_lines(full: Mapping[str, Any]) -> list[list[str]]:
    """Return the cells of the full protocol's table.

    Examples
    --------
    >>> all_rows_lines({"ad_mean": 0.5})[0]
    ['AD Avg.', '0.50', '-', '-', '']
    """
    return _lines(ALL_ROWS, full)


def directions_table(result: Mapping[str, Any], glyphs: Glyphs) -> Table:
    """Return how the directions fill the sphere and how many of the dimensions are used."""
    return _table(directions_lines(result), glyphs)


def directions_lines(result: Mapping[str, Any]) -> list[list[str]]:
    """Return the cells of the table of directions and spectrum.

    Examples
    --------
    >>> directions_lines({"spectrum": {"effective_rank": 12.0}})[0]
    ['effective rank', '12', '-', '-', '']
    """
    sphere, spectrum = result.get("sphere") or {}, result.get("spectrum") or {}
    gaussian, uniform = _references(sphere)
    cosines = (
        sphere.get("cosine") or {},
        {"std": gaussian.get("cosine_std")},
        {"std": uniform.get("cosine_std")},
    )
    cosine = ["cosine of two rows, std", *(rounded(block.get("std")) for block in cosines), ""]
    directions = [*_lines(SPHERE_ROWS, sphere), cosine] if sphere else []
    return [*directions, *(_lines(SPECTRUM_ROWS, spectrum) if spectrum else [])]


def _table(lines: Sequence[Sequence[str]], glyphs: Glyphs) -> Table:
    # The first four columns are as wide in every table, so that the page has four straight edges; with
    # the indent and an interval of 19 characters a line is 80 wide.
    table = Table(box=glyphs.box, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column("", min_width=23, no_wrap=True)
    table.add_column("yours", justify="right", min_width=9, no_wrap=True, style="bold")
    table.add_column("exact\nGaussian", justify="right", min_width=9, no_wrap=True, style="dim")
    table.add_column("uniform\nsphere", justify="right", min_width=9, no_wrap=True, style="dim")
    with_intervals = any(line[-1] for line in lines)
    if with_intervals:
        table.add_column("95 % interval", justify="right", style="dim")
    for line in lines:
        table.add_row(*line[: 5 if with_intervals else 4])
    return table


def _lines(rows: Sequence[Row], block: Mapping[str, Any]) -> list[list[str]]:
    columns = (block, *_references(block))
    return [[row.label, *(row.show(column.get(row.key)) for column in columns), _ends(row, block)] for row in rows]


def _ends(row: Row, block: Mapping[str, Any]) -> str:
    return interval(block.get(row.interval), row.show) if row.interval and block.get(row.key) is not None else ""


def _references(block: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    reference = block.get("reference") or {}
    return reference.get("gaussian") or {}, reference.get("sphere") or {}


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
