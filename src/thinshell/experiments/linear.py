"""A linear encoder trained by InfoNCE, measured before, while and after."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from thinshell.experiments.context import Part
from thinshell.experiments.synthetic import LinearSettings
from thinshell.monitoring import GaussianityCallback, knn_accuracy, linear_probe_accuracy
from thinshell.objectives.infonce import InfoNCE
from thinshell.training import ContrastiveModule, Samples, create_encoder, embed, generator_of

__all__ = ["LAYER", "downstream", "linear_module", "train_linear"]

# A linear encoder has one layer: it is what the loss sees, without a head.
LAYER = "representation: output of the linear encoder, no projection head"


def linear_module(settings: LinearSettings, seed: int) -> ContrastiveModule:
    """Return an untrained linear encoder with its loss and optimiser.

    Examples
    --------
    >>> from thinshell.experiments.synthetic import GmmSettings
    >>> linear_module(GmmSettings(n_inputs=8, n_features=4), seed=0).encoder.n_features
    4
    """
    encoder = create_encoder(
        "linear", n_inputs=settings.n_inputs, n_features=settings.n_features, seed=seed, bias=settings.bias
    )
    return ContrastiveModule(encoder, InfoNCE(settings.temperature), learning_rate=settings.learning_rate)


def train_linear(
    settings: LinearSettings, samples: Samples, views: Any, part: Part
) -> tuple[dict[str, Any], nn.Module]:
    """Train, measuring the test rows on the way; return the numbers and the trained encoder."""
    seed = part.context.seed
    module = linear_module(settings, seed)
    pair = views(samples.test, samples.test_labels, generator_of(seed, "measured pairs"))
    callback = GaussianityCallback(
        samples.test,
        pair=pair,
        every_n_epochs=settings.every_n_epochs,
        normalize=("none",),
        samples_per_test=settings.samples_per_test,
        repeats=settings.repeats,
        seed=seed,
        max_samples=settings.n_test,
    )
    fitted = part.fit(
        module, samples, views=views, epochs=settings.epochs, batch_size=settings.batch_size, callbacks=[callback]
    )
    records = callback.records
    untrained = linear_module(settings, seed)
    scores = []
    if samples.train_labels is not None:
        scores = [
            {"layer": "inputs", "epoch": None, **downstream(None, samples)},
            {"layer": "representation", "epoch": 0, **downstream(untrained.encoder, samples)},
            {"layer": "representation", "epoch": settings.epochs, **downstream(module.encoder, samples)},
        ]
    numbers = {
        "layer": LAYER,
        "data": {"name": samples.name, **samples.facts},
        "records": records,
        "baseline": records[0],
        "history": fitted.history,
        "training_seconds": fitted.seconds,
        "steps": fitted.steps,
        "downstream": scores,
    }
    return numbers, module.encoder


def downstream(encoder: nn.Module | None, samples: Samples) -> dict[str, float]:
    """Return the frozen kNN (cosine, k = 20) and linear-probe accuracies on the labels of `samples`.

    Without an encoder the inputs themselves are judged.
    """
    train, test = (
        np.asarray(rows.flatten(1)) if encoder is None else embed(encoder, rows)
        for rows in (samples.train, samples.test)
    )
    labelled = (train, samples.train_labels, test, samples.test_labels)
    return {"knn": knn_accuracy(*labelled), "linear_probe": linear_probe_accuracy(*labelled)}
