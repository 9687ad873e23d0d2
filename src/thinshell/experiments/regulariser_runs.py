"""A perceptron trained with or without the Gaussian prior, and the law of what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import kstest
from torch import nn

from thinshell.experiments.context import Part
from thinshell.experiments.regulariser import PriorSettings
from thinshell.monitoring import measure
from thinshell.objectives.gaussian_prior import GaussianPrior
from thinshell.objectives.infonce import InfoNCE
from thinshell.objectives.regularized import Regularized
from thinshell.theory import beta0, eta2_gaussian_channel, radius_cdf, radius_mean
from thinshell.training import (
    ContrastiveModule,
    GaussianChannel,
    Samples,
    create_encoder,
    downstream_scores,
    embed,
    gaussian_mixture,
    generator_of,
)

__all__ = ["run_prior"]

LAYER = "representation: output of a two-layer perceptron, no projection head"
RADIUS_BINS = 60


def run_prior(settings: PriorSettings, part: Part) -> dict[str, Any]:
    """Train at these settings and describe the embeddings of the test rows; numbers only."""
    seed = part.context.seed
    samples = gaussian_mixture(
        settings.n_train,
        settings.n_test,
        settings.n_inputs,
        settings.n_components,
        mean_std=settings.mean_std,
        seed=seed,
    )
    views = GaussianChannel(settings.a, noise_std=0.0, dropout=0.0, scale_std=0.0)
    eta2 = eta2_gaussian_channel(settings.a)
    module = ContrastiveModule(
        _encoder(settings, seed), _objective(settings, eta2), learning_rate=settings.learning_rate, schedule="cosine"
    )
    fitted = part.fit(module, samples, views=views, epochs=settings.epochs, batch_size=settings.batch_size)
    pair = views(samples.test, None, generator_of(seed, "measured pairs"))
    first, second = (embed(module.encoder, view) for view in pair)
    before = _radius(embed(_encoder(settings, seed), pair[0]), settings)
    covariance = np.linalg.eigvalsh(np.cov(first.astype(np.float64), rowvar=False))
    counts, edges = np.histogram(_norms(first), bins=RADIUS_BINS)
    return {
        "layer": LAYER,
        "d": settings.n_features,
        "factor": settings.factor,
        "beta": settings.factor * beta0(settings.n_features, 1 / settings.temperature, eta2),
        "eta2": eta2,
        "lambda_": settings.lambda_,
        "mean_std": settings.mean_std,
        "n_test": settings.n_test,
        "loss": fitted.history[-1]["loss"],
        "steps": fitted.steps,
        **_radius(first, settings),
        "untrained": before,
        "radii": {"counts": counts.tolist(), "edges": edges.tolist()},
        "variance_smallest": float(covariance[0]),
        "variance_largest": float(covariance[-1]),
        "gaussianity": measure(
            first, second, samples_per_test=settings.samples_per_test, repeats=settings.repeats, seed=seed
        ),
        "downstream": _downstream(module.encoder, samples, settings),
    }


def _encoder(settings: PriorSettings, seed: int) -> nn.Module:
    return create_encoder(
        "mlp", n_inputs=settings.n_inputs, n_features=settings.n_features, seed=seed, n_hidden=settings.n_hidden
    )


def _objective(settings: PriorSettings, eta2: float) -> nn.Module:
    contrast = InfoNCE(settings.temperature)
    if not settings.factor:
        return contrast
    prior = GaussianPrior.from_theory(
        settings.n_features, settings.temperature, eta2, settings.lambda_, factor=settings.factor
    )
    return Regularized(contrast, prior)


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows.astype(np.float64), axis=1)


def _radius(rows: np.ndarray, settings: PriorSettings) -> dict[str, float]:
    """Mean, CV and Kolmogorov-Smirnov distance of the radius, as it is and scaled to the mean of its law."""
    radii, d, lambda_ = _norms(rows), settings.n_features, settings.lambda_
    scaled = radii * (radius_mean(d, lambda_) / radii.mean())
    test, shape = (kstest(values, lambda r: radius_cdf(r, d, lambda_)) for values in (radii, scaled))
    return {
        "radius_mean": float(radii.mean()),
        "radius_cv": float(radii.std() / radii.mean()),
        "ks": float(test.statistic),
        "ks_pvalue": float(test.pvalue),
        "ks_shape": float(shape.statistic),
    }


def _downstream(encoder: nn.Module, samples: Samples, settings: PriorSettings) -> dict[str, float] | None:
    # With one Gaussian the labels mean nothing.
    return downstream_scores(encoder, samples) if settings.mean_std else None
