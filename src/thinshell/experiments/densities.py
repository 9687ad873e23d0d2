"""Log-densities of inputs and of their embeddings, and how they correlate."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from thinshell.experiments.context import Part
from thinshell.experiments.linear import LAYER, linear_module, train_linear
from thinshell.experiments.needs import check_scikit_learn
from thinshell.experiments.synthetic import LaplaceSettings
from thinshell.training import GaussianChannel, Samples, embed, laplace

__all__ = ["gaussian_log_density", "laplace_log_density", "run_densities"]

# Points kept for the picture.
SHOWN = 1_000


def laplace_log_density(rows: np.ndarray) -> np.ndarray:
    """Return the log-density of each row under independent Laplace(0, 1) coordinates.

    Examples
    --------
    >>> laplace_log_density(np.zeros((1, 2))).round(6)  # 2 log(1/2)
    array([-1.386294])
    """
    rows = np.asarray(rows, dtype=np.float64)
    return -np.abs(rows).sum(axis=1) - rows.shape[1] * np.log(2.0)


def gaussian_log_density(fitted_to: np.ndarray, rows: np.ndarray, *, isotropic: bool = False) -> np.ndarray:
    """Return the log-density of `rows` under the Gaussian with the mean and covariance of `fitted_to`.

    Parameters
    ----------
    fitted_to : ndarray of shape (n, d)
        More rows than dimensions, unless `isotropic`.
    rows : ndarray of shape (m, d)
    isotropic : bool
        Take one variance for all directions.

    Returns
    -------
    ndarray of float64 of shape (m,)

    Examples
    --------
    >>> cloud = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> gaussian_log_density(cloud, np.zeros((1, 2)), isotropic=True).round(4)  # variance 4/3
    array([-2.1256])
    """
    from thinshell.gaussian import GaussianModel

    fitted_to, rows = fitted_to.astype(np.float64), rows.astype(np.float64)
    n, d = fitted_to.shape
    model = GaussianModel("empirical").fit(fitted_to)
    # Divisor n - 1, as numpy.cov and the numbers printed so far.
    covariance = model.covariance_ * (n / (n - 1))
    if isotropic:
        covariance = np.eye(d) * (np.trace(covariance) / d)
    return GaussianModel.from_parameters(model.location_, covariance, n).score_samples(rows)


def run_densities(settings: LaplaceSettings, part: Part) -> dict[str, Any]:
    """Train at these settings and correlate the log-densities of the test rows; numbers only.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    check_scikit_learn("fig11")
    seed = part.context.seed
    samples = laplace(settings.n_train, settings.n_test, settings.n_inputs, seed)
    views = GaussianChannel(settings.a, settings.noise_std, settings.dropout, settings.scale_std)
    trained, encoder = train_linear(settings, samples, views, part)
    inputs = laplace_log_density(samples.test.numpy())
    untrained = linear_module(settings, seed).encoder
    after, embedded = _correlations(encoder, samples, inputs)
    chosen = np.arange(len(inputs))[:SHOWN]
    return {
        "layer": LAYER,
        "a": settings.a,
        "d": settings.n_features,
        "steps": trained["steps"],
        "trained": after,
        "untrained": _correlations(untrained, samples, inputs)[0],
        "gaussianity": trained["records"][-1],
        "shown": {"input": np.round(inputs[chosen], 2).tolist(), "embedding": np.round(embedded[chosen], 2).tolist()},
    }


def _correlations(encoder: nn.Module, samples: Samples, inputs: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    train, test = embed(encoder, samples.train), embed(encoder, samples.test)
    full = gaussian_log_density(train, test)
    isotropic = gaussian_log_density(train, test, isotropic=True)
    return {"full": _pearson(inputs, full), "isotropic": _pearson(inputs, isotropic)}, full


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])
