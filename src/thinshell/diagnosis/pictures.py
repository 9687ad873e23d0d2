"""Histograms and quantiles of standardised columns: what a figure of a marginal law is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from thinshell.sketch import Summary
from thinshell.statistics._small import is_small
from thinshell.statistics._threads import thread_map
from thinshell.statistics.anderson_darling import anderson_darling_sorted
from thinshell.statistics.moments import Moments, moments

__all__ = [
    "EDGES",
    "LEVELS",
    "Pictures",
    "chosen_columns",
    "coordinate_pictures",
    "draw",
    "round_to_digits",
    "shape_section",
    "shapes",
]

# Quarters of a standard deviation to 4.25 either way; 8,192 normal values have one beyond 4 half of the time.
EDGES = np.arange(-17, 18) / 4
_LOWER = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.035, 0.05)
_LOWER += (0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
# 39 levels, symmetric and denser in the tails.
LEVELS = np.array([*_LOWER, 0.5, *(round(1 - level, 4) for level in reversed(_LOWER))])
# Up to so many columns all are drawn, beyond it this many: half of them the worst, half spread evenly.
_MOST_COLUMNS = 1024
# Digits of a standardised quantile: a line of a figure is a thousand pixels high at most.
_DIGITS = 4
# Values that a worker holds transposed at once, as in `anderson_darling`.
_PIECE_VALUES = 2**22
_PIECE_COLUMNS = 64


@dataclass(frozen=True)
class Pictures:
    """What one sort of every column gives.

    Attributes
    ----------
    ad : ndarray of shape (n_features,)
        A^2 under the composite null; NaN for columns that are constant over these rows.
    histograms : ndarray of shape (n_chosen, 34), int
        Rows between consecutive `EDGES`, in standard deviations (divisor n) from the mean; the outermost bins hold
        what lies beyond as well.
    quantiles : ndarray of shape (n_chosen, 39)
        Standardised quantiles at `LEVELS`, interpolated linearly, rounded to 4 significant digits.
    """

    ad: np.ndarray
    histograms: np.ndarray
    quantiles: np.ndarray


def draw(rows: np.ndarray, measured: Moments, chosen: np.ndarray) -> Pictures:
    """Sort every column once; `measured` are the moments of these rows, `chosen` the columns to picture, in order.

    Examples
    --------
    >>> from thinshell.statistics import moments
    >>> rows = np.random.default_rng(0).standard_normal((1000, 3))
    >>> pictures = draw(rows, moments(rows), np.array([0, 2]))
    >>> pictures.histograms.shape, pictures.quantiles.shape, pictures.ad.shape
    ((2, 34), (2, 39), (3,))
    """
    n, d = rows.shape
    width = max(1, min(_PIECE_COLUMNS, _PIECE_VALUES // n))
    std, test_std = measured.std(), np.where(measured.constant, np.nan, measured.std(ddof=1))
    places, small = np.searchsorted(chosen, np.arange(0, d + width, width)), is_small(rows.size)

    def piece(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        part = slice(number * width, (number + 1) * width)
        # A copy in any case: of a single column the transpose is the rows themselves.
        columns = np.array(rows[:, part].T, order="C", copy=True)
        columns.sort(axis=1)
        picked = chosen[places[number] : places[number + 1]]
        shown = columns[picked - part.start]
        histograms, quantiles = _pictured(shown, measured.mean[picked], std[picked])
        ad = anderson_darling_sorted(columns, measured.mean[part], test_std[part], small=small)
        return ad, histograms, quantiles

    parts = thread_map(piece, range(-(-d // width)))
    ad, histograms, quantiles = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Pictures(ad, histograms, quantiles)


def _pictured(columns: np.ndarray, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return counts and standardised quantiles of sorted columns of shape (n_columns, n_samples)."""
    n = columns.shape[1]
    scale = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)[:, None]
    below = np.empty((len(columns), len(EDGES)), np.int64)
    below[:, 0], below[:, -1] = 0, n
    for row, column in enumerate(columns):
        below[row, 1:-1] = np.searchsorted(column, mean[row] + std[row] * EDGES[1:-1])
    place = LEVELS * (n - 1)
    left = np.minimum(place.astype(np.intp), n - 2)
    ends = [(columns[:, at].astype(np.float64) - mean[:, None]) * scale for at in (left, left + 1)]
    quantiles = ends[0] + (place - left) * (ends[1] - ends[0])
    return np.diff(below, axis=1), round_to_digits(quantiles, _DIGITS)


def round_to_digits(values: np.ndarray, digits: int) -> np.ndarray:
    """Round each value to so many significant digits, to the double that prints with them.

    Examples
    --------
    >>> round_to_digits(np.array([0.0, -0.00123456, 2.71828, 12345.6]), 4)
    array([ 0.000e+00, -1.235e-03,  2.718e+00,  1.235e+04])
    """
    size = np.abs(values)
    magnitude = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0))
    # Powers of ten up to 22 are exact, so that one correctly rounded division gives the nearest double.
    places = np.clip(digits - 1 - magnitude, -22, 22)
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.rint(values * up / down) / up * down + 0.0


def chosen_columns(ad: np.ndarray) -> np.ndarray:
    """Return the columns to picture, in order: all up to 1,024, else the 512 of largest A^2 and 512 spread evenly.

    Examples
    --------
    >>> len(chosen_columns(np.zeros(700))), len(chosen_columns(np.arange(5000.0)))
    (700, 1024)
    """
    if len(ad) <= _MOST_COLUMNS:
        return np.arange(len(ad))
    half = _MOST_COLUMNS // 2
    # Stable, with constant columns (NaN) last.
    worst = np.argsort(np.where(np.isnan(ad), np.inf, -ad), kind="stable")[:half]
    others = np.setdiff1d(np.arange(len(ad)), worst)
    spread = others[np.linspace(0, len(others) - 1, _MOST_COLUMNS - half).round().astype(np.intp)]
    return np.sort(np.concatenate([worst, spread]))


def shape_section(n_rows: int) -> dict[str, Any]:
    """Return what the entries of every `shapes` stand for."""
    return {
        "n_rows_used": n_rows,
        "edges": EDGES,
        "levels": LEVELS,
        "normal_quantiles": round_to_digits(ndtri(LEVELS), _DIGITS),
    }


def shapes(indices: np.ndarray, pictured: np.ndarray, pictures: Pictures) -> dict[str, Any]:
    """Return one entry for each of `indices`; None for those that are not in `pictured`, which `pictures` are of."""
    found = {
        int(index): (histogram, quantiles)
        for index, histogram, quantiles in zip(pictured, pictures.histograms, pictures.quantiles, strict=True)
    }
    entries = [found.get(int(index), (None, None)) for index in indices]
    return {
        "indices": indices,
        "histograms": [histogram for histogram, _ in entries],
        "quantiles": [quantiles for _, quantiles in entries],
    }


def coordinate_pictures(varying: Summary, ad: np.ndarray, tested: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Sort columns of the row sample; return A^2 of the `tested` ones and the section `coordinates.shapes`.

    Parameters
    ----------
    varying : Summary
        Without constant columns.
    ad : ndarray of shape (n_features,)
        A^2 of every column of the data, NaN for constant ones.
    tested : ndarray of shape (n_tested,)
        Which of the varying columns to test, in order.
    """
    indices = chosen_columns(ad)
    shown = np.isin(varying.columns, indices)
    # Of very wide data only what is asked for is sorted.
    needed = np.union1d(np.flatnonzero(shown), tested)
    rows = varying.rows if len(needed) == len(shown) else np.ascontiguousarray(varying.rows[:, needed])
    measured = moments(rows)
    # A rare spike may be missing from the row sample: such a column has no shape there.
    places = np.flatnonzero(shown[needed] & ~measured.constant)
    pictures = draw(rows, measured, places)
    return pictures.ad[np.searchsorted(needed, tested)], shapes(indices, varying.columns[needed[places]], pictures)
