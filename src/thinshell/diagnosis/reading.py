"""From whatever holds the data to a sketch of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from thinshell.diagnosis.normalization import fit_transform_of
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.positives import Partners, PositivePairs, open_positives
from thinshell.errors import InputError, InputTypeError
from thinshell.io import ArraySource, Source, open_source, prefetch
from thinshell.io.sides import SideSource, sides_of
from thinshell.sketch import EmbeddingSketch, is_sketch_file, row_capacity_for

__all__ = ["Progress", "Reading", "read"]

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Reading:
    """A sketch, what is known about where it came from, and the pairs if partners were given."""

    sketch: EmbeddingSketch
    source: dict[str, Any]
    feature_names: tuple[str, ...] | None
    positives: PositivePairs | None = None


class _Blocks:
    """Blocks that somebody else makes; they come once."""

    paths: tuple[str, ...] = ()
    n_samples: int | None = None
    dtype = ""
    feature_names: tuple[str, ...] | None = None

    def __init__(self, blocks: Iterable[Any]) -> None:
        self._blocks = iter(blocks)
        self.notices: list[str] = []

    def blocks(self) -> Iterator[np.ndarray]:
        for number, block in enumerate(self._blocks):
            source = ArraySource(block, name=f"block {number}")
            self.dtype = self.dtype or source.dtype
            self.notices.extend(notice for notice in source.notices if notice not in self.notices)
            yield from source.blocks()


def _is_path(data: object) -> bool:
    return isinstance(data, (str, os.PathLike))


def _opened(data: Any, where: dict[str, Any], name: str | None) -> tuple[Source | _Blocks, str, str]:
    """Return (source, kind, name) of data that is not a sketch."""
    own = {option: where.get(option) for option in ("column", "key", "index")}
    if isinstance(data, Source):
        return data, "files" if data.paths else "array", name or ", ".join(data.paths) or "rows"
    if _is_path(data) or (isinstance(data, (list, tuple)) and data and all(map(_is_path, data))):
        source = _one_cloud(open_source(data, **own), where.get("side"))
        return source, "files", name or ", ".join(source.paths[:3]) + (" …" if len(source.paths) > 3 else "")
    given = [option for option, value in own.items() if value is not None]
    if given:
        raise InputError(f"{given[0]} applies to files, got {type(data).__name__}; pick the part yourself")
    if isinstance(data, (list, tuple)) and data and all(np.ndim(part) == 2 for part in data):
        return _Blocks(data), "blocks", name or "blocks"
    if hasattr(data, "__array__") or isinstance(data, (list, tuple)):
        return ArraySource(data, name=name or "array"), "array", name or "array"
    if isinstance(data, Iterable):
        return _Blocks(data), "blocks", name or "blocks"
    raise InputTypeError(
        "data must be an array, an EmbeddingSketch, a path (or a list of paths) or an iterable of 2-D blocks, "
        f"got {type(data).__name__}"
    )


def _one_cloud(source: Source, side: str | None) -> Source:
    """Return the rows of one side where the file holds two."""
    # Of several files the first tells: shards are alike, and asking a thousand of them takes its time.
    path, *more = source.paths
    sides = sides_of(path)
    if sides is None:
        if side is not None:
            raise InputError(f"{path} holds no sides of pairs, got side {side!r}; leave it out")
        return source
    if more:
        raise InputError(
            f"{path} holds two sides of pairs and came with {len(more)} more files; give one file of pairs at a time"
        )
    if side is None:
        first, second = sides.names
        raise InputError(
            f"{path} holds two sides of pairs, {first!r} and {second!r}, which are two clouds; choose one "
            "with side (--side), or use diagnose_pairs"
        )
    return SideSource(source, sides.rows[sides.number(side)])


def _sketch_in(data: Any) -> tuple[EmbeddingSketch, str | None] | None:
    """Return the sketch that `data` is or names, with its path."""
    if isinstance(data, EmbeddingSketch):
        return data, None
    paths = [data] if _is_path(data) else list(data) if isinstance(data, (list, tuple)) else []
    saved = [path for path in paths if _is_path(path) and is_sketch_file(path)]
    if not saved:
        return None
    if len(saved) < len(paths):
        raise InputError(
            f"{saved[0]} is a saved sketch, {next(p for p in paths if p not in saved)} is not; "
            "give sketches alone or data alone"
        )
    sketch = EmbeddingSketch.load(saved[0])
    for path in saved[1:]:
        sketch.merge(EmbeddingSketch.load(path))
    return sketch, ", ".join(str(path) for path in saved)


def read(
    data: Any,
    options: Options,
    *,
    where: dict[str, Any],
    positives: Any = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Reading:
    """Sketch `data` in bounded memory, and pair its rows with those of `positives`.

    `where` holds `column`, `key` and `index` as `open_source` takes them.
    """
    found = _sketch_in(data)
    if found is not None:
        sketch, path = found
        if options.normalize != "none":
            raise InputError(
                f"normalize={options.normalize} needs the rows, got a sketch; give the data, or make the sketch "
                "from normalised rows"
            )
        if positives is not None:
            raise InputError("positives needs the rows of the data, got a sketch, which has no pairs; give the data")
        about = {"kind": "sketch", "paths": [path] if path else [], "name": name or path or "sketch"}
        return Reading(sketch, about | {"dtype": None, "notices": []}, None)
    source, kind, name = _opened(data, where, name)
    if options.normalize in ("zscore", "whiten") and isinstance(source, _Blocks):
        raise InputError(
            f"normalize={options.normalize} reads the data twice, got blocks that come once; give an array or files"
        )
    partners = None if positives is None else Partners(open_positives(positives, where), options.drop_nonfinite)
    if partners is not None and isinstance(source, Source):
        partners.check(source.n_samples, source.n_features)
    transform = fit_transform_of(options.normalize, lambda: _sketched(source, options, None, progress))
    with nullcontext() if partners is None else closing(partners):
        sketch = _sketched(source, options, transform, progress, partners)
        pairs = None if partners is None else partners.pairs()
    about = {
        "kind": kind,
        "paths": [str(path) for path in source.paths] if kind == "files" else [],
        "name": name,
        "dtype": source.dtype,
        "notices": list(source.notices),
    }
    return Reading(sketch, about, source.feature_names, pairs)


def _sketched(
    source: Source | _Blocks,
    options: Options,
    transform: Callable[[np.ndarray], np.ndarray] | None,
    progress: Progress | None,
    partners: Partners | None = None,
) -> EmbeddingSketch:
    blocks: Any = source.blocks() if isinstance(source, ArraySource) else prefetch(source.blocks())
    sketch, seen = EmbeddingSketch(drop_nonfinite=options.drop_nonfinite), 0
    with closing(blocks):
        for block in blocks:
            if not sketch.n_features:
                # More tests than usual need more rows to draw from.
                rows = max(row_capacity_for(block.shape[1]), _rows_wanted(options, block.shape[1]))
                sketch = EmbeddingSketch(block.shape[1], row_capacity=rows, drop_nonfinite=options.drop_nonfinite)
            taken = block if transform is None else _on_finite(transform, block)
            try:
                sketch.update(taken)
            except InputError as error:
                raise _refusal(error, source, chain([block], blocks), seen) from None
            if partners is not None:
                partners.take(taken, transform and partial(_on_finite, transform))
            seen += len(block)
            if progress is not None:
                progress(seen, source.n_samples)
    if not sketch.n_samples:
        raise InputError(f"{_label(source)} has no rows to look at ({sketch.n_dropped:,} dropped); give finite rows")
    return sketch


def _rows_wanted(options: Options, n_features: int) -> int:
    # As many as all tests together take, within the memory a sketch may hold for its rows.
    return min(options.samples_per_test * options.repeats, 2**26 // n_features)


def _on_finite(transform: Callable[[np.ndarray], np.ndarray], block: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return transform(block)


def _label(source: Source | _Blocks) -> str:
    return source.paths[0] if source.paths else "data"


def _refusal(error: InputError, source: Source | _Blocks, rest: Iterator[np.ndarray], seen: int) -> InputError:
    """Say how many rows of the *whole* data are not finite; other errors are passed on."""
    if "NaN or infinity" not in str(error):
        return InputError(f"{_label(source)}: {error}")
    rows, first, total = 0, [], seen
    for block in rest:
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1)) + total
        first.extend(int(row) for row in bad[: max(0, 5 - len(first))])
        rows += len(bad)
        total += len(block)
    if not rows:
        return error
    listed = ", ".join(f"{row:,}" for row in first) + (", …" if rows > len(first) else "")
    return InputError(
        f"{_label(source)}: {rows:,} of {total:,} rows hold NaN or infinity (row {listed}, counted from 0); "
        "repair them, or leave them out with drop_nonfinite (--drop-nonfinite)"
    )
