"""Files of embeddings as a stream of finite rows with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from thinshell.diagnosis.reading import one_cloud
from thinshell.diagnosis.sketching import label
from thinshell.errors import InputError
from thinshell.io import Source, open_source, prefetch
from thinshell.io.beside import column_beside, columns_beside
from thinshell.io.sides import sides_of
from thinshell.io.urls import without_password
from thinshell.sketch.refusals import LISTED

__all__ = ["ID", "HoldOut", "Progress", "RowStream"]

# Column that names rows, where nobody says which.
ID = "id"

Progress = Callable[[int, int | None], object]
# Rows and values that are held out at most.
_MOST_ROWS, _MOST_VALUES = 16_384, 2**26


class RowStream:
    """Rows of files, a URL or standard input, block by block.

    Parameters
    ----------
    paths : str or list of str
        As for `thinshell.io.open_source`.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out instead of refusing them.
    progress : callable, optional
        Called with the rows read and their total after each block.
    **where
        `column`, `key`, `index`, `side`, `dim`.

    Attributes
    ----------
    source : Source
    n_rows, n_dropped : int
        Rows of the last pass, and those left out of it.

    Raises
    ------
    InputError
        As `open_source` does.
    """

    def __init__(
        self,
        paths: Any,
        *,
        drop_nonfinite: bool = False,
        progress: Progress | None = None,
        **where: Any,
    ) -> None:
        side: str | None = where.pop("side", None)
        self.source: Source = one_cloud(open_source(paths, **where), side)
        self.n_rows = self.n_dropped = 0
        self._side = side
        self._drop, self._progress = drop_nonfinite, progress

    def about(self) -> dict[str, Any]:
        """Return where the rows come from, fit for JSON."""
        shown = [without_password(path) for path in self.source.paths]
        name = ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")
        dropped = [f"{self.n_dropped:,} rows with NaN or infinity were left out"] if self.n_dropped else []
        return {"name": name or "rows", "paths": shown, "notices": [*self.source.notices, *dropped]}

    def column(self, name: str) -> Any:
        """Return a column beside the embeddings, an Arrow array with a value for each row of the stream."""
        found = column_beside(self.source.paths, name)
        sides = None if self._side is None else sides_of(self.source.paths[0])
        return found if sides is None else found.filter(sides.rows[sides.number(str(self._side))])

    def ids(self, column: str | None = None) -> Any:
        """Return the names of the rows, as `column` does: by default the column ``id``, None where there is none."""
        if column is None:
            if self.source.once or not all(ID in columns_beside(path) for path in self.source.paths):
                return None
            column = ID
        return self.column(column)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (numbers of the rows, rows); every pass begins anew."""
        seen = self.n_rows = self.n_dropped = 0
        blocks = prefetch(self.source.blocks())
        with closing(blocks):  # type: ignore[type-var] - a generator
            for block in blocks:
                numbers = np.arange(seen, seen + len(block))
                seen += len(block)
                # One sum tells of any NaN; that of rows with infinities of both signs is NaN, too.
                with np.errstate(over="ignore", invalid="ignore"):
                    suspect = not np.isfinite(block.sum())
                keep = np.isfinite(block).all(axis=1) if suspect else None
                if keep is not None and not keep.all():
                    if not self._drop:
                        self._refuse(numbers[~keep], blocks, seen)
                    self.n_dropped += int((~keep).sum())
                    numbers, block = numbers[keep], block[keep]
                self.n_rows += len(block)
                if len(block):
                    yield numbers, block
                if self._progress is not None:
                    self._progress(seen, self.source.n_samples)

    def _refuse(self, bad: np.ndarray, rest: Iterator[np.ndarray], seen: int) -> None:
        """Say how many rows of the whole data are not finite."""
        first, count = bad[:LISTED].tolist(), len(bad)
        for block in rest:
            more = np.flatnonzero(~np.isfinite(block).all(axis=1)) + seen
            first += more[: LISTED - len(first)].tolist()
            count, seen = count + len(more), seen + len(block)
        listed = ", ".join(f"{row:,}" for row in first) + (", …" if count > len(first) else "")
        raise InputError(
            f"{label(self.source)}: {count:,} of {seen:,} rows hold NaN or infinity (row {listed}, counted from 0); "
            "repair them, or leave them out with drop_nonfinite (--drop-nonfinite)"
        )


class HoldOut:
    """Holds a share of rows back, drawn by a hash of their numbers: the same ones however the blocks are cut.

    At most 16,384 rows are held (fewer above 4,096 columns). When there are more, half of them are let go, and every
    row held later must pass the narrower gate.

    Parameters
    ----------
    share : float
        From 0 (none) to 1 (all, up to the limit).
    n_features : int
    most : int, optional
        Rows held at most.

    Examples
    --------
    >>> held = HoldOut(0.1, 2)
    >>> used = held.split(np.arange(1000), np.zeros((1000, 2)))
    >>> sum(map(len, used)) + len(held.rows()) == 1000, 60 < len(held.rows()) < 140
    (True, True)
    """

    def __init__(self, share: float, n_features: int, most: int | None = None) -> None:
        if not 0 <= share <= 1:
            raise InputError(f"holdout must be a share from 0 to 1, got {share}; 0.1 holds a tenth of the rows back")
        self._gate = np.uint64(min(int(share * 2.0**64), 2**64 - 1))
        self._most = min(_MOST_ROWS, max(2, _MOST_VALUES // n_features)) if most is None else most
        self._keys, self._rows = np.empty(0, np.uint64), np.empty((0, n_features), np.float32)

    def split(self, numbers: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
        """Take a block in; return the rows that are not held, in pieces: its own, and some that were held before."""
        if not self._gate:
            return [rows]
        keys = _mixed(numbers)
        held = keys < self._gate
        used = [rows[~held]]
        if held.any():
            self._keys = np.concatenate([self._keys, keys[held]])
            self._rows = np.concatenate([self._rows, rows[held]]) if len(self._rows) else rows[held]
        while len(self._keys) > self._most:
            self._gate = self._gate >> np.uint64(1)
            kept = self._keys < self._gate
            used.append(self._rows[~kept])
            self._keys, self._rows = self._keys[kept], self._rows[kept]
        return [part for part in used if len(part)]

    def rows(self) -> np.ndarray:
        """Return the rows held."""
        return self._rows


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Return 64 even bits for each number: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
