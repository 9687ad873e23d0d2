"""All-coordinate A^2 and K^2 by each tool, and the one pass over memory that nothing can beat."""

from __future__ import annotations

import numpy as np
from scipy import stats
from statsmodels.stats.diagnostic import normal_ad

from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.dagostino_pearson import dagostino_pearson, dagostino_pearson_from_moments
from thinshell.statistics.moments import moments


def memory_pass(data: np.ndarray) -> None:
    """Read every value once."""
    data.sum()


def scipy_loops(data: np.ndarray) -> None:
    """Test column by column, as most people do."""
    for column in data.T:
        stats.anderson(column, method="interpolate")
        stats.normaltest(column)


def statsmodels_loops(data: np.ndarray) -> None:
    """Test column by column with statsmodels' Anderson-Darling and SciPy's K^2 (statsmodels has none)."""
    for column in data.T:
        normal_ad(column)
        stats.normaltest(column)


def exact(data: np.ndarray) -> None:
    """Sort every column."""
    measured = moments(data)
    anderson_darling(data, known_moments=measured)
    dagostino_pearson_from_moments(measured.n_samples, measured.skewness, measured.excess_kurtosis)


def sketch(data: np.ndarray, covariance: bool = False) -> None:
    """One pass in bounded memory; without the covariance it answers just what the others do, and more."""
    summary = summarize(EmbeddingSketch(covariance=covariance).update(data))
    dagostino_pearson_from_moments(summary.n_samples, summary.moments.skewness, summary.moments.excess_kurtosis)


def agreement(data: np.ndarray) -> dict[str, float]:
    """Return the largest relative differences from SciPy: what is fast must also be right."""
    few = np.ascontiguousarray(data[:, :4])
    ad = np.array([stats.anderson(column.astype(float), method="interpolate").statistic for column in few.T])
    k2 = stats.normaltest(few.astype(float), axis=0).statistic
    counted = summarize(EmbeddingSketch(covariance=False).update(few)).ad
    return {
        "exact_ad": float(np.max(np.abs(anderson_darling(few).statistic / ad - 1))),
        "exact_k2": float(np.max(np.abs(dagostino_pearson(few).statistic / k2 - 1))),
        "sketch_ad": float(np.max(np.abs(counted / ad - 1))),
    }
