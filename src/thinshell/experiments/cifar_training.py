"""Encoders of CIFAR-10 trained for one column or one curve, measured before, while and after."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from thinshell._devices import choose_device
from thinshell.errors import unknown_name
from thinshell.experiments.cifar_data import cifar_samples
from thinshell.experiments.cifar_models import contrastive_recipe, mlp_recipe, supervised_recipe
from thinshell.experiments.cifar_settings import RESNET_LAYERS, CifarSettings, MLPSettings, ResNetSettings
from thinshell.experiments.context import Part
from thinshell.monitoring import GaussianityCallback
from thinshell.training import Samples, SimCLRAugmentation, downstream_scores, generator_of

__all__ = ["MLP_LAYER", "train_mlp", "train_resnet"]

MLP_LAYER = "representation: output of the second layer, which the loss sees; no projection head"
RECIPES = {"contrastive": contrastive_recipe, "supervised": supervised_recipe}
# Test pictures whose two views give the alignment: enough for its second digit, cheap beside an epoch.
N_PAIRS = 2_000

Layers = Mapping[str, Callable[[Any, Tensor], Tensor]]


def train_mlp(settings: MLPSettings, part: Part) -> dict[str, Any]:
    """Train the two-layer network by InfoNCE; return numbers only.

    Raises
    ------
    InputError
        For unknown pixels, or where CIFAR-10 cannot be read.
    """
    make, views = mlp_recipe(settings, part.context.seed)
    samples = cifar_samples(part.context.data_dir, settings.n_train, settings.n_test)
    return {"layer": MLP_LAYER, **_trained(settings, samples, views, make, {"representation": _encoded}, part)}


def train_resnet(settings: ResNetSettings, kind: str, part: Part) -> dict[str, Any]:
    """Train one column of Table 1, "supervised" or "contrastive"; return numbers only.

    Raises
    ------
    InputError
        For an unknown layer, classifier, head, encoder or views, or where CIFAR-10 cannot be read.
    """
    if settings.layer not in RESNET_LAYERS:
        raise unknown_name("layer", settings.layer, RESNET_LAYERS)
    make, views = RECIPES[kind](settings, part.context.seed)
    samples = cifar_samples(part.context.data_dir, settings.n_train, settings.n_test)
    layers = {"representation": _pooled, "projection": _encoded}
    speed = {"channels_last": settings.channels_last, "compile_encoder": True}
    return _trained(settings, samples, views, make, layers, part, **speed)


def _encoded(module: Any, x: Tensor) -> Tensor:
    return module.encoder(x)


def _pooled(module: Any, x: Tensor) -> Tensor:
    return module.encoder.backbone(x)


def _trained(
    settings: CifarSettings,
    samples: Samples,
    views: Any,
    make: Callable[[], Any],
    layers: Layers,
    part: Part,
    **options: Any,
) -> dict[str, Any]:
    seed, module = part.context.seed, make()
    pairs = SimCLRAugmentation()(samples.test[:N_PAIRS], None, generator_of(seed, "measured pairs"))
    callback = GaussianityCallback(
        samples.test,
        pair=pairs,
        every_n_epochs=settings.every_n_epochs,
        layers=layers,
        samples_per_test=settings.samples_per_test,
        repeats=settings.repeats,
        seed=seed,
        max_samples=settings.n_test,
    )
    plan = {"epochs": settings.epochs, "batch_size": settings.batch_size, "precision": settings.precision}
    initial = _digest(module.encoder)
    fitted = part.fit(module, samples, views=views, callbacks=[callback], **plan, **options)
    scores = [
        {"layer": layer, "epoch": epoch, **score}
        for epoch, one in ((0, make()), (settings.epochs, module))
        for layer, score in _scores(one, layers, samples, settings.n_scored, part.context.device).items()
    ]
    return {
        "data": {"name": samples.name, **samples.facts},
        "initial_weights": initial,
        "n_weights": sum(weights.numel() for weights in module.encoder.parameters()),
        "records": callback.records,
        "history": fitted.history,
        "training_seconds": fitted.seconds,
        "steps": fitted.steps,
        "measuring_share": callback.cost_share,
        "downstream": scores,
    }


def _scores(module: Any, layers: Layers, samples: Samples, n_scored: int, device: str) -> dict[str, dict[str, float]]:
    """Judge each layer, frozen, by the classes: kNN (cosine, k = 20) and linear probe."""
    place = choose_device(device)
    return {
        name: downstream_scores(_Layer(module, layer), samples, n_train=n_scored, device=place)
        for name, layer in layers.items()
    }


class _Layer(nn.Module):
    """One layer of a module as a module of its own."""

    def __init__(self, module: nn.Module, layer: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.module, self._layer = module, layer

    def forward(self, x: Tensor) -> Tensor:
        return self._layer(self.module, x)


def _digest(encoder: nn.Module) -> str:
    """SHA-256 of all weights: columns that began alike have the same."""
    digest = hashlib.sha256()
    for weights in encoder.state_dict().values():
        digest.update(weights.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
