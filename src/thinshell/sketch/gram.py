"""The covariance of all columns, added up block by block."""

from __future__ import annotations

import numpy as np

__all__ = ["GRAM_LIMIT", "Gram"]

# Columns up to which the full matrix is kept: 128 MiB of float64 at 4,096. Wider data take their spectrum from
# the row sample.
GRAM_LIMIT = 4096


class Gram:
    """Sums and products of shifted, scaled columns: float32 products of a block, float64 between blocks.

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
        mean = pilot.mean(axis=0, dtype=np.float64)
        std = pilot.std(axis=0, dtype=np.float64)
        # float32 subtracts a float32 shift exactly when the two are near each other (Sterbenz).
        shift = mean.astype(np.float32).astype(np.float64)
        with np.errstate(divide="ignore"):
            exponent = np.where(std > 0, np.floor(np.log2(std)), 0)
        return cls(shift, np.exp2(-np.clip(exponent, -120, 120)))

    def add(self, block: np.ndarray) -> None:
        """Add the rows of a float32 or float64 block."""
        shifted = block - self.shift.astype(block.dtype)
        shifted *= self.scale.astype(block.dtype)
        self.products += shifted.T @ shifted
        self.sums += shifted.sum(axis=0, dtype=np.float64)
        self.n_samples += len(block)

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
        centred = self.products - np.outer(self.sums, self.sums / self.n_samples)
        return centred / np.outer(self.scale, self.scale) / (self.n_samples - 1)

    def state(self) -> dict[str, np.ndarray]:
        """Return every array, by name, as `restore` takes them."""
        return {name: getattr(self, name) for name in ("shift", "scale", "sums", "products")}

    @classmethod
    def restore(cls, n_samples: int, state: dict[str, np.ndarray]) -> Gram:
        """Rebuild from the arrays of `state`."""
        self = cls(np.array(state["shift"]), np.array(state["scale"]))
        self.n_samples = n_samples
        self.sums, self.products = np.array(state["sums"]), np.array(state["products"])
        return self
