"""Augmentations of pictures: ranges, shares, determinism, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from thinshell.errors import InputError
from thinshell.training import CIFAR10_MEAN, CIFAR10_STD, CropFlip, SimCLRAugmentation, as_floats, create_views
from thinshell.training.randomness import generator_of

MEAN = torch.tensor(CIFAR10_MEAN).view(1, 3, 1, 1)
STD = torch.tensor(CIFAR10_STD).view(1, 3, 1, 1)


def back(view: torch.Tensor) -> torch.Tensor:
    """Return a view in [0, 1]."""
    return view * STD + MEAN


def test_bytes_and_floats_give_the_same_views(pictures) -> None:
    views = SimCLRAugmentation()
    from_bytes = views(pictures, None, generator_of(0, "views"))
    from_floats = views(pictures.float() / 255, None, generator_of(0, "views"))
    for first, second in zip(from_bytes, from_floats, strict=True):
        assert first.shape == (40, 3, 32, 32)
        assert first.dtype == torch.float32
        assert torch.allclose(first, second, atol=1e-6)
        assert back(first).min() >= -1e-5
        assert back(first).max() <= 1 + 1e-5


def test_the_generator_decides_and_global_ones_are_left_alone(pictures) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    views = SimCLRAugmentation()
    first, again, other = (views(pictures, None, generator_of(0, "views", step)) for step in (1, 1, 2))
    assert first[0].equal(again[0])
    assert first[1].equal(again[1])
    assert not first[0].equal(other[0])
    assert not first[0].equal(first[1])
    assert torch.random.get_rng_state().equal(before)


def nothing(**but: object) -> SimCLRAugmentation:
    """Return the augmentation with every part switched off but those given, and no flip in its crops' way."""
    off = {"scale": (1.0, 1.0), "jitter": (0.0, 0.0, 0.0, 0.0), "jitter_probability": 0.0, "grayscale": 0.0}
    return SimCLRAugmentation(**{**off, **but})  # type: ignore[arg-type]


def test_half_the_pictures_are_flipped() -> None:
    # A square crop of the whole picture is the picture; other aspect ratios do not fit into it and fall back to it.
    ramp = torch.linspace(0, 1, 32).expand(2000, 3, 32, 32).contiguous()
    view = back(CropFlip(padding=0)(ramp, None, generator_of(0, "views"))[0])
    flipped = view[:, 0, 0, 0] > view[:, 0, 0, -1]
    assert scipy.stats.binomtest(int(flipped.sum()), 2000, 0.5).pvalue > 1e-3
    straight = view[~flipped]
    assert torch.allclose(straight, ramp[: len(straight)], atol=1e-4)


def test_a_fifth_is_grey() -> None:
    colours = torch.rand(2000, 3, 1, 1, generator=generator_of(0, "colours")).expand(2000, 3, 32, 32).contiguous()
    view = back(nothing(grayscale=0.2)(colours, None, generator_of(0, "views"))[0])[:, :, 16, 16]
    grey = (view.amax(1) - view.amin(1)) < 1e-4
    assert scipy.stats.binomtest(int(grey.sum()), 2000, 0.2).pvalue > 1e-3


def test_four_fifths_are_jittered_within_the_range() -> None:
    flat = torch.full((2000, 3, 32, 32), 0.5)
    view = back(nothing(jitter=(0.8, 0, 0, 0), jitter_probability=0.8)(flat, None, generator_of(0, "views"))[0])
    level = view[:, 0, 16, 16].numpy()
    assert scipy.stats.binomtest(int((np.abs(level - 0.5) > 1e-4).sum()), 2000, 0.8).pvalue > 1e-3
    # brightness is multiplied by a number between .2 and 1.8, cut at 1
    assert level.min() == pytest.approx(0.1, abs=0.01)
    assert level.max() == pytest.approx(0.9, abs=0.01)


def test_crops_cover_the_shares_of_the_area() -> None:
    # On a picture whose values are coordinates, a crop shows its own size: width = range of x.
    x = torch.linspace(0, 1, 32).expand(32, 32)
    pictures = torch.stack([x, x.T, x]).expand(1500, 3, 32, 32).contiguous()
    view = back(nothing(scale=(0.2, 1.0))(pictures, None, generator_of(0, "views"))[0])
    width = view[:, 0].flatten(1).amax(1) - view[:, 0].flatten(1).amin(1)
    height = view[:, 1].flatten(1).amax(1) - view[:, 1].flatten(1).amin(1)
    area = (width * height).numpy()
    assert 0.15 < area.min() < 0.24
    assert 0.85 < area.max() <= 1.001
    ratio = (width / height).numpy()
    assert ratio.min() > 0.6
    assert ratio.max() < 1.6


def test_crop_flip_moves_by_up_to_the_padding() -> None:
    dot = torch.zeros(2000, 3, 32, 32)
    dot[:, :, 16, 16] = 1.0
    view = back(CropFlip(padding=4)(dot, None, generator_of(0, "views"))[0])[:, 0]
    place = view.flatten(1).argmax(1)
    rows = (place // 32).numpy() - 16
    assert rows.min() == -4
    assert rows.max() == 4
    assert scipy.stats.chisquare(np.bincount(rows + 4, minlength=9)).pvalue > 1e-4


def test_number_of_views(pictures) -> None:
    assert len(SimCLRAugmentation(n_views=1)(pictures, None, generator_of(0, "v"))) == 1
    assert len(CropFlip(n_views=2)(pictures, None, generator_of(0, "v"))) == 2
    assert CropFlip().describe() == {"name": "crop_flip", "size": 32, "padding": 4, "n_views": 1}
    assert create_views("simclr", grayscale=0.0).describe()["grayscale"] == 0.0  # type: ignore[attr-defined]


def test_other_sizes() -> None:
    pictures = torch.randint(256, (4, 3, 48, 40), dtype=torch.uint8)
    assert SimCLRAugmentation(size=24)(pictures, None, generator_of(0, "v"))[0].shape == (4, 3, 24, 24)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: SimCLRAugmentation(size=0), "size must be at least 1, got 0"),
        (lambda: SimCLRAugmentation(scale=(0.5, 0.2)), "scale must be two shares"),
        (lambda: SimCLRAugmentation(jitter=(0.1, 0.1, 0.1, 0.9)), "jitter must be four strengths"),
        (lambda: SimCLRAugmentation(grayscale=2.0), r"grayscale must lie in \[0, 1\], got 2.0"),
        (lambda: SimCLRAugmentation(n_views=0), "n_views must be at least 1, got 0"),
        (lambda: CropFlip(padding=-1), "padding at least 0, got 32 and -1"),
        (
            lambda: CropFlip()(torch.zeros(3, 8), None, torch.Generator()),
            r"shape \(n, 3, height, width\), got \(3, 8\)",
        ),
        (lambda: CropFlip()(torch.full((1, 3, 8, 8), 2.0), None, torch.Generator()), "normalise after augmenting"),
    ],
)
def test_bad_values_are_told(call, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        call()


def test_bytes_become_normalised_floats(pictures) -> None:
    floats = as_floats(pictures)
    assert torch.allclose(back(floats) * 255, pictures.float(), atol=1e-3)
    assert as_floats(floats) is floats
    assert as_floats(torch.full((2, 3), 255, dtype=torch.uint8)).tolist() == [[1.0] * 3] * 2
    grey = as_floats(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8))
    assert grey.flatten().tolist() == [2.0] * 4
