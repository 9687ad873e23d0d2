"""Columns that hold nothing of their own: constants, copies and linear functions of others, found and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigvalsh, solve
from scipy.linalg.lapack import get_lapack_funcs

__all__ = ["DOUBLE_FLOOR", "SINGLE_FLOOR", "Support", "find_support", "rounding_floor"]

# Largest eigenvalue of correlations that rounding can have made of 0. Exact dependences
# leave about 1e-14 in float64 sums of float64 or float32 rows, and 1e-7 times the root of the columns in float32
# products.
DOUBLE_FLOOR = 1e-11
SINGLE_FLOOR = 1e-6
# A column whose variance is this share of its mean square about the shift is constant up to rounding.
_CONSTANT_SHARE = 1e-13
# Columns named in a sentence; more would bury it.
_LISTED = 5
# Standardised coefficients below this are rounding, not part of a dependence.
_NO_COEFFICIENT = 1e-5
_potrf, _pstrf, _trtri = get_lapack_funcs(("potrf", "pstrf", "trtri"), dtype=np.float64)


@dataclass(frozen=True)
class Support:
    """Which columns carry the others.

    Attributes
    ----------
    kept : ndarray of int, shape (r,)
        Columns without constants and without those that others determine.
    relation : ndarray of shape (d, r), float64
        ``x - mean = relation @ (x - mean)[kept]``; rows of zeros for constant columns.
    degenerate : list of dict
        ``kind``, ``columns`` and ``text`` of everything found.
    unresolved : bool
        Whether some direction is so narrow that float32 products could not tell it from none.
    """

    kept: np.ndarray
    relation: np.ndarray
    degenerate: list[dict[str, Any]]
    unresolved: bool = False


def rounding_floor(n_features: int, single: bool) -> float:
    """Return the eigenvalue of correlations below which rounding rules; `single` for sums with float32 products."""
    return SINGLE_FLOOR * float(np.sqrt(n_features)) if single else DOUBLE_FLOOR


def listed(columns: list[int]) -> str:
    """Return column numbers in words."""
    shown = ", ".join(f"{column:,}" for column in columns[:_LISTED])
    if len(columns) > _LISTED:
        return f"{shown} and {len(columns) - _LISTED:,} more"
    head, _, tail = shown.rpartition(", ")
    return f"{head} and {tail}" if head else shown


def find_support(
    covariance: np.ndarray, mean: np.ndarray, second: np.ndarray, n_samples: int | None, *, single: bool
) -> Support:
    """Find the columns that determine all others.

    Parameters
    ----------
    covariance : ndarray of shape (d, d)
    mean : ndarray of shape (d,)
        For the sentences.
    second : ndarray of shape (d,)
        Mean squares about the shift that the sums were made with; a variance far below them is rounding.
    n_samples : int or None
        Rows behind the covariance. With no more rows than columns every column is a linear function of others on the
        rows at hand, so only constants and copies (three rows or more) are looked for. None for a given matrix.
    single : bool
        Whether float32 products are behind it.

    Returns
    -------
    Support

    Examples
    --------
    >>> cov = np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    >>> support = find_support(cov, np.zeros(3), np.diag(cov), 100, single=False)
    >>> support.degenerate[0]["text"]
    'Column 1 is a copy of column 0: x1 = 2 x0.'
    """
    d = len(mean)
    variances = np.diag(covariance)
    share = 1e-6 if single else _CONSTANT_SHARE
    varying = np.flatnonzero(variances > share * second)
    degenerate: list[dict[str, Any]] = []
    if len(varying) < d:
        columns = np.setdiff1d(np.arange(d), varying).tolist()
        noun = "Column {} is" if len(columns) == 1 else "Columns {} are"
        text = f"{noun.format(listed(columns))} constant: left out of the density, other values there are impossible."
        degenerate.append({"kind": "constant", "columns": columns, "text": text})
    stds = np.sqrt(variances[varying])
    correlation = covariance[np.ix_(varying, varying)] / np.outer(stds, stds)
    floor = rounding_floor(len(varying), single)
    kept, relation = np.arange(len(varying)), np.eye(len(varying))
    unresolved = bool((variances[np.setdiff1d(np.arange(d), varying)] > 0).any())
    if len(varying) > 1 and not _is_regular(correlation, floor):
        unresolved = True
        if n_samples is None or n_samples > 2:
            kept, relation = _without_copies(correlation, floor)
        if (n_samples is None or n_samples > len(kept)) and len(kept) > 1:
            kept, relation = _without_dependences(correlation, kept, relation, floor)
    whole = np.zeros((d, len(kept)))
    whole[varying] = relation * stds[:, None] / stds[kept]
    names = varying[kept]
    told = " As far as float32 products can tell: give float64 rows to be sure." if single else ""
    degenerate += [entry | {"text": entry["text"] + told} for entry in _named(whole, relation, varying, kept, mean)]
    return Support(names, whole, degenerate, unresolved)


def _is_regular(correlation: np.ndarray, floor: float) -> bool:
    """Tell whether every eigenvalue of the correlations exceeds what rounding can make."""
    root, failed = _potrf(correlation, lower=1, clean=1)
    if not failed:
        inverse, _ = _trtri(root, lower=1)
        # The trace of the inverse, which bounds the largest of its eigenvalues, at a fraction of their cost.
        if np.einsum("ij,ij->", inverse, inverse) * floor < 1.0:
            return True
    return bool(eigvalsh(correlation, subset_by_index=[0, 0])[0] > floor)


def _without_copies(correlation: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Keep the first column of every set of columns that are linear functions of one another."""
    p = len(correlation)
    original = np.full(p, -1)
    for j in range(p):
        if original[j] < 0:
            same = np.flatnonzero((1.0 - np.abs(correlation[j]) <= floor) & (original < 0))
            original[same] = j
            original[j] = j
    kept = np.flatnonzero(original == np.arange(p))
    relation = np.zeros((p, len(kept)))
    relation[np.arange(p), np.searchsorted(kept, original)] = np.sign(correlation[np.arange(p), original])
    return kept, relation


def _without_dependences(
    correlation: np.ndarray, kept: np.ndarray, relation: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Leave out as many of the kept columns as there are directions without variance."""
    inner = correlation[np.ix_(kept, kept)]
    values = eigvalsh(inner)
    n_null = int((values <= floor).sum())
    if not n_null:
        return kept, relation
    pivots = _pstrf(inner, tol=0.0, lower=1)[1] - 1
    base = np.sort(pivots[: len(kept) - n_null])
    rest = np.sort(pivots[len(kept) - n_null :])
    coefficients = np.zeros((len(kept), len(base)))
    coefficients[base, np.arange(len(base))] = 1.0
    solved = solve(inner[np.ix_(base, base)], inner[np.ix_(base, rest)], assume_a="sym").T
    coefficients[rest] = np.where(np.abs(solved) > _NO_COEFFICIENT, solved, 0.0)
    return kept[base], relation @ coefficients


def _named(
    whole: np.ndarray, relation: np.ndarray, varying: np.ndarray, kept: np.ndarray, mean: np.ndarray
) -> list[dict[str, Any]]:
    """Describe every column that the kept ones determine."""
    found = []
    for j in np.setdiff1d(np.arange(len(varying)), kept):
        column = int(varying[j])
        others = np.flatnonzero(relation[j])
        sources = varying[kept[others]].tolist()
        formula = _formula(column, sources, whole[column, others], mean)
        if len(sources) == 1:
            text = f"Column {column:,} is a copy of column {sources[0]:,}: {formula}."
            found.append({"kind": "duplicate", "columns": [sources[0], column], "text": text})
        else:
            text = f"Column {column:,} is a linear function of columns {listed(sources)}"
            text += f": {formula}." if formula else "."
            found.append({"kind": "dependent", "columns": sorted([*sources, column]), "text": text})
    return found


def _formula(column: int, sources: list[int], slopes: np.ndarray, mean: np.ndarray) -> str:
    if len(sources) > 3:
        return ""
    offset = float(mean[column] - slopes @ mean[sources])
    size = abs(mean[column]) + float(np.abs(slopes) @ np.abs(mean[sources]))
    terms = [*(f"{slope:.4g} x{source}" for slope, source in zip(slopes, sources, strict=True))]
    if abs(offset) > 1e-7 * size:
        terms.append(f"{offset:.4g}")
    return f"x{column} = " + " + ".join(term.removeprefix("1 ") if term.startswith("1 x") else term for term in terms)
