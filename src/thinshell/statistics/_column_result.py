"""One result a column, or one float where the caller gave one column."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thinshell.statistics._results import NormalityResult

__all__ = ["column_result"]


def column_result(sample: ArrayLike, statistic: np.ndarray, pvalue: np.ndarray, n_samples: int) -> NormalityResult:
    """Return floats if `sample` was 1-D, else the arrays of shape (n_features,)."""
    if np.ndim(sample) == 1:
        return NormalityResult(float(statistic[0]), float(pvalue[0]), n_samples)
    return NormalityResult(statistic, pvalue, n_samples)
