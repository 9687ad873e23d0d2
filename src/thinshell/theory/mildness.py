"""Augmentation mildness eta2: closed forms for known channels, a lower bound from samples of two views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from thinshell.errors import InputError
from thinshell.statistics._validation import as_sample

__all__ = [
    "MildnessEstimate",
    "eta2_bit_flips",
    "eta2_erasure",
    "eta2_gaussian_channel",
    "eta2_linear_bound",
]

# Share of the mean variance added to the diagonal of the covariance before it is inverted, so that directions without
# variance cannot win; the value reported comes from other rows and is not touched by it.
_RIDGE = 1e-3


@dataclass(frozen=True)
class MildnessEstimate:
    """A lower bound on eta2 from data.

    Attributes
    ----------
    value : float
        Correlation of the two views under one function of them, on rows that did not choose the function.
    standard_error : float
        Of `value`.
    n_samples : int
        Rows that `value` comes from.
    direction : ndarray of shape (n_features,)
        The linear function.
    """

    value: float
    standard_error: float
    n_samples: int
    direction: np.ndarray


def _probability(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise InputError(f"{name} must lie in [0, 1], got {value}; give a probability")
    return float(value)


def eta2_gaussian_channel(a: float) -> float:
    """Return eta2 of ``X = a X0 + sqrt(1 - a^2) eps`` with Gaussian X0 and eps: ``a^2``.

    Parameters
    ----------
    a : float
        In [-1, 1].

    Returns
    -------
    float

    Raises
    ------
    InputError
        If `a` lies outside [-1, 1].

    References
    ----------
    Lancaster (1957), Biometrika 44 (maximal correlation of a Gaussian pair is its correlation); Betser et al. (ICLR
    2026), after Equation 5. For X0 that is not Gaussian it is only a lower bound (take g linear).

    Examples
    --------
    >>> eta2_gaussian_channel(0.6)
    0.36
    """
    if not -1 <= a <= 1:
        raise InputError(f"a must lie in [-1, 1], got {a}")
    return float(a) ** 2


def eta2_erasure(probability: float) -> float:
    """Return eta2 where each feature is erased (visibly) with this probability: ``1 - probability``.

    For one feature g(X) averages to (1 - p) g(X0) plus a constant; with g centred and g(erased) = 0 the ratio of
    variances is (1 - p)^2 / (1 - p). Independent features tensorise: the largest of them counts (Witsenhausen 1975).
    Dropout to zero is visible where the feature has no atom at zero.

    Parameters
    ----------
    probability : float
        Of erasure, in [0, 1].

    Returns
    -------
    float

    Raises
    ------
    InputError
        If it lies outside [0, 1].

    References
    ----------
    Witsenhausen (1975), "On sequences of pairs of dependent random variables", SIAM J. Appl. Math. 28.

    Examples
    --------
    >>> eta2_erasure(0.1)
    0.9
    """
    return 1.0 - _probability("probability", probability)


def eta2_bit_flips(density: float, zero_to_one: float, one_to_zero: float = 0.0) -> float:
    """Return eta2 of independent bits that flip: the squared correlation of a bit and its view.

    A function of one bit is linear in it, so the maximal correlation of a pair of bits is the plain one; over
    independent bits the largest counts (Witsenhausen 1975), and here all are alike.

    Parameters
    ----------
    density : float
        P(X0 = 1), in (0, 1).
    zero_to_one, one_to_zero : float
        Probabilities of the two flips, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; ``(1 - 2 p)^2`` for fair bits flipped either way with probability p.

    Raises
    ------
    InputError
        If a probability is out of its range.

    References
    ----------
    Witsenhausen (1975). The paper's sparse binary views flip .1 % of the zeros to one.

    Examples
    --------
    >>> round(eta2_bit_flips(0.5, 0.1, 0.1), 12), round(eta2_bit_flips(0.0025, 0.001), 3)
    (0.64, 0.714)
    """
    q = _probability("density", density)
    up, down = _probability("zero_to_one", zero_to_one), _probability("one_to_zero", one_to_zero)
    if q in (0.0, 1.0):
        raise InputError(f"density must lie strictly between 0 and 1, got {density}; a constant bit says nothing")
    view = q * (1 - down) + (1 - q) * up
    if view in (0.0, 1.0):
        return 0.0
    covariance = q * (1 - down) - q * view
    return covariance**2 / (q * (1 - q) * view * (1 - view))


def eta2_linear_bound(first: object, second: object, rng: np.random.Generator | int = 0) -> MildnessEstimate:
    """Return a lower bound on eta2 from two views of each sample: the best linear function, judged on fresh rows.

    Two views X, Y that are independent given their source satisfy Cov(g(X), g(Y)) = Var(E[g(X)|X0]), so that eta2 is
    the largest correlation of g(X) with g(Y) over all functions g. Restricting g to linear functions, and judging the
    one found on rows that were not used to find it, gives a lower bound up to its standard error.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Two views of the same samples, row by row, made by the same augmentation.
    rng : numpy.random.Generator or int
        Splits the rows into halves.

    Returns
    -------
    MildnessEstimate

    Raises
    ------
    InputError
        If the shapes differ or there are fewer than 16 rows.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 5; Hotelling (1936), "Relations between two sets of variates".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((4000, 8))
    >>> views = [0.6 * source + 0.8 * rng.standard_normal(source.shape) for _ in range(2)]
    >>> estimate = eta2_linear_bound(*views)
    >>> abs(estimate.value - 0.36) < 3 * estimate.standard_error
    True
    """
    x, y = as_sample(first, "first", min_samples=16), as_sample(second, "second", min_samples=16)
    if x.shape != y.shape:
        raise InputError(f"first and second must have one shape, got {x.shape} and {y.shape}; pair the views by rows")
    order = np.random.default_rng(rng).permutation(len(x))
    fit, judge = order[: len(x) // 2], order[len(x) // 2 :]
    centre = 0.5 * (x[fit].mean(axis=0) + y[fit].mean(axis=0))
    a, b = (view[fit].astype(np.float64) - centre for view in (x, y))
    cross = (a.T @ b + b.T @ a) / 2
    own = (a.T @ a + b.T @ b) / 2
    own[np.diag_indices_from(own)] += _RIDGE * np.trace(own) / len(own) + np.finfo(float).tiny
    direction = eigh(cross, own, subset_by_index=[len(own) - 1, len(own) - 1])[1][:, 0]
    g, h = ((view[judge].astype(np.float64) - centre) @ direction for view in (x, y))
    centre_scores = 0.5 * (g.mean() + h.mean())
    g, h = g - centre_scores, h - centre_scores
    variance = 0.5 * float((g * g + h * h).mean())
    if not variance > 0:
        return MildnessEstimate(0.0, 0.0, len(judge), direction)
    value = float((g * h).mean()) / variance
    # Delta method: the influence of a row on a ratio of means.
    influence = (g * h - value * 0.5 * (g * g + h * h)) / variance
    return MildnessEstimate(value, float(influence.std() / np.sqrt(len(judge))), len(judge), direction)
