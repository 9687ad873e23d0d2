"""Column means, standardised columns and Gram matrices, block by block so that no float64 copy is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = [
    "column_means",
    "column_stds",
    "correlation",
    "row_blocks",
    "sample_covariance",
    "smaller_gram",
    "standardized",
    "varying_columns",
]

# Elements of one float64 work block: 2**21 of them are 16 MB, large enough for GEMM to run at full speed. What only
# passes over them is twice as fast where a block stays in the cache.
BLOCK_ELEMENTS = 2**21
PASS_ELEMENTS = 2**17


def row_blocks(n_rows: int, width: int, elements: int = BLOCK_ELEMENTS) -> Iterator[slice]:
    """Slices of consecutive rows of `width` elements that each fill one work block."""
    step = max(1, elements // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def varying_columns(sample: np.ndarray) -> np.ndarray:
    """Return the indices of the columns that hold more than one value."""
    return np.flatnonzero(sample.min(axis=0) < sample.max(axis=0))


def column_means(sample: np.ndarray) -> np.ndarray:
    """Mean of each column in float64, shifted by the first row so that a constant column is met exactly."""
    pilot = sample[0].astype(np.float64)
    total = np.zeros(sample.shape[1])
    for rows in row_blocks(len(sample), sample.shape[1], PASS_ELEMENTS):
        total += (sample[rows] - pilot).sum(axis=0)
    return pilot + total / len(sample)


def column_stds(sample: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return each column's standard deviation (divisor n), exactly zero for a constant column."""
    total = np.zeros(sample.shape[1])
    for rows in row_blocks(len(sample), sample.shape[1], PASS_ELEMENTS):
        centred = sample[rows] - means
        total += np.einsum("ij,ij->j", centred, centred)
    return np.sqrt(total / len(sample))


def standardized(sample: np.ndarray) -> np.ndarray:
    """Give each column mean 0 and variance 1 (divisor n), keeping the dtype; constant columns become 0."""
    means = column_means(sample)
    stds = column_stds(sample, means)
    scale = np.divide(1.0, stds, out=np.zeros_like(stds), where=stds > 0)
    out = np.empty_like(sample, order="C")
    for rows in row_blocks(len(sample), sample.shape[1], PASS_ELEMENTS):
        # The subtraction is done in float64: at mean/std = 1e4 float32 would lose four digits of the
        # deviation.
        out[rows] = (sample[rows] - means) * scale
    return out


def smaller_gram(sample: np.ndarray, center: np.ndarray | float) -> np.ndarray:
    """Gram matrix of ``sample - center`` over its longer axis, in float64.

    (n_features, n_features) when there are at least as many rows as columns, else (n_samples, n_samples);
    both have the same non-zero eigenvalues.
    """
    n, d = sample.shape
    center = np.broadcast_to(np.asarray(center, dtype=np.float64), d)
    gram = np.zeros((min(n, d),) * 2)
    for part in row_blocks(max(n, d), min(n, d)):
        if d <= n:
            block = sample[part] - center
            gram += block.T @ block
        else:
            block = sample[:, part] - center[part]
            gram += block @ block.T
    return gram


def sample_covariance(sample: np.ndarray) -> np.ndarray:
    """Return the covariance of the columns (divisor n - 1) of at least as many rows as columns."""
    return smaller_gram(sample, column_means(sample)) / (len(sample) - 1)


def correlation(covariance: np.ndarray) -> np.ndarray:
    """Return the correlations of columns of this covariance; those of a constant column are 0."""
    stds = np.sqrt(np.diag(covariance))
    scale = np.divide(1.0, stds, out=np.zeros_like(stds), where=stds > 0)
    return covariance * np.outer(scale, scale)
