"""Products of columns made on the device that holds the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from thinshell.sketch.gram import PANEL_ROWS, Gram
from thinshell.sketch.range_finder import RangeFinder, column_products
from thinshell.sketch.tensor_passes import exact_products
from thinshell.statistics._tensors import tensor_power_sums, tiles
from thinshell.statistics.moments import Moments

__all__ = ["TensorProducts"]

# Rows whose median is subtracted before the first powers, as in `Marginals`.
_PILOT_ROWS = 63


class TensorProducts:
    """`Gram`, or `RangeFinder` where there are more columns, whose products are made on a device.

    Parameters
    ----------
    pilot : Tensor of shape (n_samples, n_features)
        Rows that shift and scale are to fit.
    fetch : callable
        Brings a tensor to the host.
    """

    def __init__(self, pilot: Tensor, fetch: Callable[[Tensor], np.ndarray]) -> None:
        self._fetch = fetch
        shift = np.median(fetch(pilot[:_PILOT_ROWS]), axis=0).astype(np.float64)
        there = torch.from_numpy(shift).to(pilot.device)
        sums = sum(tensor_power_sums(tile, there) for tile in tiles(pilot, pilot.dtype))
        assert isinstance(sums, Tensor)
        moments = Moments.from_power_sums(len(pilot), shift, fetch(sums))
        # Two rows of the same mean and spread stand for the pilot.
        self._host = column_products(np.stack([moments.mean - moments.std(), moments.mean + moments.std()]))
        self._omega: Tensor | None = None
        if isinstance(self._host, RangeFinder):
            # A copy: the array is the one that all sketches share.
            self._omega = torch.tensor(self._host.omega, device=pilot.device)
        self._sums = torch.zeros(pilot.shape[1], dtype=torch.float64, device=pilot.device)
        self._products = torch.zeros(self._host.products.shape, dtype=torch.float64, device=pilot.device)

    def add(self, block: Tensor) -> None:
        """Add the rows of a float32 or float64 block."""
        shift, scale = (
            torch.from_numpy(values).to(device=block.device, dtype=block.dtype)
            for values in (self._host.shift, self._host.scale)
        )
        with exact_products():
            for tile in tiles(block, block.dtype, PANEL_ROWS):
                shifted = torch.sub(tile, shift).mul_(scale)
                self._sums += shifted.sum(dim=0, dtype=torch.float64)
                onto = shifted if self._omega is None else shifted @ self._omega.to(block.dtype)
                self._products += shifted.T @ onto
        self._host.n_samples += len(block)

    def take(self) -> Gram | RangeFinder:
        """Return what was added and be empty, with the same shift and scale."""
        taken, self._host = self._host, type(self._host)(self._host.shift, self._host.scale)
        taken.sums, taken.products = self._fetch(self._sums), self._fetch(self._products)
        self._sums.zero_()
        self._products.zero_()
        return taken
