"""What can be done to rows before they are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from thinshell.errors import InputError
from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.statistics._accelerators import on_accelerator

__all__ = ["fit_transform_of"]

Transform = Callable[[np.ndarray], np.ndarray]
# Eigenvalues below this share of the largest are rank that the data do not have; whitening would blow their
# rounding noise up to unit variance. float64 covariances of float32 products hold about six digits.
_RANK_TOLERANCE = 1e-6


def fit_transform_of(normalize: str, first_pass: Callable[[], EmbeddingSketch]) -> Transform | None:
    """Return the function that normalises a block, or None for "none".

    Parameters
    ----------
    normalize : {"none", "l2", "zscore", "whiten"}
    first_pass : callable
        Sketches the untouched rows; called only where their mean and spread are needed.
    """
    if normalize == "none":
        return None
    if normalize == "l2":
        return _l2
    return _zscore(first_pass()) if normalize == "zscore" else _whiten(first_pass())


def _l2(block: np.ndarray) -> np.ndarray:
    if on_accelerator(block):
        from thinshell.statistics._tensors import unit_rows

        return unit_rows(block)  # type: ignore[arg-type,return-value] - a tensor, which stays where it is
    norms = np.linalg.norm(block.astype(np.float64, copy=False), axis=1, keepdims=True)
    # A zero row has no direction: it stays where it is.
    return (block / np.where(norms == 0, 1.0, norms)).astype(block.dtype)


@dataclass(frozen=True)
class _Affine:
    """Takes `mean` away and scales or rotates by `matrix`; a class, so that it can be sent to workers."""

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, block: np.ndarray) -> np.ndarray:
        centred = block - self.mean
        return (centred * self.matrix if self.matrix.ndim == 1 else centred @ self.matrix).astype(block.dtype)


def _zscore(sketch: EmbeddingSketch) -> Transform:
    moments = summarize(sketch).moments
    std = np.where(moments.constant, 1.0, moments.std())
    return _Affine(moments.mean, 1.0 / std)


def _whiten(sketch: EmbeddingSketch) -> Transform:
    summary = summarize(sketch)
    covariance = summary.covariance
    if covariance is None and summary.exact:
        covariance = np.atleast_2d(np.cov(summary.rows.astype(np.float64), rowvar=False))
    n, d = summary.n_samples, summary.n_features
    if covariance is None:
        raise InputError(f"normalize=whiten takes at most 4,096 features, got {d:,}; use zscore")
    values, vectors = eigh(covariance)
    rank = int((values > _RANK_TOLERANCE * values[-1]).sum())
    if rank < d:
        raise InputError(
            f"normalize=whiten needs a covariance of full rank, got rank {rank} of {d} from {n:,} rows; "
            "give more rows, remove constant or repeated features, or use zscore"
        )
    return _Affine(summary.moments.mean, (vectors / np.sqrt(values)) @ vectors.T)
