"""Random directions: projections of the row sample, made once, for the check that judges them and for figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thinshell.diagnosis.pictures import Pictures, draw, shapes
from thinshell.statistics._anderson_darling_null import composite_pvalue
from thinshell.statistics.moments import Moments, moments
from thinshell.statistics.multiplicity import cauchy_combination
from thinshell.statistics.projections import project, random_directions

__all__ = ["Directions", "measure_directions"]

# 256 put the standard error of their mean A^2 near .02, and cost less than one sort of a 768-column sample.
_DIRECTIONS = 256


@dataclass(frozen=True)
class Directions:
    """Anderson-Darling and moments of the rows along random directions.

    Attributes
    ----------
    n_samples : int
        Rows that were projected.
    ad, ad_pvalue : ndarray of shape (n_directions,)
        NaN where every column is constant.
    ad_mean : float
        Over the directions.
    pvalue : float
        Cauchy combination over the directions.
    normal_share : float
        Share of directions with a p-value above .05.
    """

    n_samples: int
    ad: np.ndarray
    ad_pvalue: np.ndarray
    ad_mean: float
    pvalue: float
    normal_share: float
    _measured: Moments = field(repr=False)
    _pictures: Pictures = field(repr=False)

    def section(self) -> dict[str, Any]:
        """Return the section `directions` of the result."""
        pictured = np.flatnonzero(~self._measured.constant)
        return {
            "n_directions": len(self.ad),
            "n_rows_used": self.n_samples,
            "skewness": self._measured.skewness,
            "excess_kurtosis": self._measured.excess_kurtosis,
            "ad": self.ad,
            "ad_pvalue": self.ad_pvalue,
            "ad_mean": self.ad_mean,
            "normal_share": self.normal_share,
            "shapes": shapes(np.arange(len(self.ad)), pictured, self._pictures),
        }


def measure_directions(rows: np.ndarray, seed: int) -> Directions:
    """Project `rows`, standardised column by column, on random directions (see `thinshell.statistics.sliced`)."""
    onto = random_directions(rows.shape[1], _DIRECTIONS, np.random.default_rng([seed, 4]))
    scores = project(rows, onto)
    measured = moments(scores)
    pictures = draw(scores, measured, np.flatnonzero(~measured.constant))
    ad_pvalue = composite_pvalue(pictures.ad, len(rows))
    known = ad_pvalue[~np.isnan(ad_pvalue)]
    return Directions(
        n_samples=len(rows),
        ad=pictures.ad,
        ad_pvalue=ad_pvalue,
        ad_mean=float(np.nanmean(pictures.ad)) if len(known) else float("nan"),
        pvalue=float(cauchy_combination(ad_pvalue)) if len(known) else float("nan"),
        normal_share=float((known > 0.05).mean()) if len(known) else float("nan"),
        _measured=measured,
        _pictures=pictures,
    )
