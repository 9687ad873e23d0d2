"""What a departure looks like, so that somebody knows where to look: tails, skew, clusters, zeros, rank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from thinshell.diagnosis.criteria import ALPHA
from thinshell.diagnosis.geometry import Geometry
from thinshell.sketch import Summary
from thinshell.statistics.principal_axes import PrincipalAxesResult

__all__ = ["Hint", "find_hints"]

# These thresholds decide which words are used, never a verdict; all are ours. Excess kurtosis: -.5 is a mixture
# of two normals 2 sigma apart, .5 a t law with 16 degrees of freedom.
_KURTOSIS = 0.5
# |skewness| .5: a gamma law with shape 16.
_SKEWNESS = 0.5
# Quantile skewness of a gamma law with shape 16 is .12, of an exponential .56, of any symmetric law 0.
_LOPSIDED = 0.1
# A uniform law has -1.2; only several modes go further below.
_FLATTER_THAN_UNIFORM = -1.3
# Squared norms this many times as variable as independent coordinates of the same kurtosis would make them.
_SHARED_SCALE = 2.0
# A fifth of the values exactly zero does not happen by rounding.
_ZEROS = 0.2
# Different values per column among the first rows looked at; a continuous float32 column has as many as rows.
_DISTINCT_SHARE = 0.1
_DISTINCT_ROWS = 1000
# One coordinate with a fifth of the variance of at least ten, or a tenth of the rank.
_TOP_VARIANCE = 0.2
_RANK_SHARE = 0.1
_FEWEST_COLUMNS = 10
# Beyond this ratio float32 keeps under three digits of the spread (2^-24 * 1e4 = 6e-4 of a sigma) and ties
# start to move A^2.
_OFFSET = 1e4


@dataclass(frozen=True)
class Hint:
    """A feature of the data worth knowing.

    Attributes
    ----------
    code : str
        Stable identifier.
    message : str
        One sentence with the numbers.
    look_next : str
        One sentence that says what to do with it.
    is_cause : bool
        Whether it makes coordinates non-Gaussian by itself.
    """

    code: str
    message: str
    look_next: str
    is_cause: bool = True


def find_hints(summary: Summary, geometry: Geometry, axes: PrincipalAxesResult, norm_ratio: float) -> list[Hint]:
    """Return what stands out, the likeliest cause of non-Gaussian coordinates first.

    `summary` is without constant columns; `norm_ratio` is that of `spectrum_norm_test`.
    """
    typical = float(np.nanmedian(summary.moments.excess_kurtosis))
    return [
        *_atoms(summary),
        *_clusters(axes, typical),
        *_shape(summary, typical, norm_ratio),
        *_structure(summary, geometry),
    ]


def _atoms(summary: Summary) -> Iterator[Hint]:
    """Zeros and lattices."""
    zeros = float((summary.rows == 0).mean())
    rows = summary.rows[:_DISTINCT_ROWS]
    distinct = np.array([len(np.unique(column)) for column in rows.T])
    lattice = float((distinct < _DISTINCT_SHARE * len(rows)).mean())
    one_sided = bool((summary.minimum >= 0).all())
    # Rounded values on both sides of zero are zero often enough without being sparse.
    if zeros > _ZEROS and (one_sided or lattice <= 0.5):
        kind, where = _sparse_kind(rows, one_sided)
        yield Hint("sparse", f"{100 * zeros:.0f} % of the values are exactly zero, {kind}", where)
        return
    if lattice > 0.5:
        yield Hint(
            "discrete",
            f"{100 * lattice:.0f} % of the coordinates take few different values (median {np.median(distinct):.0f})",
            "Look at whether the embeddings were quantised or are raw counts.",
        )


def _sparse_kind(rows: np.ndarray, one_sided: bool) -> tuple[str, str]:
    """Return what values with many zeros are, and where to look."""
    if len(np.unique(rows)) <= 2:
        few = "sparse " if (rows != 0).mean() < 0.4 else ""
        return (
            f"the others all the same: {few}binary features",
            "Look at a layer behind an encoder: this is a code, not a cloud.",
        )
    if one_sided:
        return (
            "and none is negative: sparse or ReLU features",
            "Look at the layer before the ReLU, or at the projection head's output, instead.",
        )
    return "sparse features", "Look at where the zeros come from: dropout left on, padding, or a sparse code."


def _clusters(axes: PrincipalAxesResult, typical: float) -> Iterator[Hint]:
    """Principal axes that two or more clusters flatten; `typical` is the excess kurtosis of a coordinate."""
    rejected = axes.pvalues < ALPHA / max(len(axes.pvalues), 1)
    # Flatter than the coordinates themselves, whose own light tails an axis inherits, or flatter than uniform.
    limit = max(typical - _KURTOSIS / 2, _FLATTER_THAN_UNIFORM)
    flat = np.flatnonzero(rejected & (axes.excess_kurtosis < min(limit, -_KURTOSIS)))
    if len(flat):
        axis = int(flat[0])
        yield Hint(
            "clusters",
            f"the scores on principal axis {axis} are as flat as those of clusters (excess kurtosis "
            f"{axes.excess_kurtosis[axis]:.2f})",
            "Look at a scatter plot of the leading principal axes, coloured by label or source.",
        )


def _shape(summary: Summary, kurtosis: float, norm_ratio: float) -> Iterator[Hint]:
    """Skewness and tails of the typical coordinate."""
    skewness = float(np.nanmedian(np.abs(summary.moments.skewness)))
    # Of an exponential kurtosis is 1.5 times skewness squared, of symmetric heavy tails many times.
    # Heavy tails make the sample skewness large and of either sign; quantiles tell a lopsided law from them.
    if skewness > _SKEWNESS and kurtosis < 4 * skewness**2 and _lopsided(summary.rows) > _LOPSIDED:
        yield Hint(
            "skew",
            f"the coordinates are skewed (median |skewness| {skewness:.2f}, excess kurtosis {kurtosis:.2f})",
            "Look at a histogram of a few coordinates: is this after an exponential, a softplus, a GELU or a count?",
        )
    elif kurtosis > _KURTOSIS:
        # Independent coordinates of this kurtosis make squared norms 1 + kurtosis / 2 times as variable.
        mean_kurtosis = float(np.nanmean(summary.moments.excess_kurtosis))
        shared = summary.n_features > 1 and norm_ratio > _SHARED_SCALE * (1 + mean_kurtosis / 2)
        yield Hint(
            "heavy_tails",
            f"the coordinates have heavy tails (median excess kurtosis {kurtosis:.2f})"
            + (", and rows share a scale" if shared else ""),
            "Look at the rows of largest norm: a few outliers, or a scale that differs from row to row."
            if shared
            else "Look at the largest values of a few coordinates: each has outliers of its own.",
        )
    elif kurtosis < -_KURTOSIS:
        yield Hint(
            "light_tails",
            f"the coordinates have light tails (median excess kurtosis {kurtosis:.2f}): bounded or with several modes",
            "Look at a histogram of a few coordinates: a tanh or sigmoid, or two groups of rows?",
        )


def _lopsided(rows: np.ndarray) -> float:
    """Return the median over columns of the absolute quantile skewness (q95 + q5 - 2 q50) / (q95 - q5)."""
    low, middle, high = np.quantile(rows[:_DISTINCT_ROWS].astype(np.float64), (0.05, 0.5, 0.95), axis=0)
    width = high - low
    skew = np.divide(np.abs(high + low - 2 * middle), width, out=np.zeros_like(width), where=width > 0)
    return float(np.median(skew))


def _structure(summary: Summary, geometry: Geometry) -> Iterator[Hint]:
    """Rank, weight and precision: worth knowing although a Gaussian can have them, too."""
    d, n = summary.n_features, summary.n_samples
    variances = summary.moments.variance()
    top = int(np.argmax(variances))
    share = float(variances[top] / variances.sum()) if np.isfinite(variances.sum()) else 0.0
    if d >= _FEWEST_COLUMNS and share > _TOP_VARIANCE:
        yield Hint(
            "dominating_coordinates",
            f"coordinate {summary.columns[top]} holds {100 * share:.0f} % of the variance",
            f"Look at coordinate {summary.columns[top]}; --normalize zscore takes its weight away.",
            is_cause=False,
        )
    rank = geometry.spectrum["effective_rank"]
    if rank is not None and d >= _FEWEST_COLUMNS and rank < _RANK_SHARE * d and n > d:
        yield Hint(
            "low_rank",
            f"the cloud uses about {rank:.0f} of {d} directions: low rank",
            "Look at the eigenvalues: dimensional collapse, or data with few degrees of freedom.",
            is_cause=False,
        )
    if n <= d:
        yield Hint(
            "few_rows",
            f"there are no more rows ({n:,}) than columns ({d:,}): the covariance is not of full rank",
            "Give more rows before reading the spectrum.",
            is_cause=False,
        )
    std = summary.moments.std()
    far = int((np.abs(summary.moments.mean) > _OFFSET * std).sum())
    if far and summary.rows.dtype == np.float32:
        yield Hint(
            "offset",
            f"{far} coordinate(s) have a mean of over 10,000 standard deviations: float32 leaves ties in them",
            "Store these embeddings in float64, or subtract the mean before storing.",
            is_cause=False,
        )
