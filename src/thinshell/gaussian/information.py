"""Entropy, divergences and mutual information of Gaussian laws, in closed form, from means and covariances."""

from __future__ import annotations

import operator

import numpy as np
from scipy.linalg import eigh, svd, svdvals

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics._validation import as_float

__all__ = [
    "canonical_correlations",
    "frechet_distance",
    "gaussian_entropy",
    "gaussian_kl",
    "gaussian_mutual_information",
]

# Eigenvalues under this many roundings of the largest one, times the dimension, are zero; a negative one that is a
# hundred times as large is an error of whoever made the matrix.
_NEGATIVE = 100


def _checked_covariance(values: object, name: str) -> tuple[np.ndarray, float]:
    """Return a symmetric float64 matrix and the relative size below which its eigenvalues are rounding."""
    array = as_float(values, name)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise InputError(
            f"{name} must have shape (n_features, n_features), got shape {array.shape}; "
            "give the covariance of the columns, for example numpy.cov(rows.T)"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got NaN or infinity; repair the rows that it comes from")
    rounding = float(np.finfo(array.dtype).eps)
    matrix = array.astype(np.float64)
    if np.abs(matrix - matrix.T).max() > np.sqrt(rounding) * np.abs(matrix).max():
        raise InputError(f"{name} must be symmetric, got a matrix that is not; give a covariance")
    matrix = (matrix + matrix.T) / 2
    if (np.diagonal(matrix) < 0).any():
        raise InputError(f"{name} must have no negative variance on its diagonal, got one; give a covariance")
    return matrix, len(matrix) * rounding


def _checked_mean(values: object, name: str, n_features: int) -> np.ndarray:
    array = as_float(values, name).astype(np.float64)
    if array.shape != (n_features,):
        raise InputError(
            f"{name} must have shape ({n_features},) as its covariance has {n_features} columns, got shape "
            f"{array.shape}; give one mean a column"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got NaN or infinity; repair the rows that it comes from")
    return array


def _two_laws(
    mean0: object, cov0: object, mean1: object, cov1: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return the difference of the means, both covariances, and the larger of their roundings."""
    (first, near0), (second, near1) = _checked_covariance(cov0, "cov0"), _checked_covariance(cov1, "cov1")
    if first.shape != second.shape:
        raise InputError(
            f"cov0 and cov1 must have one shape, got {first.shape} and {second.shape}; "
            "compare laws of the same features"
        )
    d = len(first)
    return _checked_mean(mean0, "mean0", d) - _checked_mean(mean1, "mean1", d), first, second, max(near0, near1)


def _support(matrix: np.ndarray, near: float, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues above rounding, ascending, their eigenvectors, and those of the directions without variance."""
    values, vectors = eigh(matrix, check_finite=False)
    largest = max(float(values[-1]), 0.0)
    if values[0] < -_NEGATIVE * near * max(largest, np.finfo(float).tiny):
        raise InputError(
            f"{name} must have no negative eigenvalue, got {values[0]:.3g} beside a largest of {largest:.3g}; "
            "give a covariance"
        )
    kept = values > near * largest
    return values[kept], vectors[:, kept], vectors[:, ~kept]


def _scales(matrix: np.ndarray) -> np.ndarray:
    """Return the standard deviations, 1 where there is none: dividing by them makes units of columns irrelevant."""
    stds = np.sqrt(np.diagonal(matrix))
    return np.where(stds > 0, stds, 1.0)


def _log_determinant(matrix: np.ndarray, near: float, name: str) -> float:
    """Log-determinant through the correlations; -inf if singular."""
    scales = _scales(matrix)
    values = _support(matrix / np.outer(scales, scales), near, name)[0]
    if len(values) < len(matrix):
        return float("-inf")
    return float(np.log(values).sum() + 2 * np.log(scales).sum())


def gaussian_entropy(covariance: object) -> float:
    """Differential entropy of a Gaussian law, in nats.

    Parameters
    ----------
    covariance : array_like of shape (n_features, n_features)
        Symmetric, without negative eigenvalues.

    Returns
    -------
    float
        ``(d log(2 pi e) + log det C) / 2``, any sign; ``-inf`` for a singular covariance, whose law has no density
        in R^d.

    Raises
    ------
    InputError
        Not square, not symmetric, a negative eigenvalue, not finite.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, Theorem 8.4.1.

    Examples
    --------
    >>> round(gaussian_entropy([[1.0]]), 6)  # log(2 pi e) / 2
    1.418939
    """
    matrix, near = _checked_covariance(covariance, "covariance")
    return 0.5 * (len(matrix) * float(np.log(2 * np.pi * np.e)) + _log_determinant(matrix, near, "covariance"))


def gaussian_kl(mean0: object, cov0: object, mean1: object, cov1: object) -> float:
    """Kullback-Leibler divergence KL(N0 || N1) of two Gaussian laws, in nats.

    What is lost when rows of N0 are coded as if they came from N1. Not symmetric. Two laws on the same flat (equal
    spans of the covariances, and the means apart only within it) have the divergence of their densities there.

    Parameters
    ----------
    mean0, mean1 : array_like of shape (n_features,)
    cov0, cov1 : array_like of shape (n_features, n_features)
        Symmetric, without negative eigenvalues; may be singular.

    Returns
    -------
    float
        ``(tr(C1^-1 C0) - d + log det C1 - log det C0 + (m1 - m0)' C1^-1 (m1 - m0)) / 2``, at least 0; ``+inf`` where
        one law is singular and the other does not lie on the same flat. A direction counts as without variance where
        the eigenvalue, with every column scaled to unit variance in N1, is under d roundings of the largest.

    Raises
    ------
    InputError
        Shapes differ, not symmetric, a negative eigenvalue, not finite.

    References
    ----------
    Kullback, S. (1959). Information Theory and Statistics, Chapter 9.

    Examples
    --------
    >>> gaussian_kl([1.0], [[1.0]], [0.0], [[1.0]])
    0.5
    >>> gaussian_kl([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]], [0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    inf
    """
    gap, first, second, near = _two_laws(mean0, cov0, mean1, cov1)
    scales = _scales(second)
    first, second, gap = first / np.outer(scales, scales), second / np.outer(scales, scales), gap / scales
    values, vectors, null = _support(second, near, "cov1")
    # In units of N1: what N0 holds outside the flat of N1. Rounding of a covariance is relative to its size, that of
    # a mean relative to the deviations, hence the square root.
    size = max(float(np.trace(first)), float(np.trace(second)), np.finfo(float).tiny)
    outside = float(np.einsum("ij,ij->", null, first @ null))
    if outside > _NEGATIVE * near * size or np.linalg.norm(null.T @ gap) > np.sqrt(near) * np.sqrt(size):
        return float("inf")
    inner = first if null.shape[1] == 0 else vectors.T @ first @ vectors
    log_first = _log_determinant(inner, near, "cov0")
    if log_first == float("-inf"):
        return float("inf")
    spread = np.einsum("ij,ij->j", vectors, first @ vectors) + (vectors.T @ gap) ** 2
    return max(0.0, 0.5 * float((spread / values - 1.0 + np.log(values)).sum() - log_first))


def _root(matrix: np.ndarray, near: float, name: str) -> np.ndarray:
    """Return a factor F with ``F F' = matrix``, as many columns as rows."""
    values, vectors, _ = _support(matrix, near, name)
    root = np.zeros_like(matrix)
    root[:, : len(values)] = vectors * np.sqrt(values)
    return root


def frechet_distance(mean0: object, cov0: object, mean1: object, cov1: object) -> float:
    """Fréchet distance (2-Wasserstein distance) of two Gaussian laws, in the units of the data; not squared.

    The "FID" of generated pictures is the square of this number.

    Parameters
    ----------
    mean0, mean1 : array_like of shape (n_features,)
    cov0, cov1 : array_like of shape (n_features, n_features)
        Symmetric, without negative eigenvalues; may be singular.

    Returns
    -------
    float
        ``sqrt(|m0 - m1|^2 + tr(C0 + C1 - 2 (C0^1/2 C1 C0^1/2)^1/2))``, at least 0.

    Raises
    ------
    InputError
        Shapes differ, not symmetric, a negative eigenvalue, not finite.

    Notes
    -----
    The trace is computed as ``min over rotations Q of |F0 - F1 Q|^2`` with ``C = F F'`` (Procrustes): a sum of
    squares. The formula above subtracts near-equal numbers and leaves 1e-7 between two equal laws.

    References
    ----------
    Dowson, D. C. and Landau, B. V. (1982). The Fréchet distance between multivariate normal distributions. Journal
    of Multivariate Analysis 12, 450-455.

    Examples
    --------
    >>> frechet_distance([3.0], [[1.0]], [0.0], [[25.0]])  # sqrt(3^2 + (5 - 1)^2)
    5.0
    """
    gap, first, second, near = _two_laws(mean0, cov0, mean1, cov1)
    root0, root1 = _root(first, near, "cov0"), _root(second, near, "cov1")
    left, _, right = svd(root1.T @ root0, check_finite=False)
    rest = root0 - root1 @ (left @ right)
    return float(np.sqrt(gap @ gap + np.einsum("ij,ij->", rest, rest)))


def canonical_correlations(covariance: object, n_first: int) -> np.ndarray:
    """Canonical correlations of the first `n_first` columns with the others.

    Parameters
    ----------
    covariance : array_like of shape (n_features, n_features)
        Of both sides, the first side's columns first. Symmetric, without negative eigenvalues; either side may be
        singular: directions without variance have correlation 0.
    n_first : int
        Columns of the first side, from 1 to n_features - 1.

    Returns
    -------
    ndarray of shape (min(n_first, n_features - n_first),)
        float64 in [0, 1], descending.

    Raises
    ------
    InputError, InputTypeError
        Not square, not symmetric, a negative eigenvalue, not finite; `n_first` out of range or not a whole number.

    References
    ----------
    Hotelling, H. (1936). Relations between two sets of variates. Biometrika 28, 321-377.

    Examples
    --------
    >>> canonical_correlations([[4.0, 1.0], [1.0, 1.0]], 1)
    array([0.5])
    """
    return _correlations(covariance, n_first)[0]


def _correlations(covariance: object, n_first: int) -> tuple[np.ndarray, float]:
    """Canonical correlations and the distance from 1 that is rounding."""
    matrix, near = _checked_covariance(covariance, "covariance")
    d = len(matrix)
    try:
        split = operator.index(n_first)
    except TypeError:
        raise InputTypeError(f"n_first must be a whole number, got {type(n_first).__name__}") from None
    if not 1 <= split < d:
        raise InputError(
            f"n_first must be from 1 to {d - 1}, as the covariance has {d} columns, got {split}; "
            "give the number of columns of the first side"
        )
    scales = _scales(matrix)
    matrix = matrix / np.outer(scales, scales)
    _support(matrix, near, "covariance")
    sides, floors = [], []
    for part in (slice(0, split), slice(split, d)):
        values, vectors, _ = _support(matrix[part, part], near, "covariance")
        sides.append(vectors / np.sqrt(values))
        floors.append(near * values[-1] / values[0] if len(values) else near)
    found = np.zeros(min(split, d - split))
    values = svdvals(sides[0].T @ matrix[:split, split:] @ sides[1]) if all(side.size for side in sides) else found[:0]
    found[: len(values)] = np.minimum(values, 1.0)
    return found, min(max(floors), 1e-6)


def gaussian_mutual_information(covariance: object, n_first: int) -> float:
    """Mutual information of the first `n_first` columns and the others under a Gaussian law, in nats.

    Parameters
    ----------
    covariance : array_like of shape (n_features, n_features)
        Of both sides, the first side's columns first. Symmetric, without negative eigenvalues.
    n_first : int
        Columns of the first side, from 1 to n_features - 1.

    Returns
    -------
    float
        ``-sum log(1 - rho^2) / 2`` over the canonical correlations rho, at least 0; ``+inf`` where some direction of
        one side is a linear function of the other side.

    Raises
    ------
    InputError, InputTypeError
        As `canonical_correlations`.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, Example 8.5.1.

    Examples
    --------
    >>> round(gaussian_mutual_information([[1.0, 0.6], [0.6, 1.0]], 1), 6)  # -log(1 - .36) / 2
    0.223144
    """
    correlations, near = _correlations(covariance, n_first)
    if correlations[0] >= 1.0 - near:
        return float("inf")
    return max(0.0, -0.5 * float(np.log1p(-(correlations**2)).sum()))
