"""The one-pass, mergeable state that every reported number is a function of."""

from __future__ import annotations

import hashlib
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thinshell.errors import InputError
from thinshell.sketch.capacity import row_capacity_for
from thinshell.sketch.distinct import DistinctRows
from thinshell.sketch.gram import Gram
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.range_finder import RangeFinder, column_products
from thinshell.sketch.refusals import LISTED, refuse_large, refuse_nonfinite, refuse_shape
from thinshell.sketch.rows import RowSample, Scan, row_multipliers, scan_rows
from thinshell.sketch.settled import Settled
from thinshell.statistics._accelerators import on_accelerator
from thinshell.statistics._small import is_small
from thinshell.statistics._validation import as_float

if TYPE_CHECKING:
    from thinshell.sketch.tensor_sketch import TensorSketch

__all__ = ["EmbeddingSketch"]

# Rows of one step through a large array. The histograms, larger than most caches, are fetched once a step: twice the
# time at 8 MiB. Nothing of this size is copied unless the array is not contiguous.
_STEP_BYTES = 64 * 2**20


class EmbeddingSketch:
    """A summary of embeddings, built in one pass over blocks of rows, that merges with others of its kind.

    ``sketch(A).merge(sketch(B))`` stands for the rows of A and B together, whatever the blocks were and in whatever
    order they came. Up to `row_capacity` rows it simply holds them, and everything derived from it is exact and
    the same to the last bit. Beyond, it holds: central moments 1-4, extremes and a histogram of at most 16,384
    bins of every column and of the row norms; the sum of the rows' directions; products of columns (of more than
    4,096 those with 512 random vectors); a uniform sample of `row_capacity` rows drawn by a hash of their values; and
    how often as many different rows occur.

    Parameters
    ----------
    n_features : int, optional
        Length of a row; taken from the first block if not given.
    row_capacity : int, optional
        Rows held at most; by default 8,192, fewer above 8,192 columns (`row_capacity_for`).
    covariance : bool
        Keep the products of columns, from which the spectrum of all rows is read; beyond 4,096 columns their products
        with random vectors (`RangeFinder`). Without them, which halves the time, it is that of the row sample.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out and count them in `n_dropped`, instead of refusing the block.

    Attributes
    ----------
    n_samples : int
        Rows taken in.
    n_dropped : int
        Rows left out because they were not finite.

    Notes
    -----
    Tolerance beyond `row_capacity` rows: moments, norms and covariance of the same rows agree to about 1e-12
    (float32 products: 1e-6) relative between any two ways to split them. A^2 agrees to 1e-9, to 1e-4 where
    values lie beyond 5 standard deviations, and to the accuracy of the histogram, 2e-3 or .5 %, where an early
    block had less than half or more than twice the final spread. The row sample is the same set of rows unless rows
    are exact copies of each other: how many copies of a row are in it then depends on the blocks. The share of copies
    does not.

    Blocks are taken in by NumPy until they and the rows before them hold more than 2**21 values, by compiled kernels
    from then on. Fingerprints and counts are the same either way, sums to the tolerance above.

    PyTorch tensors on an accelerator are worked on there; what they add to this state comes to the host once it is
    read, merged, copied or saved.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((1000, 8))
    >>> sketch = EmbeddingSketch().update(rows[:300]).merge(EmbeddingSketch().update(rows[300:]))
    >>> sketch
    EmbeddingSketch(n_samples=1000, n_features=8, exact=True)
    """

    _sample = Settled[RowSample]()
    _distinct = Settled[DistinctRows]()
    _unit_sum = Settled[np.ndarray]()
    # None until there are more rows than the sample holds.
    _columns = Settled[Marginals | None]()
    _norms = Settled[Marginals | None]()
    _gram = Settled[Gram | RangeFinder | None]()

    def __init__(
        self,
        n_features: int | None = None,
        *,
        row_capacity: int | None = None,
        covariance: bool = True,
        drop_nonfinite: bool = False,
    ) -> None:
        self.n_samples = 0
        self.n_dropped = 0
        self.drop_nonfinite = drop_nonfinite
        self.keeps_covariance = covariance
        self._row_capacity = row_capacity
        self._tensors: TensorSketch | None = None
        if row_capacity is not None and operator.index(row_capacity) < 1:
            raise InputError(f"row_capacity must be at least 1, got {row_capacity}; leave it out for 8,192")
        self._n_features: int | None = None
        if n_features is not None:
            self._open(operator.index(n_features))

    def _open(self, n_features: int) -> None:
        if n_features < 1:
            raise InputError(f"n_features must be at least 1, got {n_features}; give rows with columns")
        self._n_features = n_features
        if self._row_capacity is None:
            self._row_capacity = row_capacity_for(n_features)
        self._multipliers = row_multipliers(n_features)
        self._sample = RowSample(n_features, self._row_capacity)
        self._distinct = DistinctRows(self._row_capacity)
        self._unit_sum = np.zeros(n_features)
        self._columns = self._norms = self._gram = None

    @property
    def n_features(self) -> int:
        """Length of a row; 0 before the first block."""
        return self._n_features or 0

    @property
    def row_capacity(self) -> int:
        """Rows held at most; 0 before the first block, unless it was given."""
        return self._row_capacity or 0

    @property
    def exact(self) -> bool:
        """Whether every row is held, so that statistics come from sorted values instead of counts."""
        return self._n_features is None or self._columns is None

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that tell which rows these are, whatever their order and the blocks they came in.

        SHA-256 of the numbers of rows and columns and of the smallest row hashes (up to `row_capacity` different
        rows) with how often each occurs; float32 and float64 rows of the same values have the same.
        """
        digest = hashlib.sha256(np.array([self.n_samples, self.n_features], "<i8").tobytes())
        if self._n_features is not None:
            state = self._distinct.state()
            for name in ("keys", "counts"):
                digest.update(state[name].astype(state[name].dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()[:32]

    def __repr__(self) -> str:
        return f"EmbeddingSketch(n_samples={self.n_samples}, n_features={self.n_features}, exact={self.exact})"

    def update(self, block: object) -> EmbeddingSketch:
        """Take a block of rows in.

        Parameters
        ----------
        block : array_like or Tensor of shape (n_samples, n_features)
            float16, float32, float64, integers or booleans, and bfloat16 on an accelerator; any number of rows, 0
            included.

        Returns
        -------
        EmbeddingSketch
            Itself.

        Raises
        ------
        InputError
            If the block is not 2-D, has another number of columns than earlier ones, or holds NaN or infinity
            (unless `drop_nonfinite`). The sketch is then as it was before the call.
        InputTypeError
            If it does not hold real numbers.

        Examples
        --------
        >>> import numpy as np
        >>> EmbeddingSketch().update(np.zeros((2, 3))).update(np.ones((1, 3))).n_samples
        3
        """
        if on_accelerator(block):
            return self._update_there(block)
        self._settle()
        rows = as_float(block, "block")
        refuse_shape(rows.shape, self._n_features)
        if self._n_features is None:
            self._open(rows.shape[1])
        step = max(1, _STEP_BYTES // (rows.shape[1] * rows.itemsize))
        parts = [slice(top, top + step) for top in range(0, len(rows), step)]
        # A part is made contiguous twice rather than kept: the array may be larger than what is free.
        small = is_small((self.n_samples + len(rows)) * rows.shape[1])
        scans = [scan_rows(np.ascontiguousarray(rows[part]), self._multipliers, small=small) for part in parts]
        bad = np.flatnonzero(np.isnan(np.concatenate([scan.norms for scan in scans]))) if scans else np.empty(0, int)
        if len(bad) and not self.drop_nonfinite:
            refuse_nonfinite((bad[:LISTED] + self.n_samples + self.n_dropped).tolist(), len(bad))
        refuse_large(max((np.nanmax(scan.norms, initial=0.0) for scan in scans), default=0.0))
        for part, scan in zip(parts, scans, strict=True):
            piece = np.ascontiguousarray(rows[part])
            keep = ~np.isnan(scan.norms)
            if not keep.all():
                piece = np.ascontiguousarray(piece[keep])
                scan = scan_rows(piece, self._multipliers, small=small)
            self._take(piece, scan, small)
        self.n_dropped += len(bad)
        return self

    def _update_there(self, block: Any) -> EmbeddingSketch:
        from thinshell.sketch.tensor_sketch import TensorSketch

        refuse_shape(tuple(block.shape), self._n_features)
        if self._n_features is None:
            self._open(block.shape[1])
        if self._tensors is None or self._tensors.device != block.device:
            self._settle()
            self._tensors = TensorSketch(
                self.n_features,
                row_capacity=self.row_capacity,
                covariance=self.keeps_covariance,
                drop_nonfinite=self.drop_nonfinite,
                device=block.device,
            )
        held = self._tensors
        before = held.n_samples, held.n_dropped
        held.update(block, first=self.n_samples + self.n_dropped)
        self.n_samples += held.n_samples - before[0]
        self.n_dropped += held.n_dropped - before[1]
        return self

    def _settle(self) -> None:
        """Merge what an accelerator holds; its rows are counted in already."""
        if self._tensors is None or not self._tensors.n_samples + self._tensors.n_dropped:
            return
        taken = self._tensors.take()
        self.n_samples -= taken.n_samples
        self.n_dropped -= taken.n_dropped
        self.merge(taken)

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return self.__dict__ | {"_tensors": None}

    def _take(self, rows: np.ndarray, scan: Scan, small: bool) -> None:
        before = self.n_samples
        self.n_samples += len(rows)
        self._unit_sum += scan.unit_sum
        if self._columns is None and self.n_samples > self.row_capacity:
            if before:
                self._start_counting(np.concatenate([self._sample.draw()[0], rows]), small)
            else:
                self._start_counting(rows, small, scan.norms)
        elif self._columns is not None:
            self._count(rows, scan.norms, small)
        self._sample.add(rows, scan.hashes)
        self._distinct.add(scan.hashes)

    def _start_counting(self, rows: np.ndarray, small: bool, norms: np.ndarray | None = None) -> None:
        """Leave the exact phase: everything held so far and the block that overflowed become the pilot."""
        self._columns, self._norms = Marginals(self.n_features), Marginals(1)
        if self.keeps_covariance:
            self._gram = column_products(rows[: self.row_capacity])
        step = max(1, _STEP_BYTES // (self.n_features * rows.itemsize))
        # The grid of the histograms is set by the first piece; a wide one cannot be narrowed afterwards.
        for top in range(0, len(rows), step):
            piece = np.ascontiguousarray(rows[top : top + step])
            if norms is None:
                self._count_anew(piece, small)
            else:
                self._count(piece, norms[top : top + step], small)

    def _count_anew(self, rows: np.ndarray, small: bool) -> None:
        self._count(rows, scan_rows(rows, self._multipliers, small=small).norms, small)

    def _count(self, rows: np.ndarray, norms: np.ndarray, small: bool) -> None:
        assert self._columns is not None
        assert self._norms is not None
        self._columns.add(rows, small=small)
        self._norms.add(norms[:, None], small=small)
        if self._gram is not None:
            self._gram.add(rows)

    def merge(self, other: EmbeddingSketch) -> EmbeddingSketch:
        """Take the rows of another sketch in; `other` is left as it is.

        Parameters
        ----------
        other : EmbeddingSketch
            With the same number of features and the same row capacity, or empty.

        Returns
        -------
        EmbeddingSketch
            Itself.

        Raises
        ------
        InputError
            If the two do not fit together.

        Examples
        --------
        >>> import numpy as np
        >>> left, right = (EmbeddingSketch().update(np.full((4, 2), float(k))) for k in (1, 2))
        >>> left.merge(right).n_samples, right.n_samples
        (8, 4)
        """
        if not isinstance(other, EmbeddingSketch):
            raise InputError(f"other must be an EmbeddingSketch, got {type(other).__name__}; sketch it first")
        if other is self:
            raise InputError("other must be another sketch, got this very one; its rows are in it already")
        self._settle()
        other._settle()
        if other._n_features is None:
            self.n_dropped += other.n_dropped
            return self
        if self._n_features is None:
            self._row_capacity = self._row_capacity or other._row_capacity
            self._open(other._n_features)
        self._check_fit(other)
        self._merge_counts(other)
        self.n_samples += other.n_samples
        self.n_dropped += other.n_dropped
        self._unit_sum += other._unit_sum
        self._sample.merge(other._sample)
        self._distinct.merge(other._distinct)
        return self

    def _check_fit(self, other: EmbeddingSketch) -> None:
        for name in ("n_features", "row_capacity"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise InputError(f"sketches to merge must have the same {name}, got {mine} and {its}; build both alike")

    def _merge_counts(self, other: EmbeddingSketch) -> None:
        small = is_small((self.n_samples + other.n_samples) * self.n_features)
        if self._columns is None and other._columns is None:
            if self.n_samples + other.n_samples > self.row_capacity:
                both = RowSample(self.n_features, self.n_samples + other.n_samples)
                both.merge(self._sample)
                both.merge(other._sample)
                self._start_counting(both.draw()[0], small)
            return
        if other._columns is None:
            rows = other._sample.draw()[0]
            if len(rows):
                self._count_anew(rows, small)
            return
        held = self._sample.draw()[0] if self._columns is None else None
        assert other._norms is not None
        if self._columns is None:
            self._columns, self._norms = other._columns.copy(), other._norms.copy()
            self._gram = other._gram.copy() if self.keeps_covariance and other._gram is not None else None
        else:
            assert self._norms is not None
            self._columns.merge(other._columns)
            self._norms.merge(other._norms)
            if self._gram is not None and other._gram is not None:
                self._gram.merge(other._gram)  # type: ignore[arg-type] - as many columns, so of one kind
            else:
                self._gram = None
        if held is not None and len(held):
            self._count_anew(held, small)

    def save(self, path: str | Path) -> None:
        """Write the sketch to a safetensors file with a JSON header, through a temporary name.

        Raises
        ------
        InputError
            If the sketch has no rows or the file cannot be written.
        """
        from thinshell.sketch.storage import save_sketch

        save_sketch(self, path)

    @classmethod
    def load(cls, path: str | Path) -> EmbeddingSketch:
        """Read a sketch that `save` wrote; nothing in the file is executed.

        Raises
        ------
        InputError
            If the file is missing, damaged, not a sketch, or of a newer schema.
        """
        from thinshell.sketch.storage import load_sketch

        return load_sketch(path)
