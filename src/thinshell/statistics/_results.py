"""The plain result that every test returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["NormalityResult"]


@dataclass(frozen=True)
class NormalityResult:
    """Outcome of a normality test.

    Attributes
    ----------
    statistic : float or ndarray of shape (n_features,)
        The test statistic; NaN where it is undefined (a constant column).
    pvalue : float or ndarray of shape (n_features,)
        In [0, 1], small against the null hypothesis named by the test; NaN where the statistic is.
    n_samples : int
        Rows that entered each test.
    """

    statistic: float | np.ndarray
    pvalue: float | np.ndarray
    n_samples: int
