"""Testing a cloud along its principal axes, where clusters and other large-scale structure lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from thinshell.errors import InputError
from thinshell.statistics._columns import correlation, row_blocks, smaller_gram, standardized
from thinshell.statistics._validation import as_sample

__all__ = ["PrincipalAxesResult", "principal_axes_test"]

# Axes whose share of variance is below this are rounding noise of the eigenvalue solver (eps * a few
# hundred).
NEGLIGIBLE_SHARE = 1e-12


@dataclass(frozen=True)
class PrincipalAxesResult:
    """Normality of the scores on the leading principal axes.

    Attributes
    ----------
    statistic : ndarray of shape (n_axes,)
        A^2 of the scores on each axis, mean and variance estimated.
    pvalues : ndarray of shape (n_axes,)
        One an axis, not adjusted.
    pvalue : float
        The smallest after Holm's adjustment over the axes.
    axis : int
        The axis it belongs to (0 = largest variance).
    excess_kurtosis : ndarray of shape (n_axes,)
        Of the scores: strongly negative on an axis that separates two clusters.
    explained_variance : ndarray of shape (n_axes,)
        Share of the (standardised) variance on each axis.
    n_samples : int
    """

    statistic: np.ndarray
    pvalues: np.ndarray
    pvalue: float
    axis: int
    excess_kurtosis: np.ndarray
    explained_variance: np.ndarray
    n_samples: int


def _leading_scores(centred: np.ndarray, n_axes: int, covariance: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Unit-free scores (n_samples, k) on the leading axes of centred data, and the variance share of each."""
    gram = smaller_gram(centred, 0.0) if covariance is None else correlation(covariance)
    top = (max(0, len(gram) - n_axes), len(gram) - 1)
    values, vectors = eigh(gram, subset_by_index=top, check_finite=False)
    values, vectors = values[::-1], vectors[:, ::-1]
    share = values / max(float(np.trace(gram)), np.finfo(float).tiny)
    kept = share > NEGLIGIBLE_SHARE
    if centred.shape[1] > centred.shape[0]:
        return vectors[:, kept], share[kept]
    blocks = [centred[rows] @ vectors[:, kept] for rows in row_blocks(*centred.shape)]
    return np.concatenate(blocks), share[kept]


def principal_axes_test(
    embeddings: object, n_axes: int = 16, *, known_covariance: np.ndarray | None = None
) -> PrincipalAxesResult:
    """Anderson-Darling test of the scores on the leading principal axes of the standardised cloud.

    Clusters and other large-scale structure stretch the cloud along few axes, where single coordinates
    barely see them. Null hypothesis: rows are independent Gaussian with any mean and any covariance. Then
    the left singular vectors of the centred data are uniformly (Haar) distributed whatever the covariance,
    and column scaling does not change that, because column norms are unchanged by rotating the rows. A^2 of
    a score depends on its left singular vector only, so the composite null law of A^2 is exact for any n
    and d, n < d included.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        At least 8 rows.
    n_axes : int, default 16
        Fewer are used when the rank is smaller.
    known_covariance : ndarray of shape (n_features, n_features), optional
        Sample covariance of these rows, if it is at hand and there are no more columns than rows.

    Returns
    -------
    PrincipalAxesResult
        Empty arrays, pvalue NaN and axis -1 when every column is constant.

    Raises
    ------
    InputError
        Fewer than 8 rows, `n_axes` below 1, not finite.

    References
    ----------
    Muirhead, R. J. (1982). Aspects of Multivariate Statistical Theory, Section 2.1.5 (Haar measure).
    Stephens, M. A. (1974). EDF statistics for goodness of fit and some comparisons. JASA 69, 730-737.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> two_clusters = rng.standard_normal((1000, 64)) + 0.5 * rng.choice([-1, 1], size=(1000, 1))
    >>> result = principal_axes_test(two_clusters)
    >>> result.axis, result.pvalue < 1e-6, bool(result.excess_kurtosis[0] < -1)
    (0, True, True)
    """
    from thinshell.statistics.anderson_darling import anderson_darling
    from thinshell.statistics.multiplicity import holm

    if n_axes < 1:
        raise InputError(f"n_axes must be at least 1, got {n_axes}; 16 is usual")
    sample = as_sample(embeddings, "embeddings", min_samples=8)
    # In float64, or the rounding of float32 columns would leave them a little off their centre.
    centred = standardized(sample.astype(np.float64))
    scores, share = _leading_scores(centred, n_axes, known_covariance)
    if not share.size:
        none = np.empty(0)
        return PrincipalAxesResult(none, none, float("nan"), -1, none, none, len(sample))
    outcome = anderson_darling(scores)
    adjusted = holm(outcome.pvalue)
    axis = int(np.argmax(outcome.statistic))
    standard = standardized(scores)
    return PrincipalAxesResult(
        statistic=np.asarray(outcome.statistic),
        pvalues=np.asarray(outcome.pvalue),
        pvalue=float(adjusted[axis]),
        axis=axis,
        excess_kurtosis=(standard**4).mean(axis=0) - 3.0,
        explained_variance=share,
        n_samples=len(sample),
    )
