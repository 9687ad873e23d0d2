"""The Anderson-Darling test of every column against a normal law, parameters estimated or known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import ArrayLike

from thinshell.errors import InputError
from thinshell.statistics._accelerators import on_accelerator
from thinshell.statistics._anderson_darling_null import composite_pvalue, null_mean, simple_pvalue
from thinshell.statistics._column_result import column_result
from thinshell.statistics._results import NormalityResult
from thinshell.statistics._small import is_small
from thinshell.statistics._threads import thread_map
from thinshell.statistics._validation import as_sample
from thinshell.statistics.moments import Moments, moments

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AD_CRITICAL_5", "anderson_darling", "anderson_darling_null_mean", "anderson_darling_sorted"]

# 5 % point of A^2 with mean and variance estimated, after the small-sample factor: Stephens (1986), Table
# 4.7, case 3. The paper calls a coordinate normal when A^2 < 0.752 (arXiv 2602.24012, Table 1).
AD_CRITICAL_5 = 0.752
# Below 8 rows neither the small-sample factor nor its table is claimed to hold (Stephens 1986, section
# 4.8.2).
_MIN_SAMPLES = 8
# Transposed columns a worker holds at once: 16 float32 columns of a million rows, so that whole cache lines
# of a row are read; never more than 64 columns, so that small samples still make enough pieces.
_BUFFER_BYTES = 64 * 2**20
_MAX_COLUMNS = 64


def anderson_darling_sorted(
    columns: np.ndarray, mean: np.ndarray, std: np.ndarray, *, small: bool | None = None
) -> np.ndarray:
    """Return A^2 of columns that are already sorted, against N(mean, std^2).

    Parameters
    ----------
    columns : ndarray of shape (n_features, n_samples), float32 or float64
        One *row* a column of the data, each in ascending order; finite.
    mean, std : ndarray of shape (n_features,)
        What each column is standardised with; a column with std zero or NaN gives NaN.
    small : bool, optional
        Use NumPy, not the compiled kernel, as `is_small` says of the data that these columns are part of; by default
        they are all there is. The two agree to rounding.

    Returns
    -------
    ndarray of shape (n_features,), float64
        A^2 >= 0, without a small-sample factor.

    Examples
    --------
    >>> import numpy as np
    >>> anderson_darling_sorted(np.array([[-1.0, 0.0, 1.0]]), np.zeros(1), np.ones(1)).round(4)
    array([0.1895])
    """
    std = np.asarray(std, dtype=np.float64)
    scale = np.divide(1.0, std, out=np.full(len(columns), np.nan), where=std > 0)
    mean = np.ascontiguousarray(mean, dtype=np.float64)
    if is_small(columns.size) if small is None else small:
        from thinshell.statistics._anderson_darling_numpy import sorted_statistics
    else:
        from thinshell.statistics._anderson_darling_compiled import sorted_statistics
    return sorted_statistics(columns, mean, scale)


def _statistics(array: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Sort the columns piece by piece on all CPUs and return their A^2."""
    n, d = array.shape
    width = max(1, min(_MAX_COLUMNS, _BUFFER_BYTES // (n * array.itemsize)))
    small = is_small(array.size)

    def piece(left: int) -> np.ndarray:
        part = slice(left, left + width)
        columns = _transposed(array, part, small)
        columns.sort(axis=1)
        return anderson_darling_sorted(columns, mean[part], std[part], small=small)

    parts = thread_map(piece, range(0, d, width))
    return np.concatenate(parts) if parts else np.empty(0)


def _transposed(array: np.ndarray, part: slice, small: bool) -> np.ndarray:
    if small:
        # A copy in any case: of a single column the transpose is the sample itself.
        return np.array(array[:, part].T, order="C", copy=True)
    from thinshell.statistics._anderson_darling_compiled import transpose

    columns = np.empty((min(part.stop, array.shape[1]) - part.start, len(array)), dtype=array.dtype)
    transpose(array, part.start, columns)
    return columns


def _location_scale(array: np.ndarray | Tensor, null: str, known: Moments | None) -> tuple[np.ndarray, np.ndarray]:
    estimated = known if known is not None else moments(array)
    if null == "simple":
        return np.zeros(array.shape[1]), np.where(estimated.constant, np.nan, 1.0)
    return estimated.mean, np.where(estimated.constant, np.nan, estimated.std(ddof=1))


def anderson_darling(
    sample: ArrayLike,
    null: Literal["composite", "simple"] = "composite",
    *,
    known_moments: Moments | None = None,
) -> NormalityResult:
    """Test every column against a normal law by the Anderson-Darling distance of its distribution function.

    Parameters
    ----------
    sample : array_like or Tensor of shape (n_samples,) or (n_samples, n_features)
        At least 8 rows of finite real values; columns are tested one by one. A tensor on an accelerator is sorted
        there.
    null : {"composite", "simple"}
        "composite": a normal law whose mean and variance are estimated (by the sample mean and the variance
        with ddof=1), as the paper and most tools use it. "simple": N(0, 1) exactly; the sample is *not*
        standardised.
    known_moments : Moments, optional
        The `moments` of this very sample, if the caller has them already.

    Returns
    -------
    NormalityResult
        `statistic` is A^2 >= 0 (floats for 1-D input, arrays of shape (n_features,) for 2-D), equal to
        ``scipy.stats.anderson(x).statistic`` under the composite null. `pvalue` is never clipped: it keeps
        falling strictly with A^2 until float64 underflows to 0. A constant column gives NaN for both.

    Raises
    ------
    InputError
        If `null` is unknown, or the sample has fewer than 8 rows, a wrong shape or non-finite values.
    InputTypeError
        If the sample does not hold real numbers.

    Notes
    -----
    The composite p-value applies the small-sample factor 1 + 0.75/n + 2.25/n^2 to A^2 and then the limit law
    sum_k lambda_k chi2_1, inverted numerically from its eigenvalues. It replaces the usual closed form, which
    turns back up above 153. Two columns of the same data have different critical values under the two nulls:
    5 % points .752 (composite, after the factor) and 2.492 (simple).

    References
    ----------
    Anderson & Darling (1952), "Asymptotic theory of certain goodness of fit criteria"; Stephens (1976),
    "Asymptotic results for goodness-of-fit statistics with unknown parameters"; Stephens (1986) in D'Agostino
    & Stephens, "Goodness-of-Fit Techniques", Tables 4.2, 4.7 and 4.9; Marsaglia & Marsaglia (2004),
    "Evaluating the Anderson-Darling distribution" (finite-n correction under the simple null).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> result = anderson_darling(rng.standard_normal((1000, 2)) ** [1, 3])
    >>> result.pvalue < 0.05
    array([False,  True])
    """
    if null not in ("composite", "simple"):
        raise InputError(f"null must be 'composite' or 'simple', got {null!r}; choose one of them")
    if on_accelerator(sample):
        from thinshell.statistics._tensors import anderson_darling_tensor, as_tensor_sample, fetched

        array = as_tensor_sample(cast("Tensor", sample), min_samples=_MIN_SAMPLES)
        statistic = fetched(anderson_darling_tensor(array, *_location_scale(array, null, known_moments)))
    else:
        array = as_sample(sample, min_samples=_MIN_SAMPLES)
        statistic = _statistics(array, *_location_scale(array, null, known_moments))
    survival = composite_pvalue if null == "composite" else simple_pvalue
    pvalue = survival(statistic, len(array))
    return column_result(sample, statistic, pvalue, len(array))


def anderson_darling_null_mean(n_samples: int) -> float:
    """Return the expected A^2 of a normal sample of `n_samples`, mean and variance estimated.

    Parameters
    ----------
    n_samples : int
        At least 8.

    Returns
    -------
    float
        Between .35 (n = 8) and .3843 (the limit, the sum of the eigenvalues of the null law).

    Raises
    ------
    InputError
        If `n_samples` is below 8.

    Examples
    --------
    >>> round(anderson_darling_null_mean(250), 3)
    0.383
    """
    if n_samples < _MIN_SAMPLES:
        raise InputError(f"n_samples must be at least {_MIN_SAMPLES}, got {n_samples}; give more rows")
    return null_mean(n_samples)
