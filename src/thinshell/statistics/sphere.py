"""Directions of embeddings: alignment, uniformity, mean direction, and the uniform sphere beside them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from thinshell.errors import InputError
from thinshell.statistics._columns import row_blocks
from thinshell.statistics._threads import thread_map
from thinshell.statistics._validation import as_sample

__all__ = [
    "MeanDirection",
    "alignment",
    "l2_normalize",
    "mean_direction",
    "uniformity",
    "uniformity_of_sphere",
]

# Rows compared at a time in `uniformity`: a 1024 x 1024 block of distances is 8 MB.
PAIR_BLOCK = 1024


@dataclass(frozen=True)
class MeanDirection:
    """The mean of l2-normalised rows.

    Attributes
    ----------
    vector : ndarray of shape (n_features,)
        Mean of the unit rows, not rescaled.
    norm : float
        Its length, in [0, 1]; about ``1 / sqrt(n_samples)`` even for a perfectly uniform sphere.
    norm_squared_unbiased : float
        Unbiased estimate of ``||E u||^2``; can be slightly negative.
    n_samples : int
    """

    vector: np.ndarray
    norm: float
    norm_squared_unbiased: float
    n_samples: int


def l2_normalize(embeddings: object) -> np.ndarray:
    """Scale every row to length one.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float32 stays float32.

    Raises
    ------
    InputError
        A row is all zeros and so has no direction; not finite; not 1-D/2-D.

    Examples
    --------
    >>> l2_normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    sample = as_sample(embeddings, "embeddings")
    out = np.empty_like(sample)
    for rows in row_blocks(*sample.shape):
        block = sample[rows].astype(np.float64)
        # The largest entry is taken out first so that squares neither overflow nor vanish.
        block /= _nonzero(np.abs(block).max(axis=1, initial=0.0), rows.start)[:, None]
        out[rows] = block / np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
    return out


def _nonzero(sizes: np.ndarray, first_row: int) -> np.ndarray:
    if not sizes.all():
        row = first_row + int(np.flatnonzero(sizes == 0)[0])
        raise InputError(f"embeddings must have no all-zero row, got one at row {row}: it has no direction; drop it")
    return sizes


def checked_pairs(x: object, y: object) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of the same shape, or an error."""
    first, second = as_sample(x, "x", min_samples=1), as_sample(y, "y", min_samples=1)
    if first.shape != second.shape:
        raise InputError(
            "x and y must have the same shape, row i of one paired with row i of the other, got "
            f"{first.shape} and {second.shape}; give one row of each per pair"
        )
    return first, second


def alignment(x: object, y: object, alpha: float = 2.0, *, normalize: bool = True) -> float:
    """Alignment ``E ||u - v||^alpha`` of positive pairs (Wang & Isola 2020).

    Parameters
    ----------
    x, y : array_like of shape (n_pairs, n_features)
        Row i of `x` and row i of `y` are two views of one thing.
    alpha : float, default 2
        Greater than 0. With 2 the value is ``2 - 2 E[u . v]``.
    normalize : bool, default True
        L2-normalise both first; the definition is for unit rows.

    Returns
    -------
    float
        In [0, 2**alpha] for unit rows; 0 means identical views. Lower is better aligned.

    Raises
    ------
    InputError
        Shapes differ, `alpha` not above 0, a zero row while normalising, not finite.

    References
    ----------
    Wang, T. and Isola, P. (2020). Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere. ICML, Section 4.1.1.

    Examples
    --------
    >>> alignment([[1.0, 0.0]], [[0.0, 2.0]])
    2.0
    """
    if not alpha > 0:
        raise InputError(f"alpha must be above 0, got {alpha}; the usual value is 2")
    first, second = checked_pairs(x, y)
    if normalize:
        first, second = l2_normalize(first), l2_normalize(second)
    total = 0.0
    for rows in row_blocks(*first.shape):
        gap = first[rows].astype(np.float64) - second[rows]
        total += float((np.einsum("ij,ij->i", gap, gap) ** (alpha / 2)).sum())
    return total / len(first)


def uniformity(x: object, t: float = 2.0, *, normalize: bool = True) -> float:
    """Uniformity ``log E exp(-t ||u - v||^2)`` over all pairs i < j of rows (Wang & Isola 2020).

    Parameters
    ----------
    x : array_like of shape (n_samples, n_features)
        At least two rows. All pairs are visited in blocks: time grows as n_samples squared, memory does not.
    t : float, default 2
        Greater than 0.
    normalize : bool, default True
        L2-normalise first; the definition is for unit rows.

    Returns
    -------
    float
        In [-4 t, 0] for unit rows; lower is more uniform, `uniformity_of_sphere` is what uniform rows reach.

    Raises
    ------
    InputError
        Fewer than two rows, `t` not above 0, a zero row while normalising, not finite.

    References
    ----------
    Wang, T. and Isola, P. (2020). Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere. ICML, Section 4.1.2.

    Examples
    --------
    >>> round(uniformity([[1.0, 0.0], [-1.0, 0.0]]), 6)
    -8.0
    """
    if not t > 0:
        raise InputError(f"t must be above 0, got {t}; the usual value is 2")
    sample = as_sample(x, "x", min_samples=2)
    sample = l2_normalize(sample) if normalize else sample
    n = len(sample)
    blocks = [slice(i, i + PAIR_BLOCK) for i in range(0, n, PAIR_BLOCK)]
    pairs = list(itertools.combinations_with_replacement(blocks, 2))
    parts = thread_map(lambda pair: _log_kernel_sum(sample, *pair, t), pairs)
    return float(np.asarray(logsumexp(parts))) - float(np.log(n) + np.log((n - 1) / 2))


def _log_kernel_sum(sample: np.ndarray, rows: slice, columns: slice, t: float) -> float:
    """Log of the sum of ``exp(-t d^2)`` over a block of pairs; a diagonal block counts each pair once."""
    # float64: |x|^2 + |y|^2 - 2 x.y cancels for close pairs, and those carry most of the sum.
    left, right = sample[rows].astype(np.float64), sample[columns].astype(np.float64)
    exponents = left @ right.T
    exponents *= 2.0
    exponents -= np.einsum("ij,ij->i", left, left)[:, None]
    exponents -= np.einsum("ij,ij->i", right, right)
    np.minimum(exponents, 0.0, out=exponents)
    exponents *= t
    twice = rows == columns
    if twice:
        np.fill_diagonal(exponents, -np.inf)
    peak = exponents.max(initial=-np.inf)
    if not np.isfinite(peak):
        return -np.inf
    exponents -= peak
    total = np.exp(exponents, out=exponents).sum()
    return float(peak + np.log(total / 2 if twice else total))


def uniformity_of_sphere(d: int, t: float = 2.0) -> float:
    """Uniformity of the uniform law on the unit sphere in R^d, in closed form.

    ``-2 t + log( Gamma(d/2) t^(1 - d/2) I_{d/2-1}(2 t) )``, with I the modified Bessel function. It is summed
    here as the power series ``log sum_m t^(2m) / (m! (d/2)_m)``, all of whose terms are positive, so that
    large d neither overflows nor cancels.

    Parameters
    ----------
    d : int
        At least 1.
    t : float, default 2
        Greater than 0.

    Returns
    -------
    float
        Tends to ``-2 t`` as d grows.

    Raises
    ------
    InputError
        `d` below 1 or `t` not above 0.

    References
    ----------
    Mardia, K. V. and Jupp, P. E. (2000). Directional Statistics, Section 9.3.2 (von Mises-Fisher constant).

    Examples
    --------
    >>> round(uniformity_of_sphere(3), 6)  # -4 + log(sinh(4) / 4)
    -2.079777
    """
    if d < 1 or not t > 0:
        raise InputError(f"d must be at least 1 and t above 0, got d = {d} and t = {t}")
    # Beyond m = 2 t each term is under a quarter of the one before: sixty more leave less than 1e-36.
    m = np.arange(int(np.ceil(2 * t)) + 60, dtype=np.float64)
    log_terms = 2 * m * np.log(t) - gammaln(m + 1) - (gammaln(d / 2 + m) - gammaln(d / 2))
    return -2.0 * t + float(np.asarray(logsumexp(log_terms)))


def mean_direction(x: object) -> MeanDirection:
    """Mean of the l2-normalised rows, its length, and that length squared without bias.

    Parameters
    ----------
    x : array_like of shape (n_samples, n_features)
        At least two rows; normalised here.

    Returns
    -------
    MeanDirection
        ``norm_squared_unbiased = (|sum u|^2 - n) / (n (n - 1))``, the mean of ``u_i . u_j`` over i != j.

    Raises
    ------
    InputError
        Fewer than two rows, an all-zero row, not finite.

    Examples
    --------
    >>> mean_direction([[1.0, 0.0], [0.0, 5.0]]).norm_squared_unbiased
    0.0
    """
    unit = l2_normalize(as_sample(x, "x", min_samples=2))
    n = len(unit)
    total = unit.sum(axis=0, dtype=np.float64)
    squared = float(total @ total)
    return MeanDirection(total / n, float(np.sqrt(squared)) / n, (squared - n) / (n * (n - 1)), n)
