"""Embeddings of pairs: each side on its own, and how the two lie to each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from thinshell.diagnosis.diagnose import diagnose
from thinshell.diagnosis.result import Comparison, Diagnosis
from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.sides import PartnerSource, Sides, SideSource, sides_of
from thinshell.sketch import summarize
from thinshell.statistics.modality_gap import gap_of_moments

__all__ = ["diagnose_pairs", "pair_sides"]


def pair_sides(path: object) -> tuple[str, str] | None:
    """Return the names of the two sides of a Parquet file with columns `side` and `pair`, None for other data.

    Parameters
    ----------
    path : object
        A path; anything else has no sides.

    Returns
    -------
    tuple of str, or None

    Raises
    ------
    InputError
        If the file has these columns, but not two sides in them.

    Examples
    --------
    >>> pair_sides("embeddings.npy") is None
    True
    """
    sides = sides_of(path)
    return None if sides is None else sides.names


def diagnose_pairs(path: Any, *, column: str | None = None, **options: Any) -> Comparison:
    """Diagnose both sides of a file of pairs, as ``thinshell embed`` writes it, and the gap between them.

    Parameters
    ----------
    path : str or Path
        A Parquet file with columns `side` (two different names), `pair` (a number that partners share) and the
        embeddings.
    column : str, optional
        The column of the embeddings, where there are several lists.
    **options
        As for `diagnose`, the same for both sides; not `positives`, which are the partners here, and of the
        normalisations "none" and "l2" only: the others centre each side by itself.

    Returns
    -------
    Comparison
        Both diagnoses, each with the cosines of its positive pairs (a row with several partners has the first of them),
        and `pairs`: alignment, cosines and the modality gap.

    Raises
    ------
    InputError
        If the file does not hold two sides, or each is to be centred by itself.

    References
    ----------
    Liang et al. (2022), "Mind the gap", NeurIPS. Levi & Gilboa (2024), "The double-ellipsoid geometry of CLIP".

    Examples
    --------
    >>> diagnose_pairs("embeddings.npy")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: embeddings.npy holds no pairs: ...
    """
    sides = sides_of(path)
    if sides is None:
        raise InputError(
            f"{path} holds no pairs: a Parquet file with the columns side (two names) and pair (numbers) does; use "
            "diagnose"
        )
    if options.get("normalize") in ("zscore", "whiten"):
        raise InputError(
            f"normalize={options['normalize']} centres each side by itself, which leaves no gap to look at, got "
            f"{path} with two sides of pairs; use none or l2, or choose a side (--side)"
        )
    diagnoses = tuple(_side(path, sides, number, column, options) for number in (0, 1))
    return Comparison(sides.names, diagnoses, (), _pairs(sides, diagnoses))


def _side(path: Any, sides: Sides, number: int, column: str | None, options: dict[str, Any]) -> Diagnosis:
    mine, other = (SideSource(open_source(path, column=column), sides.rows[k]) for k in (number, 1 - number))
    partners = PartnerSource(other, sides.partners(number))
    return diagnose(mine, positives=partners, name=f"{path}, side {sides.names[number]}", **options)


def _pairs(sides: Sides, diagnoses: tuple[Diagnosis, ...]) -> dict[str, Any]:
    summaries = [summarize(diagnosis.sketch) for diagnosis in diagnoses]
    gap = gap_of_moments(
        [summary.moments.mean for summary in summaries],
        [float((summary.moments.m2 / summary.n_samples).sum()) for summary in summaries],
        [summary.mean_direction for summary in summaries],
    )
    radial = [np.linalg.norm(summary.rows.astype(np.float64) - summary.moments.mean, axis=1) for summary in summaries]
    positive = [diagnosis.to_dict()["sphere"]["positive"] for diagnosis in diagnoses]
    cosine = [(entry or {}).get("cosine") for entry in positive]
    mean = next((entry["mean"] for entry in cosine if entry), None)
    return {
        "sides": sides.names,
        "n_pairs": len(np.intersect1d(*sides.pairs)),
        "n_without_partner": [int((sides.partners(k) < 0).sum()) for k in (0, 1)],
        "alignment": next((entry["alignment"] for entry in positive if entry), None),
        "positive_cosine": mean,
        "margin": None if mean is None else mean - gap.cross_cosine,
        **asdict(gap),
        "radius_cv": [float(r.std() / r.mean()) if r.mean() > 0 else None for r in radial],
    }
