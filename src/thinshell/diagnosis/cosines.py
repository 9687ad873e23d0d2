"""Directions on the sphere: cosines of random and of positive pairs beside the law of uniform directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from thinshell.diagnosis.positives import PositivePairs
from thinshell.diagnosis.references import directions_reference
from thinshell.sketch import Summary
from thinshell.statistics.cosines import (
    negative_pair_cosines,
    sphere_cosine_cdf,
    sphere_cosine_quantiles,
)
from thinshell.statistics.sphere import uniformity

__all__ = ["sphere_section"]

# Rows whose pairs are compared: two million pairs put the standard error of the mean cosine near 1e-3 / sqrt(d).
_PAIR_ROWS = 2048
# Pairs whose cosines are summarised: their mean and quantiles are then known to about 1/400 of their spread.
_PAIRS = 200_000
_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
# Bins over what random pairs and the middle 99.9 % of uniform directions span; positive pairs beyond add bins of the
# same width, up to the larger number.
_BINS, _MOST_BINS = 60, 240
_MIDDLE = (0.0005, 0.9995)


def sphere_section(summary: Summary, seed: int, positives: PositivePairs | None) -> dict[str, Any]:
    """Return the section `sphere`, drawing pairs of rows with `seed`."""
    rows = summary.rows[summary.rows.any(axis=1)][:_PAIR_ROWS]
    section: dict[str, Any] = {
        "mean_direction_norm": float(np.linalg.norm(summary.mean_direction)),
        "uniformity": None,
        "uniformity_t": 2.0,
        "cosine": None,
        "positive": None,
        "n_rows_used": len(rows),
        "reference": directions_reference(summary.n_samples, summary.n_features),
    }
    random = np.empty(0)
    if len(rows) >= 2:
        random = np.clip(negative_pair_cosines(rows, max_pairs=_PAIRS, rng=np.random.default_rng([seed, 2])), -1.0, 1.0)
        section["uniformity"] = uniformity(rows)
    partners = np.empty(0) if positives is None else positives.cosines
    n_bins, ends = _bins(random, partners, summary.n_features)
    if len(random):
        section["cosine"] = _cosine(random, n_bins, ends)
        edges = section["cosine"]["histogram"]["edges"]
        expected = len(random) * np.diff(sphere_cosine_cdf(summary.n_features, _open_below(edges)))
        section["cosine"]["histogram"]["expected"] = expected
    if positives is not None:
        section["positive"] = {
            "cosine": _cosine(partners, n_bins, ends) if len(partners) else None,
            # |u - v|^2 of unit rows.
            "alignment": float(2.0 - 2.0 * partners.mean()) if len(partners) else None,
            "n_left_out": positives.n_left_out,
            "paths": positives.paths,
        }
    return section


def _bins(random: np.ndarray, partners: np.ndarray, d: int) -> tuple[int, tuple[float, float]]:
    """Return how many bins there are between which ends."""
    ends = sphere_cosine_quantiles(d, _MIDDLE) if d > 1 else np.array([-1.0, 1.0])
    narrow, all_of_them = np.concatenate([ends, random]), np.concatenate([ends, random, partners])
    low, high = float(all_of_them.min()), float(all_of_them.max())
    n_bins = round(_BINS * (high - low) / float(np.ptp(narrow)))
    return min(n_bins, _MOST_BINS), (low, high)


def _open_below(edges: np.ndarray) -> np.ndarray:
    """Let the lowest bin hold what lies on its lower edge: at -1, half of all cosines in one dimension."""
    return np.where(edges <= -1.0, -2.0, edges)


def _cosine(cosines: np.ndarray, n_bins: int, ends: tuple[float, float]) -> dict[str, Any]:
    counts, edges = np.histogram(cosines, bins=n_bins, range=ends)
    return {
        "mean": float(cosines.mean()),
        "std": float(cosines.std()),
        "n_pairs": len(cosines),
        "quantiles": dict(zip(map(str, _LEVELS), np.quantile(cosines, _LEVELS).tolist(), strict=True)),
        "histogram": {"edges": edges, "counts": counts},
    }
