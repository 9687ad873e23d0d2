"""What a measurement is made from: a sketch of the embeddings and a running sum over positive pairs."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from thinshell.diagnosis.normalization import fit_transform_of
from thinshell.errors import InputError
from thinshell.monitoring.rows import blocks_in_place, host_blocks
from thinshell.sketch import EmbeddingSketch
from thinshell.statistics._accelerators import on_accelerator
from thinshell.statistics.sphere import alignment

__all__ = ["PairedSketch"]

# Pairs, rows left out (a sketch without rows is not saved and cannot say it), sum over pairs.
_HEADER = struct.Struct("<qqd")


class PairedSketch:
    """Embeddings and positive pairs taken in block by block; two of them merge as sketches do.

    Tensors on an accelerator are normalised, sketched and compared there.

    Parameters
    ----------
    normalize : {"none", "l2"}
        What is done to the rows before they are sketched. Pairs are compared by direction in either case.
    row_capacity : int, optional
        Of the sketch.
    drop_nonfinite : bool
        Leave rows and pairs with NaN or infinity out instead of refusing them.

    Attributes
    ----------
    sketch : EmbeddingSketch
    n_pairs : int
        Pairs taken in; a pair with an all-zero row has no angle and is left out.
    squared_distance : float
        Sum over pairs of ``|u - v|^2`` of the unit rows.
    """

    def __init__(
        self, normalize: str = "none", *, row_capacity: int | None = None, drop_nonfinite: bool = False
    ) -> None:
        # Without products of columns: the spectrum comes from the row sample, in half the time.
        self.sketch = EmbeddingSketch(row_capacity=row_capacity, covariance=False, drop_nonfinite=drop_nonfinite)
        self.n_pairs = 0
        self.squared_distance = 0.0
        self._normalize = normalize

    def add(self, embeddings: Any, positives: Any = None) -> None:
        """Take rows in, with the other view of each where there is one."""
        if positives is not None and np.shape(positives) != np.shape(embeddings):
            raise InputError(
                "positives must have the shape of embeddings, row i being the other view of row i, got "
                f"{tuple(np.shape(positives))} and {tuple(np.shape(embeddings))}; give one row of each per pair"
            )
        transform = fit_transform_of(self._normalize, EmbeddingSketch)
        for block in blocks_in_place(embeddings):
            if transform is None:
                rows = block
            elif on_accelerator(block):
                from thinshell.statistics._tensors import unit_rows

                rows = unit_rows(block)
            else:
                with np.errstate(invalid="ignore", over="ignore"):
                    rows = transform(block)
            self.sketch.update(rows)
        if positives is not None:
            self.add_pairs(embeddings, positives)

    def add_pairs(self, first: Any, second: Any) -> None:
        """Take the angle of each pair in, but not the rows themselves."""
        if on_accelerator(first) and on_accelerator(second) and first.device == second.device:
            self._add_tensor_pairs(first, second)
            return
        for left, right in zip(host_blocks(first), host_blocks(second, "positives"), strict=True):
            usable = left.any(axis=1) & right.any(axis=1)
            if self.sketch.drop_nonfinite:
                usable &= np.isfinite(left).all(axis=1) & np.isfinite(right).all(axis=1)
            count = int(usable.sum())
            if count:
                self.squared_distance += count * alignment(left[usable], right[usable], 2.0)
                self.n_pairs += count

    def _add_tensor_pairs(self, first: Any, second: Any) -> None:
        from thinshell.statistics._tensors import alignment_sum, as_tensor_sample

        for left, right in zip(blocks_in_place(first), blocks_in_place(second, "positives"), strict=True):
            usable = left.any(dim=1) & right.any(dim=1)
            if self.sketch.drop_nonfinite:
                usable &= left.isfinite().all(dim=1) & right.isfinite().all(dim=1)
            count = int(usable.sum())
            if count:
                x, y = as_tensor_sample(left[usable], "x"), as_tensor_sample(right[usable], "y")
                self.squared_distance += alignment_sum(x, y)
                self.n_pairs += count

    def merge(self, other: PairedSketch) -> PairedSketch:
        """Take in what `other` holds; `other` is left as it is."""
        self.sketch.merge(other.sketch)
        self.n_pairs += other.n_pairs
        self.squared_distance += other.squared_distance
        return self

    def to_bytes(self) -> bytes:
        """Return everything held as bytes that `merge_bytes` takes; nothing in them is ever executed."""
        header = _HEADER.pack(self.n_pairs, self.sketch.n_dropped, self.squared_distance)
        if not self.sketch.n_samples:
            return header
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sketch.safetensors"
            self.sketch.save(path)
            return header + path.read_bytes()

    def merge_bytes(self, packed: bytes) -> PairedSketch:
        """Take in what another one's `to_bytes` wrote."""
        n_pairs, n_dropped, squared_distance = _HEADER.unpack_from(packed)
        self.n_pairs += n_pairs
        self.squared_distance += squared_distance
        if len(packed) == _HEADER.size:
            self.sketch.n_dropped += n_dropped
            return self
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sketch.safetensors"
            path.write_bytes(packed[_HEADER.size :])
            self.sketch.merge(EmbeddingSketch.load(path))
        return self
