"""Means, sums within classes, and distances from many means under one covariance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thinshell.gaussian.covariance import FittedCovariance
from thinshell.gaussian.distances import needs_double, off_support, refuse_nonfinite
from thinshell.gaussian.sums import CovarianceSums
from thinshell.statistics._validation import as_float

__all__ = ["class_means", "tied_distances", "within_sums"]

# Values that are centred by their class at a time.
_STEP_VALUES = 2**22


def row_steps(rows: np.ndarray) -> list[slice]:
    step = max(1, _STEP_VALUES // rows.shape[1])
    return [slice(top, top + step) for top in range(0, len(rows), step)]


def class_means(rows: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the mean of every class, float64, from sums of pieces sorted by class."""
    sums, start = np.zeros((n_classes, rows.shape[1])), rows[:1].astype(np.float64)
    for step in row_steps(rows):
        members = np.zeros((n_classes, len(codes[step])))
        members[codes[step], np.arange(len(codes[step]))] = 1.0
        sums += members @ (rows[step] - start)
    return start + sums / np.bincount(codes, minlength=n_classes)[:, None]


def within_sums(rows: np.ndarray, codes: np.ndarray, means: np.ndarray) -> CovarianceSums:
    """Add up rows after their class mean was taken off."""
    sums = CovarianceSums()
    for step in row_steps(rows):
        block = as_float(rows[step], "X")
        sums.add(block - means.astype(block.dtype)[codes[step]])
    return sums


def tied_distances(
    dtype: np.dtype, means: np.ndarray, priors: np.ndarray, covariance: FittedCovariance
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of a piece that yields its distances from every class under one covariance."""
    centre = priors @ means
    whitening = covariance.whitening()
    white_means = (means - centre) @ whitening
    single = dtype.kind == "f" and dtype.itemsize <= 4 and not needs_double(covariance)

    def distances(part: np.ndarray, dtype: Any) -> np.ndarray:
        near = centre.astype(dtype)
        white = (part - near) @ whitening.astype(dtype)
        targets = (white_means - (near - centre) @ whitening).astype(dtype)
        squares = np.einsum("ij,ij->i", white, white).astype(np.float64)[:, None]
        crossed = (white @ targets.T).astype(np.float64)
        return np.maximum(squares - 2.0 * crossed + np.einsum("ij,ij->i", targets, targets), 0.0)

    def work(part: np.ndarray) -> np.ndarray:
        part = part if single else part.astype(np.float64, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            values = distances(part, part.dtype)
            if part.dtype == np.float32 and not np.isfinite(values).all():
                values = distances(part.astype(np.float64), np.float64)
        if not np.isfinite(values).all():
            refuse_nonfinite(part)
        if covariance.constraints.shape[1]:
            refuse_nonfinite(part)
            for k, mean in enumerate(means):
                values[off_support(part - mean.astype(part.dtype), mean, covariance), k] = np.inf
        return values

    return work
