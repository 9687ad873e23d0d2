"""A linear encoder trained by InfoNCE, measured before, while and after."""

from __future__ import annotations

from typing import Any

from torch import nn

from thinshell.experiments.context import Part
from thinshell.experiments.synthetic import LinearSettings
from thinshell.monitoring import GaussianityCallback
from thinshell.objectives.infonce import InfoNCE
from thinshell.training import ContrastiveModule, Samples, create_encoder, downstream_scores, generator_of

__all__ = ["LAYER", "linear_module", "train_linear"]

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
            {"layer": "inputs", "epoch": None, **downstream_scores(None, samples)},
            {"layer": "representation", "epoch": 0, **downstream_scores(untrained.encoder, samples)},
            {"layer": "representation", "epoch": settings.epochs, **downstream_scores(module.encoder, samples)},
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
