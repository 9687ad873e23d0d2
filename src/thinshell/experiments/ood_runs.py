"""The rows of one space for the experiment `ood`: pictures read, embedded and handed to the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from thinshell.errors import InputError
from thinshell.experiments.cifar_data import cifar_samples
from thinshell.experiments.cifar_settings import layer_words
from thinshell.experiments.ood_encoders import trained_module
from thinshell.experiments.ood_scores import Rows, space_result
from thinshell.experiments.ood_sets import out_sets
from thinshell.training import Samples, embed

if TYPE_CHECKING:
    from thinshell.experiments.context import Context
    from thinshell.experiments.ood import OodSettings

__all__ = ["space_part"]

PIXEL_LAYER = "raw pixels: 3,072 bytes from 0 to 1, as float32"


def space_part(
    settings: OodSettings, context: Context, kind: str, layer: str, kept: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Measure every score in one space; plain numbers only.

    Parameters
    ----------
    settings : OodSettings
    context : Context
    kind : {"contrastive", "supervised", "pixels"}
    layer : {"projection", "representation", "pixels"}
    kept : mapping or None
        What ``encoder_part`` returned; None for pixels.

    Returns
    -------
    dict
        What ``space_result`` returns, with `layer`, `data`, `sets` (words and number of pictures), `missing` and, for
        a classifier, its `accuracy` on the test pictures.

    Raises
    ------
    InputError
        If CIFAR-10 has no labels or pictures cannot be read.
    """
    samples = cifar_samples(context.data_dir, settings.training.n_train, settings.training.n_test)
    if samples.train_labels is None:
        raise InputError("this experiment needs the classes of CIFAR-10, got pictures without labels")
    sets, missing = out_sets(
        samples.test.numpy(),
        data_dir=context.data_dir,
        cifar100_dir=settings.cifar100_dir,
        n=settings.n_out,
        blur_sigmas=settings.blur_sigmas,
        seed=context.seed,
    )
    pictures = {"train": samples.train.numpy(), "test": samples.test.numpy()}
    pictures |= {one.name: one.pictures for one in sets}
    module = None if kept is None else trained_module(settings.training, context, kind, kept)
    embedded = {name: _rows(module, layer, part) for name, part in pictures.items()}
    logits = _logits(module, pictures) if kind == "supervised" else None
    train, test = embedded.pop("train"), embedded.pop("test")
    rows = Rows(train, samples.train_labels.numpy(), test, embedded, logits)
    result = space_result(
        rows,
        covariance=settings.covariance,
        n_neighbours=min(settings.n_neighbours, len(train)),
        n_bootstrap=settings.n_bootstrap,
        seed=context.seed,
    )
    return {
        "kind": kind,
        "layer": layer,
        "layer_words": layer_words(settings.training).get(layer, PIXEL_LAYER),
        "data": {"name": samples.name, **samples.facts},
        "sets": {one.name: {"words": one.words, "n": len(one.pictures)} for one in sets},
        "missing": missing,
        "accuracy": None if logits is None else _accuracy(logits["test"], samples),
        **result,
    }


def _rows(module: Any, layer: str, pictures: np.ndarray) -> np.ndarray:
    if module is None:
        return pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    encoder = module.encoder if layer == "projection" else module.encoder.backbone
    return embed(encoder, pictures)


def _logits(module: Any, pictures: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    classifier = torch.nn.Sequential(module.trunk, module.head)
    return {name: embed(classifier, part) for name, part in pictures.items() if name != "train"}


def _accuracy(logits: np.ndarray, samples: Samples) -> float | None:
    labels = samples.test_labels
    return None if labels is None else float((logits.argmax(axis=1) == labels.numpy()).mean())
