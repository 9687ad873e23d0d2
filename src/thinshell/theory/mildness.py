"""Augmentation mildness eta2: closed forms for known channels. Bounds from samples are in `mildness_bounds`."""

from __future__ import annotations

from thinshell.errors import InputError

__all__ = ["eta2_bit_flips", "eta2_erasure", "eta2_gaussian_channel"]


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
