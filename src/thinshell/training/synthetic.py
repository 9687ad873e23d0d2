"""The paper's three synthetic data sets: Laplace, a mixture of Gaussians, sparse binary vectors."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError
from thinshell.training.randomness import seed_of
from thinshell.training.samples import Samples

__all__ = ["gaussian_mixture", "laplace", "mixture_means", "sparse_binary"]

# Rows drawn at a time: the float64 draws of a block are converted before the next one is made.
BLOCK_ROWS = 1024


def laplace(n_train: int = 20_000, n_test: int = 5_000, n_features: int = 1024, seed: int = 0) -> Samples:
    """Draw vectors with independent Laplace(0, 1) coordinates.

    Parameters
    ----------
    n_train, n_test, n_features : int
        Sizes, at least 1. The defaults are the paper's.
    seed : int
        Train and test are drawn from streams of their own.

    Returns
    -------
    Samples
        Without labels. Each coordinate has mean 0 and variance 2.

    Raises
    ------
    InputError
        If a size is below 1.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5, synthetic data.

    Examples
    --------
    >>> samples = laplace(n_train=1000, n_test=10, n_features=8)
    >>> samples.train.shape, samples.train.dtype, round(samples.train.var().item(), 1)
    (torch.Size([1000, 8]), torch.float32, 2.0)
    """
    sizes = _sizes(n_train=n_train, n_test=n_test, n_features=n_features)

    def draw(rng: np.random.Generator, rows: int) -> np.ndarray:
        return rng.laplace(size=(rows, sizes["n_features"]))

    train, test = (_rows(draw, sizes[f"n_{split}"], seed_of(seed, "laplace", split)) for split in ("train", "test"))
    facts = {"law": "independent Laplace(0, 1)", **sizes, "seed": seed}
    return Samples("laplace", train, test, facts=facts)


def mixture_means(n_components: int, n_features: int, mean_std: float, seed: int) -> Tensor:
    """Return the means of :func:`gaussian_mixture` with the same arguments.

    Parameters
    ----------
    n_components, n_features : int
        Sizes.
    mean_std : float
        Standard deviation of each coordinate of each mean.
    seed : int
        That of the data set.

    Returns
    -------
    Tensor of float32 of shape (n_components, n_features)

    Examples
    --------
    >>> mixture_means(3, 5, 1.0, seed=0).shape
    torch.Size([3, 5])
    """
    rng = np.random.default_rng(seed_of(seed, "gaussian_mixture", "means"))
    return torch.from_numpy((mean_std * rng.standard_normal((n_components, n_features))).astype(np.float32))


def gaussian_mixture(
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_features: int = 1024,
    n_components: int = 25,
    mean_std: float = 1.0,
    std: float = 1.0,
    seed: int = 0,
) -> Samples:
    """Draw from a mixture of Gaussians with equal weights, random fixed means and one isotropic covariance.

    Parameters
    ----------
    n_train, n_test, n_features, n_components : int
        Sizes, at least 1. The paper states 10,000 samples and 25 components; how the samples are split it leaves
        open: here 10,000 are trained on and 5,000 more measured on, as for its Laplace data.
    mean_std : float
        Standard deviation of each coordinate of each mean, at least 0. Not stated by the paper, and the result
        depends on it.
    std : float
        Standard deviation of a coordinate within a component, positive.
    seed : int
        The means and each split have streams of their own.

    Returns
    -------
    Samples
        The labels are the components.

    Raises
    ------
    InputError
        If a size is below 1, `mean_std` is negative or `std` is not positive.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5, synthetic data.

    Examples
    --------
    >>> samples = gaussian_mixture(n_train=50, n_test=5, n_features=8, n_components=4)
    >>> samples.train.shape, samples.n_classes
    (torch.Size([50, 8]), 4)
    """
    sizes = _sizes(n_train=n_train, n_test=n_test, n_features=n_features, n_components=n_components)
    _check_number("mean_std", mean_std, 0 <= mean_std < np.inf, "a number of at least 0")
    _check_number("std", std, 0 < std < np.inf, "a positive number")
    means = mixture_means(n_components, n_features, mean_std, seed).numpy()
    drawn: dict[str, Tensor] = {}
    for split in ("train", "test"):
        rng = np.random.default_rng(seed_of(seed, "gaussian_mixture", split, "labels"))
        labels = rng.integers(n_components, size=sizes[f"n_{split}"])
        noise = _rows(
            lambda rng, rows: std * rng.standard_normal((rows, n_features)),
            len(labels),
            seed_of(seed, "gaussian_mixture", split),
        )
        drawn[split] = noise.add_(torch.from_numpy(means[labels]))
        drawn[f"{split}_labels"] = torch.from_numpy(labels)
    law = "equal-weight mixture of isotropic Gaussians"
    facts = {"law": law, **sizes, "mean_std": float(mean_std), "std": float(std), "seed": seed}
    return Samples("gaussian_mixture", **drawn, facts=facts)


def sparse_binary(
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_features: int = 1024,
    density: float = 0.0025,
    seed: int = 0,
) -> Samples:
    """Draw vectors of independent zeros and ones, few of them ones.

    Parameters
    ----------
    n_train, n_test, n_features : int
        Sizes, at least 1; for the split see :func:`gaussian_mixture`.
    density : float
        Probability of a one, in (0, 1). Not stated by the paper; .002 to .003 reproduce its column of epoch 0.
    seed : int
        Train and test are drawn from streams of their own.

    Returns
    -------
    Samples
        float32 zeros and ones, without labels.

    Raises
    ------
    InputError
        If a size is below 1 or `density` lies outside (0, 1).

    References
    ----------
    Betser et al. (ICLR 2026), Section 5, synthetic data.

    Examples
    --------
    >>> samples = sparse_binary(n_train=2000, n_test=10, n_features=100, density=0.05)
    >>> samples.train.unique().tolist(), round(samples.train.mean().item(), 2)
    ([0.0, 1.0], 0.05)
    """
    sizes = _sizes(n_train=n_train, n_test=n_test, n_features=n_features)
    _check_number("density", density, 0 < density < 1, "a number between 0 and 1")

    def draw(rng: np.random.Generator, rows: int) -> np.ndarray:
        return rng.random((rows, sizes["n_features"])) < density

    train, test = (
        _rows(draw, sizes[f"n_{split}"], seed_of(seed, "sparse_binary", split)) for split in ("train", "test")
    )
    facts = {"law": "independent Bernoulli", **sizes, "density": float(density), "seed": seed}
    return Samples("sparse_binary", train, test, facts=facts)


def _rows(draw: Callable[[np.random.Generator, int], np.ndarray], n_rows: int, seed: int) -> Tensor:
    rng = np.random.default_rng(seed)
    blocks = [min(BLOCK_ROWS, n_rows - start) for start in range(0, n_rows, BLOCK_ROWS)]
    return torch.from_numpy(np.concatenate([draw(rng, rows).astype(np.float32) for rows in blocks]))


def _sizes(**sizes: int) -> dict[str, int]:
    for name, size in sizes.items():
        try:
            number = operator.index(size)
        except TypeError:
            raise InputTypeError(f"{name} must be a whole number, got {type(size).__name__}") from None
        if number < 1:
            raise InputError(f"{name} must be at least 1, got {number}")
    return {name: int(size) for name, size in sizes.items()}


def _check_number(name: str, value: float, fits: bool, allowed: str) -> None:
    if not fits:
        raise InputError(f"{name} must be {allowed}, got {value}")
