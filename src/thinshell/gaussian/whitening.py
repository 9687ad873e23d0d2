"""The linear maps that whiten, worked out from a covariance, and what whitening does to directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from thinshell.errors import InputError, InputTypeError, unknown_name
from thinshell.gaussian.covariance import FittedCovariance
from thinshell.statistics._threads import single_threaded_blas, thread_map
from thinshell.statistics._validation import as_float, as_sample
from thinshell.statistics.sphere import mean_direction, uniformity, uniformity_of_sphere

__all__ = ["WHITENINGS", "WhiteningMap", "affine", "check_whitening", "signed", "whitening_map", "whitening_report"]

WHITENINGS = ("pca", "zca", "cholesky")
# A model of factors and a diagonal is not among them: it describes the covariance, but does not whiten the rows.
_COVARIANCES = ("empirical", "ledoit_wolf", "oas", "shrunk")
# Values of one thread's piece of rows: 3 MiB of float32.
_PIECE_VALUES = 3 * 2**18
# Share of a column's variance that must be left after regression on those before it for a column of its own in a
# Cholesky factor; rounding leaves about 1e-14 times the number of columns.
_NOTHING_LEFT = 1e-10


@dataclass(frozen=True)
class WhiteningMap:
    """A map and its way back.

    Attributes
    ----------
    location : ndarray of shape (d,), float64
    covariance : FittedCovariance
        Before any floor.
    whitening : ndarray of shape (d, k), float64
    coloring : ndarray of shape (k, d), float64
    floored : dict
        See `thinshell.gaussian.Whitener`.
    """

    location: np.ndarray
    covariance: FittedCovariance
    whitening: np.ndarray
    coloring: np.ndarray
    floored: dict[str, Any]


def check_whitening(method: object, covariance: object, floor: Any, n_components: Any) -> None:
    """Raise unless the parameters of a `Whitener` are such that one can be fitted."""
    if method not in WHITENINGS:
        raise unknown_name("method", method, WHITENINGS)
    if covariance not in _COVARIANCES:
        raise unknown_name("covariance", covariance, _COVARIANCES)
    if floor is not None:
        number = isinstance(floor, (int, float, np.number)) and not isinstance(floor, bool)
        if not number or not 0 < floor <= 1:
            raise InputError(
                f"floor must be above 0 and at most 1, a share of the largest eigenvalue, got {floor!r}; "
                "leave it out for none"
            )
    if n_components is None:
        return
    if method != "pca":
        raise InputError(
            f"n_components must be None for method={method!r}, got {n_components!r}; only 'pca' can leave columns out"
        )
    if isinstance(n_components, bool) or not isinstance(n_components, (int, np.integer)):
        raise InputTypeError(f"n_components must be a whole number, got {type(n_components).__name__}")
    if n_components < 1:
        raise InputError(f"n_components must be at least 1, got {n_components}; leave it out for all")


def whitening_map(
    covariance: FittedCovariance,
    location: np.ndarray,
    method: str,
    floor: float | None = None,
    n_components: int | None = None,
    matrix: np.ndarray | None = None,
) -> WhiteningMap:
    """Work out the map of a covariance.

    Parameters
    ----------
    covariance : FittedCovariance
    location : ndarray of shape (d,)
    method : str
        One of `WHITENINGS`.
    floor : float or None
        Share of the largest eigenvalue.
    n_components : int or None
        For "pca", at most the rank.
    matrix : ndarray of shape (d, d), optional
        The covariance itself, unless shrunk. Cholesky factors of it are exact for columns of any units; put together
        from eigenvectors, small columns drown in the rounding of large ones.

    Returns
    -------
    WhiteningMap

    Raises
    ------
    InputError
        More components than directions that vary.
    """
    values, vectors = covariance.eigenvalues, signed(covariance.eigenvectors)
    if n_components is not None and n_components > len(values):
        raise InputError(
            f"n_components must be at most {len(values)}, the number of directions in which the rows vary, got "
            f"{n_components}; leave it out for all"
        )
    raised = values if floor is None else np.maximum(values, floor * values[0])
    roots = np.sqrt(raised)
    if method == "pca":
        axes, sizes = vectors[:, :n_components], roots[:n_components]
        whitening, coloring = axes / sizes, (axes * sizes).T
    elif method == "zca":
        whitening, coloring = (vectors / roots) @ vectors.T, (vectors * roots) @ vectors.T
    else:
        if matrix is None or floor is not None:
            matrix = (vectors * raised) @ vectors.T
        whitening, coloring = _by_cholesky(matrix, np.flatnonzero(vectors.any(axis=1)), len(values))
    return WhiteningMap(location, covariance, whitening, coloring, _floored(values, raised, len(location), floor))


def signed(vectors: np.ndarray) -> np.ndarray:
    """Turn every column so that its largest entry is positive: eigenvectors have no sign of their own."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)[0]
    return vectors * np.where(largest < 0, -1.0, 1.0)


def _by_cholesky(matrix: np.ndarray, kept: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``L^-T`` and ``L'`` of a covariance; a column that those before it determine gets zeros in both.

    Works on the correlations of the kept columns (those that are not constant), so that units do not matter.
    """
    d = len(matrix)
    stds = np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
    inner = matrix[np.ix_(kept, kept)] / np.outer(stds[kept], stds[kept])
    if rank < len(kept):
        kept = kept[_own_columns(inner, rank)]
        inner = matrix[np.ix_(kept, kept)] / np.outer(stds[kept], stds[kept])
    try:
        root = cholesky(inner, lower=True)
    except LinAlgError:
        raise InputError(
            "covariance must be regular enough for method='cholesky', got eigenvalues that rounding has taken; "
            "give a floor, for example floor=1e-10, or take method='zca'"
        ) from None
    whitening, coloring = np.zeros((d, d)), np.zeros((d, d))
    whitening[np.ix_(kept, kept)] = solve_triangular(root, np.diag(1 / stds[kept]), lower=True).T
    # Columns without a row of their own follow from the others by regression.
    coloring[kept] = whitening[np.ix_(kept, kept)].T @ matrix[kept]
    coloring[np.ix_(kept, kept)] = (root * stds[kept][:, None]).T
    return whitening, coloring


def _own_columns(correlation: np.ndarray, rank: int) -> np.ndarray:
    """Return the columns, at most `rank`, that are no linear function of those before them."""
    least, own = _NOTHING_LEFT, list(range(len(correlation)))
    while len(own) > rank:
        left, own = correlation.copy(), []
        for j in range(len(left)):
            if left[j, j] > least:
                own.append(j)
                left[j + 1 :, j + 1 :] -= np.outer(left[j + 1 :, j], left[j, j + 1 :] / left[j, j])
        # float32 products leave more rounding.
        least *= 10
    return np.array(own, dtype=np.intp)


def _floored(values: np.ndarray, raised: np.ndarray, d: int, floor: float | None) -> dict[str, Any]:
    """Say which eigenvalues were raised and how many directions have none."""
    changed = np.flatnonzero(raised > values)
    share, dropped = float(values[changed].sum() / values.sum()), d - len(values)
    texts = []
    if len(changed):
        texts.append(
            f"{len(changed):,} of {len(values):,} eigenvalues, {100 * share:.2g} % of the variance, were raised to "
            f"{floor:.3g} of the largest."
        )
    if dropped:
        texts.append(f"{dropped:,} of {d:,} directions have no variance of their own and were left out.")
    return {
        "floor": None if floor is None else float(floor * values[0]),
        "count": len(changed),
        "indices": changed.tolist(),
        "eigenvalues": values[changed].tolist(),
        "share": share,
        "dropped": dropped,
        "text": " ".join(texts) or "Nothing was floored or left out.",
    }


def affine(
    rows: np.ndarray, before: np.ndarray | None, matrix: np.ndarray, after: np.ndarray | None, double: bool
) -> np.ndarray:
    """Return ``(rows - before) @ matrix + after``, piece by piece; float32 rows give float32.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_in)
    before : ndarray of shape (n_in,) or None
    matrix : ndarray of shape (n_in, n_out)
    after : ndarray of shape (n_out,) or None
    double : bool
        Work in float64 even where the result is float32.

    Returns
    -------
    ndarray of shape (n_samples, n_out)

    Raises
    ------
    InputError
        NaN or infinity.
    """
    dtype = np.dtype(np.float32 if rows.dtype.kind == "f" and rows.dtype.itemsize <= 4 else np.float64)
    work = np.dtype(np.float64) if double else dtype
    out = np.empty((len(rows), matrix.shape[1]), dtype)
    factor = matrix.astype(work)
    near = None if before is None else before.astype(work)
    # What rounding the mean to float32 left out.
    offset = 0.0 if before is None or near is None else ((before - near) @ matrix).astype(work)
    step = max(16, _PIECE_VALUES // max(1, rows.shape[1]))

    def piece(top: int) -> None:
        part = as_float(rows[top : top + step], "X").astype(work, copy=False)
        if not np.isfinite(part.sum(dtype=np.float64)) and (bad := ~np.isfinite(part).all(axis=1)).any():
            raise InputError(
                f"X must be finite, got NaN or infinity in {bad.sum():,} rows (first: row {top + bad.argmax():,}); "
                "drop or repair them"
            )
        result = (part if near is None else part - near) @ factor - offset
        out[top : top + step] = result if after is None else result + after

    with single_threaded_blas():
        thread_map(piece, range(0, len(rows), step))
    return out


def whitening_report(before: object, after: object, *, max_rows: int = 5000, seed: int = 0) -> dict[str, Any]:
    """Tell how evenly directions fill the sphere before and after whitening (Figures 9 and 10 of the paper).

    Embeddings often share one direction: any two of them have a high cosine, and rows crowd on a part of the sphere.
    Whitened rows should not.

    Parameters
    ----------
    before, after : array_like of shape (n_samples, n_features), (n_samples, n_out)
        The same rows, at least two, none all zero.
    max_rows : int
        So many rows, the same on both sides, are drawn for the uniformity, which compares all pairs. At least 2.
    seed : int
        Draws them.

    Returns
    -------
    dict
        - ``"uniformity"``: {"before", "after"} ``log E exp(-2 |u - v|^2)`` of unit rows, in [-8, 0], lower is more
          uniform; {"sphere_before", "sphere_after"} what uniform directions reach in as many dimensions.
        - ``"mean_pair_cosine"``: {"before", "after"} mean cosine of two different rows, in [-1, 1]; 0 on a uniform
          sphere.
        - ``"n_samples"``, ``"n_rows_uniformity"``.

    Raises
    ------
    InputError
        Different numbers of rows, fewer than two, an all-zero row, not finite, `max_rows` below 2.

    References
    ----------
    Wang, T. and Isola, P. (2020). Understanding contrastive representation learning through alignment and uniformity
    on the hypersphere. ICML.

    Examples
    --------
    >>> from thinshell.gaussian.whitener import Whitener
    >>> rows = 3.0 + np.random.default_rng(0).standard_normal((1000, 8)) * np.arange(1, 9)
    >>> report = whitening_report(rows, Whitener("zca").fit_transform(rows))
    >>> {when: round(cosine, 2) + 0.0 for when, cosine in report["mean_pair_cosine"].items()}
    {'before': 0.27, 'after': 0.0}
    """
    first, second = as_sample(before, "before", min_samples=2), as_sample(after, "after", min_samples=2)
    if len(first) != len(second):
        raise InputError(
            f"before and after must have as many rows, got {len(first):,} and {len(second):,}; whiten the same rows"
        )
    if max_rows < 2:
        raise InputError(f"max_rows must be at least 2, got {max_rows}; the usual value is 5000")
    drawn = slice(None)
    if len(first) > max_rows:
        drawn = np.sort(np.random.default_rng(seed).choice(len(first), max_rows, replace=False))
    sides = {"before": first, "after": second}
    even = {when: uniformity(rows[drawn]) for when, rows in sides.items()}
    even |= {f"sphere_{when}": uniformity_of_sphere(rows.shape[1]) for when, rows in sides.items()}
    return {
        "uniformity": even,
        "mean_pair_cosine": {when: mean_direction(rows).norm_squared_unbiased for when, rows in sides.items()},
        "n_samples": len(first),
        "n_rows_uniformity": min(len(first), max_rows),
    }
