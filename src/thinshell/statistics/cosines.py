"""Cosine similarities of positive and of negative pairs, and their law on the uniform sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv

from thinshell.errors import InputError
from thinshell.statistics._small import is_small
from thinshell.statistics._threads import thread_map
from thinshell.statistics._validation import as_float, as_sample
from thinshell.statistics.sphere import checked_pairs, l2_normalize

__all__ = [
    "CosineSummary",
    "negative_cosines",
    "negative_pair_cosines",
    "pair_cosines",
    "sphere_cosine_cdf",
    "sphere_cosine_quantiles",
]

QUANTILE_LEVELS = (1, 5, 25, 50, 75, 95, 99)
# Pairs of one piece of work.
_PIECE_PAIRS = 16_384
# A product of a pair costs NumPy 1.3 ns, a value of small data a few hundred in all: this many products stand for one.
_PRODUCTS = 256
# Values of the rows that NumPy gathers at once: both sides stay in the second-level cache.
_GATHERED = 2**13


@dataclass(frozen=True)
class CosineSummary:
    """Distribution of cosine similarities.

    Attributes
    ----------
    n_pairs : int
    mean, std : float
        `std` has divisor n_pairs.
    quantiles : dict of int to float
        At 1, 5, 25, 50, 75, 95 and 99 %.
    edges : ndarray of shape (n_bins + 1,)
        Histogram edges over [-1, 1].
    counts : ndarray of shape (n_bins,)
    """

    n_pairs: int
    mean: float
    std: float
    quantiles: dict[int, float]
    edges: np.ndarray
    counts: np.ndarray


def _summary(cosines: np.ndarray, n_bins: int) -> CosineSummary:
    if n_bins < 1:
        raise InputError(f"n_bins must be at least 1, got {n_bins}; the usual value is 100")
    cosines = np.clip(cosines, -1.0, 1.0)
    counts, edges = np.histogram(cosines, bins=n_bins, range=(-1.0, 1.0))
    values = np.percentile(cosines, QUANTILE_LEVELS)
    quantiles = {level: float(value) for level, value in zip(QUANTILE_LEVELS, values, strict=True)}
    return CosineSummary(cosines.size, float(cosines.mean()), float(cosines.std()), quantiles, edges, counts)


def _row_cosines(first: np.ndarray, second: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    cosines, dots = np.empty(left.size), _dots
    if is_small(left.size * first.shape[1] // _PRODUCTS):
        first, second = (rows.astype(np.float64, copy=False) for rows in (first, second))
    else:
        from thinshell.statistics._cosines_compiled import dots

    def piece(start: int) -> None:
        part = slice(start, start + _PIECE_PAIRS)
        dots(first, second, left[part], right[part], cosines[part])

    thread_map(piece, range(0, left.size, _PIECE_PAIRS))
    return cosines


def _dots(first: np.ndarray, second: np.ndarray, left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    step = max(1, _GATHERED // first.shape[1])
    for top in range(0, out.size, step):
        part = slice(top, top + step)
        np.einsum("ij,ij->i", first.take(left[part], axis=0), second.take(right[part], axis=0), out=out[part])


def pair_cosines(x: object, y: object, *, n_bins: int = 100) -> CosineSummary:
    """Cosine similarities of positive pairs: row i of `x` with row i of `y`.

    Parameters
    ----------
    x, y : array_like of shape (n_pairs, n_features)
        Normalised here.
    n_bins : int, default 100
        Histogram bins over [-1, 1].

    Returns
    -------
    CosineSummary

    Raises
    ------
    InputError
        Shapes differ, an all-zero row, `n_bins` below 1, not finite.

    Examples
    --------
    >>> pair_cosines([[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [1.0, 0.0]]).mean
    0.5
    """
    first, second = checked_pairs(x, y)
    rows = np.arange(len(first))
    return _summary(_row_cosines(l2_normalize(first), l2_normalize(second), rows, rows), n_bins)


def negative_cosines(
    x: object,
    y: object = None,
    *,
    max_pairs: int = 1_000_000,
    rng: np.random.Generator | int = 0,
    n_bins: int = 100,
) -> CosineSummary:
    """Cosine similarities of negative pairs: different rows of `x`, or row i of `x` with row j != i of `y`.

    Parameters
    ----------
    x : array_like of shape (n_samples, n_features)
        At least two rows; normalised here.
    y : array_like of shape (n_samples, n_features), optional
        The other view.
    max_pairs : int, default 1,000,000
        All ordered pairs are used when there are no more than this, else so many drawn with replacement.
    rng : numpy.random.Generator or int, default 0
        For the draw.
    n_bins : int, default 100
        Histogram bins over [-1, 1].

    Returns
    -------
    CosineSummary

    Raises
    ------
    InputError
        Fewer than two rows, shapes differ, an all-zero row, `max_pairs` or `n_bins` below 1, not finite.

    Examples
    --------
    >>> negative_cosines([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]).mean
    -0.333...
    """
    return _summary(negative_pair_cosines(x, y, max_pairs=max_pairs, rng=rng), n_bins)


def negative_pair_cosines(
    x: object, y: object = None, *, max_pairs: int = 1_000_000, rng: np.random.Generator | int = 0
) -> np.ndarray:
    """Return the cosines that `negative_cosines` summarises, one float64 a pair, in the order they were drawn.

    Examples
    --------
    >>> negative_pair_cosines([[1.0, 0.0], [0.0, 2.0]])
    array([0., 0.])
    """
    if max_pairs < 1:
        raise InputError(f"max_pairs must be at least 1, got {max_pairs}; the usual value is 1,000,000")
    first, second = checked_pairs(as_sample(x, "x", min_samples=2), x if y is None else y)
    n = len(first)
    if n * (n - 1) <= max_pairs:
        left, right = np.nonzero(~np.eye(n, dtype=bool))
    else:
        generator = np.random.default_rng(rng)
        left = generator.integers(n, size=max_pairs)
        # A shift of 1 .. n-1 (cyclic) reaches every other row with equal probability and never the row
        # itself.
        right = (left + generator.integers(1, n, size=max_pairs)) % n
    unit = l2_normalize(first)
    other = unit if y is None else l2_normalize(second)
    return _row_cosines(unit, other, left, right)


def sphere_cosine_quantiles(d: int, q: object) -> np.ndarray:
    """Quantiles of the cosine between two independent uniform directions in R^d.

    ``(1 + cos) / 2`` follows Beta((d - 1) / 2, (d - 1) / 2); the standard deviation is ``1 / sqrt(d)``.

    Parameters
    ----------
    d : int
        At least 2.
    q : array_like
        Probabilities in [0, 1].

    Returns
    -------
    ndarray of the shape of `q`
        In [-1, 1].

    Raises
    ------
    InputError
        `d` below 2 or a probability outside [0, 1].

    References
    ----------
    Mardia, K. V. and Jupp, P. E. (2000). Directional Statistics, Section 9.3.1.

    Examples
    --------
    >>> sphere_cosine_quantiles(3, [0.25, 0.5, 0.75])  # Archimedes: uniform on [-1, 1]
    array([-0.5,  0. ,  0.5])
    """
    levels = as_float(q, "q").astype(np.float64)
    if d < 2:
        raise InputError(f"d must be at least 2, got {d}; in one dimension a cosine is just a sign")
    if not ((levels >= 0) & (levels <= 1)).all():
        raise InputError("q must hold probabilities in [0, 1]; divide percentages by 100")
    half = (d - 1) / 2
    return 2.0 * betaincinv(half, half, levels) - 1.0


def sphere_cosine_cdf(d: int, cosine: object) -> np.ndarray:
    """P(c <= `cosine`) for the cosine c between two independent uniform directions in R^d.

    Parameters
    ----------
    d : int
        At least 1; in one dimension a cosine is -1 or 1, each half of the time.
    cosine : array_like
        Beyond -1 and 1 the probability is 0 and 1.

    Returns
    -------
    ndarray of the shape of `cosine`

    Raises
    ------
    InputError
        `d` below 1 or a cosine that is not finite.

    References
    ----------
    Mardia, K. V. and Jupp, P. E. (2000). Directional Statistics, Section 9.3.1.

    Examples
    --------
    >>> sphere_cosine_cdf(3, [-1.0, 0.0, 0.5])  # Archimedes: uniform on [-1, 1]
    array([0.  , 0.5 , 0.75])
    >>> sphere_cosine_cdf(1, [-1.0, 0.0, 1.0])
    array([0.5, 0.5, 1. ])
    """
    values = as_float(cosine, "cosine").astype(np.float64)
    if d < 1:
        raise InputError(f"d must be at least 1, got {d}; give the number of dimensions")
    if not np.isfinite(values).all():
        raise InputError("cosine must hold finite numbers, got NaN or infinity; give values in [-1, 1]")
    if d == 1:
        return 0.5 * (values >= -1.0) + 0.5 * (values >= 1.0)
    half = (d - 1) / 2
    return betainc(half, half, np.clip((1.0 + values) / 2.0, 0.0, 1.0))
