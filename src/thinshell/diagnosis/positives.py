"""Positive pairs: each row of the data beside its partner, read along with the data, one cosine kept a pair."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thinshell.errors import InputError, InputTypeError
from thinshell.io import ArraySource, Source, open_source, prefetch
from thinshell.sketch import EmbeddingSketch, is_sketch_file
from thinshell.statistics._columns import row_blocks

__all__ = ["Partners", "PositivePairs", "open_positives", "row_cosines"]

# Which files take which option of `open_source`; others are opened without it.
_TAKERS = {
    "column": (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".csv", ".tsv"),
    "key": (".npz", ".safetensors"),
}
# Beyond these the square of a row's norm, or the product of two, leaves float64 or loses digits.
_SMALLEST, _LARGEST = 1e-140, 1e140


@dataclass(frozen=True)
class PositivePairs:
    """Cosines of all pairs.

    Attributes
    ----------
    cosines : ndarray of shape (n_pairs,)
        In the order of the rows, in [-1, 1].
    n_left_out : int
        Pairs without a cosine: one of the two is all zeros, or was dropped because it is not finite.
    paths : tuple of str
        Files of the partners.
    """

    cosines: np.ndarray = field(repr=False)
    n_left_out: int
    paths: tuple[str, ...]


def _is_path(data: object) -> bool:
    return isinstance(data, (str, os.PathLike))


def open_positives(positives: Any, where: dict[str, Any]) -> Source:
    """Open what the caller gave as `positives`: an array, a path or a list of paths.

    `where` is that of the data: `column` and `key` count for files that have them; instead of its `index` the partners
    have their own, `positives_index`.
    """
    if isinstance(positives, EmbeddingSketch):
        raise InputError(
            "positives must be rows, got a sketch, which does not know whose partner a row is; give the rows"
        )
    if isinstance(positives, Source):
        return positives
    if _is_path(positives) or (isinstance(positives, (list, tuple)) and positives and all(map(_is_path, positives))):
        paths: list[Any] = [positives] if _is_path(positives) else list(positives)
        return _opened([os.fspath(path) for path in paths], where)
    if hasattr(positives, "__array__") or isinstance(positives, (list, tuple)):
        array = positives if where.get("positives_index") is None else _part(positives, where["positives_index"])
        return ArraySource(array, name="positives")
    raise InputTypeError(
        f"positives must be an array, a path or a list of paths, got {type(positives).__name__}; give the partner of "
        "row i of the data in row i"
    )


def _opened(paths: list[str], where: dict[str, Any]) -> Source:
    if "-" in paths:
        raise InputError("positives must be files, got - (standard input); save the partners to a file first")
    for path in paths:
        if is_sketch_file(path):
            raise InputError(
                f"positives: {path} is a saved sketch, which does not know whose partner a row is; give the rows"
            )
    takes: dict[str, Any] = {
        option: where.get(option)
        for option, suffixes in _TAKERS.items()
        if all(str(path).lower().endswith(suffixes) for path in paths)
    }
    try:
        return open_source(paths, **takes, index=where.get("positives_index"))
    except InputError as error:
        sentence = f"positives: {error}"
        if ", 3-D;" in sentence:  # which recommends index, that of the data
            sentence = f"{sentence.split(';')[0]}; pick a part with positives_index (--positives-index)"
        raise InputError(sentence) from None


def _part(positives: Any, index: int) -> np.ndarray:
    array = np.asarray(positives)
    if array.ndim != 3 or not -len(array) <= index < len(array):
        raise InputError(
            f"positives_index must pick a part of a 3-D array, got {index} for positives of shape {array.shape}; leave "
            "it out for 2-D ones"
        )
    return array[index]


class Partners:
    """The rows of `positives`, taken along as the blocks of the data go by.

    Parameters
    ----------
    source : Source
        Of the partners.
    drop_nonfinite : bool
        Leave pairs out of which a row is not finite, instead of refusing them.
    """

    def __init__(self, source: Source, drop_nonfinite: bool) -> None:
        self.source = source
        self._drop = drop_nonfinite
        self._blocks = source.blocks() if isinstance(source, ArraySource) else prefetch(source.blocks())
        self._rest = np.empty((0, source.n_features), np.float32)
        self._cosines: list[np.ndarray] = []
        self._seen = 0

    def close(self) -> None:
        """Stop reading."""
        self._blocks.close()  # type: ignore[attr-defined]

    def check(self, n_samples: int | None, n_features: int) -> None:
        """Refuse data of another shape; `n_samples` is None where it is not known yet."""
        mine = self.source
        if mine.n_features != n_features:
            raise InputError(
                f"positives must have {n_features:,} columns like the data, got {mine.n_features:,}; both have to come "
                "from the same encoder"
            )
        if None not in (mine.n_samples, n_samples) and mine.n_samples != n_samples:
            raise _other_length(f"{mine.n_samples:,}", f"{n_samples:,}")

    def take(self, block: np.ndarray, transform: Callable[[np.ndarray], np.ndarray] | None) -> None:
        """Pair the next rows of the data, already normalised, with theirs, normalised by `transform`."""
        self.check(None, block.shape[1])
        done = 0
        for rows in self._next(len(block)):
            partners = rows if transform is None else transform(rows)
            cosines, bad = row_cosines(block[done : done + len(rows)], partners)
            if len(bad) and not self._drop:
                raise InputError(
                    f"positives must be finite, got NaN or infinity in row {self._seen + done + bad[0]:,} (counted "
                    "from 0); repair it, or leave such pairs out with drop_nonfinite (--drop-nonfinite)"
                )
            self._cosines.append(cosines)
            done += len(rows)
        self._seen += done
        if done < len(block):
            raise _other_length(f"{self._seen:,}", f"more than {self._seen:,}")

    def _next(self, count: int) -> Iterator[np.ndarray]:
        while count:
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    return
                self._rest = block
                continue
            piece, self._rest = self._rest[:count], self._rest[count:]
            count -= len(piece)
            yield piece

    def pairs(self) -> PositivePairs:
        """Return the cosines once the data have come to their end."""
        if len(self._rest) or next(self._blocks, None) is not None:
            raise _other_length(f"more than {self._seen:,}", f"{self._seen:,}")
        cosines = np.concatenate(self._cosines) if self._cosines else np.empty(0)
        known = ~np.isnan(cosines)
        paths = () if isinstance(self.source, ArraySource) else self.source.paths
        return PositivePairs(cosines[known], int((~known).sum()), paths)


def _other_length(found: str, wanted: str) -> InputError:
    return InputError(
        f"positives must have as many rows as the data, row i the partner of row i, got {found} for {wanted}; give one "
        "partner for each row"
    )


def row_cosines(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosine of row i of one with row i of the other, and the rows of `second` that are not finite.

    NaN where a row is all zeros or not finite.

    Examples
    --------
    >>> row_cosines(np.array([[3.0, 0.0], [0.0, 0.0]]), np.array([[1e200, 1e200], [1.0, 0.0]]))
    (array([0.70710678,        nan]), array([], dtype=int64))
    """
    cosines = np.empty(len(first))
    for rows in row_blocks(*first.shape):
        a, b = (part[rows].astype(np.float64) for part in (first, second))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            sizes = [np.sqrt(np.einsum("ij,ij->i", x, x)) for x in (a, b)]
            odd = np.flatnonzero(~np.all([(size > _SMALLEST) & (size < _LARGEST) for size in sizes], axis=0))
            if len(odd):
                # The largest entry is taken out first so that squares neither overflow nor vanish.
                for x, size in zip((a, b), sizes, strict=True):
                    x[odd] /= np.abs(x[odd]).max(axis=1, keepdims=True)
                    size[odd] = np.sqrt(np.einsum("ij,ij->i", x[odd], x[odd]))
            cosines[rows] = np.einsum("ij,ij->i", a, b) / (sizes[0] * sizes[1])
    unknown = np.flatnonzero(np.isnan(cosines))
    return np.clip(cosines, -1.0, 1.0), unknown[~np.isfinite(second[unknown]).all(axis=1)]
