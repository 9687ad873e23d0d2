"""Encoders of the CIFAR-10 runs, and what each is trained for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from thinshell.errors import unknown_name
from thinshell.experiments.cifar_settings import PROJECTORS, CifarSettings, MLPSettings, ResNetSettings
from thinshell.objectives import InfoNCE
from thinshell.training import (
    CIFAR10_MEAN,
    CIFAR10_STD,
    ContrastiveModule,
    SimCLRAugmentation,
    SupervisedModule,
    as_floats,
    create_encoder,
    create_views,
    projection_head,
)

__all__ = [
    "Embedder",
    "Recipe",
    "RepresentationClassifier",
    "UnitPixels",
    "contrastive_recipe",
    "mlp_recipe",
    "supervised_recipe",
]

CLASSIFIERS = ("representation", "linear", "relu_linear", "none")
HEADS = ("none", "relu_linear")
PIXELS = ("normalized", "unit")
N_CLASSES = 10
# CIFAR-10: three colours of 32 x 32.
N_INPUTS = 3 * 32 * 32

# Makes the module, always with the same weights; and its views.
Recipe = tuple[Callable[[], Any], Any]


class Embedder(nn.Module):
    """A backbone and a projector on what it returns.

    Parameters
    ----------
    backbone : torch.nn.Module
        With an attribute ``n_features``.
    n_features : int
        Outputs of the projector.
    seed : int
        Chooses its weights.
    projector : str
        "linear"; "mlp", two layers with a ReLU between them, the first as wide as what the backbone returns; or either
        of them with batch normalisation after each layer, "linear_batchnorm" and "mlp_batchnorm".

    References
    ----------
    Chen et al. (SimCLR, ICML 2020), Section 2.1: two layers; their code normalises the batch after each.

    Examples
    --------
    >>> backbone = create_encoder("small_resnet", widths=(4,), blocks=(1,))
    >>> Embedder(backbone, 16, seed=0)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 16])
    """

    def __init__(self, backbone: nn.Module, n_features: int, seed: int, projector: str = "linear") -> None:
        super().__init__()
        self.backbone, self.n_features = backbone, n_features
        kind, _, batchnorm = projector.partition("_")
        width = int(backbone.n_features)  # type: ignore[arg-type]
        self.output = projection_head(width, width, n_features, 2 if kind == "mlp" else 1, seed=seed)
        if batchnorm:
            layers = [layer for one in self.output.children() for layer in _normalized(one)]
            self.output = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to the projection z of shape (n, n_features)."""
        return self.output(self.backbone(x))


def _normalized(layer: nn.Module) -> list[nn.Module]:
    return [layer, nn.BatchNorm1d(layer.out_features)] if isinstance(layer, nn.Linear) else [layer]


class RepresentationClassifier(SupervisedModule):
    """An `Embedder` whose backbone learns the classes through one linear layer on h; its projector stays as it is.

    Parameters
    ----------
    encoder : Embedder
        Its projector is frozen.
    n_classes : int
        At least 2.
    **options
        As for :class:`thinshell.training.SupervisedModule`.

    Examples
    --------
    >>> backbone = create_encoder("small_resnet", widths=(4,), blocks=(1,))
    >>> RepresentationClassifier(Embedder(backbone, 16, seed=0), 10).head
    Linear(in_features=4, out_features=10, bias=True)
    """

    def __init__(self, encoder: Embedder, n_classes: int, **options: Any) -> None:
        super().__init__(encoder, n_classes, **options)
        encoder.output.requires_grad_(False)

    @staticmethod
    def trunk_of(encoder: nn.Module) -> nn.Module:
        """Return the backbone, without the projector."""
        return encoder.backbone  # type: ignore[return-value]


class UnitPixels(nn.Module):
    """An encoder that is given pixels from 0 to 1 where the views are normalised.

    Examples
    --------
    >>> white = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    >>> round(UnitPixels(create_encoder("linear", n_inputs=3, n_features=1)).unit(white).max().item(), 6)
    1.0
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.n_features = encoder, encoder.n_features
        self.register_buffer("mean", torch.tensor(CIFAR10_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(CIFAR10_STD).view(1, 3, 1, 1), persistent=False)

    def unit(self, x: Tensor) -> Tensor:
        """Return pictures, bytes or normalised floats, with values from 0 to 1."""
        return as_floats(x) * self.std + self.mean

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to what the encoder makes of them."""
        return self.encoder(self.unit(x))


def mlp_recipe(settings: MLPSettings, seed: int) -> Recipe:
    """Return the two-layer network that InfoNCE trains.

    Raises
    ------
    InputError
        For unknown `pixels`.

    Examples
    --------
    >>> make, views = mlp_recipe(MLPSettings(n_hidden=8), seed=0)
    >>> make().encoder.n_features
    128
    """
    if settings.pixels not in PIXELS:
        raise unknown_name("pixels", settings.pixels, PIXELS)

    def make() -> ContrastiveModule:
        sizes = {"n_inputs": N_INPUTS, "n_features": settings.n_features, "n_hidden": settings.n_hidden}
        encoder = create_encoder("mlp", seed=seed, **sizes)
        seen = UnitPixels(encoder) if settings.pixels == "unit" else encoder
        return ContrastiveModule(seen, InfoNCE(settings.temperature), **_optimizer(settings))

    return make, SimCLRAugmentation()


def contrastive_recipe(settings: ResNetSettings, seed: int) -> Recipe:
    """Return the residual network that InfoNCE trains.

    Raises
    ------
    InputError
        For an unknown `projector` or `head`.
    """
    _check_projector(settings)
    if settings.head not in HEADS:
        raise unknown_name("head", settings.head, HEADS)

    def make() -> ContrastiveModule:
        head = None
        if settings.head == "relu_linear":
            head = nn.Sequential(nn.ReLU(), projection_head(settings.n_features, 1, settings.n_features, 1, seed=seed))
        objective = InfoNCE(settings.temperature)
        return ContrastiveModule(_embedder(settings, seed), objective, head=head, **_optimizer(settings))

    return make, SimCLRAugmentation()


def supervised_recipe(settings: ResNetSettings, seed: int) -> Recipe:
    """Return the same network, trained by cross-entropy.

    Raises
    ------
    InputError
        For an unknown `projector`, `classifier` or unknown `supervised_views`.
    """
    _check_projector(settings)
    if settings.classifier not in CLASSIFIERS:
        raise unknown_name("classifier", settings.classifier, CLASSIFIERS)

    def make() -> SupervisedModule:
        kind = RepresentationClassifier if settings.classifier == "representation" else SupervisedModule
        module = kind(_embedder(settings, seed), N_CLASSES, seed=seed, **_optimizer(settings))
        if settings.classifier == "relu_linear":
            module.head = nn.Sequential(nn.ReLU(), module.head)
        elif settings.classifier == "none":
            module.head = nn.Identity()
        return module

    views = settings.supervised_views
    return make, None if views == "none" else create_views(views, n_views=1)


def _check_projector(settings: ResNetSettings) -> None:
    if settings.projector not in PROJECTORS:
        raise unknown_name("projector", settings.projector, PROJECTORS)


def _embedder(settings: ResNetSettings, seed: int) -> Embedder:
    own: dict[str, Any] = {"stem": settings.stem, "normalization": settings.normalization}
    if settings.encoder == "small_resnet":
        own |= {"widths": settings.widths, "blocks": settings.blocks}
    backbone = create_encoder(settings.encoder, seed=seed, **own)
    return Embedder(backbone, settings.n_features, seed, settings.projector)


def _optimizer(settings: CifarSettings) -> dict[str, Any]:
    return {"learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay}
