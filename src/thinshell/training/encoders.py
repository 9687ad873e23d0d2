"""Encoders by name, with weights that depend on the seed alone."""

from __future__ import annotations

import inspect
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from thinshell.errors import InputError, InputTypeError, unknown_name
from thinshell.training.pixels import as_floats
from thinshell.training.randomness import seeded
from thinshell.training.resnet import ResNet

__all__ = ["ENCODERS", "LinearEncoder", "MLPEncoder", "create_encoder", "projection_head"]


class LinearEncoder(nn.Module):
    """One linear layer on flattened inputs; PyTorch's own initialisation.

    Examples
    --------
    >>> LinearEncoder(n_inputs=12, n_features=4)(torch.zeros(2, 3, 2, 2)).shape
    torch.Size([2, 4])
    """

    def __init__(self, n_inputs: int, n_features: int, bias: bool = True) -> None:
        super().__init__()
        self.n_features = n_features
        self.output = nn.Linear(n_inputs, n_features, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, ...) to (n, n_features)."""
        return self.output(as_floats(x).flatten(1))


class MLPEncoder(nn.Module):
    """Two linear layers with one ReLU between them, on flattened inputs; PyTorch's own initialisation.

    Examples
    --------
    >>> MLPEncoder(n_inputs=12, n_features=4, n_hidden=8)(torch.zeros(2, 3, 2, 2)).shape
    torch.Size([2, 4])
    """

    def __init__(self, n_inputs: int, n_features: int, n_hidden: int = 512) -> None:
        super().__init__()
        self.n_features = n_features
        self.hidden = nn.Linear(n_inputs, n_hidden)
        self.output = nn.Linear(n_hidden, n_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, ...) to (n, n_features)."""
        return self.output(torch.relu(self.hidden(as_floats(x).flatten(1))))


def _linear(n_inputs: int | None, n_features: int | None, *, bias: bool = True) -> nn.Module:
    return LinearEncoder(_given("linear", "n_inputs", n_inputs), _given("linear", "n_features", n_features), bool(bias))


def _mlp(n_inputs: int | None, n_features: int | None, *, n_hidden: int = 512) -> nn.Module:
    sizes = (_given("mlp", "n_inputs", n_inputs), _given("mlp", "n_features", n_features))
    return MLPEncoder(*sizes, n_hidden=_given("mlp", "n_hidden", n_hidden))


def _resnet(*blocks: int) -> Callable[..., nn.Module]:
    def make(
        n_inputs: int | None,
        n_features: int | None = None,
        *,
        n_channels: int = 3,
        stem: str = "cifar",
        normalization: str = "batch",
    ) -> nn.Module:
        return ResNet(blocks, (64, 128, 256, 512), n_features, n_channels, stem, normalization)

    return make


def _small_resnet(
    n_inputs: int | None,
    n_features: int | None = None,
    *,
    n_channels: int = 3,
    widths: Sequence[int] = (16, 32, 64),
    blocks: Sequence[int] = (2, 2, 2),
    stem: str = "cifar",
    normalization: str = "batch",
) -> nn.Module:
    if len(widths) != len(blocks) or not widths:
        raise InputError(f"widths and blocks must be equally long, got {len(widths)} and {len(blocks)}")
    return ResNet(tuple(blocks), tuple(widths), n_features, n_channels, stem, normalization)


ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "linear": _linear,
    "mlp": _mlp,
    "resnet18": _resnet(2, 2, 2, 2),
    "resnet34": _resnet(3, 4, 6, 3),
    "small_resnet": _small_resnet,
}


def create_encoder(
    name: str, *, n_inputs: int | None = None, n_features: int | None = None, seed: int = 0, **options: Any
) -> nn.Module:
    """Return a new encoder.

    Parameters
    ----------
    name : str
        ``"linear"`` (option `bias`), ``"mlp"`` (two layers, one ReLU; option `n_hidden`, 512), ``"resnet18"``,
        ``"resnet34"`` or ``"small_resnet"`` (widths 16, 32, 64, two blocks each: what two cores can train; options
        `widths`, `blocks`). Options of the three: `n_channels`, 3; `stem`, ``"cifar"`` for pictures of 32x32 or
        ``"imagenet"`` for larger ones; `normalization`, ``"batch"``, ``"group"`` (of one picture) or ``"none"``.
    n_inputs : int, optional
        Numbers in one input; needed by ``"linear"`` and ``"mlp"``, which flatten pictures.
    n_features : int, optional
        Width of the representation. A ResNet takes it from a linear layer after the pooling; without it the pooled
        channels (512, small: 64) are the representation.
    seed : int
        Chooses the weights; no global generator is touched.
    **options
        Of the encoder.

    Returns
    -------
    torch.nn.Module
        Takes floats or bytes (pictures as bytes are normalised, see :func:`as_floats`); its attribute
        ``n_features`` is the width of what it returns. The layer that gives the output is called ``output``.

    Raises
    ------
    InputError
        For an unknown name or option (with the nearest one), a missing or impossible size.

    Examples
    --------
    >>> encoder = create_encoder("resnet18", n_features=10)
    >>> sum(weights.numel() for weights in encoder.parameters())
    11173962
    """
    if name not in ENCODERS:
        raise unknown_name("encoder", name, ENCODERS)
    allowed = [word for word in inspect.signature(ENCODERS[name]).parameters if not word.startswith("n_inputs")]
    for option in options:
        if option not in allowed:
            raise unknown_name(f"the option of encoder {name!r}", option, allowed)
    if n_features is not None:
        _given(name, "n_features", n_features)
    with seeded(seed, "encoder"):
        try:
            return ENCODERS[name](n_inputs, n_features, **options)
        except RuntimeError as error:
            if "memory" not in str(error):
                raise
            raise InputError(f"encoder {name!r} of this size does not fit into memory; make it narrower") from error


def projection_head(n_inputs: int, n_hidden: int, n_outputs: int, n_layers: int = 2, *, seed: int = 0) -> nn.Module:
    """Return the layers between representation and loss: linear, ReLU, ..., linear.

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
        Widths; with one layer `n_hidden` is not used.
    n_layers : int
        Linear layers, at least 1.
    seed : int
        Chooses the weights.

    Returns
    -------
    torch.nn.Module
        With attribute ``n_features`` = `n_outputs`.

    Raises
    ------
    InputError
        If a size is below 1.

    References
    ----------
    Chen et al. (SimCLR, ICML 2020), Section 2.1: two layers, one ReLU.

    Examples
    --------
    >>> projection_head(512, 256, 128)
    Sequential(
      (0): Linear(in_features=512, out_features=256, bias=True)
      (1): ReLU()
      (2): Linear(in_features=256, out_features=128, bias=True)
    )
    """
    sizes = {"n_inputs": n_inputs, "n_hidden": n_hidden, "n_outputs": n_outputs, "n_layers": n_layers}
    for word, size in sizes.items():
        _given("head", word, size)
    widths = [n_inputs, *[n_hidden] * (n_layers - 1), n_outputs]
    with seeded(seed, "head"):
        layers = [nn.Linear(before, after) for before, after in itertools.pairwise(widths)]
    parts = [part for layer in layers for part in (layer, nn.ReLU())][:-1]
    head = nn.Sequential(*parts)
    head.n_features = n_outputs  # type: ignore[assignment]
    return head


def _given(owner: str, word: str, size: int | None) -> int:
    if size is None:
        raise InputError(f"{word} must be given for {owner!r}, got None; it is the width of a layer")
    try:
        number = operator.index(size)
    except TypeError:
        raise InputTypeError(f"{word} must be a whole number, got {type(size).__name__}") from None
    if number < 1:
        raise InputError(f"{word} must be at least 1, got {number}")
    return number
