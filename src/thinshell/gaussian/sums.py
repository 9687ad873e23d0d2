"""What one pass over rows keeps for a covariance and for the shrinkage of it."""

from __future__ import annotations

from functools import partial

import numpy as np

from thinshell.errors import InputError
from thinshell.sketch import EmbeddingSketch
from thinshell.sketch.gram import Gram
from thinshell.sketch.refusals import refuse_large
from thinshell.statistics._threads import single_threaded_blas, thread_map
from thinshell.statistics._validation import as_float

__all__ = ["CovarianceSums"]

# One step through the rows: a shifted copy of it is all that is held beside the sums.
_STEP_BYTES = 32 * 2**20
# Rows of one thread's piece; it stays in the cache while it is shifted, measured and scaled.
_PIECE_ROWS = 1024
# Beyond these powers of two the square of a float32 value over- or underflows: such rows are added in float64.
_SAFE_EXPONENT = 30


class CovarianceSums:
    """Sums over rows from which mean, covariance and Ledoit-Wolf shrinkage follow; they add up and merge.

    Beside the products of columns (`thinshell.sketch.gram.Gram`) it keeps ``sum |x - s|^2 (x - s)`` and
    ``sum |x - s|^4``, s being the Gram's shift: with them the fourth moment about the mean, which the Ledoit-Wolf
    intensity needs and which usually takes a second pass, is known after one.

    Parameters
    ----------
    double : bool
        Multiply float32 rows in float64. Twice the time; without it, products of float32 rows are float32 within 8,192
        rows and a direction with less than about 1e-5 of the variance of the others is lost in their rounding.

    Attributes
    ----------
    n_samples : int
        Rows added.
    gram : Gram or None
        None before the first row.
    cubic : ndarray of shape (n_features,), float64
        ``sum |x - s|^2 (x - s)``, in cubed units of the data.
    quartic_sum : float
        ``sum |x - s|^4``.
    single : bool
        Whether float32 products are among the sums.
    notes : list of str
        What is not exact, in sentences.

    Notes
    -----
    float64 rows: any two ways to split the same rows agree to about 1e-12 relative. float32 rows: 1e-6.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> left, right = CovarianceSums().add(rows[:100]), CovarianceSums().add(rows[100:])
    >>> bool(np.allclose(left.merge(right).covariance(), np.cov(rows.T, bias=True)))
    True
    """

    def __init__(self, *, double: bool = False) -> None:
        self.double = double
        self.gram: Gram | None = None
        self.cubic = np.empty(0)
        self.quartic_sum = 0.0
        self.single = False
        self.notes: list[str] = []

    @property
    def n_samples(self) -> int:
        """Rows added."""
        return 0 if self.gram is None else self.gram.n_samples

    @property
    def n_features(self) -> int:
        """Columns; 0 before the first row."""
        return 0 if self.gram is None else len(self.gram.shift)

    def add(self, block: object) -> CovarianceSums:
        """Add rows.

        Parameters
        ----------
        block : array_like of shape (n_samples, n_features)
            Finite; float32 rows are multiplied in float32, all others in float64. May be larger than memory
            (`numpy.memmap`): it is gone through in steps of 32 MiB.

        Returns
        -------
        CovarianceSums
            Itself.

        Raises
        ------
        InputError
            If the block holds NaN or infinity, values beyond 1e70, or another number of columns. The sums are then as
            they were.
        """
        rows = np.asarray(block)
        if rows.ndim != 2 or (self.gram is not None and rows.shape[1] != self.n_features):
            wanted = self.n_features or "n_features"
            raise InputError(f"block must have shape (n_samples, {wanted}), got {rows.shape}; give rows of one kind")
        step = max(1, _STEP_BYTES // max(1, rows.shape[1] * max(4, rows.itemsize)))
        if len(rows) <= step:
            if len(rows):
                self._add_step(rows, 0)
            return self
        # A bad row far down must leave the sums as they were: a block of many steps is added up beside them.
        beside, buffer = CovarianceSums(double=self.double), None
        if self.gram is not None:
            beside._open(Gram(self.gram.shift, self.gram.scale))
        for top in range(0, len(rows), step):
            buffer = beside._add_step(rows[top : top + step], top, buffer)
        if self.gram is None:
            self.__dict__.update(beside.__dict__ | {"notes": self.notes})
            return self
        return self.merge(beside)

    def _open(self, gram: Gram) -> None:
        self.gram, self.cubic = gram, np.zeros(len(gram.shift))

    def _add_step(self, part: np.ndarray, first: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Add rows that fit in memory; return the shifted copy, whose place the next step may take."""
        rows = as_float(part, "block")
        if self.gram is None:
            with np.errstate(over="ignore", invalid="ignore"):
                pilot = Gram.from_pilot(rows[: 8 * _PIECE_ROWS])
            if not np.isfinite(pilot.shift).all() or not np.isfinite(pilot.scale).all():
                _refuse_rows(rows, first)
            self._open(pilot)
        assert self.gram is not None
        exponents = np.abs(np.log2(self.gram.scale))
        if self.double or exponents.max(initial=0) > _SAFE_EXPONENT:
            rows = rows.astype(np.float64, copy=False)
        if buffer is None or buffer.dtype != rows.dtype or len(buffer) < len(rows):
            buffer = np.empty(rows.shape, rows.dtype)
        shifted = buffer[: len(rows)]
        with single_threaded_blas():
            pieces = thread_map(partial(self._piece, rows, shifted), range(0, len(rows), _PIECE_ROWS))
        sums, cubic = np.sum([piece[0] for piece in pieces], axis=0)
        quartic = sum(piece[1] for piece in pieces)
        if not np.isfinite(sums).all() or not np.isfinite(quartic):
            _refuse_rows(rows, first)
        self.gram._add_products(shifted)
        self.gram.sums += sums * self.gram.scale
        self.gram.n_samples += len(rows)
        self.cubic += cubic
        self.quartic_sum += quartic
        self.single |= rows.dtype == np.float32
        return buffer

    def _piece(self, rows: np.ndarray, shifted: np.ndarray, top: int) -> tuple[np.ndarray, float]:
        """Shift and scale a piece; return the sums of its shifted columns and of their cubes, and of the quartics."""
        assert self.gram is not None
        here = slice(top, top + _PIECE_ROWS)
        moved = np.subtract(rows[here], self.gram.shift.astype(rows.dtype), out=shifted[here])
        with np.errstate(over="ignore", invalid="ignore"):
            squared = np.einsum("ij,ij->i", moved, moved)
            weights = np.ones((2, len(moved)), moved.dtype)
            weights[1] = squared
            sums = (weights @ moved).astype(np.float64)
            quartic = float(np.square(squared, dtype=np.float64).sum())
        moved *= self.gram.scale.astype(rows.dtype)
        return sums, quartic

    def merge(self, other: CovarianceSums) -> CovarianceSums:
        """Add the rows that `other` has added up; `other` is left as it is.

        Raises
        ------
        InputError
            If the numbers of features differ or `other` is this very object.
        """
        if other is self:
            raise InputError("other must be other sums, got these very ones; their rows are in them already")
        if other.gram is None:
            return self
        if self.gram is None:
            mine, twin = self.notes, other.copy()
            self.__dict__.update(twin.__dict__ | {"double": self.double})
            self.notes = mine + [note for note in twin.notes if note not in mine]
            return self
        if other.n_features != self.n_features:
            raise InputError(
                f"sums to merge must have the same number of features, got {self.n_features} and {other.n_features}; "
                "merge models of the same embeddings"
            )
        step = other.gram.shift - self.gram.shift
        if step.any():
            cubic, quartic = other._moved(step)
        else:
            cubic, quartic = other.cubic, other.quartic_sum
        self.gram.merge(other.gram)
        self.cubic = self.cubic + cubic
        self.quartic_sum += quartic
        self.single |= other.single
        self.notes += [note for note in other.notes if note not in self.notes]
        return self

    def _moved(self, step: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the third and fourth sums about a shift that lies `step` below this one."""
        sums, products = self._unscaled()
        n, length, trace = self.n_samples, float(step @ step), float(np.trace(products))
        turned, along = products @ step, float(step @ sums)
        cubic = self.cubic + 2 * turned + length * sums + step * (trace + 2 * along + n * length)
        quartic = self.quartic_sum + 4 * float(step @ turned) + n * length**2
        quartic += 4 * float(step @ self.cubic) + 2 * length * trace + 4 * length * along
        return cubic, quartic

    def _unscaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sums and products of ``x - s`` in units of the data."""
        assert self.gram is not None
        return self.gram.sums / self.gram.scale, self.gram._full() / np.outer(self.gram.scale, self.gram.scale)

    def copy(self) -> CovarianceSums:
        """Return an independent copy."""
        twin = CovarianceSums(double=self.double)
        twin.gram = None if self.gram is None else self.gram.copy()
        twin.cubic, twin.quartic_sum = self.cubic.copy(), self.quartic_sum
        twin.single, twin.notes = self.single, list(self.notes)
        return twin

    def _filled(self) -> Gram:
        if self.gram is None:
            raise InputError("sums must hold at least one row, got none; add rows first")
        return self.gram

    def mean(self) -> np.ndarray:
        """Return the mean of every column, float64 of shape (n_features,)."""
        gram = self._filled()
        return gram.shift + gram.sums / gram.scale / gram.n_samples

    def covariance(self) -> np.ndarray:
        """Return the covariance with divisor n, float64 of shape (n_features, n_features)."""
        gram = self._filled()
        centred = gram._full() - np.outer(gram.sums, gram.sums / gram.n_samples)
        return centred / np.outer(gram.scale, gram.scale) / gram.n_samples

    def quartic(self) -> float:
        """Return the mean of ``|x - mean|^4``, in fourth powers of the units of the data."""
        gram = self._filled()
        moved = self._moved(-gram.sums / gram.scale / gram.n_samples)[1]
        # Rounding may leave a spread of nothing a little below 0.
        return max(0.0, moved / gram.n_samples)

    def state(self) -> dict[str, np.ndarray]:
        """Return every array, by name, as `restore` takes them."""
        own = {"cubic": self.cubic, "quartic_sum": np.array([self.quartic_sum]), "single": np.array([self.single])}
        return self._filled().state() | own

    @classmethod
    def restore(cls, n_samples: int, state: dict[str, np.ndarray]) -> CovarianceSums:
        """Rebuild from the arrays of `state`."""
        self = cls()
        self.gram = Gram.restore(n_samples, state)
        self.cubic = np.array(state["cubic"], np.float64)
        self.quartic_sum, self.single = float(state["quartic_sum"][0]), bool(state["single"][0])
        d = self.n_features
        shapes = {"scale": (d,), "sums": (d,), "products": (d, d), "cubic": (d,)}
        wrong = [name for name, shape in shapes.items() if np.shape(state[name]) != shape]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} do not fit a shift of {d} columns")
        return self

    @classmethod
    def from_sketch(cls, sketch: EmbeddingSketch) -> CovarianceSums:
        """Take the sums out of a sketch.

        Parameters
        ----------
        sketch : EmbeddingSketch
            Exact: its rows are added up. Else its products of columns are taken, and the fourth moment, which a sketch
            does not keep, is estimated from its row sample; `notes` says so.

        Returns
        -------
        CovarianceSums

        Raises
        ------
        InputError
            If it is no sketch, is empty, or keeps no products of columns.

        Examples
        --------
        >>> sketch = EmbeddingSketch().update(np.random.default_rng(0).standard_normal((500, 3)))
        >>> CovarianceSums.from_sketch(sketch).n_samples
        500
        """
        if not isinstance(sketch, EmbeddingSketch):
            raise InputError(f"sketch must be an EmbeddingSketch, got {type(sketch).__name__}; load or make one first")
        if not sketch.n_samples:
            raise InputError("sketch must hold rows, got an empty one; update it first")
        rows = sketch._sample.draw()[0]
        if sketch.exact:
            return cls().add(rows)
        if not isinstance(sketch._gram, Gram):
            raise InputError(
                "sketch must keep the products of its columns, got one without covariance (--spectrum sample, or more "
                "than 4,096 columns); sketch again with --spectrum all"
            )
        self = cls()
        self._open(sketch._gram.copy())
        self.single = rows.dtype == np.float32
        self._estimate_fourth(rows)
        self.notes.append(
            f"The fourth moment that the Ledoit-Wolf intensity needs was estimated from {len(rows):,} of the "
            f"{sketch.n_samples:,} rows; mean and covariance are of all rows."
        )
        return self

    def _estimate_fourth(self, rows: np.ndarray) -> None:
        """Set the third and fourth sums from a sample of rows, the latter relative to the squared trace."""
        n = self.n_samples
        sampled = CovarianceSums()
        assert self.gram is not None
        sampled._open(Gram(self.gram.shift, self.gram.scale))
        sampled.add(rows.astype(np.float64))
        self.cubic = sampled.cubic * (n / len(rows))
        spread = float(np.trace(sampled.covariance()))
        peakedness = sampled.quartic() / spread**2 if spread > 0 else 0.0
        wanted = n * peakedness * float(np.trace(self.covariance())) ** 2
        self.quartic_sum = 0.0
        mean_step = -self.gram.sums / self.gram.scale / n
        self.quartic_sum = wanted - self._moved(mean_step)[1]


def _refuse_rows(rows: np.ndarray, first: int) -> None:
    """Raise for rows that are not finite or too large to be squared."""
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if not len(bad):
        refuse_large(float("inf"))
    raise InputError(
        f"X must be finite, got NaN or infinity in {len(bad):,} rows (first: row {first + bad[0]:,}); "
        "drop or repair them"
    )
