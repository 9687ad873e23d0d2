"""From whatever holds the data to a sketch of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from thinshell.diagnosis.normalization import fit_transform_of
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.positives import Partners, PositivePairs, open_positives
from thinshell.diagnosis.resources import Resources
from thinshell.diagnosis.shards import Progress
from thinshell.diagnosis.sketching import Blocks, Sketching, TensorRows, label
from thinshell.errors import InputError, InputTypeError
from thinshell.io import ArraySource, Source, open_source
from thinshell.io.sides import SideSource, sides_of
from thinshell.io.urls import without_password
from thinshell.sketch import EmbeddingSketch, is_sketch_file
from thinshell.statistics._accelerators import on_accelerator

__all__ = ["Progress", "Reading", "one_cloud", "read"]


@dataclass(frozen=True)
class Reading:
    """A sketch, what is known about where it came from, and the pairs if partners were given."""

    sketch: EmbeddingSketch
    source: dict[str, Any]
    feature_names: tuple[str, ...] | None
    positives: PositivePairs | None = None


def _is_path(data: object) -> bool:
    return isinstance(data, (str, os.PathLike))


def _opened(
    data: Any, where: dict[str, Any], name: str | None, *, skip_bad: bool, on_host: bool
) -> tuple[Source | Blocks, str, str]:
    """Return (source, kind, name) of data that is not a sketch; `on_host` moves tensors on an accelerator there."""
    own = {option: where.get(option) for option in ("column", "key", "index", "dim")}
    if isinstance(data, Source):
        return data, "files" if data.paths else "array", name or ", ".join(data.paths) or "rows"
    if _is_path(data) or (isinstance(data, (list, tuple)) and data and all(map(_is_path, data))):
        source = one_cloud(open_source(data, **own, skip_bad=skip_bad), where.get("side"))
        shown = ", ".join(map(without_password, source.paths[:3])) + (" …" if len(source.paths) > 3 else "")
        return source, "files", name or shown
    given = [option for option, value in own.items() if value is not None]
    if given:
        raise InputError(f"{given[0]} applies to files, got {type(data).__name__}; pick the part yourself")
    if on_accelerator(data):
        return TensorRows(data, on_host), "array", name or "tensor"
    if isinstance(data, (list, tuple)) and data and all(np.ndim(part) == 2 for part in data):
        return Blocks(data), "blocks", name or "blocks"
    if hasattr(data, "__array__") or isinstance(data, (list, tuple)):
        return ArraySource(data, name=name or "array"), "array", name or "array"
    if isinstance(data, Iterable):
        return Blocks(data), "blocks", name or "blocks"
    raise InputTypeError(
        "data must be an array, an EmbeddingSketch, a path (or a list of paths) or an iterable of 2-D blocks, "
        f"got {type(data).__name__}"
    )


def one_cloud(source: Source, side: str | None) -> Source:
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
    resources: Resources | None = None,
) -> Reading:
    """Sketch `data` in bounded memory, and pair its rows with those of `positives`.

    `where` holds `column`, `key`, `index` and `dim` as `open_source` takes them.
    """
    resources = resources or Resources()
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
    on_host = positives is not None or options.normalize in ("zscore", "whiten")
    source, kind, name = _opened(data, where, name, skip_bad=resources.skip_bad_shards, on_host=on_host)
    if options.normalize in ("zscore", "whiten") and source.once:
        raise InputError(
            f"normalize={options.normalize} reads the data twice, got {label(source)}, which comes once; give an array "
            "or files"
        )
    partners = None if positives is None else Partners(open_positives(positives, where), options.drop_nonfinite)
    if partners is not None and isinstance(source, Source):
        partners.check(source.n_samples, source.n_features)
    work = Sketching(source, options, resources, {k: where.get(k) for k in ("column", "key", "index")}, progress)
    transform = fit_transform_of(options.normalize, lambda: work.sketch(None))
    with nullcontext() if partners is None else closing(partners):
        sketch = work.sketch(transform, partners)
        pairs = None if partners is None else partners.pairs()
    about = {
        "kind": kind,
        "paths": [without_password(str(path)) for path in source.paths] if kind == "files" else [],
        "name": name,
        "dtype": source.dtype,
        "notices": [*source.notices, *(f"left out: {reason}" for reason in work.skipped.values())],
    }
    return Reading(sketch, about, source.feature_names, pairs)
