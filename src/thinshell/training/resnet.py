"""Residual networks: a stem for small or for large pictures, basic blocks, global average pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from thinshell.errors import InputError, unknown_name
from thinshell.training.pixels import as_floats

__all__ = ["NORMALIZATIONS", "STEMS", "ResNet"]

STEMS = ("cifar", "imagenet")
# Channels of a group, as in Wu and He (2018), Table 3; layers with fewer are one group.
GROUP_SIZE = 16
NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda n_channels: nn.GroupNorm(max(n_channels // GROUP_SIZE, 1), n_channels),
    "none": lambda n_channels: nn.Identity(),
}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, each normalised, added to the input (or to a 1x1 projection of it)."""

    def __init__(self, n_inputs: int, n_outputs: int, stride: int, normalization: str) -> None:
        super().__init__()
        norm = NORMALIZATIONS[normalization]
        self.conv1 = _convolution(n_inputs, n_outputs, 3, stride)
        self.norm1 = norm(n_outputs)
        self.conv2 = _convolution(n_outputs, n_outputs, 3, 1)
        self.norm2 = norm(n_outputs)
        same = stride == 1 and n_inputs == n_outputs
        projection = nn.Sequential(_convolution(n_inputs, n_outputs, 1, stride), norm(n_outputs))
        self.shortcut = nn.Identity() if same else projection

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_inputs, h, w) to (n, n_outputs, h / stride, w / stride)."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """A residual network of basic blocks.

    Parameters
    ----------
    blocks : sequence of int
        Basic blocks of each stage; every stage but the first halves the picture.
    widths : sequence of int
        Channels of each stage.
    n_features : int or None
        Outputs of a linear layer after the pooling; None for the pooled channels themselves.
    n_channels : int
        Colours of the input.
    stem : str
        What comes before the first stage: "cifar", one 3x3 convolution of stride 1, which keeps pictures of 32x32 as
        large as they are; or "imagenet", one 7x7 convolution of stride 2 and max-pooling of stride 2, which leaves a
        sixteenth of the pixels.
    normalization : str
        After every convolution: "batch", over the pictures of a batch; "group", over groups of 16 channels of one
        picture; or "none".

    Attributes
    ----------
    n_features : int
        Width of the output.

    References
    ----------
    He, Zhang, Ren and Sun (CVPR 2016), Table 1 for the stem "imagenet"; the stem for 32x32 pictures as in Chen et al.
    (SimCLR, ICML 2020), Appendix B.9. Group normalisation: Wu and He (ECCV 2018).

    Raises
    ------
    InputError
        For an unknown `stem` or `normalization`, or (when called) for anything but pictures with `n_channels` colours.

    Examples
    --------
    >>> import torch
    >>> encoder = ResNet(blocks=(1, 1), widths=(4, 8), n_features=None)
    >>> encoder(torch.zeros(2, 3, 32, 32)).shape, encoder.n_features
    (torch.Size([2, 8]), 8)
    """

    def __init__(
        self,
        blocks: Sequence[int],
        widths: Sequence[int],
        n_features: int | None,
        n_channels: int = 3,
        stem: str = "cifar",
        normalization: str = "batch",
    ) -> None:
        super().__init__()
        if stem not in STEMS:
            raise unknown_name("stem", stem, STEMS)
        if normalization not in tuple(NORMALIZATIONS):  # a tuple takes a list from a file, too, and says no
            raise unknown_name("normalization", normalization, NORMALIZATIONS)
        self.n_channels = n_channels
        size, stride = (3, 1) if stem == "cifar" else (7, 2)
        convolution = _convolution(n_channels, widths[0], size, stride)
        self.stem = nn.Sequential(convolution, NORMALIZATIONS[normalization](widths[0]), nn.ReLU())
        if stem == "imagenet":
            self.stem.append(nn.MaxPool2d(3, stride=2, padding=1))
        stages, before = [], widths[0]
        for place, (n_blocks, width) in enumerate(zip(blocks, widths, strict=True)):
            strides = [1 if place == 0 else 2] + [1] * (n_blocks - 1)
            inputs = [before] + [width] * (n_blocks - 1)
            pairs = zip(inputs, strides, strict=True)
            stages.append(nn.Sequential(*(BasicBlock(n, width, stride, normalization) for n, stride in pairs)))
            before = width
        self.stages = nn.Sequential(*stages)
        self.output = nn.Identity() if n_features is None else nn.Linear(before, n_features)
        self.n_features = before if n_features is None else n_features

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (n, n_channels, h, w), floats or bytes, to (n, n_features)."""
        if x.ndim != 4 or x.shape[1] != self.n_channels:
            raise InputError(
                f"a residual network takes pictures of shape (n, {self.n_channels}, height, width), got "
                f"{tuple(x.shape)}; for rows of numbers take the encoder linear or mlp"
            )
        return self.output(self.stages(self.stem(as_floats(x))).mean(dim=(2, 3)))


def _convolution(n_inputs: int, n_outputs: int, size: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(n_inputs, n_outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")  # He et al. (ICCV 2015)
    return layer
