"""The synthetic views against their laws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from thinshell.errors import InputError
from thinshell.training import BitFlips, ComponentDraws, GaussianChannel, create_views, gaussian_mixture, laplace
from thinshell.training.randomness import generator_of

N, D = 4000, 50


def correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(np.corrcoef(first.flatten().numpy(), second.flatten().numpy())[0, 1])


@pytest.mark.parametrize("a", [0.2, 0.6, 0.8])
def test_channel_alone_has_correlation_a_squared(a: float) -> None:
    x = torch.randn(N, D, generator=generator_of(0, "x"))
    y0, y1 = GaussianChannel(a=a, noise_std=0, dropout=0, scale_std=0)(x, None, generator_of(1, "views"))
    reach = 4 / np.sqrt(N * D)
    assert correlation(y0, y1) == pytest.approx(a**2, abs=reach)
    assert correlation(x, y0) == pytest.approx(a, abs=reach)
    assert y0.var().item() == pytest.approx(1.0, abs=0.02)


def test_channel_with_everything_has_the_moments_of_its_law() -> None:
    a, noise, drop, scale = 0.6, 0.2, 0.1, 0.1
    x = laplace(N, 10, D).train  # variance 2
    y0, y1 = GaussianChannel()(x, None, generator_of(0, "views"))
    # E y0 y1 = E s0 E s1 (1 - p)^2 a^2 E x^2 and E y^2 = E s^2 (1 - p)(a^2 E x^2 + 1 - a^2 + noise^2), s log-normal
    mean_s, mean_s2 = np.exp(scale**2 / 2), np.exp(2 * scale**2)
    assert (y0 * y1).mean().item() == pytest.approx(mean_s**2 * (1 - drop) ** 2 * a**2 * 2, rel=0.03)
    power = mean_s2 * (1 - drop) * (a**2 * 2 + 1 - a**2 + noise**2)
    assert y0.square().mean().item() == pytest.approx(power, rel=0.02)
    zeros = int((y0 == 0).sum())
    assert scipy.stats.binomtest(zeros, N * D, drop).pvalue > 1e-3


def test_scale_is_one_log_normal_number_a_row() -> None:
    x = torch.ones(N, 3)
    y0, y1 = GaussianChannel(a=1.0, noise_std=0.0, dropout=0.0, scale_std=0.1)(x, None, generator_of(0, "views"))
    assert torch.allclose(y0, y0[:, :1].expand_as(y0))
    assert scipy.stats.kstest(np.log(y0[:, 0].numpy()) / 0.1, scipy.stats.norm.cdf).pvalue > 1e-3
    assert abs(correlation(y0[:, 0], y1[:, 0])) < 4 / np.sqrt(N)


def test_channel_takes_pictures_as_bytes(pictures) -> None:
    y0, _ = GaussianChannel()(pictures, None, generator_of(0, "views"))
    assert y0.dtype == torch.float32
    assert y0.shape == pictures.shape


def test_component_draws_are_fresh_and_independent() -> None:
    samples = gaussian_mixture(n_train=N, n_test=10, n_features=D, n_components=4, mean_std=3.0, std=0.7)
    views = create_views("component_draws", samples=samples)
    assert isinstance(views, ComponentDraws)
    y0, y1 = views(samples.train, samples.train_labels, generator_of(0, "views"))
    assert samples.train_labels is not None
    noise0, noise1 = (y - views.means[samples.train_labels] for y in (y0, y1))
    for noise in (noise0, noise1):
        assert scipy.stats.kstest(noise.flatten().numpy() / 0.7, scipy.stats.norm.cdf).pvalue > 1e-3
    reach = 4 / np.sqrt(N * D)
    assert abs(correlation(noise0, noise1)) < reach
    assert abs(correlation(noise0, samples.train - views.means[samples.train_labels])) < reach


def test_bit_flips_turn_zeros_only_at_the_paper_s_rate() -> None:
    x = (torch.rand(N, 500, generator=generator_of(0, "x")) < 0.01).float()
    y0, y1 = BitFlips()(x, None, generator_of(0, "views"))
    assert set(y0.unique().tolist()) == {0.0, 1.0}
    assert (y0 >= x).all()
    zeros = int((x == 0).sum())
    flipped = (y0 > x), (y1 > x)
    for flips in flipped:
        assert scipy.stats.binomtest(int(flips.sum()), zeros, 0.001).pvalue > 1e-3
    assert int((flipped[0] & flipped[1]).sum()) < 20  # 2 expected: the two views flip on their own


@pytest.mark.parametrize("views", [GaussianChannel(), BitFlips(0.1)])
def test_the_generator_decides(views) -> None:
    x = torch.rand(8, 16)
    first, again, other = (views(x, None, generator_of(0, "views", step)) for step in (1, 1, 2))
    assert first[0].equal(again[0])
    assert first[1].equal(again[1])
    assert not first[0].equal(other[0])
    assert not first[0].equal(first[1])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: GaussianChannel(a=1.5), r"a must be in \[0, 1\], got 1.5"),
        (lambda: GaussianChannel(dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (lambda: GaussianChannel(noise_std=-0.1), "noise_std must be a number of at least 0, got -0.1"),
        (lambda: BitFlips(2.0), r"probability must be in \[0, 1\], got 2.0"),
        (lambda: ComponentDraws(torch.zeros(2, 2), 0.0), "std must be a positive number, got 0.0"),
        (lambda: ComponentDraws.of(laplace(5, 5, 2)), "needs the components of gaussian_mixture, got .*'laplace'"),
        (lambda: ComponentDraws(torch.zeros(2, 2))(torch.zeros(1, 2), None, torch.Generator()), "got labels=None"),
        (lambda: create_views("gausian_channel"), "views must be one of .* did you mean 'gaussian_channel'"),
        (lambda: create_views("bit_flips", probabilty=0.1), "probabilty.*did you mean 'probability'"),
        (lambda: create_views("component_draws"), "give means and std, or samples of gaussian_mixture"),
    ],
)
def test_bad_values_are_told(call, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        call()


def test_descriptions_are_plain() -> None:
    assert GaussianChannel().describe() == {
        "name": "gaussian_channel",
        "a": 0.6,
        "noise_std": 0.2,
        "dropout": 0.1,
        "scale_std": 0.1,
    }
    assert ComponentDraws(torch.zeros(3, 2), 2.0).describe() == {
        "name": "component_draws",
        "n_components": 3,
        "std": 2.0,
    }
