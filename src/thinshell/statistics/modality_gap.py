"""How far apart two clouds of one space lie: the modality gap of image and text embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thinshell.errors import InputError
from thinshell.statistics._columns import row_blocks
from thinshell.statistics._validation import as_sample
from thinshell.statistics.sphere import mean_direction

__all__ = ["ModalityGap", "gap_of_moments", "modality_gap"]


@dataclass(frozen=True)
class ModalityGap:
    """Where two clouds lie to each other.

    Attributes
    ----------
    gap : float
        Distance of the mean directions (means of unit rows), in [0, 2].
    gap_raw : float
        Distance of the means of the rows as they are, in their unit.
    gap_in_spreads : float
        `gap_raw` over the root of the mean total variance of both: 0 for one cloud, well above 1 for two.
    share : float
        Of the mean squared distance of a row of one to a row of the other, what the gap makes up, in [0, 1].
    cosine_of_means : float
        Of the two means of the rows as they are, in [-1, 1]; NaN where one is zero.
    cross_cosine : float
        Mean cosine of all rows of one with all rows of the other: the inner product of the mean directions.
    offsets : tuple of float
        For each, length of its mean over the root of its mean squared norm: 0 where it is centred at the origin, 1 for
        a single point. "Double-Ellipsoid": both are ellipsoids off the origin.
    radii : tuple of float
        For each, root mean squared distance of its rows from its own mean.
    """

    gap: float
    gap_raw: float
    gap_in_spreads: float
    share: float
    cosine_of_means: float
    cross_cosine: float
    offsets: tuple[float, float]
    radii: tuple[float, float]


def modality_gap(x: object, y: object) -> ModalityGap:
    """Tell how far apart two clouds of one space lie.

    Parameters
    ----------
    x, y : array_like of shape (n_samples, n_features)
        Rows of the two sides; their numbers may differ, their columns not.

    Returns
    -------
    ModalityGap

    Raises
    ------
    InputError
        If the columns differ in number, or values are not finite.

    References
    ----------
    Liang, W., Zhang, Y., Kwon, Y., Yeung, S. and Zou, J. (2022). Mind the gap: understanding the modality gap in
    multi-modal contrastive representation learning. NeurIPS, Section 2 (the gap, of unit rows).
    Levi, M. Y. and Gilboa, G. (2024). The double-ellipsoid geometry of CLIP. arXiv:2411.14517 (offsets of raw rows).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shift = np.r_[3.0, np.zeros(15)]
    >>> result = modality_gap(rng.standard_normal((4000, 16)) + shift, rng.standard_normal((4000, 16)) - shift)
    >>> round(result.gap_raw, 1), round(result.share, 1), round(result.cosine_of_means, 2)
    (6.0, 0.5, -1.0)
    """
    samples = [as_sample(x, "x", min_samples=2), as_sample(y, "y", min_samples=2)]
    if samples[0].shape[1] != samples[1].shape[1]:
        raise InputError(
            f"x and y must have as many columns as each other, got {samples[0].shape[1]} and {samples[1].shape[1]}; "
            "embed both into one space"
        )
    means = [sample.mean(axis=0, dtype=np.float64) for sample in samples]
    variances = [_total_variance(sample, mean) for sample, mean in zip(samples, means, strict=True)]
    # A row of zeros has no direction; it counts as zero, as in a sketch.
    directions = [_mean_direction(sample) for sample in samples]
    return gap_of_moments(means, variances, directions)


def _mean_direction(sample: np.ndarray) -> np.ndarray:
    there = sample[sample.any(axis=1)]
    return mean_direction(there).vector * (len(there) / len(sample)) if len(there) else np.zeros(sample.shape[1])


def _total_variance(sample: np.ndarray, mean: np.ndarray) -> float:
    blocks = (sample[rows].astype(np.float64) - mean for rows in row_blocks(*sample.shape))
    return sum(float(np.einsum("ij,ij->", block, block)) for block in blocks) / len(sample)


def gap_of_moments(means: list[np.ndarray], variances: list[float], directions: list[np.ndarray]) -> ModalityGap:
    """Return the gap from what a sketch knows of each side: mean, total variance (divisor n) and mean of unit rows.

    Examples
    --------
    >>> gap_of_moments([np.array([1.0, 0.0]), np.array([0.0, 0.0])], [0.5, 0.5], [np.array([1.0, 0.0])] * 2).share
    0.5
    """
    difference = means[0] - means[1]
    squared, spread = float(difference @ difference), sum(variances)
    lengths = [float(np.linalg.norm(mean)) for mean in means]
    roots = [float(np.sqrt(length**2 + variance)) for length, variance in zip(lengths, variances, strict=True)]
    offsets = [length / root if root > 0 else float("nan") for length, root in zip(lengths, roots, strict=True)]
    total = squared + spread
    return ModalityGap(
        gap=float(np.linalg.norm(directions[0] - directions[1])),
        gap_raw=float(np.sqrt(squared)),
        gap_in_spreads=float(np.sqrt(squared / (spread / 2))) if spread > 0 else float("inf"),
        share=squared / total if total > 0 else float("nan"),
        cosine_of_means=float(means[0] @ means[1]) / (lengths[0] * lengths[1]) if min(lengths) > 0 else float("nan"),
        cross_cosine=float(directions[0] @ directions[1]),
        offsets=(offsets[0], offsets[1]),
        radii=(float(np.sqrt(variances[0])), float(np.sqrt(variances[1]))),
    )
