"""Mean and central moments two to four of every column, in one stable and mergeable pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike

from thinshell.errors import InputError
from thinshell.statistics._accelerators import on_accelerator
from thinshell.statistics._power_sums import power_sums
from thinshell.statistics._small import is_small
from thinshell.statistics._threads import thread_map
from thinshell.statistics._validation import as_sample

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Moments", "moments", "power_sums"]

# Rows of one piece of work: large against the cost of a call, small enough for every CPU to have several.
_BLOCK_ROWS = 8192
# Rows whose median is the pilot shift. Odd, so that the median is a value of the data and a constant column
# gives deviations of exactly zero.
_PILOT_ROWS = 63
# A column counts as constant when its standard deviation is at most this many float64 ulps of its mean: that
# is what the rounding of a mean leaves behind. SciPy's normaltest draws the line at 1e-15 = 4.5 ulps. float32
# data resolve no better than 1e-7 of their mean, so none that vary come near it.
_CONSTANT_ULPS = 4.0
# Ulps of the sum of squares that adding a thousand equal squares and taking their mean back may leave.
_CANCELLED = 32.0


@dataclass(frozen=True)
class Moments:
    """Count, mean and sums of powers of the deviations from the mean, one value a column.

    Attributes
    ----------
    n_samples : int
        Rows summed up; 0 is allowed and is what nothing merged with nothing gives.
    mean : ndarray of shape (n_features,), float64
        Column means, in the unit of the data.
    m2, m3, m4 : ndarray of shape (n_features,), float64
        *Sums* over rows of ``(x - mean) ** k`` for k = 2, 3, 4; not divided by `n_samples`.

    Notes
    -----
    Deviations between about 1e-75 and 1e75 keep their fourth power inside float64; outside that range the
    standardised moments are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> left, right = moments(np.array([1.0, 2.0])), moments(np.array([3.0, 6.0]))
    >>> both = left.merge(right)
    >>> both.n_samples, both.mean, both.variance()
    (4, array([3.]), array([3.5]))
    """

    n_samples: int
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    m4: np.ndarray

    @classmethod
    def empty(cls, n_features: int) -> Moments:
        """Return the moments of no rows at all, the neutral element of `merge`."""
        return cls(0, *(np.zeros(n_features) for _ in range(4)))

    @classmethod
    def from_power_sums(cls, n_samples: int, shift: np.ndarray, sums: np.ndarray) -> Moments:
        """Turn sums of ``(x - shift) ** k`` into sums about the mean.

        Parameters
        ----------
        n_samples : int
            Rows that were summed.
        shift : ndarray of shape (n_features,)
            What was subtracted; within a few standard deviations of the mean, or digits cancel.
        sums : ndarray of shape (4, n_features)
            The sums for k = 1, 2, 3, 4, as `power_sums` returns them.
        """
        if n_samples == 0:
            return cls.empty(len(shift))
        s1, s2, s3, s4 = sums
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            a = s1 / n_samples
            m2 = s2 - a * s1
            m3 = s3 - a * (3 * s2 - 2 * a * s1)
            m4 = s4 - a * (4 * s3 - a * (6 * s2 - 3 * a * s1))
            # What the subtraction leaves of a constant column seen from another shift is rounding, not spread.
            spread = m2 > _CANCELLED * np.finfo(np.float64).eps * s2
            m2, m3, m4 = (np.where(spread, total, 0.0) for total in (m2, m3, m4))
            return cls(n_samples, shift + a, m2, m3, np.maximum(m4, 0.0))

    def merge(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        References
        ----------
        Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", Eq. 2.1; Pébay (2008),
        "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
        moments", SAND2008-6212, Eqs. 1.5, 2.1 (third and fourth order).
        """
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"moments to merge must have the same number of features, got {len(self.mean)} and "
                f"{len(other.mean)}; merge parts of one data set"
            )
        if other.n_samples == 0 or self.n_samples == 0:
            return self if other.n_samples == 0 else other
        na, nb = float(self.n_samples), float(other.n_samples)
        n = na + nb
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            step = (other.mean - self.mean) / n
            mean = self.mean + step * nb
            square = step * step
            m2 = self.m2 + other.m2 + square * (na * nb * n)
            m3 = self.m3 + other.m3 + step * square * (na * nb * (na - nb) * n)
            m3 += 3 * step * (na * other.m2 - nb * self.m2)
            m4 = self.m4 + other.m4 + square * square * (na * nb * n * (na * na - na * nb + nb * nb))
            m4 += 6 * square * (na * na * other.m2 + nb * nb * self.m2)
            m4 += 4 * step * (na * other.m3 - nb * self.m3)
        return Moments(self.n_samples + other.n_samples, mean, m2, m3, m4)

    @property
    def constant(self) -> np.ndarray:
        """Columns without spread beyond the rounding of their mean; boolean, shape (n_features,)."""
        floor = _CONSTANT_ULPS * np.finfo(np.float64).eps * np.abs(self.mean)
        with np.errstate(invalid="ignore", over="ignore"):
            return self.m2 <= self.n_samples * floor * floor

    def variance(self, ddof: int = 0) -> np.ndarray:
        """Return the variance of every column, divided by ``n_samples - ddof``; NaN without enough rows."""
        if self.n_samples <= ddof:
            return np.full_like(self.m2, np.nan)
        return self.m2 / (self.n_samples - ddof)

    def std(self, ddof: int = 0) -> np.ndarray:
        """Return the standard deviation of every column, in the unit of the data."""
        return np.sqrt(self.variance(ddof))

    def _standardised(self, total: np.ndarray, order: int) -> np.ndarray:
        with np.errstate(all="ignore"):
            variance = self.m2 / self.n_samples if self.n_samples else np.full_like(self.m2, np.nan)
            value = total / max(self.n_samples, 1) / variance ** (order / 2)
            return np.where(self.constant | ~np.isfinite(value), np.nan, value)

    @property
    def skewness(self) -> np.ndarray:
        """Fisher's g1 = (m3/n) / (m2/n)^1.5, as `scipy.stats.skew`; NaN for constant columns."""
        return self._standardised(self.m3, 3)

    @property
    def excess_kurtosis(self) -> np.ndarray:
        """Fisher's g2 = (m4/n) / (m2/n)^2 - 3, as `scipy.stats.kurtosis`; NaN for constant columns."""
        return self._standardised(self.m4, 4) - 3.0

    @property
    def skewness_se(self) -> float:
        """Exact standard error of g1 over normal samples of this size (Fisher 1930); NaN below 3."""
        n = self.n_samples
        return float(np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))) if n > 2 else float("nan")

    @property
    def excess_kurtosis_se(self) -> float:
        """Exact standard error of g2 over normal samples of this size (Fisher 1930); NaN below 4."""
        n = self.n_samples
        if n < 4:
            return float("nan")
        return float(np.sqrt(24.0 * n * (n - 2.0) * (n - 3) / ((n + 1.0) ** 2 * (n + 3) * (n + 5))))


def _pilot_shift(sample: np.ndarray) -> np.ndarray:
    """Return the median of rows spread over the sample, which neither order nor outliers can move far."""
    count = min(_PILOT_ROWS, len(sample) - 1 + len(sample) % 2)
    rows = np.linspace(0, len(sample) - 1, count).astype(np.intp)
    return np.partition(sample[rows], count // 2, axis=0)[count // 2].astype(np.float64)


def moments(sample: ArrayLike) -> Moments:
    """Return count, mean and central moments two to four of every column.

    Parameters
    ----------
    sample : array_like or Tensor of shape (n_samples,) or (n_samples, n_features)
        Finite real values; float16, float32, float64 or integers. A tensor on an accelerator is summed up there.

    Returns
    -------
    Moments
        With arrays of shape (n_features,), float64; a 1-D sample has one feature.

    Raises
    ------
    InputError
        If the sample is empty, not 1-D or 2-D, or not finite.
    InputTypeError
        If it does not hold real numbers.

    Notes
    -----
    One pass: powers of the deviation from a pilot shift (the median of 63 rows spread over the sample) are
    summed in float64 and moved to the mean afterwards. float32 data give the moments of exactly those float32
    values. Plain power sums lose the fourth moment at mean/std = 100; these keep about ten digits of skewness
    and kurtosis up to 1e5.

    References
    ----------
    Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", section 3 (shifted data).

    Examples
    --------
    >>> import numpy as np
    >>> result = moments(np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]]))
    >>> result.mean, result.m2
    (array([3., 5.]), array([14.,  0.]))
    >>> result.skewness
    array([0.59517006,        nan])
    """
    if on_accelerator(sample):
        from thinshell.statistics._tensors import moments_tensor

        return moments_tensor(cast("Tensor", sample))
    array = as_sample(sample, min_samples=1)
    shift = _pilot_shift(array)
    starts, small = range(0, len(array), _BLOCK_ROWS), is_small(array.size)
    # Pieces are fixed by the shape alone and added in order: the result does not depend on the CPU count.
    parts = thread_map(lambda start: power_sums(array[start : start + _BLOCK_ROWS], shift, small=small), starts)
    return Moments.from_power_sums(len(array), shift, np.sum(parts, axis=0))
