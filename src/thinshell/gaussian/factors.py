"""Maximum likelihood factor analysis of a covariance matrix."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

__all__ = ["factor_analysis"]

# Least variance of its own that a column keeps, relative to its variance: at 0 the likelihood has no bound
# (Heywood 1931).
_LEAST_NOISE = 1e-8


def _loadings(covariance: np.ndarray, noise: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the best loadings given the noise (in units of its root) and their k eigenvalues, largest first."""
    root = np.sqrt(noise)
    d = len(noise)
    values, vectors = eigh(covariance / np.outer(root, root), subset_by_index=[d - k, d - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    return vectors * np.sqrt(np.maximum(values - 1.0, 0.0)), values


def factor_analysis(covariance: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit ``loadings @ loadings.T + diag(noise)`` to a covariance by maximum likelihood.

    The likelihood, maximised over the loadings in closed form (Joereskog 1967), is a smooth function of the logarithms
    of the noise; it is climbed by L-BFGS from where scikit-learn's iteration starts, and the same stationary point
    is reached in far fewer decompositions.

    Parameters
    ----------
    covariance : ndarray of shape (d, d)
        Divisor n, positive diagonal.
    n_components : int
        From 1 to d - 1; for d = 1, 1.

    Returns
    -------
    loadings : ndarray of shape (d, n_components), float64
        In units of the data.
    noise : ndarray of shape (d,), float64
        Variance of its own that each column has.

    References
    ----------
    Joereskog, K. G. (1967). Some contributions to maximum likelihood factor analysis. Psychometrika 32, 443-482.

    Examples
    --------
    >>> truth = np.array([[2.0], [1.0], [0.5], [1.5]])
    >>> loadings, noise = factor_analysis(truth @ truth.T + np.diag([1.0, 2.0, 0.5, 1.0]), 1)
    >>> noise.round(3)
    array([1. , 2. , 0.5, 1. ])
    """
    stds = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(stds, stds)
    k = n_components

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        noise = np.exp(logs)
        shaped, values = _loadings(correlation, noise, k)
        explained = np.maximum(values, 1.0)
        # -2 log-likelihood per row without constants: log det Sigma + tr(Sigma^-1 R), R scaled by the noise.
        scaled = 1.0 / noise
        loss = float(logs.sum() + np.log(explained).sum() + scaled.sum() - (explained - 1.0)[values > 1.0].sum())
        kept = (shaped**2).sum(axis=1)
        # d loss / d log noise_i = (Sigma - R)_ii / noise_i at the best loadings.
        gradient = kept + 1.0 - scaled
        return loss, gradient

    start = np.zeros(len(stds))
    bounds = [(np.log(_LEAST_NOISE), 1.0)] * len(stds)
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20}
    best = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    noise = np.exp(best.x)
    shaped, _ = _loadings(correlation, noise, k)
    loadings = shaped * np.sqrt(noise)[:, None]
    return loadings * stds[:, None], noise * stds**2
