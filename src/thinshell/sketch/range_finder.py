"""The covariance of very many columns, seen through a few hundred random vectors in one pass."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from thinshell.sketch.gram import GRAM_LIMIT, PANEL_COLUMNS, PANEL_ROWS, Gram, near_mean, power_of_two, shifted_rows
from thinshell.sketch.nystrom import Nystrom
from thinshell.statistics._threads import single_threaded_blas, thread_map

__all__ = ["RangeFinder", "column_products", "random_signs", "restored_products", "vectors_for"]

# Vectors up to 131,072 columns: twice as many halve the error of the effective rank and double the time. Beyond,
# fewer, so that the products stay below 512 MiB.
_VECTORS, _FEWEST_VECTORS, _VALUES = 512, 64, 2**26
# Rows of one product with the test matrix, fixed whatever the number of CPUs.
_PIECE_ROWS = 512


def vectors_for(n_features: int) -> int:
    """Return how many test vectors a sketch of so many columns has."""
    return max(_FEWEST_VECTORS, min(_VECTORS, _VALUES // n_features))


@lru_cache(maxsize=2)
def random_signs(n_features: int, n_vectors: int) -> np.ndarray:
    """Return the fixed matrix of random signs, float32: the same for every sketch, on every platform.

    Signs are the bits of a counter-based generator (Philox): no logarithm or rejection whose last digit a library
    could change, and float32 holds them exactly.
    """
    n_values = n_features * n_vectors
    words = np.random.Philox(key=0x6F6D656761).random_raw(-(-n_values // 64)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8), count=n_values, bitorder="little")
    signs = bits.reshape(n_features, n_vectors).astype(np.float32) * np.float32(2) - np.float32(1)
    signs.flags.writeable = False
    return signs


class RangeFinder:
    """Sums of shifted columns and the products of their Gram matrix with fixed random vectors.

    Adding a row z takes ``z (z' Omega)``: 4 d k operations and no d x d matrix. Products of a few thousand rows are
    float32, what they are added to is float64.

    Parameters
    ----------
    shift : ndarray of shape (n_features,), float64
        Near the mean of each column, so that no digits are lost to an offset.
    scale : ndarray of shape (1,), float64
        A power of two near the inverse of the largest standard deviation. One for all columns: a scale for each would
        have to leave `products` by both its sides, and only the side of the columns is kept. The spectrum does not see
        what is lost of columns 1e30 times smaller than the largest.
    n_vectors : int, optional
        Columns of Omega; by default `vectors_for`.
    """

    def __init__(self, shift: np.ndarray, scale: np.ndarray, n_vectors: int | None = None) -> None:
        self.shift, self.scale = shift, scale
        self.n_samples = 0
        self.sums = np.zeros(len(shift))
        self.products = np.zeros((len(shift), vectors_for(len(shift)) if n_vectors is None else n_vectors))

    @classmethod
    def from_pilot(cls, pilot: np.ndarray, n_vectors: int | None = None) -> RangeFinder:
        """Start empty with a shift and scale that fit the rows of `pilot`."""
        widest = pilot.std(axis=0, dtype=np.float64).max(keepdims=True)
        return cls(near_mean(pilot), power_of_two(widest), n_vectors)

    @property
    def omega(self) -> np.ndarray:
        """The test matrix, float32, shape (n_features, n_vectors)."""
        return random_signs(*self.products.shape)

    def add(self, block: np.ndarray) -> None:
        """Add the rows of a float32 or float64 block."""
        if not len(block):
            return
        shifted, sums = shifted_rows(block, self.shift, self.scale)
        self.sums += sums
        omega = self.omega.astype(block.dtype, copy=False)
        seen = np.empty((len(block), omega.shape[1]), block.dtype)

        def piece(top: int) -> None:
            rows = slice(top, top + _PIECE_ROWS)
            np.matmul(shifted[rows], omega, out=seen[rows])

        def panel(left: int) -> None:
            columns = slice(left, left + PANEL_COLUMNS)
            for top in range(0, len(shifted), PANEL_ROWS):
                rows = slice(top, top + PANEL_ROWS)
                self.products[columns] += shifted[rows, columns].T @ seen[rows]

        # Pieces and panels are each one thread's, as in `Gram`: no sum depends on how many threads there are.
        with single_threaded_blas():
            thread_map(piece, range(0, len(block), _PIECE_ROWS))
            thread_map(panel, range(0, len(self.shift), PANEL_COLUMNS))
        self.n_samples += len(block)

    def merge(self, other: RangeFinder) -> None:
        """Add the rows of `other`, which is left as it is."""
        # Re-express the other's rows: z' = (z + step) * ratio, where both factors of a product move.
        ratio = float(self.scale[0] / other.scale[0])
        step = (other.shift - self.shift) * other.scale
        sums = other.sums + other.n_samples * step
        products = other.products + np.outer(other.sums, step @ self.omega) + np.outer(step, sums @ self.omega)
        products *= ratio * ratio
        self.products += products
        self.sums += sums * ratio
        self.n_samples += other.n_samples

    def copy(self) -> RangeFinder:
        """Return an independent copy."""
        twin = RangeFinder(self.shift, self.scale, 0)
        twin.n_samples, twin.sums, twin.products = self.n_samples, self.sums.copy(), self.products.copy()
        return twin

    def nystrom(self, trace: float) -> Nystrom:
        """Return what the products tell of the sample covariance (divisor n - 1).

        Parameters
        ----------
        trace : float
            Of the sample covariance, in squared units of the data.
        """
        n, unit = self.n_samples, float(self.scale[0]) ** 2
        centred = self.products - np.outer(self.sums, (self.sums / n) @ self.omega)
        centred /= n - 1
        core, squares = self.omega.T.astype(np.float64) @ centred, centred.T @ centred
        return Nystrom((core + core.T) / 2, squares, trace * unit, 1 / unit, min(len(self.shift), n - 1))

    def state(self) -> dict[str, np.ndarray]:
        """Return every array, by name, as `restore` takes them."""
        return {"shift": self.shift, "scale": self.scale, "sums": self.sums, "products": self.products}

    @classmethod
    def restore(cls, n_samples: int, state: dict[str, np.ndarray]) -> RangeFinder:
        """Rebuild from the arrays of `state`."""
        self = cls(np.array(state["shift"]), np.array(state["scale"]), 0)
        self.n_samples = n_samples
        self.sums, self.products = np.array(state["sums"]), np.array(state["products"])
        return self


def column_products(pilot: np.ndarray) -> Gram | RangeFinder:
    """Start empty products of columns like those of `pilot`: all up to `GRAM_LIMIT` columns, else randomised."""
    return (Gram if pilot.shape[1] <= GRAM_LIMIT else RangeFinder).from_pilot(pilot)


def restored_products(n_samples: int, state: dict[str, np.ndarray]) -> Gram | RangeFinder | None:
    """Rebuild what `state` was taken of; None where it is empty, as in files without products."""
    if not state:
        return None
    kind = Gram if len(state["shift"]) <= GRAM_LIMIT else RangeFinder
    return kind.restore(n_samples, state)
