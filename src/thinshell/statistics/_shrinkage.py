"""Covariance eigenvalues without the spread that sampling adds."""

from __future__ import annotations

import numpy as np

__all__ = ["respread_eigenvalues", "shrunk_eigenvalues", "unbiased_square_trace"]

_BISECTIONS = 60


def unbiased_square_trace(eigenvalues: np.ndarray, n_samples: int) -> float:
    """Estimate ``tr S^2`` of the population from the eigenvalues of the sample covariance of Gaussian rows.

    The plain trace is too large by about ``(tr S)^2 / n_samples``, as much as the truth itself at
    ``n_samples = n_features``. With ``nu = n_samples - 1``, ``nu^2 / ((nu - 1)(nu + 2)) [t2 - t1^2 / nu]`` is
    unbiased (Srivastava 2005); here it is also kept inside ``[t1^2 / n_features, t1^2]``, where every
    covariance lies.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_features,)
        From `covariance_eigenvalues`, all of them.
    n_samples : int
        Rows they come from, at least 3 for the correction.

    Returns
    -------
    float
        In squared units of the eigenvalues.

    References
    ----------
    Srivastava, M. S. (2005). Some tests concerning the covariance matrix in high dimensional data. Journal of
    the Japan Statistical Society 35, 251-272, Equation 2.6.

    Examples
    --------
    >>> round(unbiased_square_trace(np.array([1.2, 1.0, 0.8]), 30), 4)
    3.0
    """
    t1, t2 = float(eigenvalues.sum()), float((eigenvalues**2).sum())
    nu = n_samples - 1
    if nu > 1:
        t2 = nu**2 / ((nu - 1) * (nu + 2)) * (t2 - t1**2 / nu)
    return min(max(t2, t1**2 / len(eigenvalues)), t1**2)


def shrunk_eigenvalues(eigenvalues: np.ndarray, n_samples: int) -> np.ndarray:
    """Sample eigenvalues pulled towards their mean until their squares sum to `unbiased_square_trace`.

    Sampling spreads eigenvalues; this undoes the second moment of that spread (the idea of Ledoit & Wolf
    2004, with the Gaussian estimate of its intensity), which is what laws of norms depend on.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_features,)
        From `covariance_eigenvalues`, all of them.
    n_samples : int
        Rows they come from.

    Returns
    -------
    ndarray of shape (n_features,)
        Same sum, same order.

    References
    ----------
    Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices.
    Journal of Multivariate Analysis 88, 365-411.

    Examples
    --------
    >>> shrunk_eigenvalues(np.array([3.0, 1.0]), 50).round(3)
    array([2.862, 1.138])
    """
    mean = eigenvalues.mean()
    spread = float(((eigenvalues - mean) ** 2).sum())
    wanted = unbiased_square_trace(eigenvalues, n_samples) - len(eigenvalues) * mean**2
    if spread <= 0:
        return eigenvalues.copy()
    return mean + np.sqrt(min(1.0, max(0.0, wanted / spread))) * (eigenvalues - mean)


def respread_eigenvalues(eigenvalues: np.ndarray, n_samples: int, n_fewer: int) -> np.ndarray:
    """Sample eigenvalues of many rows as a sample of fewer of them would spread them.

    Their sum is kept and their squares get the expected sum: that of the many by `unbiased_square_trace`, and back for
    the fewer. Each becomes proportional to a power of itself, so that none falls below zero.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_features,)
        Of the covariance of `n_samples` rows, all of them.
    n_samples, n_fewer : int
        Rows; the same array comes back where the second is not the smaller one.

    Returns
    -------
    ndarray of shape (n_features,)
        Same sum, same order.

    Examples
    --------
    >>> respread_eigenvalues(np.array([3.0, 2.0, 1.0]), 10_000, 20).round(2)
    array([3.58, 1.83, 0.58])
    """
    largest = float(eigenvalues.max())
    if n_fewer >= n_samples or n_fewer < 3 or not largest > 0:
        return eigenvalues
    scaled, nu = eigenvalues / largest, n_fewer - 1
    t1 = float(scaled.sum())
    wanted = (nu - 1) * (nu + 2) / nu**2 * unbiased_square_trace(scaled, n_samples) + t1**2 / nu
    low, high = 1.0, 64.0
    for _ in range(_BISECTIONS):
        power = 0.5 * (low + high)
        low, high = (power, high) if float((_powers(scaled, power) ** 2).sum()) < wanted else (low, power)
    return _powers(scaled, low) * largest


def _powers(values: np.ndarray, power: float) -> np.ndarray:
    raised = values**power
    return raised * (values.sum() / raised.sum())
