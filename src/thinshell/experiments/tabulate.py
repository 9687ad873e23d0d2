"""Comparisons as a table: ours beside the paper's and the untrained encoder's, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thinshell.experiments.experiment import Comparison, Table
from thinshell.report.numbers import count, fixed, rounded, share

__all__ = ["comparison_table", "shown", "verdict", "verdict_sentence"]

WITHIN = {True: "within", False: "outside", None: ""}


def shown(value: float | None, kind: str) -> str:
    """Return one of our numbers as the tables print it.

    Parameters
    ----------
    value : float or None
    kind : {"number", "share", "cv", "count"}

    Returns
    -------
    str

    Examples
    --------
    >>> shown(0.0563, "cv"), shown(0.3842, "number"), shown(1.0, "share"), shown(23400.0, "count"), shown(None, "cv")
    ('0.056', '0.38', '100 %', '23,400', '-')
    """
    if kind == "share":
        return share(value)
    if kind == "count":
        return count(value)
    return fixed(value, 3 if kind == "cv" else 2)


def _printed(value: float | None, kind: str) -> str:
    """Return a number of the paper's, with the digits it was printed with."""
    return share(value) if kind == "share" else rounded(value, 4)


def verdict(comparison: Comparison) -> str:
    """Return "within", "outside" or nothing.

    Examples
    --------
    >>> verdict(Comparison("laplace", "CV", 0.06, 0.08, 0.03)), verdict(Comparison("laplace", "CV", 0.06, None))
    ('within', '')
    """
    return WITHIN[comparison.within]


def comparison_table(comparisons: Sequence[Comparison], reference: str, title: str) -> Table:
    """Return comparisons as a table.

    Parameters
    ----------
    comparisons : sequence of Comparison
    reference : str
        What ours stands beside: "paper", "theory".
    title : str

    Returns
    -------
    Table
        Where no comparison has a baseline (or a tolerance), the columns that would be empty are left out.

    Examples
    --------
    >>> table = comparison_table([Comparison("laplace", "CV", 0.06, 0.08, 0.03, kind="cv")], "paper", "Table 1")
    >>> table.header, table.rows
    (['', '', 'ours', 'paper', 'allowed', 'verdict'], [['laplace', 'CV', '0.060', '0.08', '0.03', 'within']])
    """
    with_baseline = any(one.baseline is not None for one in comparisons)
    judged = any(one.tolerance is not None for one in comparisons)
    header = ["", "", "ours", reference, *(["epoch 0"] if with_baseline else [])]
    rows, before = [], None
    for one in comparisons:
        where = "" if one.where == before else one.where
        baseline = [shown(one.baseline, one.kind)] if with_baseline else []
        cells = [where, one.what, shown(one.ours, one.kind), _printed(one.reference, one.kind), *baseline]
        rows.append([*cells, *([_tolerance(one), verdict(one)] if judged else [])])
        before = one.where
    header += ["allowed", "verdict"] if judged else []
    return Table(title, header, rows, [sentence] if (sentence := verdict_sentence(comparisons)) else [])


def verdict_sentence(comparisons: Sequence[Comparison]) -> str:
    """Return how many of the comparisons are within their tolerance, in words.

    Examples
    --------
    >>> verdict_sentence([Comparison("laplace", "CV", 0.06, 0.08, 0.03)])
    '1 of 1 numbers within what is allowed'
    """
    judged: list[Any] = [one.within for one in comparisons if one.within is not None]
    return f"{sum(judged)} of {len(judged)} numbers within what is allowed" if judged else ""


def _tolerance(comparison: Comparison) -> str:
    if comparison.tolerance is None:
        return ""
    if comparison.kind == "share":
        return f"{100 * comparison.tolerance:g} %"
    return f"{comparison.tolerance:g}"
