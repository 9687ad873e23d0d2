"""The share of columns that a test rejects, with an interval that knows how the columns depend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thinshell.errors import InputError
from thinshell.statistics._results import NormalityResult
from thinshell.statistics._validation import as_sample
from thinshell.statistics.anderson_darling import anderson_darling

__all__ = ["RejectionShare", "rejection_share"]

# The tests need 8 rows.
_MIN_SAMPLES = 8
# Rows of a simulated sample. How rejections of two columns depend on each other is set by their correlation
# and hardly by n, so a larger one would only cost time.
_SIMULATED_ROWS = 256
# Rows from which the correlations are taken, spread evenly; their error is 1/64 then, and rejections
# correlate only with the third and higher powers of the columns' correlation.
_CORRELATION_ROWS = 4096


@dataclass(frozen=True)
class RejectionShare:
    """Share of columns rejected and an interval for its expectation.

    Attributes
    ----------
    share : float
        Rejected columns over columns tested, in [0, 1]; NaN if there was none to test.
    low, high : float
        Ends of the interval for the expected share.
    n_boot : int
        Simulated samples behind the interval.
    variance_inflation : float
        Variance of the share over its variance if the columns were independent (1 = independent).
    """

    share: float
    low: float
    high: float
    n_boot: int
    variance_inflation: float


def _standardised_blocks(array: np.ndarray, block_size: int) -> np.ndarray:
    """Return standardised columns as (n_blocks, block_size * n_features), blocks spread over the rows."""
    n_blocks = len(array) // block_size
    kept = min(n_blocks, max(2, _CORRELATION_ROWS // block_size))
    starts = np.linspace(0, n_blocks - 1, kept).astype(np.intp) * block_size
    rows = (starts[:, None] + np.arange(block_size)).ravel()
    part = array[rows].astype(np.float64)
    part -= part.mean(axis=0)
    part /= part.std(axis=0)
    return part.reshape(kept, -1)


def _simulated_pvalues(
    blocks: np.ndarray,
    shape: tuple[int, int],
    test: Callable[[np.ndarray], NormalityResult],
    n_boot: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return p-values (n_boot, n_features) of Gaussian samples with the data's correlations.

    Random Gaussian combinations of the standardised rows (or blocks of rows) have exactly their covariance,
    with no factorisation, also where there are more columns than rows.
    """
    n_blocks, width = blocks.shape
    draws = -(-shape[0] * shape[1] // width)  # rounded up to whole blocks
    pvalues = []
    for _ in range(n_boot):
        simulated = rng.standard_normal((draws, n_blocks)) @ blocks / np.sqrt(n_blocks)
        pvalues.append(np.asarray(test(simulated.reshape(-1, shape[1])).pvalue))
    return np.stack(pvalues)


def _interval(simulated: np.ndarray, rejected: int, confidence: float) -> tuple[float, float]:
    """Return the expected shares under which `rejected` columns are in neither tail of the simulated counts.

    A threshold u on the p-value gives the expected share F(u), F the law of all simulated p-values together,
    and at least k rejections in a sample whose k-th smallest p-value is at most u. This is Clopper and
    Pearson's (1934) inversion with the simulated law of the count in the binomial's place.
    """
    tail = 0.5 * (1.0 - confidence)
    pooled = np.sort(simulated, axis=None)
    each = np.sort(simulated, axis=1)
    low, high = 0.0, 1.0
    if rejected > 0:
        threshold = np.quantile(each[:, rejected - 1], tail)
        low = np.searchsorted(pooled, threshold, side="left") / pooled.size
    if rejected < simulated.shape[1]:
        threshold = np.quantile(each[:, rejected], 1.0 - tail)
        high = np.searchsorted(pooled, threshold, side="right") / pooled.size
    return float(low), float(high)


def _variance_inflation(simulated: np.ndarray, share: float) -> float:
    """Return the simulated variance of a share with this expectation over the binomial one."""
    d = simulated.shape[1]
    expected = min(max(share, 1.0 / d), 1.0 - 1.0 / d)
    shares = (simulated <= np.quantile(simulated, expected)).mean(axis=1)
    return float(shares.var() / (expected * (1.0 - expected) / d)) if d > 1 else 1.0


def _check_arguments(alpha: float, n_boot: int, block_size: int | None, confidence: float, n: int) -> None:
    for name, value in (("alpha", alpha), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise InputError(f"{name} must lie between 0 and 1, got {value}; usual values are 0.05 and 0.95")
    if n_boot < 20:
        raise InputError(f"n_boot must be at least 20, got {n_boot}; fewer do not reach the interval's tails")
    if block_size is not None and not 1 <= block_size <= n // 2:
        raise InputError(
            f"block_size must be between 1 and half the {n} rows, got {block_size}; "
            "take the length over which rows depend on each other"
        )


def rejection_share(
    sample: ArrayLike,
    test: Callable[[np.ndarray], NormalityResult] = anderson_darling,
    alpha: float = 0.05,
    n_boot: int = 200,
    block_size: int | None = None,
    rng: np.random.Generator | int = 0,
    confidence: float = 0.95,
) -> RejectionShare:
    """Return the share of columns a test rejects, with an interval that respects their dependence.

    Parameters
    ----------
    sample : array_like of shape (n_samples, n_features)
        At least 8 rows of finite real values.
    test : callable
        Takes an array (n_samples, n_features), returns a `NormalityResult`; any test of this package.
    alpha : float
        A column is rejected where its p-value is below this.
    n_boot : int
        Simulated samples behind the interval, at least 20.
    block_size : int, optional
        Rows of a block, if neighbouring rows depend on each other (frames of a video, windows of a text); 1
        if left out.
    rng : numpy.random.Generator or int
        Source of randomness, or its seed.
    confidence : float
        Of the two-sided interval.

    Returns
    -------
    RejectionShare
        Constant columns are left out; all fields are NaN if nothing is left.

    Raises
    ------
    InputError
        If `alpha` or `confidence` lies outside (0, 1), `n_boot` is below 20, `block_size` is not between 1
        and half the rows, or the sample has fewer than 8 rows, a wrong shape or non-finite values.
    InputTypeError
        If the sample does not hold real numbers.

    Notes
    -----
    Columns that are correlated are rejected together: at correlation .9 the share varies several times as
    much as a binomial share, and the binomial interval covers far less than it says. Resampling the rows does
    not help: a resample of a normal sample has ties and is not normal, so nearly every column would be
    rejected. Here rows (or blocks of rows) are drawn as random Gaussian combinations of the standardised
    rows: such samples have exactly the correlations of the data, and normal columns. Their p-values give the
    joint law of the rejections at any expected share, and the interval holds every expected share under which
    the observed one is not unusual. Independent columns bring back the interval of Clopper & Pearson (1934).

    The expectation is over samples of as many rows. What is taken from the Gaussian is only how strongly
    rejections go together; where columns depend by more than correlation (clusters, shared scales), the
    interval is too narrow.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26; Efron (2007), "Correlation and large-scale simultaneous
    significance testing", J. Amer. Statist. Assoc. 102 (the variance of rejection counts); Politis & Romano
    (1994) and Chernozhukov, Chetverikov & Kato (2013), Ann. Statist. 41 (Gaussian multipliers, by rows and by
    blocks).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> columns = np.hstack([rng.standard_normal((500, 20)), rng.exponential(size=(500, 20))])
    >>> result = rejection_share(columns, rng=1)
    >>> bool(result.low < 0.5 < result.high)
    True
    """
    array = as_sample(sample, min_samples=_MIN_SAMPLES)
    _check_arguments(alpha, n_boot, block_size, confidence, len(array))
    observed = np.asarray(test(array).pvalue)
    tested = ~np.isnan(observed)
    if not tested.any():
        nan = float("nan")
        return RejectionShare(nan, nan, nan, n_boot, nan)
    rejected = int((observed[tested] < alpha).sum())
    share = rejected / int(tested.sum())
    blocks = _standardised_blocks(array[:, tested], block_size or 1)
    shape = (min(len(array), _SIMULATED_ROWS), int(tested.sum()))
    simulated = _simulated_pvalues(blocks, shape, test, n_boot, np.random.default_rng(rng))
    low, high = _interval(simulated, rejected, confidence)
    return RejectionShare(share, low, high, n_boot, _variance_inflation(simulated, share))
