"""A sketch of tensors that stay where they are: rows are worked on by their device, the state comes to the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from thinshell.sketch.embedding_sketch import _STEP_BYTES, EmbeddingSketch
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.refusals import LISTED, refuse_large, refuse_nonfinite, refuse_shape
from thinshell.sketch.rows import row_multipliers
from thinshell.sketch.tensor_passes import (
    add_counts,
    fingerprints,
    mix,
    ordered,
    row_keys,
    row_norms,
    smallest,
    unit_sum,
)
from thinshell.sketch.tensor_products import TensorProducts
from thinshell.statistics._tensors import (
    TILE_VALUES,
    fetched,
    float_type,
    plain_arithmetic,
    tensor_power_sums,
    tile_rows,
    tiles,
)
from thinshell.statistics.moments import Moments

__all__ = ["TensorMarginals", "TensorSketch"]

# Rows whose median is subtracted before the first powers, as in `Marginals`.
_PILOT_ROWS = 63

Fetch = Callable[[Tensor], np.ndarray]


class TensorMarginals:
    """`Marginals` whose values are counted on a device; moments and the grid of the bins are kept on the host.

    Parameters
    ----------
    n_features : int
        Number of columns.
    device : torch.device
        Where the rows are.
    fetch : callable
        Brings a tensor to the host.
    """

    def __init__(self, n_features: int, device: torch.device, fetch: Fetch) -> None:
        self._fetch = fetch
        self._host = Marginals(n_features)
        self._shift: np.ndarray | None = None
        self._counts = torch.zeros(self._host.counts.shape, dtype=torch.int32, device=device)
        self._tails = torch.zeros(self._host.tails.shape, dtype=torch.int64, device=device)

    def add(self, block: Tensor) -> None:
        """Add the rows of a finite float32 or float64 block."""
        if not len(block):
            return
        host, fresh = self._host, self._shift is None
        if self._shift is None:
            self._shift = np.median(self._fetch(block[:_PILOT_ROWS]), axis=0).astype(np.float64)
        self._measure(block, host.moments.mean if host.n_samples else self._shift)
        if fresh:
            host.exponent = host._wanted_exponent()
            host.start = host._centred_start(host.exponent)
        else:
            self._widen()
        inverse_width = torch.from_numpy(np.ldexp(1.0, -host.exponent)).to(block.device)
        start = torch.from_numpy(host.start.astype(np.float64)).to(block.device)
        for tile in tiles(block, block.dtype):
            add_counts(tile, inverse_width, start, self._counts, self._tails)

    def _measure(self, block: Tensor, shift: np.ndarray) -> None:
        there = torch.from_numpy(shift).to(block.device)
        sums, lows, highs = zip(
            *(
                (tensor_power_sums(tile, there), tile.amin(dim=0), tile.amax(dim=0))
                for tile in tiles(block, block.dtype)
            ),
            strict=True,
        )
        low, high = torch.stack(lows).amin(dim=0), torch.stack(highs).amax(dim=0)
        measured = self._fetch(torch.cat([torch.stack(sums).sum(dim=0), torch.stack([low, high]).double()]))
        host = self._host
        host.moments = host.moments.merge(Moments.from_power_sums(len(block), shift, measured[:4]))
        host.minimum = np.minimum(host.minimum, measured[4])
        host.maximum = np.maximum(host.maximum, measured[5])

    def _widen(self) -> None:
        """Let the host join the bins of the columns whose spread has grown; the others are not fetched."""
        host = self._host
        exponent = host._wanted_exponent()
        grown = np.flatnonzero(exponent > host.exponent)
        if not len(grown):
            return
        chosen = torch.from_numpy(grown).to(self._counts.device)
        host.counts[grown] = self._fetch(self._counts[chosen]).view(np.uint32)
        host.tails[grown] = self._fetch(self._tails[chosen])
        host._widen(exponent)
        self._counts[chosen] = torch.from_numpy(host.counts[grown].view(np.int32)).to(chosen.device)
        self._tails[chosen] = torch.from_numpy(host.tails[grown]).to(chosen.device)

    def take(self) -> Marginals:
        """Return what was added and be empty, on the same grid."""
        taken, self._host = self._host, Marginals(len(self._host.start))
        taken.counts = self._fetch(self._counts).view(np.uint32)
        taken.tails = self._fetch(self._tails)
        self._host.exponent, self._host.start = taken.exponent.copy(), taken.start.copy()
        self._shift = taken.moments.mean
        self._counts.zero_()
        self._tails.zero_()
        return taken


class TensorSketch:
    """What an `EmbeddingSketch` is made of, for rows that are tensors on one device.

    Up to `row_capacity` rows it holds them there. Beyond, rows are hashed, measured, counted and multiplied on the
    device; only rows that enter the sample, and what was counted when it is asked for, come to the host.

    Parameters
    ----------
    n_features : int
        Length of a row.
    row_capacity : int, optional
        Rows held at most, as of `EmbeddingSketch`.
    covariance : bool
        Keep the products of columns, or beyond 4,096 columns those with random vectors.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out instead of refusing the block.
    device : str or torch.device
        Where the tensors are; it needs float64.

    Attributes
    ----------
    n_samples, n_dropped : int
        Rows taken in, and left out, since the last `take`.
    bytes_to_host : int
        What has been copied to the host so far.

    Notes
    -----
    Sums are added up in another order than by NumPy: they agree to about 1e-12, products of float32 columns to 1e-6.
    Fingerprints, the row sample, the counts of different rows and, where the pilot was the same, the counts of the
    histograms are those of the same blocks given as arrays.

    Examples
    --------
    >>> rows = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0))
    >>> held = TensorSketch(4, device="cpu")
    >>> for block in rows.split(6000):
    ...     held.update(block)
    >>> held.take(), held.n_samples
    (EmbeddingSketch(n_samples=20000, n_features=4, exact=False), 0)
    """

    def __init__(
        self,
        n_features: int,
        *,
        row_capacity: int | None = None,
        covariance: bool = True,
        drop_nonfinite: bool = False,
        device: str | torch.device,
    ) -> None:
        self.device = torch.device(device)
        self.bytes_to_host = 0
        self.n_features = n_features
        self.drop_nonfinite = drop_nonfinite
        self._new = partial(
            EmbeddingSketch,
            n_features,
            row_capacity=row_capacity,
            covariance=covariance,
            drop_nonfinite=drop_nonfinite,
        )
        self._host = self._new()
        high, low = (torch.from_numpy(words.view(np.int64)).to(self.device) for words in row_multipliers(n_features))
        self._multipliers = high, low
        self._columns: TensorMarginals | None = None
        self._norms: TensorMarginals | None = None
        self._gram: TensorProducts | None = None
        self._n_seen = 0
        self._empty()

    def _empty(self) -> None:
        self.n_samples = self.n_dropped = 0
        # Rows, norms, fingerprints and keys of each part while all rows are held.
        self._held: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._counting = False
        self._unit_sum = torch.zeros(self.n_features, dtype=torch.float64, device=self.device)

    def _fetch(self, values: Tensor) -> np.ndarray:
        self.bytes_to_host += values.numel() * values.element_size()
        return fetched(values)

    def update(self, block: Tensor, *, first: int | None = None) -> None:
        """Take a block of rows in.

        Parameters
        ----------
        block : Tensor of shape (n_samples, n_features)
            On this sketch's device, of real numbers of any type.
        first : int, optional
            What sentences about rows call its first one; by default how many came before.

        Raises
        ------
        InputError, InputTypeError
            As `EmbeddingSketch.update` does; the sketch is then as it was before the call.
        """
        refuse_shape(tuple(block.shape), self.n_features)
        block = block.detach()
        dtype = float_type(block, "block")
        with plain_arithmetic(self.device):
            norms = torch.cat([row_norms(tile) for tile in tiles(block, dtype)])
            bad = torch.isnan(norms)
            n_bad = int(bad.sum())
            if n_bad and not self.drop_nonfinite:
                rows = self._fetch(bad.nonzero()[:LISTED, 0]) + (self._n_seen if first is None else first)
                refuse_nonfinite(rows.tolist(), n_bad)
            if len(norms):
                refuse_large(float(torch.where(bad, 0.0, norms).amax()))
            self._take_in(block, norms, ~bad if n_bad else None)
        self.n_dropped += n_bad
        self._n_seen += len(block)

    def _take_in(self, block: Tensor, norms: Tensor, usable: Tensor | None) -> None:
        """Take a block in, or its `usable` rows, in the steps that an array is taken in."""
        dtype = float_type(block)
        step = max(1, _STEP_BYTES // (self.n_features * dtype.itemsize))
        # Places, fingerprints and keys of rows that are offered together: step by step, several times as many rows
        # would be among the smallest so far, and be moved.
        waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        for top in range(0, len(block), step):
            rows, places = block[top : top + step], torch.arange(top, min(top + step, len(block)), device=self.device)
            if usable is not None:
                chosen = usable[top : top + step]
                rows, places = rows[chosen], places[chosen]
            if len(rows):
                waiting += self._take_in_step(rows.to(dtype).contiguous(), norms[places], places)
            if sum(len(part[0]) for part in waiting) > TILE_VALUES or (waiting and top + step >= len(block)):
                places, hashes, keys = (torch.cat(tensors) for tensors in zip(*waiting, strict=True))
                self._offer(block, places, hashes, keys)
                waiting = []

    def _take_in_step(self, rows: Tensor, norms: Tensor, places: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Hold or count rows; return what of them is still to be offered to the row sample."""
        hashes = torch.cat([fingerprints(tile, self._multipliers) for tile in tiles(rows, rows.dtype)])
        self.n_samples += len(rows)
        if self._counting:
            self._count(rows, norms)
            return [(places, hashes, row_keys(hashes))]
        if self.n_samples <= self._host.row_capacity:
            # A copy: the caller may reuse its tensor for the next block.
            self._held.append((rows.clone(), norms, hashes, row_keys(hashes)))
        else:
            self._start_counting(rows, norms, hashes, row_keys(hashes))
        return []

    def _start_counting(self, *last: Tensor) -> None:
        """Leave the exact phase: everything held and the block that overflowed become the pilot."""
        if self._held:
            held = [torch.cat(tensors) for tensors in zip(*self._held, strict=True)]
            # The order in which a row sample is drawn.
            order = torch.sort(ordered(row_keys(held[2])), stable=True).indices
            last = tuple(torch.cat([before[order], new]) for before, new in zip(held, last, strict=True))
        self._held, self._counting = [], True
        rows, norms, hashes, keys = last
        if self._columns is None:
            self._columns = TensorMarginals(self.n_features, self.device, self._fetch)
            self._norms = TensorMarginals(1, self.device, self._fetch)
            if self._host.keeps_covariance:
                self._gram = TensorProducts(rows[: self._host.row_capacity], self._fetch)
        step = max(1, _STEP_BYTES // (self.n_features * rows.element_size()))
        # The grid of the histograms is set by the first piece; a wide one cannot be narrowed afterwards.
        for piece, lengths in zip(rows.split(step), norms.split(step), strict=True):
            self._count(piece, lengths)
        self._offer(rows, torch.arange(len(rows), device=self.device), hashes, keys)

    def _count(self, rows: Tensor, norms: Tensor) -> None:
        assert self._columns is not None
        assert self._norms is not None
        for tile, lengths in zip(tiles(rows, rows.dtype), norms.split(tile_rows(self.n_features)), strict=True):
            self._unit_sum += unit_sum(tile, lengths)
        self._columns.add(rows)
        self._norms.add(norms[:, None])
        if self._gram is not None:
            self._gram.add(rows)

    def _offer(self, block: Tensor, places: Tensor, hashes: Tensor, keys: Tensor) -> None:
        """Bring to the host what may be among the smallest keys of row sample and different rows.

        The rows stand at `places` of `block`.
        """
        sample, distinct = self._host._sample, self._host._distinct
        chosen = smallest(keys, sample.capacity)
        if len(sample._keys) >= sample.capacity:
            chosen = chosen[ordered(keys[chosen]) < _as_ordered(sample._keys.max())]
        if len(chosen):
            rows = block[places[chosen]].to(float_type(block))
            host = [self._fetch(values) for values in (keys[chosen], hashes[chosen], rows)]
            sample._offer(host[0].view(np.uint64), host[1].view(np.uint64), host[2])
        different = ordered(mix(hashes))
        if len(distinct._keys) >= distinct.capacity:
            different = different[different <= _as_ordered(distinct._keys[-1])]
        different, counts = (values[: distinct.capacity] for values in torch.unique(different, return_counts=True))
        if len(different):
            distinct._offer(self._fetch(ordered(different)).view(np.uint64), self._fetch(counts))
        for kept in (sample, distinct):
            if len(kept._keys) < kept.capacity:
                # Thresholds spare the way to the host: the sooner, the better.
                kept._settle()

    def take(self) -> EmbeddingSketch:
        """Return a sketch of everything taken in since the last time, and be empty, on the same grid."""
        sketch, self._host = self._host, self._new()
        with plain_arithmetic(self.device):
            if self._held:
                parts = [rows for rows, *_ in self._held]
                rows, ends = self._fetch(torch.cat(parts)), np.cumsum([len(part) for part in parts])
                for part in np.split(rows, ends[:-1]):
                    sketch.update(part)
            if self._counting:
                assert self._columns is not None
                assert self._norms is not None
                sketch._columns, sketch._norms = self._columns.take(), self._norms.take()
                sketch._gram = self._gram.take() if self._gram is not None else None
                sketch._unit_sum = self._fetch(self._unit_sum)
            sketch.n_samples, sketch.n_dropped = self.n_samples, self.n_dropped
            self._empty()
        return sketch


def _as_ordered(key: np.uint64) -> int:
    return int(key) - 2**63
