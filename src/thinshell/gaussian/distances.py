"""Squared Mahalanobis distances of many rows, in pieces that stay in the cache of the thread that has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thinshell.errors import InputError
from thinshell.gaussian.covariance import FittedCovariance
from thinshell.statistics._threads import single_threaded_blas, thread_map
from thinshell.statistics._validation import as_float

__all__ = [
    "distance_function",
    "for_pieces",
    "needs_double",
    "off_support",
    "refuse_nonfinite",
    "squared_distances",
]

# Values of one thread's piece: 3 MiB of float32, beside the whitening matrix in the cache.
_PIECE_VALUES = 3 * 2**18
# Trace over smallest eigenvalue from which float32 rows are whitened in float64: in float32 the rounding of a row
# would be a thousandth of the spread in the narrowest direction.
_MOST_SPREAD = 1e8
# How far a row may be off a constraint, relative to the size of its terms, by data type.
_SLACK = {4: 3e-5, 8: 1e-8}


def needs_double(covariance: FittedCovariance) -> bool:
    """Tell whether float32 products are too coarse for this covariance."""
    return bool(covariance.eigenvalues.sum() > _MOST_SPREAD * covariance.eigenvalues[-1])


def for_pieces(rows: np.ndarray, work: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply `work` to pieces of rows, float32 or float64, on all CPUs and stack what it returns."""
    step = max(16, _PIECE_VALUES // max(1, rows.shape[1]))

    def piece(top: int) -> np.ndarray:
        return work(as_float(rows[top : top + step], "X"))

    with single_threaded_blas():
        parts = thread_map(piece, range(0, len(rows), step))
    return np.concatenate(parts)


def off_support(centred: np.ndarray, mean: np.ndarray, covariance: FittedCovariance) -> np.ndarray:
    """Tell which centred rows break a constraint of the support; boolean of shape (n_samples,)."""
    constraints = covariance.constraints.astype(centred.dtype, copy=False)
    sizes = (np.abs(mean) + covariance.stds()).astype(centred.dtype)
    allowed = (np.abs(centred) + sizes) @ np.abs(constraints)
    allowed *= max(_SLACK[centred.itemsize], covariance.slack)
    return np.any(np.abs(centred @ constraints) > allowed, axis=1)


def squared_distances(rows: np.ndarray, mean: np.ndarray, covariance: FittedCovariance) -> np.ndarray:
    """Return ``(x - mean)' S^+ (x - mean)`` of every row.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        float32 rows are multiplied in float32, unless the covariance is too ill-conditioned for that (its trace 1e8
        times its smallest eigenvalue); all others in float64.
    mean : ndarray of shape (n_features,)
    covariance : FittedCovariance

    Returns
    -------
    ndarray of shape (n_samples,), float64
        Infinity off the support.

    Raises
    ------
    InputError
        If a row holds NaN or infinity.
    """
    return for_pieces(rows, distance_function(rows.dtype, mean, covariance)) if len(rows) else np.empty(0)


def distance_function(
    dtype: np.dtype, mean: np.ndarray, covariance: FittedCovariance
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of a piece of rows of this data type that `squared_distances` applies."""
    double: np.dtype = np.dtype(np.float64)
    ways: dict[np.dtype, Callable[[np.ndarray], np.ndarray]] = {double: _way(double, mean, covariance)}
    if dtype.kind == "f" and dtype.itemsize <= 4 and not needs_double(covariance):
        ways[np.dtype(np.float32)] = _way(np.dtype(np.float32), mean, covariance)

    def work(part: np.ndarray) -> np.ndarray:
        part = part if part.dtype in ways else part.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            values = ways[part.dtype](part)
            if part.dtype == np.float32 and not np.isfinite(values).all():
                # Squares beyond float32.
                values = ways[double](part.astype(np.float64))
        if not np.isfinite(values).all():
            refuse_nonfinite(part)
        if covariance.constraints.shape[1]:
            # In the rows' own precision: a mean rounded to it is what a constant column holds.
            refuse_nonfinite(part)
            values[off_support(part - mean.astype(part.dtype), mean, covariance)] = np.inf
        return values

    return work


def _way(dtype: np.dtype, mean: np.ndarray, covariance: FittedCovariance) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of a piece that yields its squared distances."""
    near = mean.astype(dtype)
    rest = mean - near  # what rounding the mean left out
    if covariance.woodbury() is not None:
        scale, projection = covariance.woodbury()  # type: ignore[misc]
        left = (rest * scale).astype(dtype)
        scale, projection = scale.astype(dtype), projection.astype(dtype)

        def by_factors(part: np.ndarray) -> np.ndarray:
            scaled = part - near
            scaled *= scale
            scaled -= left
            along = scaled @ projection
            total = np.einsum("ij,ij->i", scaled, scaled).astype(np.float64)
            return np.maximum(total - np.einsum("ij,ij->i", along, along), 0.0)

        return by_factors
    whitening = covariance.whitening()
    offset, matrix = (rest @ whitening).astype(dtype), whitening.astype(dtype)

    def by_whitening(part: np.ndarray) -> np.ndarray:
        white = (part - near) @ matrix
        white -= offset
        return np.einsum("ij,ij->i", white, white).astype(np.float64)

    return by_whitening


def refuse_nonfinite(part: np.ndarray) -> None:
    """Raise if a row holds NaN or infinity."""
    bad = ~np.isfinite(part).all(axis=1)
    if bad.any():
        raise InputError(
            f"X must be finite, got NaN or infinity in {bad.sum():,} of {len(part):,} rows of a block; "
            "drop or repair them"
        )
