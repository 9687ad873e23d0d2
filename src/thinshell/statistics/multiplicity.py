"""Many p-values at once: family-wise and false-discovery adjustment, and one combined p-value."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thinshell.errors import InputError
from thinshell.statistics._validation import as_float
from thinshell.statistics.rejection_share import RejectionShare, rejection_share

__all__ = ["RejectionShare", "benjamini_hochberg", "cauchy_combination", "holm", "rejection_share"]


def _as_pvalues(pvalues: ArrayLike) -> np.ndarray:
    array = as_float(pvalues, "pvalues").astype(np.float64)
    with np.errstate(invalid="ignore"):
        outside = (array < 0) | (array > 1)
    if outside.any():
        raise InputError(
            f"pvalues must lie in [0, 1] (or be NaN), got {array[outside][0]}; pass p-values, not statistics"
        )
    return array


def holm(pvalues: ArrayLike) -> np.ndarray:
    """Return p-values adjusted for the family-wise error by Holm's step-down procedure.

    Rejecting where the adjusted value is at most alpha keeps the chance of any false rejection below alpha,
    whatever the dependence between the tests.

    Parameters
    ----------
    pvalues : array_like of any shape
        Values in [0, 1]; NaN marks a test that was not made: it is left out of the count and stays NaN.

    Returns
    -------
    ndarray of the same shape, float64
        Each at least the raw p-value and at most 1.

    Raises
    ------
    InputError
        If a p-value lies outside [0, 1].
    InputTypeError
        If they are not real numbers.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    array = _as_pvalues(pvalues)
    result = np.full(array.shape, np.nan)
    tested = ~np.isnan(array)
    values = array[tested]
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    result[tested] = adjusted
    return result


def benjamini_hochberg(pvalues: ArrayLike) -> np.ndarray:
    """Return p-values adjusted for the false discovery rate by the Benjamini-Hochberg step-up procedure.

    Rejecting where the adjusted value is at most q keeps the expected share of false ones among the
    rejections below q, for independent or positively dependent tests.

    Parameters
    ----------
    pvalues : array_like of any shape
        Values in [0, 1]; NaN marks a test that was not made: it is left out of the count and stays NaN.

    Returns
    -------
    ndarray of the same shape, float64
        Each at least the raw p-value and at most 1.

    Raises
    ------
    InputError
        If a p-value lies outside [0, 1].
    InputTypeError
        If they are not real numbers.

    References
    ----------
    Benjamini & Hochberg (1995), "Controlling the false discovery rate", J. R. Statist. Soc. B 57; Benjamini &
    Yekutieli (2001), Ann. Statist. 29, Theorem 1.2 (positive dependence).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    array = _as_pvalues(pvalues)
    result = np.full(array.shape, np.nan)
    tested = ~np.isnan(array)
    values = array[tested]
    order = np.argsort(values, kind="stable")[::-1]
    stepped = np.minimum.accumulate(values[order] * len(values) / np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    result[tested] = adjusted
    return result


def _as_weights(weights: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray:
    if weights is None:
        return np.ones(shape)
    array = as_float(weights, "weights").astype(np.float64)
    if array.shape != shape:
        raise InputError(f"weights must have the shape of pvalues, {shape}, got {array.shape}; give one for each")
    if not (np.isfinite(array).all() and (array >= 0).all() and array.sum() > 0):
        raise InputError(
            f"weights must be finite, not negative and not all zero, got {array}; leave them out for equal weights"
        )
    return array


def cauchy_combination(pvalues: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return one p-value for many dependent tests: the tail of a weighted mean of Cauchy scores.

    Parameters
    ----------
    pvalues : array_like of any shape
        Values in [0, 1] against hypotheses that are all true under the joint null; NaN is left out. They must
        be calibrated in the tail: of K^2 take those of ``dagostino_pearson(..., tail="calibrated")``.
    weights : array_like of the same shape, optional
        Not negative, chosen without looking at the p-values; equal if left out. Scaled to sum 1.

    Returns
    -------
    float
        In [0, 1]; 0 if a p-value with positive weight is 0; NaN if there is none to combine.

    Raises
    ------
    InputError
        If a p-value lies outside [0, 1], or weights have another shape, a negative, infinite or NaN value, or
        sum to zero.
    InputTypeError
        If either does not hold real numbers.

    Notes
    -----
    The p-value is accurate for small values whatever the correlations, and exact for independent tests. A
    p-value of exactly 1, as Bonferroni's clipping makes, has a score of minus infinity and would hide all
    others: as the authors advise it is replaced by 1 - 1/d, d the number combined (for d = 1 it stays 1).

    References
    ----------
    Liu & Xie (2020), "Cauchy combination test", J. Amer. Statist. Assoc. 115, Eq. 3 and Theorem 1; Liu et al.
    (2019), "ACAT", Am. J. Hum. Genet. 104 (p-values of 1: the FAQ of their R package).

    Examples
    --------
    >>> round(cauchy_combination([0.02, 0.0004, 0.2, 0.1, 0.8]), 9)
    0.001953404
    >>> cauchy_combination([1e-300, 0.5])  # 2e-300, up to rounding
    1.99999999999999...e-300
    """
    array = _as_pvalues(pvalues)
    weight = _as_weights(weights, array.shape)
    used = ~np.isnan(array) & (weight > 0)
    p, w = array[used], weight[used]
    if p.size == 0 or p.min() == 0.0:
        return float("nan") if p.size == 0 else 0.0
    if p.size > 1:
        p = np.where(p == 1.0, 1.0 - 1.0 / p.size, p)
    # Scores times the smallest p-value, so that those near 1e-308 do not overflow; near 1 from the other
    # side, where tan(pi p) has no digits left.
    smallest = p.min()
    low = p <= 0.5
    with np.errstate(divide="ignore"):
        scores = np.where(low, smallest / np.tan(np.pi * np.where(low, p, 0.5)), 0.0)
        scores -= np.where(low, 0.0, smallest / np.tan(np.pi * np.where(low, 0.5, 1.0 - p)))
    return float(np.arctan2(smallest, np.sum(scores * w) / w.sum()) / np.pi)
