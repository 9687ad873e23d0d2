"""The uniformity potential Phi of InfoNCE's population loss, and the bound on the loss that it gives."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import logsumexp

from thinshell.errors import InputError
from thinshell.statistics._columns import row_blocks
from thinshell.statistics.sphere import l2_normalize
from thinshell.theory.bounds import alignment_bound
from thinshell.theory.sphere import check_dimension

__all__ = ["infonce_lower_bound", "mean_cosine", "phi", "phi_between", "phi_uniform"]


def _log_terms(d: int, alpha: float) -> np.ndarray:
    """Return the logarithms of (alpha^2 / 4)^k / (k! (d/2)_k) for k = 1, 2, … until they no longer count.

    Phi(sigma) is the logarithm of 1 plus their sum (the series of 0F1(; d/2; alpha^2/4)); all are positive, so
    nothing cancels, whatever d and alpha.
    """
    peak = 0.5 * (math.hypot(0.5 * d, alpha) - 0.5 * d)
    # The terms fall off on either side of their peak at least as fast as a normal density of this variance.
    count = int(peak + 12 * math.sqrt(peak + 1) + 40)
    k = np.arange(1.0, count + 1)
    return np.cumsum(2 * math.log(0.5 * alpha) - np.log(k) - np.log(0.5 * d + k - 1))


def check_alpha(alpha: float) -> float:
    """Return `alpha`, refusing anything but a positive number."""
    if not 0 < alpha < math.inf:
        raise InputError(f"alpha must be a positive number, got {alpha}; it is 1 / temperature")
    return float(alpha)


def phi_uniform(d: int, alpha: float) -> float:
    """Return Phi(sigma), the uniformity potential of the uniform law on S^(d-1): its smallest value.

    ``Phi(mu) = E_u log E_v exp(alpha u.v)`` for u, v independent from mu; for the uniform law it is
    ``log(Gamma(d/2) (2/alpha)^(d/2-1) I_(d/2-1)(alpha))``.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.
    alpha : float
        1 / temperature, positive.

    Returns
    -------
    float
        In nats, relative error about 1e-12; about ``alpha^2 / (2 d)`` for alpha much below d.

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2 or `alpha` is not positive.

    References
    ----------
    Wang & Isola (2020), "Understanding contrastive representation learning through alignment and uniformity on the
    hypersphere", Theorem 1; Betser et al. (ICLR 2026), Equation 4.

    Examples
    --------
    >>> round(phi_uniform(128, 10.0), 6)
    0.38946
    """
    logs = _log_terms(check_dimension(d), check_alpha(alpha))
    top = max(float(logs.max()), 0.0)
    if top < 500:
        return float(np.log1p(np.exp(logs).sum()))
    return top + float(np.log(np.exp(logs - top).sum() + math.exp(-top)))


def mean_cosine(d: int, alpha: float) -> float:
    """Return the mean of u_1 under the von Mises-Fisher law with concentration alpha, the derivative of Phi(sigma).

    Parameters
    ----------
    d : int
        Dimensions, at least 2.
    alpha : float
        Concentration, positive.

    Returns
    -------
    float
        ``I_(d/2)(alpha) / I_(d/2-1)(alpha)``, in (0, 1).

    Raises
    ------
    InputError
        If `d` is not a whole number of at least 2 or `alpha` is not positive.

    References
    ----------
    Mardia & Jupp (2000), "Directional Statistics", Equation 9.3.8.

    Examples
    --------
    >>> round(mean_cosine(3, 1.0), 6)  # coth(1) - 1
    0.313035
    """
    logs = np.r_[0.0, _log_terms(check_dimension(d), check_alpha(alpha))]
    weights = np.exp(logs - logs.max())
    return float((weights * np.arange(len(logs))).sum() / weights.sum() * 2.0 / alpha)


def phi(embeddings: object, alpha: float, *, include_self: bool = False) -> float:
    """Estimate Phi of the law of the normalised rows.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        At least two non-zero rows; they are divided by their norms.
    alpha : float
        1 / temperature, positive.
    include_self : bool
        Whether a row is compared with itself, too (the V-statistic, always above; what InfoNCE's denominator
        does with its positive at perfect alignment). Without, the bias is O(1 / n_samples).

    Returns
    -------
    float
        In nats.

    Raises
    ------
    InputError
        If a row is zero or not finite, there are fewer than two, or `alpha` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> cloud = np.random.default_rng(0).standard_normal((2000, 16))
    >>> abs(phi(cloud, 5.0) - phi_uniform(16, 5.0)) < 0.01
    True
    """
    alpha = check_alpha(alpha)
    unit = l2_normalize(embeddings)
    n = len(unit)
    if n < 2:
        raise InputError(f"embeddings must have at least 2 rows, got {n}; give more")
    total = 0.0
    for rows in row_blocks(n, n):
        logits = alpha * (unit[rows] @ unit.T).astype(np.float64)
        if not include_self:
            logits[np.arange(len(logits)), np.arange(rows.start, rows.stop)] = -np.inf
        total += float(np.asarray(logsumexp(logits, axis=1)).sum())
    return total / n - math.log(n if include_self else n - 1)


def phi_between(first: object, second: object, alpha: float) -> float:
    """Estimate Phi of a law from two samples of it that are independent of each other.

    The mean of ``log mean_j exp(alpha u_i.v_j)`` over both directions. Inside one sample points may depend on each
    other, as particles do that repel one another: `phi` is then off, with or without self-terms, and this is not.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Non-zero rows, not necessarily as many of both; they are divided by their norms.
    alpha : float
        1 / temperature, positive.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    InputError
        If a row is zero or not finite, the numbers of columns differ, or `alpha` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> clouds = np.random.default_rng(0).standard_normal((2, 2000, 16))
    >>> abs(phi_between(*clouds, 5.0) - phi_uniform(16, 5.0)) < 0.01
    True
    """
    alpha = check_alpha(alpha)
    u, v = l2_normalize(first), l2_normalize(second)
    if u.shape[1] != v.shape[1] or not len(u) or not len(v):
        raise InputError(
            f"first and second must have rows with the same number of columns, got shapes {u.shape} and {v.shape}"
        )
    return 0.5 * (_mean_log_kernel(u, v, alpha) + _mean_log_kernel(v, u, alpha))


def _mean_log_kernel(u: np.ndarray, v: np.ndarray, alpha: float) -> float:
    total = 0.0
    for rows in row_blocks(len(u), len(v)):
        total += float(np.asarray(logsumexp(alpha * (u[rows] @ v.T).astype(np.float64), axis=1)).sum())
    return total / len(u) - math.log(len(v))


def infonce_lower_bound(d: int, alpha: float, eta2: float, mean_direction_norm: float = 0.0) -> float:
    """Return the smallest population InfoNCE loss that Proposition 1 allows an encoder with this mean direction.

    ``-alpha (eta2 + (1 - eta2) |m|^2) + Phi(sigma)``: alignment cannot exceed its bound and Phi cannot fall below
    that of the uniform law. It is a bound for every encoder with E[u] of this length; the two terms are attained
    together only for |m| = 0.

    Parameters
    ----------
    d : int
        Dimensions, at least 2.
    alpha : float
        1 / temperature, positive.
    eta2 : float
        Augmentation mildness, in [0, 1].
    mean_direction_norm : float
        Length of E[u], in [0, 1].

    Returns
    -------
    float
        In nats, for the loss less log N (the limit of many candidates).

    Raises
    ------
    InputError
        If an argument is out of its range.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 4 and Proposition 1.

    Examples
    --------
    >>> round(infonce_lower_bound(128, 10.0, eta2=0.36), 4)
    -3.2105
    """
    return -check_alpha(alpha) * alignment_bound(eta2, mean_direction_norm) + phi_uniform(d, alpha)
