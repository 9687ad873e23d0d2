"""Bounds of the paper's two routes: alignment, the weight of the regulariser, the optimal radius."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammainc, gammaln

from thinshell.errors import InputError
from thinshell.statistics.norms import chi_cv
from thinshell.theory.sphere import check_dimension

__all__ = ["alignment_bound", "beta0", "radius_cdf", "radius_cv", "radius_mean"]


def _in_unit_interval(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise InputError(f"{name} must lie in [0, 1], got {value}")
    return float(value)


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be a positive number, got {value}")
    return float(value)


def alignment_bound(eta2: float, mean_direction_norm: float = 0.0) -> float:
    """Return the largest mean cosine of positive pairs that any encoder can reach.

    Parameters
    ----------
    eta2 : float
        Augmentation mildness, in [0, 1]: squared maximal correlation of a view and its source.
    mean_direction_norm : float
        Length of E[u], in [0, 1]; 0 for a centred representation.

    Returns
    -------
    float
        ``eta2 + (1 - eta2) |m|^2``.

    Raises
    ------
    InputError
        If an argument lies outside [0, 1].

    References
    ----------
    Betser et al. (ICLR 2026), Proposition 1.

    Examples
    --------
    >>> alignment_bound(0.36), alignment_bound(0.36, 0.5)
    (0.36, 0.52)
    """
    eta2 = _in_unit_interval("eta2", eta2)
    return eta2 + (1 - eta2) * _in_unit_interval("mean_direction_norm", mean_direction_norm) ** 2


def beta0(d: int, alpha: float, eta2: float) -> float:
    """Return a weight of the regulariser from which the uniform law is optimal.

    Theorem 1 asks for ``beta >= alpha (1 - eta2) / (C (d - 1))`` with a universal C that it leaves open (Lemma 1:
    KL(mu||sigma) >= C (d - 1) |m|^2). ``E_sigma exp(t u_1) <= exp(t^2 / (2 d))`` and the variational formula of the
    relative entropy give ``KL >= d |m|^2 / 2``, so that ``2 alpha (1 - eta2) / d`` suffices: that is returned. On
    the von Mises-Fisher family the constant 1/2 is attained as the concentration goes to 0.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.
    alpha : float
        1 / temperature, positive.
    eta2 : float
        Augmentation mildness, in [0, 1].

    Returns
    -------
    float

    Raises
    ------
    InputError
        If an argument is out of its range.

    References
    ----------
    Betser et al. (ICLR 2026), Lemma 1 and Theorem 1; Donsker & Varadhan (1975) for the variational formula. The
    constant is ours.

    Examples
    --------
    >>> beta0(128, 10.0, 0.36)
    0.1
    """
    return 2 * _positive("alpha", alpha) * (1 - _in_unit_interval("eta2", eta2)) / check_dimension(d)


def radius_mean(d: int, lambda_: float) -> float:
    """Return the mean of ``|z|`` under N(0, I / (2 lambda)), the optimal law of the regularised objective.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.
    lambda_ : float
        Weight of E|z|^2 in the regulariser, positive.

    Returns
    -------
    float
        ``Gamma((d + 1)/2) / Gamma(d/2) / sqrt(lambda)``, in the unit of z.

    Raises
    ------
    InputError
        If an argument is out of its range.

    References
    ----------
    Betser et al. (ICLR 2026), Proposition 3 and Corollary 2.

    Examples
    --------
    >>> round(radius_mean(2, 0.5), 6)  # Rayleigh: sqrt(pi / 2)
    1.253314
    """
    d = check_dimension(d)
    return math.exp(gammaln((d + 1) / 2) - gammaln(d / 2)) / math.sqrt(_positive("lambda_", lambda_))


def radius_cv(d: int) -> float:
    """Return the coefficient of variation of ``|z|`` under the optimal law; it does not depend on lambda.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.

    Returns
    -------
    float
        That of chi_d, about ``1 / sqrt(2 d)``.

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2.

    Examples
    --------
    >>> round(radius_cv(128), 4)
    0.0626
    """
    return chi_cv(check_dimension(d))


def radius_cdf(r: ArrayLike, d: int, lambda_: float) -> np.ndarray:
    """Return the distribution function of ``|z|`` under N(0, I / (2 lambda)).

    Parameters
    ----------
    r : array_like
        Radii; below 0 the value is 0.
    d : int
        Dimensions, at least 2.
    lambda_ : float
        Weight of E|z|^2 in the regulariser, positive.

    Returns
    -------
    ndarray of the shape of `r`, in [0, 1]

    Raises
    ------
    InputError
        If an argument is out of its range.

    References
    ----------
    Betser et al. (ICLR 2026), Proposition 3.

    Examples
    --------
    >>> radius_cdf([0.0, 1.0], d=2, lambda_=1.0).round(6)
    array([0.      , 0.632121])
    """
    r = np.maximum(np.asarray(r, dtype=np.float64), 0.0)
    return gammainc(check_dimension(d) / 2, _positive("lambda_", lambda_) * r * r)
