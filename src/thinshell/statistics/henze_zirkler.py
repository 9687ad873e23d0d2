"""Tests on the empirical characteristic function: Henze-Zirkler and BHEP, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from thinshell.errors import InputError
from thinshell.statistics._columns import row_blocks
from thinshell.statistics._validation import as_sample
from thinshell.statistics.mardia import whitened

__all__ = ["BhepResult", "HenzeZirklerResult", "bhep", "henze_zirkler"]

# The statistic is 1 (each row with itself) plus what pairs of rows add, n * (1 + 2 beta^2)^(-d/2) under the
# null. When that is below a hundredth the statistic is 1 whatever the data are.
SATURATION = 0.01


@dataclass(frozen=True)
class HenzeZirklerResult:
    """Outcome of `henze_zirkler`.

    Attributes
    ----------
    statistic : float
    pvalue : float
        From the lognormal approximation; NaN when `saturated`.
    beta : float
        Smoothing parameter chosen from n and d.
    saturated : bool
        The statistic no longer depends on the data: d is too large for this n (from about 20 on).
    n_samples : int
    """

    statistic: float
    pvalue: float
    beta: float
    saturated: bool
    n_samples: int


@dataclass(frozen=True)
class BhepResult:
    """Outcome of `bhep`.

    Attributes
    ----------
    statistic : float
    pvalue : float
        Monte Carlo, in [1 / (n_simulations + 1), 1]; NaN without simulations.
    beta : float
    n_samples, n_simulations : int
    """

    statistic: float
    pvalue: float
    beta: float
    n_samples: int
    n_simulations: int


def _statistic(white: np.ndarray, beta: float) -> float:
    """BHEP statistic of whitened rows: the double sum in blocks, so memory does not grow with n squared."""
    n, d = white.shape
    squared = np.einsum("ij,ij->i", white, white)
    total = 0.0
    for rows in row_blocks(n, n):
        distance = squared[rows, None] + squared - 2.0 * (white[rows] @ white.T)
        total += float(np.exp(-(beta**2) / 2 * np.clip(distance, 0.0, None)).sum())
    single = float(np.exp(-(beta**2) / (2 * (1 + beta**2)) * squared).sum())
    return total / n - 2 * (1 + beta**2) ** (-d / 2) * single + n * (1 + 2 * beta**2) ** (-d / 2)


def _lognormal_pvalue(statistic: float, beta: float, d: int) -> float:
    """Upper tail of the lognormal law with the limiting mean and variance (Henze & Zirkler 1990)."""
    b2, b4, b8 = beta**2, beta**4, beta**8
    a, w = 1 + 2 * b2, (1 + b2) * (1 + 3 * b2)
    mean = 1 - a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b4 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b4 / a**2 + 3 * d * (d + 2) * b8 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b4 / (2 * w) + d * (d + 2) * b8 / (2 * w**2))
    )
    log_variance = np.log1p(variance / mean**2)
    log_mean = np.log(mean) - log_variance / 2
    return float(ndtr(-(np.log(max(statistic, np.finfo(float).tiny)) - log_mean) / np.sqrt(log_variance)))


def henze_zirkler(embeddings: object) -> HenzeZirklerResult:
    """Henze-Zirkler test of multivariate normality.

    The weighted distance between the empirical characteristic function of the whitened rows and that of
    N(0, I), with ``beta = (n (2 d + 1) / 4)^(1 / (d + 4)) / sqrt(2)``. Null hypothesis: rows are independent
    Gaussian with any mean and any non-singular covariance.

    Made for few dimensions: the kernel ``exp(-beta^2 |x - y|^2 / 2)`` vanishes between any two rows once d
    is large, and the statistic is then 1 for any data at all. `saturated` says so, and no p-value is given.
    Use `bhep` with a smaller beta there.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        More rows than columns, at least 8. Time grows as n_samples squared, memory does not.

    Returns
    -------
    HenzeZirklerResult

    Raises
    ------
    InputError
        Not more rows than columns, a singular covariance, fewer than 8 rows, not finite.

    References
    ----------
    Henze, N. and Zirkler, B. (1990). A class of invariant consistent tests for multivariate normality.
    Communications in Statistics - Theory and Methods 19, 3595-3617.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> henze_zirkler(rng.exponential(size=(300, 3))).pvalue < 1e-6
    True
    >>> henze_zirkler(rng.standard_normal((300, 128))).saturated
    True
    """
    white = whitened(as_sample(embeddings, "embeddings", min_samples=8))
    n, d = white.shape
    beta = (n * (2 * d + 1) / 4) ** (1 / (d + 4)) / np.sqrt(2)
    statistic = _statistic(white, beta)
    saturated = n * (1 + 2 * beta**2) ** (-d / 2) < SATURATION
    pvalue = float("nan") if saturated else _lognormal_pvalue(statistic, beta, d)
    return HenzeZirklerResult(statistic, pvalue, float(beta), bool(saturated), n)


def bhep(
    embeddings: object,
    beta: float | None = None,
    *,
    n_simulations: int = 0,
    rng: np.random.Generator | int = 0,
) -> BhepResult:
    """BHEP statistic (Baringhaus-Henze-Epps-Pulley) with a fixed smoothing parameter.

    Like `henze_zirkler`, with beta chosen by the caller. The null law depends on n, d and beta only,
    because the statistic does not change under affine maps, so a p-value comes from simulated N(0, I)
    samples.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        More rows than columns, at least 8.
    beta : float, optional
        Greater than 0; by default ``1 / sqrt(n_features)``, which keeps the kernel between two rows at about
        exp(-1) in any dimension. In d = 1, beta = 1 is the Epps-Pulley test.
    n_simulations : int, default 0
        Simulated samples for the p-value; each costs as much as the statistic. 0 gives no p-value.
    rng : numpy.random.Generator or int, default 0

    Returns
    -------
    BhepResult

    Raises
    ------
    InputError
        Not more rows than columns, a singular covariance, fewer than 8 rows, `beta` not above 0,
        `n_simulations` negative, not finite.

    References
    ----------
    Baringhaus, L. and Henze, N. (1988). A consistent test for multivariate normality based on the empirical
    characteristic function. Metrika 35, 339-348.
    Henze, N. and Wagner, T. (1997). A new approach to the BHEP tests for multivariate normality. Journal of
    Multivariate Analysis 62, 1-23.

    Examples
    --------
    >>> skewed = np.random.default_rng(0).exponential(size=(200, 32))
    >>> bhep(skewed, n_simulations=99).pvalue
    0.01
    """
    if n_simulations < 0:
        raise InputError(f"n_simulations must be 0 or more, got {n_simulations}; a few hundred are usual")
    white = whitened(as_sample(embeddings, "embeddings", min_samples=8))
    n, d = white.shape
    width = d**-0.5 if beta is None else float(beta)
    if not width > 0:
        raise InputError(f"beta must be above 0, got {beta}; 1 / sqrt(n_features) is the default")
    statistic = _statistic(white, width)
    generator = np.random.default_rng(rng)
    null = [_statistic(whitened(generator.standard_normal((n, d))), width) for _ in range(n_simulations)]
    above = sum(value >= statistic for value in null)
    pvalue = (above + 1) / (n_simulations + 1) if n_simulations else float("nan")
    return BhepResult(statistic, float(pvalue), width, n, n_simulations)
