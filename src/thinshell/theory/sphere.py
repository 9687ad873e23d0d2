"""The exact law of one coordinate of the uniform distribution on the sphere, and how near it is to a Gaussian."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv, gammaln, ndtr

from thinshell.errors import InputError
from thinshell.statistics.anderson_darling import anderson_darling_null_mean

__all__ = [
    "anderson_darling_rate",
    "coordinate_cdf",
    "coordinate_excess_kurtosis",
    "coordinate_pdf",
    "coordinate_ppf",
    "expected_anderson_darling",
    "maxwell_poincare_tv",
    "maxwell_poincare_tv_exact",
]


def check_dimension(d: int, least: int = 2) -> int:
    """Return `d`, refusing anything but a whole number of at least `least`."""
    if int(d) != d or d < least:
        raise InputError(f"d must be a whole number of at least {least}, got {d}; give the number of dimensions")
    return int(d)


def coordinate_pdf(u: ArrayLike, d: int) -> np.ndarray:
    """Return the density of one coordinate of a uniform point on the unit sphere S^(d-1).

    Proportional to ``(1 - u^2)^((d - 3) / 2)`` on [-1, 1].

    Parameters
    ----------
    u : array_like
        Values of the coordinate; the density is 0 outside [-1, 1].
    d : int
        Dimensions of the surrounding space, at least 2.

    Returns
    -------
    ndarray of the shape of `u`, float64

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    References
    ----------
    Diaconis & Freedman (1987), "A dozen de Finetti-style results in search of a theory", Section 2.

    Examples
    --------
    >>> coordinate_pdf([0.0, 0.5, 2.0], d=3)  # Archimedes: uniform in three dimensions
    array([0.5, 0.5, 0. ])
    """
    d = check_dimension(d)
    u = np.asarray(u, dtype=np.float64)
    log_constant = gammaln(d / 2) - gammaln((d - 1) / 2) - 0.5 * math.log(math.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.exp(log_constant + 0.5 * (d - 3) * np.log1p(-u * u))
    return np.where(np.abs(u) <= 1, density, 0.0)


def coordinate_cdf(u: ArrayLike, d: int) -> np.ndarray:
    """Return the distribution function of one coordinate of a uniform point on S^(d-1).

    ``u^2`` follows Beta(1/2, (d - 1)/2); the smaller tail is computed as such, so that it keeps its digits.

    Parameters
    ----------
    u : array_like
        Values of the coordinate.
    d : int
        Dimensions, at least 2.

    Returns
    -------
    ndarray of the shape of `u`, in [0, 1]

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    Examples
    --------
    >>> coordinate_cdf([-1.0, 0.0, 0.5], d=3)
    array([0.  , 0.5 , 0.75])
    """
    d = check_dimension(d)
    u = np.clip(np.asarray(u, dtype=np.float64), -1.0, 1.0)
    tail = 0.5 * betainc((d - 1) / 2, 0.5, 1.0 - u * u)
    return np.where(u > 0, 1.0 - tail, tail)


def coordinate_ppf(q: ArrayLike, d: int) -> np.ndarray:
    """Return quantiles of one coordinate of a uniform point on S^(d-1).

    Parameters
    ----------
    q : array_like
        Probabilities in [0, 1].
    d : int
        Dimensions, at least 2.

    Returns
    -------
    ndarray of the shape of `q`, in [-1, 1]

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2 or a probability lies outside [0, 1].

    Examples
    --------
    >>> coordinate_ppf([0.0, 0.5, 0.75], d=3)
    array([-1. ,  0. ,  0.5])
    """
    d = check_dimension(d)
    q = np.asarray(q, dtype=np.float64)
    if not ((q >= 0) & (q <= 1)).all():
        raise InputError("q must lie in [0, 1]; give probabilities")
    # The quantile of u^2 from the middle outwards: no digits are lost near q = 1/2.
    squared = betaincinv(0.5, (d - 1) / 2, np.abs(2.0 * q - 1.0))
    return np.sign(q - 0.5) * np.sqrt(squared)


def coordinate_excess_kurtosis(d: int) -> float:
    """Return the excess kurtosis of one coordinate of a uniform point on S^(d-1), ``-6 / (d + 2)``.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    Examples
    --------
    >>> coordinate_excess_kurtosis(4)
    -1.0
    """
    return -6.0 / (check_dimension(d) + 2)


def maxwell_poincare_tv(d: int, k: int = 1) -> float:
    """Return the bound on the total variation between k coordinates of sqrt(d) u and N(0, I_k).

    Parameters
    ----------
    d : int
        Dimensions, at least ``k + 4``.
    k : int
        Coordinates looked at, at least 1.

    Returns
    -------
    float
        ``2 (k + 3) / (d - k - 3)``; above 1 it says nothing. Total variation is the largest difference of
        probabilities times two, as in the source.

    Raises
    ------
    InputError
        If k is below 1 or above ``d - 4``.

    References
    ----------
    Diaconis & Freedman (1987), Theorem 1; Betser et al. (ICLR 2026), Lemma 3 and Theorem 2.

    Examples
    --------
    >>> maxwell_poincare_tv(512)
    0.015748031496062992
    """
    d = check_dimension(d)
    if int(k) != k or not 1 <= k <= d - 4:
        raise InputError(f"k must be a whole number from 1 to d - 4 = {d - 4}, got {k}; take fewer coordinates")
    return 2.0 * (k + 3) / (d - k - 3)


def maxwell_poincare_tv_exact(d: int) -> float:
    """Return the total variation between one coordinate of sqrt(d) u and N(0, 1), which the bound is on.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.

    Returns
    -------
    float
        The integral of the absolute difference of the densities, in [0, 2]; about ``0.7 / d``.

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    Examples
    --------
    >>> round(maxwell_poincare_tv_exact(512), 6), maxwell_poincare_tv(512) > maxwell_poincare_tv_exact(512)
    (0.001371, True)
    """
    d = check_dimension(d)
    # The difference changes sign at few places: the distribution functions at them give the integral exactly.
    grid = np.linspace(0.0, math.sqrt(d) * (1 - 1e-12), 200_001)
    density = coordinate_pdf(grid / math.sqrt(d), d) / math.sqrt(d)
    gap = density - np.exp(-0.5 * grid * grid) / math.sqrt(2 * math.pi)
    turns = grid[np.flatnonzero(np.signbit(gap[1:]) != np.signbit(gap[:-1])) + 1]
    ends = np.r_[0.0, turns, math.sqrt(d)]
    excess = coordinate_cdf(ends / math.sqrt(d), d) - ndtr(ends)
    beyond = float(ndtr(-math.sqrt(d)))
    return 2.0 * (float(np.abs(np.diff(excess)).sum()) + beyond)


@lru_cache(maxsize=64)
def anderson_darling_rate(d: int) -> float:
    """Return the limit of A^2 / n for one coordinate of a uniform point on S^(d-1), mean and variance estimated.

    That is the integral of ``(F - Phi)^2 / (Phi (1 - Phi)) dPhi``, F the law of the coordinate scaled to variance 1.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.

    Returns
    -------
    float
        About ``.063 / d^2``; A^2 reaches its 5 % point, .752, at about ``12 d^2`` rows.

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    Examples
    --------
    >>> [float(f"{anderson_darling_rate(d):.2g}") for d in (32, 512)]
    [6.2e-05, 2.3e-07]
    """
    d = check_dimension(d)
    # The integrand is even; beyond 9 both F and Phi are 0 or 1 to 1e-18.
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z = (nodes + 1) * 4.5
    upper = ndtr(-z)
    tail = 0.5 * betainc((d - 1) / 2, 0.5, 1.0 - np.minimum(z * z / d, 1.0))
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    integrand = (tail - upper) ** 2 / (upper * (1 - upper)) * density
    return float(2 * 4.5 * (weights * integrand).sum())


def expected_anderson_darling(n_samples: int, d: int) -> float:
    """Return the expected A^2 of `n_samples` values of one coordinate of a uniform point on S^(d-1).

    Parameters
    ----------
    n_samples : int
        At least 8.
    d : int
        Dimensions, at least 2; the null mean is added as if the coordinate were normal, which is within a few
        per cent of A^2 from d = 16 up.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If `n_samples` is below 8 or `d` is not a whole number of at least 2.

    Examples
    --------
    >>> round(expected_anderson_darling(12_000, 32), 2)
    1.13
    """
    return anderson_darling_null_mean(n_samples) + n_samples * anderson_darling_rate(d)
