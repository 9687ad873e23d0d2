"""Whether two data sets are samples of one law, in a sentence and in rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thinshell.report.numbers import count, fixed, rounded

__all__ = ["DRIFT_HEAD", "drift_rows", "drift_sentence"]

DRIFT_HEAD = ("", "effect", "p", "p, adjusted")


def drift_sentence(drift: Mapping[str, Any]) -> str:
    """Return the outcome of the two-sample tests in one sentence.

    Parameters
    ----------
    drift : mapping
        Of an entry of ``compare(...).to_dict()["differences"]``.

    Returns
    -------
    str

    Examples
    --------
    >>> drift_sentence({"verdict": "none_found", "pvalue": 0.4, "n_samples": [900, 1000], "size": {"d": 0.03}})
    'No drift found at 900 and 1,000 rows (p 0.4): they may be samples of one law.'
    """
    n = " and ".join(count(rows) for rows in drift.get("n_samples") or [])
    p = _p(drift.get("pvalue"))
    if drift.get("verdict") != "drift":
        return f"No drift found at {n} rows ({p}): they may be samples of one law."
    found = [str(test.get("title")).lower() for test in drift.get("tests") or [] if _below(test.get("adjusted_pvalue"))]
    size, moved = drift.get("size") or {}, (drift.get("columns") or {}).get("mean") or {}
    shift = ""
    if moved.get("n_moved"):
        ends = size.get("interval")
        reach = f" ({fixed(ends[0], 3)} to {fixed(ends[1], 3)})" if ends else ""
        shift = (
            f" {count(moved['n_moved'])} column means moved, column {size.get('column')} farthest: "
            f"{fixed(size.get('d'), 3)} standard deviations{reach}, {size.get('name')}."
        )
    return f"Drift at {n} rows ({p}) in: {', '.join(found)}.{shift}"


def _below(pvalue: float | None) -> bool:
    return pvalue is not None and pvalue < 0.05


def _p(pvalue: float | None) -> str:
    if pvalue is None:
        return "p -"
    return "p < 1e-16" if pvalue < 1e-16 else f"p {rounded(pvalue, 2)}"


def drift_rows(drift: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return (what was compared, effect, p-value, adjusted p-value) of each test.

    Parameters
    ----------
    drift : mapping
        As for `drift_sentence`.

    Returns
    -------
    list of tuple of str

    Examples
    --------
    >>> test = {"title": "Norms of the rows", "effect": {"name": "d", "value": 0.31}, "pvalue": 1e-20}
    >>> drift_rows({"tests": [test]})
    [('Norms of the rows', 'd 0.31', '< 1e-16', '-')]
    """
    rows = []
    for test in drift.get("tests") or []:
        effect = test.get("effect") or {}
        shown = f"{effect.get('name')} {rounded(effect.get('value'))}"
        if test.get("column") is not None:
            shown += f" (column {test['column']})"
        ps = (_p(test.get(key)).removeprefix("p ") for key in ("pvalue", "adjusted_pvalue"))
        rows.append((str(test.get("title")), shown, *ps))
    return rows
