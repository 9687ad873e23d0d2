"""From a configuration to the parts of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule

from thinshell.errors import InputError
from thinshell.monitoring import GaussianityCallback
from thinshell.objectives import GaussianPrior, Regularized, create_objective
from thinshell.training.batches import Views
from thinshell.training.config import TrainConfig
from thinshell.training.config_errors import told
from thinshell.training.config_sections import SUPERVISED
from thinshell.training.encoders import create_encoder, projection_head
from thinshell.training.modules import ContrastiveModule, SupervisedModule
from thinshell.training.pixels import as_floats
from thinshell.training.randomness import generator_of
from thinshell.training.samples import Samples
from thinshell.training.views import create_views

__all__ = ["module_of", "monitor_of", "views_of"]

# Pairs of views that alignment is measured on: its standard error is then under .01, and CIFAR-10's take 50 MB.
PAIRS = 2000
NO_LABELS = "the data set {!r} does not have; give them (data.labels) or take an objective without, such as infonce"


def views_of(config: TrainConfig, samples: Samples) -> Views | None:
    """Return what makes the views."""
    chosen = config.views
    if chosen is None:
        return None
    views = told("views", lambda: create_views(chosen.name, samples=samples, **chosen.options))
    labels = None if samples.train_labels is None else samples.train_labels[:2]
    told("views", lambda: views(samples.train[:2], labels, generator_of(config.seed, "tried out")))
    return views


def module_of(config: TrainConfig, samples: Samples, recipe: Mapping[str, Any]) -> LightningModule:
    """Return encoder, head and objective; `recipe` holds the arguments of ``create_encoder``."""
    encoder = told("encoder", lambda: _tried_out(create_encoder(**recipe, seed=config.seed), samples))
    how = config.optimizer
    steps_per_epoch = len(samples.train) // config.batch_size
    optimizer = {
        "optimizer": how.name,
        "learning_rate": how.learning_rate,
        "weight_decay": how.weight_decay,
        "momentum": how.momentum,
        "schedule": how.schedule,
        "warmup_steps": round(how.warmup_epochs * steps_per_epoch),
    }
    if config.objective.name == SUPERVISED:
        if samples.n_classes is None:
            raise InputError(f"objective: {SUPERVISED} needs labels, which {NO_LABELS.format(samples.name)}")
        return SupervisedModule(encoder, samples.n_classes, **optimizer, seed=config.seed)
    width = int(encoder.n_features)  # type: ignore[arg-type]
    shape = config.head
    head = None if shape is None else projection_head(width, **shape.model_dump(), seed=config.seed)
    return ContrastiveModule(encoder, _objective(config, samples), head=head, **optimizer)


def _tried_out(encoder: torch.nn.Module, samples: Samples) -> torch.nn.Module:
    """Return the encoder once it has taken two rows: what does not fit is told before anything is written."""
    encoder.eval()
    with torch.no_grad():
        encoder(samples.train[:2])
    return encoder.train()


def _objective(config: TrainConfig, samples: Samples) -> torch.nn.Module:
    if config.objective.name == "supcon" and samples.train_labels is None:
        raise InputError(f"objective: supcon needs labels, which {NO_LABELS.format(samples.name)}")
    objective = create_objective(config.objective.name, **config.objective.options)
    if config.regularizer is None:
        return objective
    return Regularized(objective, GaussianPrior(**config.regularizer.options))


def monitor_of(config: TrainConfig, samples: Samples, views: Views | None) -> list[GaussianityCallback]:
    """Return the callback that measures the test rows, if one is wanted."""
    if config.monitor is None:
        return []
    how = config.monitor
    return [
        GaussianityCallback(
            samples.test,
            pair=_pair(samples, views, config.seed),
            every_n_epochs=how.every_n_epochs,
            layers=how.layers,
            normalize=how.normalize,
            samples_per_test=how.samples_per_test,
            repeats=how.repeats,
            seed=config.seed,
            transform=as_floats,
        )
    ]


def _pair(samples: Samples, views: Views | None, seed: int) -> tuple[torch.Tensor, ...] | None:
    """Return two views of the first test rows, made once: alignment is then of the same pairs every time."""
    if views is None:
        return None
    labels = None if samples.test_labels is None else samples.test_labels[:PAIRS]
    pair = views(samples.test[:PAIRS], labels, generator_of(seed, "monitor"))
    return pair if len(pair) == 2 else None
