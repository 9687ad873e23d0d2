"""From stored pictures to numbers an encoder takes."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["CIFAR10_MEAN", "CIFAR10_STD", "as_floats", "normalized", "unit_floats"]

# Mean and standard deviation of red, green and blue over the 50,000 training pictures of CIFAR-10, in [0, 1];
# a test computes them again.
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


def unit_floats(pictures: Tensor) -> Tensor:
    """Return bytes as float32 in [0, 1]; floats come back as they are."""
    return pictures.to(torch.float32).div_(255) if pictures.dtype == torch.uint8 else pictures


def normalized(pictures: Tensor) -> Tensor:
    """Return pictures in [0, 1] with CIFAR-10's mean and standard deviation of each colour taken out.

    Pictures with other than three channels are only centred at .5 and scaled by .25.
    """
    colours = pictures.shape[1] == len(CIFAR10_MEAN)
    shape = (1, -1, 1, 1)
    mean = torch.tensor(CIFAR10_MEAN if colours else [0.5], device=pictures.device).view(shape)
    std = torch.tensor(CIFAR10_STD if colours else [0.25], device=pictures.device).view(shape)
    return (pictures - mean) / std


def as_floats(inputs: Tensor) -> Tensor:
    """Return inputs as an encoder takes them: bytes become normalised floats, floats come back as they are.

    Parameters
    ----------
    inputs : Tensor of shape (n, n_features) or (n, channels, height, width)
        uint8 pictures are divided by 255 and normalised with CIFAR-10's colour means and deviations.

    Returns
    -------
    Tensor
        Of the same shape, floating point.

    Examples
    --------
    >>> as_floats(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)).flatten().tolist()
    [2.059..., 2.126..., 2.115...]
    """
    if inputs.dtype != torch.uint8:
        return inputs
    return normalized(unit_floats(inputs)) if inputs.ndim == 4 else unit_floats(inputs)
