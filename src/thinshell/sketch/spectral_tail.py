"""Eigenvalues that cannot be told apart: a smooth density fitted to the sums that are known of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["fitted_tail"]

# Eigenvalues of the fit, evenly spaced on a log scale over four decades below the largest. Variance below that share
# of the mean is not worth a place.
_NODES, _SPAN = 100, 1e-4
# Relative standard errors of what is known: the trace to rounding of the resolved eigenvalues, tr S^2 and kappa by the
# draw of the test vectors (measured on the spectra of docs/scale.md), the number of eigenvalues exactly.
_TRACE, _SQUARES, _KAPPA, _COUNT = 1e-4, 2e-3, 2e-3, 1e-4
# Weight of smoothness: the second differences of the density of variance over the logarithm of the eigenvalue. Ten
# times less or more costs up to 5 % of the effective rank for one spectrum or another.
_SMOOTH = 3.0


def fitted_tail(
    leading: np.ndarray,
    trace: float,
    square_trace: float,
    n_values: int,
    degrees: Sequence[tuple[float, float]],
    largest: float,
) -> np.ndarray:
    """Return eigenvalues whose sums fit what is known of them, as smooth on a log scale as that allows.

    Parameters
    ----------
    leading : ndarray of shape (n_leading,)
        Eigenvalues known one by one, largest first.
    trace, square_trace : float
        Sum and sum of squares of all eigenvalues.
    n_values : int
        How many are unknown; some may be zero.
    degrees : sequence of (float, float)
        kappa and ``sum l / (l + kappa)`` over all eigenvalues l.
    largest : float
        A lower bound of the largest eigenvalue of all.

    Returns
    -------
    ndarray of shape (n_values,), float64
        Largest first.

    Notes
    -----
    Each of these sums, and the entropy that an effective rank is made of, is linear in the density of eigenvalues:
    non-negative least squares with a penalty on roughness. Families of two parameters that fit trace and tr S^2 alone
    (power laws, exponentials) miss the effective rank by up to 200 % and 55 %; this misses it by 3 %, 8 % at worst.
    """
    from scipy.optimize import nnls

    rest = trace - float(leading.sum())
    mean = rest / n_values
    squares = max(square_trace - float((leading**2).sum()), rest * mean)
    nodes = np.geomspace(_top(leading, mean, squares / rest, degrees[-1][0], largest), _SPAN * mean, _NODES)
    # Unknown are the variance at each node, and how many eigenvalues are zero.
    rows, known = [np.ones(_NODES), nodes, 1 / nodes], [rest, squares, float(n_values)]
    weights = [1 / (_TRACE * rest), 1 / (_SQUARES * square_trace), 1 / (_COUNT * n_values)]
    for kappa, freedom in degrees:
        rows.append(1 / (nodes + kappa))
        known.append(max(0.0, freedom - float((leading / (leading + kappa)).sum())))
        weights.append(1 / (_KAPPA * freedom))
    equations = np.column_stack([np.array(rows), np.eye(len(rows))[2]])
    rough = np.diff(np.eye(_NODES, _NODES + 1), n=2, axis=0) * (_SMOOTH / rest)
    unit = np.r_[np.full(_NODES, rest / _NODES), float(n_values)]
    matrix = np.concatenate([equations * np.array(weights)[:, None], rough]) * unit
    target = np.concatenate([np.array(known) * weights, np.zeros(len(rough))])
    variance = (nnls(matrix, target, maxiter=200 * len(unit))[0] * unit)[:-1]
    return _quantiles(nodes, variance / nodes, n_values)


def _top(leading: np.ndarray, mean: float, heavy: float, kappa: float, largest: float) -> float:
    """Return the largest eigenvalue of the fit; `heavy` is the mean with variance as weights."""
    if len(leading):
        return max(float(leading[-1]), 1.1 * mean)
    return max(4.8 * kappa, largest, 1.2 * heavy, mean)


def _quantiles(nodes: np.ndarray, counts: np.ndarray, n_values: int) -> np.ndarray:
    """Return `n_values` eigenvalues with the distribution of `counts` at `nodes`, their sum kept."""
    ends = np.r_[0.0, np.cumsum(counts)]
    # Rounding may leave a little more than there is room for.
    ends *= min(1.0, n_values / ends[-1]) if ends[-1] > 0 else 1.0
    sums = np.r_[0.0, np.cumsum(np.diff(ends) * nodes)]
    at = np.minimum(np.arange(n_values + 1.0), ends[-1])
    return np.maximum(np.diff(np.interp(at, ends, sums)), 0.0)
