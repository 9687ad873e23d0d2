"""Augmentations of pictures, a whole batch at a time, on the batch's own device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kornia.augmentation as K
import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.pixels import normalized, unit_floats
from thinshell.training.randomness import seed_global

__all__ = ["CropFlip", "SimCLRAugmentation"]

# Aspect ratios of a random resized crop: Szegedy et al. (CVPR 2015), kept by every recipe since.
RATIO = (3 / 4, 4 / 3)


class _Pictures:
    """What both recipes share: the number of views, bytes to floats, kornia under a generator."""

    def __init__(self, steps: K.AugmentationSequential, n_views: int, options: dict[str, Any]) -> None:
        if n_views < 1:
            raise InputError(f"n_views must be at least 1, got {n_views}")
        self._steps, self._n_views = steps, n_views
        self._options = {**options, "n_views": n_views}

    def __call__(self, batch: Tensor, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return views of pictures (n, 3, height, width), bytes or floats in [0, 1]; `labels` are not used."""
        pictures = _checked(batch)
        with _kornia_draws_from(generator, pictures.device):
            return tuple(normalized(self._steps(pictures)) for _ in range(self._n_views))

    def describe(self) -> dict[str, Any]:
        """Return the name and the parameters, fit for JSON."""
        return dict(self._options)


class SimCLRAugmentation(_Pictures):
    """Random resized crop, horizontal flip, colour jitter, grey: two views of each picture.

    Parameters
    ----------
    size : int
        Height and width of a view.
    scale : tuple of float
        Share of the picture's area that a crop takes, from and to.
    jitter : tuple of four floats
        Strength of brightness, contrast, saturation and hue.
    jitter_probability : float
        That a picture is jittered at all. The paper gives the strengths only; .8 is SimCLR's.
    grayscale : float
        Probability that a picture loses its colours.
    n_views : int
        Views of each picture, 2 for a contrastive objective.

    Notes
    -----
    There is no blur. The views are normalised with CIFAR-10's colour means and deviations (:data:`CIFAR10_MEAN`,
    :data:`CIFAR10_STD`). kornia draws one order of the four jitters a batch; torchvision draws one a picture.

    Raises
    ------
    InputError
        If a parameter is out of its range, or (when called) the batch is not made of colour pictures.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5, CIFAR-10: crop scale (.2, 1), jitter (.8, .8, .8, .2), grey .2, no blur;
    Chen et al. (SimCLR, ICML 2020), Appendix A.

    Examples
    --------
    >>> views = SimCLRAugmentation()
    >>> pictures = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    >>> first, second = views(pictures, None, torch.Generator().manual_seed(0))
    >>> first.shape, first.dtype, first.equal(second)
    (torch.Size([4, 3, 32, 32]), torch.float32, False)
    """

    def __init__(
        self,
        size: int = 32,
        scale: tuple[float, float] = (0.2, 1.0),
        jitter: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 0.2),
        jitter_probability: float = 0.8,
        grayscale: float = 0.2,
        n_views: int = 2,
    ) -> None:
        if size < 1:
            raise InputError(f"size must be at least 1, got {size}")
        if len(scale) != 2 or not 0 < scale[0] <= scale[1] <= 1:
            raise InputError(f"scale must be two shares with 0 < from <= to <= 1, got {tuple(scale)}")
        if len(jitter) != 4 or min(jitter) < 0 or jitter[3] > 0.5:
            raise InputError(
                f"jitter must be four strengths of at least 0 (brightness, contrast, saturation, hue up to .5), "
                f"got {tuple(jitter)}"
            )
        for name, value in (("jitter_probability", jitter_probability), ("grayscale", grayscale)):
            if not 0 <= value <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {value}")
        steps = K.AugmentationSequential(
            # "resample" crops all pictures in one call; "slice" goes through them one by one.
            K.RandomResizedCrop((size, size), scale=(scale[0], scale[1]), ratio=RATIO, cropping_mode="resample"),
            K.RandomHorizontalFlip(p=0.5),
            K.ColorJitter(*jitter, p=jitter_probability),
            K.RandomGrayscale(p=grayscale),
        )
        options = {
            "name": "simclr",
            "size": size,
            "scale": list(scale),
            "jitter": list(jitter),
            "jitter_probability": jitter_probability,
            "grayscale": grayscale,
        }
        super().__init__(steps, n_views, options)


class CropFlip(_Pictures):
    """A crop out of the padded picture and a horizontal flip: the usual view for supervised training.

    Parameters
    ----------
    size : int
        Height and width of a view.
    padding : int
        Black pixels added on each side before the crop, at least 0.
    n_views : int
        Views of each picture, 1 for supervised training.

    Raises
    ------
    InputError
        If a parameter is out of its range, or (when called) the batch is not made of colour pictures.

    References
    ----------
    He, Zhang, Ren and Sun (CVPR 2016), Section 4.2: padding 4, CIFAR-10.

    Examples
    --------
    >>> pictures = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    >>> [view.shape for view in CropFlip()(pictures, None, torch.Generator().manual_seed(0))]
    [torch.Size([4, 3, 32, 32])]
    """

    def __init__(self, size: int = 32, padding: int = 4, n_views: int = 1) -> None:
        if size < 1 or padding < 0:
            raise InputError(f"size must be at least 1 and padding at least 0, got {size} and {padding}")
        steps = K.AugmentationSequential(
            K.RandomCrop((size, size), padding=padding, cropping_mode="resample"), K.RandomHorizontalFlip(p=0.5)
        )
        super().__init__(steps, n_views, {"name": "crop_flip", "size": size, "padding": padding})


def _checked(batch: Tensor) -> Tensor:
    if batch.ndim != 4 or batch.shape[1] != 3:
        raise InputError(f"pictures must have the shape (n, 3, height, width), got {tuple(batch.shape)}")
    if batch.dtype != torch.uint8 and not (float(batch.min()) >= 0 and float(batch.max()) <= 1):
        raise InputError(
            f"pictures must be uint8 or floats in [0, 1], got values from {float(batch.min()):.3g} to "
            f"{float(batch.max()):.3g}; normalise after augmenting, not before"
        )
    return unit_floats(batch)


@contextmanager
def _kornia_draws_from(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's global generator from `generator`, for kornia knows no other; put it back afterwards."""
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        seed_global(seed, device)
        yield
