"""One run of a varied choice: trained, then measured under several test protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from thinshell.experiments.context import Part
from thinshell.experiments.linear import LAYER, linear_module, train_linear
from thinshell.experiments.synthetic import BinarySettings, GmmSettings, LaplaceSettings, LinearSettings
from thinshell.monitoring import measure
from thinshell.training import (
    BitFlips,
    GaussianChannel,
    Samples,
    create_encoder,
    create_views,
    embed,
    gaussian_mixture,
    laplace,
    mixture_means,
    sparse_binary,
)

__all__ = ["run_choice"]

MOST_REPEATS = 20


def run_choice(value: float, settings: LinearSettings, samples_per_test: Sequence[int], part: Part) -> dict[str, Any]:
    """Train at these settings and measure the test rows under each protocol; numbers only."""
    seed = part.context.seed
    samples, views = _data(settings, seed)
    trained, encoder = train_linear(settings, samples, views, part)
    untrained = linear_module(settings, seed).encoder
    other = create_encoder(
        "linear", n_inputs=settings.n_inputs, n_features=settings.n_features, seed=seed, bias=not settings.bias
    )
    facts: dict[str, Any] = {
        "layer": LAYER,
        "value": value,
        "epochs": settings.epochs,
        "downstream": trained["downstream"],
    }
    if isinstance(settings, BinarySettings):
        ones = samples.test.sum(dim=1).numpy()
        facts["zero_share"] = float((ones == 0).mean())
        facts["cv_sqrt_ones"] = float(np.sqrt(ones).std() / np.sqrt(ones).mean())
    if isinstance(settings, GmmSettings):
        means = mixture_means(settings.n_components, settings.n_inputs, settings.mean_std, seed)
        facts["means_apart"] = float(torch.pdist(means).mean() / settings.std)
    return {
        **facts,
        "untrained": _measured(untrained, samples, samples_per_test, seed),
        "untrained_other_bias": _measured(other, samples, samples_per_test[:1], seed),
        "trained": _measured(encoder, samples, samples_per_test, seed),
    }


def _measured(encoder: nn.Module, samples: Samples, samples_per_test: Sequence[int], seed: int) -> list[dict[str, Any]]:
    rows = embed(encoder, samples.test)
    found = []
    for size in samples_per_test:
        size = min(size, len(rows))
        repeats = min(MOST_REPEATS, len(rows) // size)
        numbers = measure(rows, samples_per_test=size, repeats=repeats, seed=seed)
        found.append({"samples_per_test": size, "repeats": repeats, **numbers})
    return found


def _data(settings: LinearSettings, seed: int) -> tuple[Samples, Any]:
    sizes = (settings.n_train, settings.n_test, settings.n_inputs)
    if isinstance(settings, BinarySettings):
        return sparse_binary(*sizes, settings.density, seed), BitFlips(settings.flip_probability)
    if isinstance(settings, GmmSettings):
        law = {"n_components": settings.n_components, "mean_std": settings.mean_std, "std": settings.std}
        samples = gaussian_mixture(*sizes, seed=seed, **law)
        return samples, create_views("component_draws", samples=samples)
    assert isinstance(settings, LaplaceSettings)
    channel = GaussianChannel(settings.a, settings.noise_std, settings.dropout, settings.scale_std)
    return laplace(*sizes, seed), channel
