"""Settings of the CIFAR-10 runs: what the paper states, and one place for what it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from thinshell.experiments.settings import as_plain

__all__ = ["RESNET_LAYERS", "CifarSettings", "MLPSettings", "ResNetSettings", "layer_words"]

RESNET_LAYERS = ("representation", "projection")
# What a projector is, in words.
PROJECTORS = {
    "linear": "one linear layer",
    "mlp": "two linear layers with a ReLU between them",
    "linear_batchnorm": "one linear layer with batch normalisation",
    "mlp_batchnorm": "two linear layers with batch normalisation",
}


@dataclass(frozen=True, kw_only=True)
class CifarSettings:
    """What every run on CIFAR-10 shares.

    Attributes
    ----------
    n_train, n_test : int
        Pictures trained on and measured, the first ones in the official order.
    n_features : int
        Output dimension d.
    batch_size, epochs : int
    temperature : float
        Of InfoNCE.
    learning_rate, weight_decay : float
        Of Adam.
    every_n_epochs : int
        Epochs from one measurement to the next.
    samples_per_test, repeats : int
        Of the test protocol.
    n_scored : int
        Training pictures that the kNN and the linear probe learn from.
    precision : str
        "32" or "bf16".
    """

    n_train: int = 50_000
    n_test: int = 10_000
    n_features: int = 128
    batch_size: int = 256
    epochs: int = 100
    temperature: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    every_n_epochs: int = 10
    samples_per_test: int = 250
    repeats: int = 20
    n_scored: int = 10_000
    precision: str = "32"


@dataclass(frozen=True, kw_only=True)
class MLPSettings(CifarSettings):
    """Two linear layers with a ReLU between them.

    Attributes
    ----------
    n_hidden : int
        Width of the hidden layer.
    pixels : str
        What the network is given: "normalized" (mean 0, variance 1 for each colour) or "unit" (from 0 to 1).
    """

    n_hidden: int = 512
    pixels: str = "normalized"


@dataclass(frozen=True, kw_only=True)
class ResNetSettings(CifarSettings):
    """A residual network, then a projector to d numbers: the same for both columns of Table 1.

    Attributes
    ----------
    encoder : str
        "small_resnet" or one of the paper's size, "resnet18".
    widths, blocks : tuple of int
        Channels and blocks of each stage of "small_resnet"; the others have their own.
    stem : str
        What comes before the first stage: "cifar", a 3x3 convolution that keeps the 32x32 pixels, or "imagenet", a 7x7
        convolution and max-pooling, which leave 8x8.
    normalization : str
        After every convolution: "batch", "group" (over groups of 16 channels of one picture) or "none".
    projector : str
        From the pooled channels h to z: "linear"; "mlp", SimCLR's two layers with a ReLU between them; or either with
        batch normalisation after each layer, "linear_batchnorm" and "mlp_batchnorm".
    supervised_views : str
        How pictures are changed for the supervised column: "simclr", "crop_flip" or "none".
    classifier : str
        What learns the classes: "representation", a linear layer on h, so that the projector keeps its first weights;
        "linear" or "relu_linear" on z; or "none", cross-entropy on z itself, of whose d numbers the first ten have a
        class.
    head : str
        From z to what InfoNCE sees: "none", or "relu_linear", a ReLU and a linear layer from d to d.
    layer : str
        Which layer stands beside the paper's numbers, "projection" (z) or "representation" (h); both are measured.
    channels_last : bool
        Memory format of pictures and convolutions.
    supervised_epochs : int
        Of the supervised column; 0 for as many as `epochs`.
    """

    encoder: str = "small_resnet"
    widths: tuple[int, ...] = (8, 16, 32, 128)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    stem: str = "cifar"
    normalization: str = "batch"
    projector: str = "linear"
    supervised_views: str = "crop_flip"
    classifier: str = "linear"
    head: str = "none"
    layer: str = "projection"
    channels_last: bool = True
    supervised_epochs: int = 0

    def of(self, kind: str) -> ResNetSettings:
        """Return what holds for one column, "supervised" or "contrastive"."""
        epochs = (self.supervised_epochs if kind == "supervised" else 0) or self.epochs
        return replace(self, epochs=epochs, supervised_epochs=0)

    def plain_of(self, kind: str) -> dict[str, Any]:
        """Return the same fit for JSON: what a part with the results of one column is kept with."""
        plain = as_plain(self.of(kind))
        del plain["supervised_epochs"]  # `epochs` is what holds
        for foreign in ("head",) if kind == "supervised" else ("classifier", "supervised_views"):
            del plain[foreign]
        return plain


def layer_words(settings: ResNetSettings) -> dict[str, str]:
    """Return what the layers of a run are, in words.

    Examples
    --------
    >>> layer_words(ResNetSettings())["projection"]
    'projection z: one linear layer on h; what the loss or the classifier sees'
    """
    seen = {
        "representation": "what InfoNCE sees; the labels act on h, and leave this layer as it began",
        "none": "what both losses see",
    }.get(settings.classifier, "what the loss or the classifier sees")
    return {
        "representation": "representation h: channels after the pooling, each at least 0 since the last step is a ReLU",
        "projection": f"projection z: {PROJECTORS[settings.projector]} on h; {seen}",
    }
