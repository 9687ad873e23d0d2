"""The synthetic data follow the laws that the paper names."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from thinshell.errors import InputError, InputTypeError
from thinshell.training import create_samples, gaussian_mixture, laplace, mixture_means, sparse_binary


def test_laplace_is_laplace() -> None:
    samples = laplace(n_train=3000, n_test=1000, n_features=20)
    assert samples.train.shape == (3000, 20)
    assert samples.train_labels is None
    for split in (samples.train, samples.test):
        assert scipy.stats.kstest(split.flatten().numpy(), scipy.stats.laplace.cdf).pvalue > 1e-3
    correlations = np.corrcoef(samples.train.numpy(), rowvar=False) - np.eye(20)
    assert np.abs(correlations).max() < 5 / np.sqrt(3000)


def test_mixture_has_its_means_and_spread() -> None:
    samples = gaussian_mixture(n_train=5000, n_test=500, n_features=40, n_components=5, mean_std=2.0, std=0.5, seed=3)
    means = mixture_means(5, 40, 2.0, seed=3)
    assert samples.train_labels is not None
    counts = torch.bincount(samples.train_labels, minlength=5)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3
    left = (samples.train - means[samples.train_labels]).flatten().numpy()
    assert scipy.stats.kstest(left / 0.5, scipy.stats.norm.cdf).pvalue > 1e-3
    assert samples.test_labels is not None
    assert samples.test_labels.max() < 5
    # The means are one draw of N(0, mean_std^2).
    assert means.std().item() == pytest.approx(2.0, rel=4 / np.sqrt(2 * 200))


def test_binary_has_its_density() -> None:
    samples = sparse_binary(n_train=4000, n_test=100, n_features=500, density=0.01)
    ones = int(samples.train.sum())
    assert set(samples.train.unique().tolist()) == {0.0, 1.0}
    assert scipy.stats.binomtest(ones, samples.train.numel(), 0.01).pvalue > 1e-3


@pytest.mark.parametrize("make", [laplace, gaussian_mixture, sparse_binary])
def test_the_seed_decides_and_the_splits_differ(make) -> None:
    first, again, other = (make(n_train=50, n_test=50, n_features=16, seed=seed) for seed in (1, 1, 2))
    assert first.train.equal(again.train)
    assert first.test.equal(again.test)
    assert not first.train.equal(other.train)
    assert not first.train.equal(first.test)
    assert first.facts["seed"] == 1
    # A longer training set has the shorter one as its beginning: rows do not depend on how many are drawn.
    assert make(n_train=60, n_test=50, n_features=16, seed=1).test.equal(first.test)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: laplace(n_train=0), "n_train must be at least 1, got 0"),
        (lambda: gaussian_mixture(std=0.0), "std must be a positive number, got 0.0"),
        (lambda: gaussian_mixture(mean_std=-1.0), "mean_std must be a number of at least 0, got -1.0"),
        (lambda: sparse_binary(density=1.0), "density must be a number between 0 and 1, got 1.0"),
        (lambda: laplace(n_train=5, seed=-1), "seed must be at least 0, got -1"),
        (lambda: create_samples("laplase"), "data must be one of .* did you mean 'laplace'"),
        (lambda: create_samples("laplace", n_trian=3), "n_trian.*did you mean 'n_train'"),
    ],
)
def test_bad_values_are_told(call, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        call()


def test_sizes_are_whole_numbers() -> None:
    with pytest.raises(InputTypeError, match="n_features must be a whole number, got float"):
        laplace(n_features=2.5)  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="seed must be a whole number of at least 0, got bool"):
        laplace(n_train=5, n_test=5, n_features=2, seed=True)
    with pytest.raises(InputTypeError, match="seed must be a whole number of at least 0, got str"):
        laplace(n_train=5, n_test=5, n_features=2, seed="0")  # type: ignore[arg-type]
