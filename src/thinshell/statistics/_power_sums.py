"""Sums of the first four powers of shifted columns, one pass over rows in memory order."""

from __future__ import annotations

import numpy as np

__all__ = ["power_sums"]

# Rows of a tile in NumPy: so many are added up one after the other whatever the number of columns, so that no sum
# depends on its neighbours. Values of a tile: its two float64 buffers stay in the caches, and calls cost little.
_TILE_ROWS = 512
_TILE_VALUES = 2**16


def power_sums(block: np.ndarray, shift: np.ndarray, *, small: bool) -> np.ndarray:
    """Return the sums over rows of ``(block - shift) ** k`` for k = 1, 2, 3, 4.

    Parameters
    ----------
    block : ndarray of shape (n_samples, n_features), float32 or float64
        Rows; each value is widened to float64 before anything else happens to it.
    shift : ndarray of shape (n_features,)
        A value near each column's mean, so that no digits are lost to a large offset.
    small : bool
        Use NumPy, not the compiled kernel (see `is_small`); the two agree to rounding.

    Returns
    -------
    ndarray of shape (4, n_features), float64

    Examples
    --------
    >>> import numpy as np
    >>> power_sums(np.array([[1.0], [4.0]]), np.array([2.0]), small=True).ravel()
    array([ 1.,  5.,  7., 17.])
    """
    sums = np.zeros((4, block.shape[1]))
    shift = np.ascontiguousarray(shift, dtype=np.float64)
    if small:
        _add_power_sums(block, shift, sums)
    else:
        from thinshell.statistics._power_sums_compiled import add_power_sums

        add_power_sums(np.ascontiguousarray(block), shift, sums)
    return sums


def _add_power_sums(block: np.ndarray, shift: np.ndarray, sums: np.ndarray) -> None:
    n, d = block.shape
    width = max(1, min(d, _TILE_VALUES // min(_TILE_ROWS, max(n, 1))))
    buffers = np.empty((2, min(_TILE_ROWS, n) * width))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for top in range(0, n, _TILE_ROWS):
            for left in range(0, d, width):
                part = slice(left, left + width)
                tile = block[top : top + _TILE_ROWS, part]
                x, square = (buffer[: tile.size].reshape(tile.shape) for buffer in buffers)
                np.subtract(tile, shift[part], out=x, dtype=np.float64)
                np.multiply(x, x, out=square)
                sums[0, part] += _sum_of_rows(x)
                sums[1, part] += _sum_of_rows(square)
                sums[2, part] += _sum_of_rows(np.multiply(x, square, out=x))
                sums[3, part] += _sum_of_rows(np.multiply(square, square, out=square))


def _sum_of_rows(tile: np.ndarray) -> np.ndarray:
    # A single column is contiguous, and NumPy would add it up in pairs.
    return tile.sum(axis=0) if tile.shape[1] > 1 else tile.cumsum(axis=0)[-1]
