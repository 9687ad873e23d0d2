"""Functions g of a view whose values in two views of one source correlate strongly, found on given rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

__all__ = ["Function", "ace_function", "correlation", "kernel_function", "linear_function"]

# Share of the mean variance added to the diagonal of the covariance before it is inverted, so that directions without
# variance cannot win; the value reported comes from other rows and is not touched by it.
_RIDGE = 1e-3
# What the kernel's many functions choose from, each tried on rows that did not find it.
_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# Rows for each function of a basis: fewer, and chance decides on the combination.
_ROWS_A_FUNCTION = 8
# Widths of the kernel in units of the median distance of two rows. Wide ones hold the polynomials of low degree.
_WIDTHS = (0.5, 4.0)


@dataclass(frozen=True)
class Function:
    """A function of a view.

    Attributes
    ----------
    scores : callable
        From rows of shape (n_samples, n_features) to values of shape (n_samples,).
    direction : ndarray
        What is worth knowing of it, see `MildnessEstimate`.
    """

    scores: Callable[[np.ndarray], np.ndarray]
    direction: np.ndarray


def correlation(g: np.ndarray, h: np.ndarray) -> tuple[float, float]:
    """Return the correlation of two values of one function and its standard error (mean and variance shared)."""
    centre = 0.5 * (g.mean() + h.mean())
    g, h = g - centre, h - centre
    variance = 0.5 * float((g * g + h * h).mean())
    if not variance > 0:
        return 0.0, 0.0
    value = float((g * h).mean()) / variance
    # Delta method: the influence of a row on a ratio of means.
    influence = (g * h - value * 0.5 * (g * g + h * h)) / variance
    return value, float(influence.std() / np.sqrt(len(g)))


def _leading(a: np.ndarray, b: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Return the combination of columns that correlates most between two views, and how much it does here."""
    centre = 0.5 * (a.mean(axis=0) + b.mean(axis=0))
    a, b = a - centre, b - centre
    cross = (a.T @ b + b.T @ a) / 2
    own = (a.T @ a + b.T @ b) / 2
    own[np.diag_indices_from(own)] += ridge * np.trace(own) / len(own) + np.finfo(float).tiny
    values, vectors = eigh(cross, own, subset_by_index=[len(own) - 1, len(own) - 1])
    return vectors[:, 0], float(values[0])


def linear_function(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Function:
    """Find the best linear function."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    centre = 0.5 * (x.mean(axis=0) + y.mean(axis=0))
    direction = _leading(x - centre, y - centre, _RIDGE)[0]
    return Function(lambda rows: (rows.astype(np.float64) - centre) @ direction, direction)


def _knots(values: np.ndarray, n_pieces: int) -> np.ndarray:
    """Return where the pieces meet: at every value where there are few, else at quantiles."""
    distinct = np.unique(values)
    if len(distinct) <= n_pieces + 1:
        return distinct
    return np.unique(np.quantile(values, np.linspace(0, 1, n_pieces + 1)))


def _hats(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the hat functions of the knots at `values`, shape (n_samples, n_knots); constant beyond the ends."""
    values = np.clip(values, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, len(knots) - 2)
    share = (values - knots[left]) / (knots[left + 1] - knots[left])
    hats = np.zeros((len(values), len(knots)))
    rows = np.arange(len(values))
    hats[rows, left] = 1 - share
    hats[rows, left + 1] = share
    return hats


def ace_function(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, n_pieces: int = 16) -> Function:
    """Find the column, and the piecewise linear function of it, that correlate most."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    n_pieces = max(1, min(n_pieces, 2 * len(x) // _ROWS_A_FUNCTION))
    found: list[tuple[np.ndarray, np.ndarray]] = []
    reached = np.zeros(x.shape[1])
    for column in range(x.shape[1]):
        knots = _knots(np.concatenate([x[:, column], y[:, column]]), n_pieces)
        heights = np.zeros(len(knots))
        if len(knots) > 1:
            hats = [_hats(view[:, column], knots) for view in (x, y)]
            heights, reached[column] = _leading(hats[0], hats[1], _RIDGE)
        found.append((knots, heights))
    best = int(reached.argmax())
    knots, heights = found[best]
    return Function(lambda rows: np.interp(rows[:, best].astype(np.float64), knots, heights), reached)


def _median_distance(rows: np.ndarray) -> float:
    sample = rows[:500]
    squared = (sample**2).sum(axis=1)
    distances = squared[:, None] + squared - 2 * sample @ sample.T
    return float(np.sqrt(max(np.median(distances[np.triu_indices(len(sample), 1)]), 0.0))) or 1.0


def kernel_function(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, n_functions: int = 256) -> Function:
    """Find the best combination of random cosines of all columns, and of the columns where there are rows enough."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    centre = 0.5 * (x.mean(axis=0) + y.mean(axis=0))
    scale = np.sqrt(0.5 * (((x - centre) ** 2).mean(axis=0) + ((y - centre) ** 2).mean(axis=0)))
    scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    most = max(1, len(x) // _ROWS_A_FUNCTION)
    low, high = np.log(_WIDTHS)
    widths = _median_distance((x - centre) * scale) * np.exp(rng.uniform(low, high, min(n_functions, most)))
    frequencies = rng.standard_normal((x.shape[1], len(widths))) / widths
    phases = rng.uniform(0, 2 * np.pi, len(widths))
    keeps_columns = x.shape[1] + len(widths) <= most

    def features(rows: np.ndarray) -> np.ndarray:
        rows = (rows.astype(np.float64) - centre) * scale
        cosines = np.cos(rows @ frequencies + phases)
        return np.hstack([rows, cosines]) if keeps_columns else cosines

    a, b = features(x), features(y)
    find, choose = slice(0, 2 * len(a) // 3), slice(2 * len(a) // 3, None)

    def kept(ridge: float) -> float:
        direction = _leading(a[find], b[find], ridge)[0]
        return correlation(a[choose] @ direction, b[choose] @ direction)[0]

    direction = _leading(a, b, max(_RIDGES, key=kept))[0]
    return Function(lambda rows: features(rows) @ direction, direction)
