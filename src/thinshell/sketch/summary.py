"""What can be read off a sketch: exact where it holds every row, from its counts where it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from thinshell.errors import InputError
from thinshell.sketch.embedding_sketch import EmbeddingSketch
from thinshell.sketch.gram import Gram
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.nystrom import RandomisedSpectrum
from thinshell.sketch.range_finder import RangeFinder
from thinshell.sketch.rows import row_multipliers, scan_rows
from thinshell.statistics._small import is_small
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.moments import Moments, moments

__all__ = ["Summary", "summarize"]

# Fewest rows for a normality test of a column (Stephens 1986; D'Agostino & Pearson 1973).
MIN_SAMPLES = 8
# Copies of one row in the row sample beyond which it makes up a share of the data of its own, .2 % and more.
_FREQUENT = 16
# The fourth power of anything larger is not subnormal in float64.
_SMALLEST = 1e-70


@dataclass(frozen=True)
class Summary:
    """Everything that a diagnosis needs to know of the data.

    Attributes
    ----------
    n_samples, n_features : int
        Shape of the data.
    exact : bool
        True when every row was held and nothing below is an approximation.
    columns : ndarray of shape (n_features,), int
        Where each column stands in the data, counted from 0.
    rows : ndarray of shape (n_rows, n_features)
        A uniform sample of the rows in random order, or all of them when `exact`.
    copies : float
        Share of the rows that equal an earlier one, of `n_compared` that were compared.
    n_compared : int
    moments : Moments
        Of every column.
    ad : ndarray of shape (n_features,), float64
        A^2 under the composite null; NaN for constant columns.
    minimum, maximum : ndarray of shape (n_features,)
        Extremes of every column.
    norms : Marginals or ndarray of shape (n_samples,)
        Euclidean norms of the rows: counted, or all of them when `exact`.
    mean_direction : ndarray of shape (n_features,), float64
        Mean of the rows divided by their norms.
    covariance : ndarray of shape (n_features, n_features) or None
        Divisor n - 1; None where it is not kept (more than 4,096 columns, which have a `spectrum` instead, or fewer
        rows than columns, whose spectrum is cheaper from `rows`).
    counts : Marginals or None
        Histograms of every column of the data; None when `exact`.
    spectrum : RandomisedSpectrum or None
        Eigenvalues of the covariance of all rows where there are more than 4,096 columns; None where every row is held
        or no products were kept.
    """

    n_samples: int
    n_features: int
    exact: bool
    columns: np.ndarray
    rows: np.ndarray
    copies: float
    n_compared: int
    moments: Moments
    ad: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    norms: Marginals | np.ndarray = field(repr=False)
    mean_direction: np.ndarray
    covariance: np.ndarray | None
    counts: Marginals | None = field(default=None, repr=False)
    spectrum: RandomisedSpectrum | None = None

    @property
    def constant(self) -> np.ndarray:
        """Columns without spread; boolean, shape (n_features,)."""
        return self.moments.constant | (self.minimum == self.maximum)

    def norm_moments(self) -> Moments:
        """Return the moments of the row norms."""
        return self.norms.moments if isinstance(self.norms, Marginals) else moments(self.norms)

    def norm_range(self) -> tuple[float, float]:
        """Return the smallest and the largest row norm."""
        if isinstance(self.norms, Marginals):
            return float(self.norms.minimum[0]), float(self.norms.maximum[0])
        return float(self.norms.min()), float(self.norms.max())

    def norm_quantiles(self, levels: list[float]) -> np.ndarray:
        """Return quantiles of the row norms at `levels` in [0, 1]."""
        if isinstance(self.norms, Marginals):
            return self.norms.quantiles(np.asarray(levels))[0]
        return np.quantile(self.norms, levels)

    def norm_counts(self, edges: np.ndarray) -> np.ndarray:
        """Return how many row norms lie between consecutive `edges`."""
        if isinstance(self.norms, Marginals):
            return self.norms.histogram(0, edges)
        return np.histogram(self.norms, bins=edges)[0]


def summarize(sketch: EmbeddingSketch) -> Summary:
    """Read a sketch.

    Parameters
    ----------
    sketch : EmbeddingSketch
        With at least 8 rows.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If there are fewer than 8 rows.

    Examples
    --------
    >>> import numpy as np
    >>> from thinshell.sketch import EmbeddingSketch
    >>> summary = summarize(EmbeddingSketch().update(np.random.default_rng(0).standard_normal((100, 3))))
    >>> summary.rows.shape, summary.exact
    ((100, 3), True)
    """
    if sketch.n_samples < MIN_SAMPLES:
        raise InputError(
            f"n_samples must be at least {MIN_SAMPLES} for a test of normality, got {sketch.n_samples}; give more rows"
        )
    rows, hashes = sketch._sample.draw()
    copies, compared = _copies(sketch, hashes)
    counted = _held(rows, sketch) if sketch.exact else _counted(sketch)
    _check_spread(counted["maximum"] - counted["minimum"])
    return Summary(
        n_samples=sketch.n_samples,
        n_features=sketch.n_features,
        exact=sketch.exact,
        columns=np.arange(sketch.n_features),
        rows=rows,
        copies=copies,
        n_compared=compared,
        **counted,
    )


def _copies(sketch: EmbeddingSketch, hashes: np.ndarray) -> tuple[float, int]:
    """Return the share of copies and the rows that were compared for it.

    Rows that occur a few times are told by the counts of different rows, whatever the blocks were. One that makes up
    much of the data may not be among those, or weigh too much: its share is that in the row sample.
    """
    counts = sketch._distinct.counts()
    if len(counts) < sketch._distinct.capacity:
        return 1 - len(counts) / sketch.n_samples, sketch.n_samples
    in_sample = np.unique(hashes, return_counts=True)[1]
    frequent = float(in_sample[in_sample > _FREQUENT].sum()) / len(hashes)
    rare = counts[counts <= _FREQUENT * max(sketch.n_samples / len(hashes), 1)]
    compared = int(rare.sum())
    return frequent + (1 - frequent) * (1 - len(rare) / max(compared, 1)), compared or len(hashes)


def _check_spread(span: np.ndarray) -> None:
    tiny = np.flatnonzero((span > 0) & (span < _SMALLEST))
    if len(tiny):
        raise InputError(
            f"columns must vary by at least {_SMALLEST:g} so that their fourth powers fit float64, column {tiny[0]} "
            f"varies by {span[tiny[0]]:.3g}; multiply the embeddings by a constant"
        )


def _held(rows: np.ndarray, sketch: EmbeddingSketch) -> dict:
    measured = moments(rows)
    # Directions are added up anew in the order of `rows`, so that no trace of the blocks is left.
    scan = scan_rows(rows, row_multipliers(sketch.n_features), small=is_small(rows.size))
    return {
        "moments": measured,
        "ad": anderson_darling(rows, known_moments=measured).statistic,
        "minimum": rows.min(axis=0),
        "maximum": rows.max(axis=0),
        "norms": scan.norms,
        "mean_direction": scan.unit_sum / len(rows),
        "covariance": None,
    }


def _counted(sketch: EmbeddingSketch) -> dict:
    columns, norms, products = sketch._columns, sketch._norms, sketch._gram
    assert columns is not None
    assert norms is not None
    return {
        "moments": columns.moments,
        "ad": columns.anderson_darling(),
        "minimum": columns.minimum,
        "maximum": columns.maximum,
        "norms": norms,
        "mean_direction": sketch._unit_sum / sketch.n_samples,
        "covariance": products.covariance() if isinstance(products, Gram) else None,
        "counts": columns,
        "spectrum": _spectrum(products, columns.moments) if isinstance(products, RangeFinder) else None,
    }


def _spectrum(products: RangeFinder, measured: Moments) -> RandomisedSpectrum | None:
    trace = float(measured.m2.sum()) / (products.n_samples - 1)
    # Values too far apart for float32 products leave something that is not finite, and the row sample as before.
    known = np.isfinite(trace) and np.isfinite(products.products).all()
    return products.nystrom(trace).spectrum(len(products.shift)) if known else None
