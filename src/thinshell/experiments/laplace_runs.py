"""The paper's Laplace experiment at one dimension and batch size: norms, coordinates and cosines of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thinshell.experiments.context import Part
from thinshell.experiments.linear import LAYER, train_linear
from thinshell.experiments.synthetic import LaplaceSettings
from thinshell.statistics import chi_cv, negative_cosines, pair_cosines
from thinshell.statistics.cosines import CosineSummary
from thinshell.training import GaussianChannel, embed, generator_of, laplace

__all__ = ["expected_positive_cosine", "run_laplace"]

# Var of Laplace(0, 1).
LAPLACE_VARIANCE = 2.0
NORM_BINS = 60
COSINE_BINS = 200
NEGATIVE_PAIRS = 200_000


def expected_positive_cosine(settings: LaplaceSettings) -> float:
    """Return the cosine of two views of one row to expect of a linear map that mixes many coordinates.

    That is the squared correlation of a coordinate of a view with its source:
    ``(1 - p) a^2 v / (a^2 v + 1 - a^2 + s^2)`` with dropout p, noise s and v = 2 the variance of the source. The
    scaling of a view changes no cosine. By Proposition 1 it is close to the most that an encoder of isotropic law can
    reach.

    References
    ----------
    Betser et al. (ICLR 2026), Proposition 1.

    Examples
    --------
    >>> round(expected_positive_cosine(LaplaceSettings()), 3)
    0.463
    """
    signal = settings.a**2 * LAPLACE_VARIANCE
    noise = 1 - settings.a**2 + settings.noise_std**2
    return (1 - settings.dropout) * signal / (signal + noise)


def run_laplace(settings: LaplaceSettings, part: Part) -> dict[str, Any]:
    """Train at these settings and describe the embeddings of the test rows; numbers only."""
    seed = part.context.seed
    samples = laplace(settings.n_train, settings.n_test, settings.n_inputs, seed)
    views = GaussianChannel(settings.a, settings.noise_std, settings.dropout, settings.scale_std)
    trained, encoder = train_linear(settings, samples, views, part)
    first, second = (embed(encoder, view) for view in views(samples.test, None, generator_of(seed, "pairs shown")))
    norms = np.linalg.norm(embed(encoder, samples.test).astype(np.float64), axis=1)
    counts, edges = np.histogram(norms, bins=NORM_BINS)
    last = trained["records"][-1]
    return {
        "layer": LAYER,
        "d": settings.n_features,
        "batch_size": settings.batch_size,
        "steps": trained["steps"],
        "loss": trained["history"][-1]["loss"],
        "trained": last,
        "untrained": trained["baseline"],
        "cv_chi": chi_cv(settings.n_features),
        "norms": {"counts": counts.tolist(), "edges": edges.tolist()},
        "positive": _plain(pair_cosines(first, second, n_bins=COSINE_BINS)),
        "negative": _plain(negative_cosines(first, second, max_pairs=NEGATIVE_PAIRS, rng=seed, n_bins=COSINE_BINS)),
        "expected_positive": expected_positive_cosine(settings),
    }


def _plain(summary: CosineSummary) -> Mapping[str, Any]:
    return {
        "mean": summary.mean,
        "std": summary.std,
        "quantiles": {str(level): value for level, value in summary.quantiles.items()},
        "counts": summary.counts.tolist(),
    }
