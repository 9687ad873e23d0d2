"""Norms, directions and spectrum: what the cloud looks like as a whole, beside what a Gaussian would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thinshell.diagnosis.cosines import sphere_section
from thinshell.diagnosis.positives import PositivePairs
from thinshell.diagnosis.references import spectrum_reference
from thinshell.sketch import Summary
from thinshell.statistics._shrinkage import respread_eigenvalues
from thinshell.statistics.norms import NormConcentration, norm_concentration
from thinshell.statistics.spectrum import (
    covariance_eigenvalues,
    descending_eigenvalues,
    effective_rank,
    isotropy,
    participation_ratio,
)
from thinshell.statistics.uncentred import rankme

__all__ = ["Geometry", "measure_geometry"]

_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_HISTOGRAM_BINS = 40
# Eigenvalues kept in the result; the rest are summed in what effective rank and participation ratio say.
_LISTED_EIGENVALUES = 4096
# Eigenvalues below this share of the largest are rounding of a covariance without that rank.
_NOISE = 1e-9


@dataclass(frozen=True)
class Geometry:
    """Norms raw and centred, directions, and the covariance spectrum.

    Attributes
    ----------
    norms, sphere, spectrum : dict
        The sections of the result.
    shell : NormConcentration
        Of the centred rows, with the Gaussian reference.
    eigenvalues : ndarray of shape (n_features,)
        Of the sample covariance, largest first.
    """

    norms: dict[str, Any]
    sphere: dict[str, Any]
    spectrum: dict[str, Any]
    shell: NormConcentration
    eigenvalues: np.ndarray


def measure_geometry(
    summary: Summary,
    seed: int,
    positives: PositivePairs | None = None,
    row_covariance: np.ndarray | None = None,
) -> Geometry:
    """Measure `summary`, drawing pairs of rows with `seed`; `row_covariance` is that of its row sample."""
    eigenvalues = _eigenvalues(summary, row_covariance)
    # The norms are those of the row sample, whose own covariance would have spread its eigenvalues farther.
    of_sample = respread_eigenvalues(eigenvalues, _rows_used(summary), len(summary.rows))
    raw = norm_concentration(summary.rows, eigenvalues=of_sample)
    centred = norm_concentration(summary.rows, center=True, eigenvalues=of_sample)
    return Geometry(
        norms=_norms(summary, raw, centred),
        sphere=sphere_section(summary, seed, positives),
        spectrum=_spectrum(summary, eigenvalues, row_covariance),
        shell=centred,
        eigenvalues=eigenvalues,
    )


def _eigenvalues(summary: Summary, row_covariance: np.ndarray | None) -> np.ndarray:
    if summary.spectrum is not None:
        return summary.spectrum.eigenvalues
    covariance = summary.covariance
    if covariance is None or not np.isfinite(covariance).all():
        if row_covariance is None:
            return covariance_eigenvalues(summary.rows)
        return descending_eigenvalues(row_covariance, summary.n_features)
    values = np.linalg.eigvalsh(covariance)[::-1]
    return np.where(values > _NOISE * values[0], values, 0.0)


def _rows_used(summary: Summary) -> int:
    """Return how many rows the eigenvalues are of: without products of columns, those of the row sample."""
    products = summary.spectrum is not None or summary.covariance is not None
    return summary.n_samples if summary.exact or products else len(summary.rows)


def _norms(summary: Summary, raw: NormConcentration, centred: NormConcentration) -> dict[str, Any]:
    measured = summary.norm_moments()
    mean, std = float(measured.mean[0]), float(measured.std()[0])
    low, high = summary.norm_range()
    edges = np.linspace(low, high if high > low else low + 1.0, _HISTOGRAM_BINS + 1)
    counts = summary.norm_counts(edges)
    law = raw.law if raw.applicable else None
    return {
        "applicable": raw.applicable,
        "reason": raw.reason or None,
        "mean": mean,
        "std": std,
        "cv": std / mean if mean > 0 else None,
        "cv_reference": raw.cv_reference,
        "cv_sphere": 0.0,
        "quantiles": dict(zip(map(str, _LEVELS), summary.norm_quantiles(list(_LEVELS)).tolist(), strict=True)),
        "histogram": {
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            "expected": None if law is None else (summary.n_samples * np.diff(law.cdf(edges))).tolist(),
            "n_samples": int(counts.sum()),
        },
        "centered": {
            "mean": centred.mean,
            "std": centred.std,
            "cv": centred.cv,
            "cv_reference": centred.cv_reference,
            "n_rows_used": centred.n_samples,
        },
    }


def _spectrum(summary: Summary, eigenvalues: np.ndarray, row_covariance: np.ndarray | None) -> dict[str, Any]:
    used = _rows_used(summary)  # and the reference is for as many
    total = float(eigenvalues.sum())
    if not total > 0:
        return {"effective_rank": None, "participation_ratio": None, "n_rows_used": used, "reference": {}}
    return {
        "effective_rank": effective_rank(eigenvalues),
        "participation_ratio": participation_ratio(eigenvalues),
        "rankme": rankme(summary.rows, known_covariance=row_covariance),
        "isotropy": isotropy(eigenvalues),
        "top_share": float(eigenvalues[0] / total),
        "eigenvalues": eigenvalues[:_LISTED_EIGENVALUES].tolist(),
        "n_rows_used": used,
        **_method(summary),
        "reference": spectrum_reference(used, summary.n_features),
    }


def _method(summary: Summary) -> dict[str, Any]:
    """Return how the eigenvalues were found and how many of them are known one by one."""
    found = summary.spectrum
    if found is None:
        rank = min(summary.n_features, _rows_used(summary) - 1)
        return {"method": "eigendecomposition", "n_resolved": rank, "n_test_vectors": None}
    return {"method": "randomised", "n_resolved": found.n_resolved, "n_test_vectors": found.n_vectors}
