"""Testing a cloud through its one-dimensional shadows along random directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thinshell.errors import InputError
from thinshell.statistics._columns import standardized
from thinshell.statistics._results import NormalityResult
from thinshell.statistics._validation import as_sample

__all__ = ["SlicedResult", "project", "random_directions", "sliced", "zscore"]


@dataclass(frozen=True)
class SlicedResult:
    """A univariate test applied along many directions.

    Attributes
    ----------
    statistic_mean, statistic_max : float
        Over the directions.
    pvalue : float
        Cauchy combination of the p-values of all directions (valid although they are dependent).
    normal_share : float
        Share of directions with a p-value above .05; .95 is expected of a Gaussian.
    statistics, pvalues : ndarray of shape (n_directions,)
    n_samples, n_directions : int
    """

    statistic_mean: float
    statistic_max: float
    pvalue: float
    normal_share: float
    statistics: np.ndarray
    pvalues: np.ndarray
    n_samples: int
    n_directions: int


def zscore(embeddings: object) -> np.ndarray:
    """Standardise every column: mean 0, variance 1 (divisor n). Constant columns become zeros.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float32 stays float32; deviations from the mean are taken in float64.

    Raises
    ------
    InputError
        No row, not finite, or not 1-D/2-D.

    Examples
    --------
    >>> zscore([[1.0, 7.0], [3.0, 7.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    return standardized(as_sample(embeddings, "embeddings"))


def random_directions(n_features: int, n_directions: int, rng: np.random.Generator | int = 0) -> np.ndarray:
    """Directions drawn uniformly from the unit sphere.

    Parameters
    ----------
    n_features, n_directions : int
        At least 1 each.
    rng : numpy.random.Generator or int, default 0

    Returns
    -------
    ndarray of shape (n_directions, n_features), float64
        Unit rows.

    Raises
    ------
    InputError
        A count below 1.

    Examples
    --------
    >>> directions = random_directions(64, 3, rng=0)
    >>> directions.shape, np.allclose((directions**2).sum(axis=1), 1)
    ((3, 64), True)
    """
    if n_features < 1 or n_directions < 1:
        raise InputError(
            f"n_features and n_directions must be at least 1, got {n_features} and {n_directions}; "
            "a few hundred directions are usual"
        )
    normals = np.random.default_rng(rng).standard_normal((n_directions, n_features))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def project(embeddings: object, directions: object, *, standardize: bool = True) -> np.ndarray:
    """Scores of each row on each direction.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
    directions : array_like of shape (n_directions, n_features)
        Usually unit rows (`random_directions`).
    standardize : bool, default True
        Z-score the columns first. Otherwise a few coordinates of huge variance make up every projection: they
        mask what the others do, or pass their own shape off as that of the cloud.

    Returns
    -------
    ndarray of shape (n_samples, n_directions)
        In the dtype of the embeddings.

    Raises
    ------
    InputError
        Widths differ, not finite, or not 1-D/2-D.

    Examples
    --------
    >>> project([[1.0, 0.0], [3.0, 4.0]], [[0.0, 1.0]], standardize=False)
    array([[0.],
           [4.]])
    """
    sample = as_sample(embeddings, "embeddings")
    onto = as_sample(directions, "directions")
    if onto.shape[1] != sample.shape[1]:
        raise InputError(
            f"directions must have {sample.shape[1]} columns like the embeddings, got {onto.shape[1]}; "
            "make them with random_directions(n_features, ...)"
        )
    sample = standardized(sample) if standardize else sample
    return sample @ onto.T.astype(sample.dtype)


def sliced(
    test: Callable[[np.ndarray], NormalityResult],
    embeddings: object,
    n_directions: int = 256,
    rng: np.random.Generator | int = 0,
    *,
    standardize: bool = True,
) -> SlicedResult:
    """Apply a univariate normality test along random directions (Cramer-Wold).

    A cloud is Gaussian exactly if every projection is. Null hypothesis: each projection is Gaussian with
    any mean and variance. The reverse warning matters more: a sum of d coordinates is pulled to a Gaussian
    by the central limit theorem, so a random direction is nearly blind in high dimension. At n = 1000 it
    sees almost nothing of i.i.d. uniform coordinates at d = 64 (power .09), and even less beyond. Never use
    it alone.

    Parameters
    ----------
    test : callable
        Takes an (n_samples, k) array and returns an object with arrays ``statistic`` and ``pvalue`` of
        length k, for example `anderson_darling`.
    embeddings : array_like of shape (n_samples, n_features)
    n_directions : int, default 256
    rng : numpy.random.Generator or int, default 0
    standardize : bool, default True
        See `project`.

    Returns
    -------
    SlicedResult

    Raises
    ------
    InputError
        As in `random_directions` and `project`, or as the test raises.

    References
    ----------
    Cramer, H. and Wold, H. (1936). Some theorems on distribution functions. J. London Math. Soc. 11, 290-294.
    Liu, Y. and Xie, J. (2020). Cauchy combination test. JASA 115, 393-402.

    Examples
    --------
    >>> from thinshell.statistics.anderson_darling import anderson_darling
    >>> cloud = np.random.default_rng(0).standard_normal((500, 8))
    >>> result = sliced(anderson_darling, cloud, n_directions=64)
    >>> result.n_directions, bool(0 <= result.pvalue <= 1)
    (64, True)
    """
    from thinshell.statistics.multiplicity import cauchy_combination

    sample = as_sample(embeddings, "embeddings", min_samples=1)
    directions = random_directions(sample.shape[1], n_directions, rng)
    outcome = test(project(sample, directions, standardize=standardize))
    statistics, pvalues = np.asarray(outcome.statistic), np.asarray(outcome.pvalue)
    if np.isnan(statistics).all():
        nan = float("nan")
        return SlicedResult(nan, nan, nan, nan, statistics, pvalues, len(sample), n_directions)
    return SlicedResult(
        statistic_mean=float(np.nanmean(statistics)),
        statistic_max=float(np.nanmax(statistics)),
        pvalue=float(cauchy_combination(pvalues)),
        normal_share=float((pvalues[~np.isnan(pvalues)] > 0.05).mean()),
        statistics=statistics,
        pvalues=pvalues,
        n_samples=len(sample),
        n_directions=n_directions,
    )
