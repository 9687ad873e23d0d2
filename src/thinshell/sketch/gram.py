"""The covariance of all columns, added up block by block."""

from __future__ import annotations

import numpy as np

from thinshell.statistics._threads import single_threaded_blas, thread_map

__all__ = ["GRAM_LIMIT", "PANEL_COLUMNS", "PANEL_ROWS", "Gram", "near_mean", "power_of_two", "shifted_rows"]

# Columns up to which the full matrix is kept: 128 MiB of float64 at 4,096. Of wider data its products with a few
# hundred random vectors are (`RangeFinder`).
GRAM_LIMIT = 4096
# Columns of one panel of the products and rows of one product, fixed whatever the number of CPUs. Measured from 128
# to 4,096 columns: narrower panels and shorter products cost more, wider ones leave CPUs idle.
PANEL_COLUMNS = 192
PANEL_ROWS = 8192
# Rows of one piece when columns are shifted, scaled and added up.
_PIECE_ROWS = 1024


def near_mean(pilot: np.ndarray) -> np.ndarray:
    """Return a shift for each column, float64, that is exact in float32."""
    # float32 subtracts a float32 shift exactly when the two are near each other (Sterbenz).
    return pilot.mean(axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)


def power_of_two(std: np.ndarray) -> np.ndarray:
    """Return powers of two near the inverse of standard deviations, 1 where they are 0."""
    with np.errstate(divide="ignore"):
        exponent = np.where(std > 0, np.floor(np.log2(std)), 0)
    return np.exp2(-np.clip(exponent, -120, 120))


def shifted_rows(block: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(block - shift) * scale`` in the block's dtype, and the sums of its columns in float64."""
    shift, scale = shift.astype(block.dtype), scale.astype(block.dtype)
    shifted = np.empty_like(block)

    def piece(top: int) -> np.ndarray:
        rows = slice(top, top + _PIECE_ROWS)
        np.subtract(block[rows], shift, out=shifted[rows])
        shifted[rows] *= scale
        return shifted[rows].sum(axis=0, dtype=np.float64)

    # Fixed pieces in order, so that the sums do not depend on the number of CPUs.
    return shifted, np.sum(thread_map(piece, range(0, len(block), _PIECE_ROWS)), axis=0)


class Gram:
    """Sums and products of shifted, scaled columns: float32 products of a few thousand rows, float64 beyond.

    Only the lower triangle of the products is kept up to date.

    Parameters
    ----------
    shift : ndarray of shape (n_features,), float64
        Near the mean of each column, so that no digits are lost to an offset.
    scale : ndarray of shape (n_features,), float64
        Powers of two near the inverse standard deviations, so that no product over- or underflows.
    """

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        self.shift, self.scale = shift, scale
        self.n_samples = 0
        self.sums = np.zeros(len(shift))
        self.products = np.zeros((len(shift), len(shift)))

    @classmethod
    def from_pilot(cls, pilot: np.ndarray) -> Gram:
        """Start an empty matrix whose shift and scale fit the rows of `pilot`."""
        return cls(near_mean(pilot), power_of_two(pilot.std(axis=0, dtype=np.float64)))

    def add(self, block: np.ndarray) -> None:
        """Add the rows of a float32 or float64 block."""
        if not len(block):
            return
        shifted, sums = shifted_rows(block, self.shift, self.scale)
        self.sums += sums
        self._add_products(shifted)
        self.n_samples += len(block)

    def _add_products(self, rows: np.ndarray) -> None:
        """Add up products panel by panel of columns.

        Each panel is one thread's, so the sums do not depend on how many there are; and BLAS, which would split a
        product of many rows and few columns badly (up to fifty times slower), gets pieces that fit it.
        """
        d = rows.shape[1]

        def panel(left: int) -> None:
            columns = slice(left, min(left + PANEL_COLUMNS, d))
            for top in range(0, len(rows), PANEL_ROWS):
                tile = rows[top : top + PANEL_ROWS]
                self.products[left:, columns] += tile[:, left:].T @ tile[:, columns]

        with single_threaded_blas():
            thread_map(panel, range(0, d, PANEL_COLUMNS))

    def merge(self, other: Gram) -> None:
        """Add the rows of `other`, which is left as it is."""
        # Re-express the other's columns: y' = (y + step) * ratio, both exact in exponent.
        ratio = self.scale / other.scale
        step = (other.shift - self.shift) * other.scale
        products = other.products + np.outer(other.sums, step) + np.outer(step, other.sums)
        products += other.n_samples * np.outer(step, step)
        self.products += products * np.outer(ratio, ratio)
        self.sums += (other.sums + other.n_samples * step) * ratio
        self.n_samples += other.n_samples

    def copy(self) -> Gram:
        """Return an independent copy."""
        twin = Gram(self.shift, self.scale)
        twin.n_samples, twin.sums, twin.products = self.n_samples, self.sums.copy(), self.products.copy()
        return twin

    def covariance(self) -> np.ndarray:
        """Return the sample covariance (divisor n - 1), float64, in squared units of the data."""
        centred = self._full() - np.outer(self.sums, self.sums / self.n_samples)
        return centred / np.outer(self.scale, self.scale) / (self.n_samples - 1)

    def _full(self) -> np.ndarray:
        lower = np.tril(self.products)
        return lower + np.tril(lower, -1).T

    def state(self) -> dict[str, np.ndarray]:
        """Return every array, by name, as `restore` takes them."""
        return {"shift": self.shift, "scale": self.scale, "sums": self.sums, "products": self._full()}

    @classmethod
    def restore(cls, n_samples: int, state: dict[str, np.ndarray]) -> Gram:
        """Rebuild from the arrays of `state`."""
        self = cls(np.array(state["shift"]), np.array(state["scale"]))
        self.n_samples = n_samples
        self.sums, self.products = np.array(state["sums"]), np.array(state["products"])
        return self
