"""Passes over data: part by part in this process, or sent to a cluster."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from thinshell.diagnosis.options import Options
from thinshell.diagnosis.positives import Partners
from thinshell.diagnosis.resources import Resources
from thinshell.diagnosis.shards import Plan, Progress, Shard, Transform, on_finite
from thinshell.errors import InputError
from thinshell.io import DEFAULT_BLOCK_BYTES, ArraySource, Source, prefetch
from thinshell.io.urls import without_password
from thinshell.sketch import EmbeddingSketch, SketchMerger, row_capacity_for

__all__ = ["Blocks", "Sketching", "TensorRows", "label"]


# Of an array, whose blocks are views and cost nothing: as much as a sketch takes in at a step.
_ARRAY_BLOCK_BYTES = 64 * 2**20


class Blocks:
    """Blocks that somebody else makes; they come once."""

    paths: tuple[str, ...] = ()
    n_samples: int | None = None
    dtype = ""
    feature_names: tuple[str, ...] | None = None
    once = True

    def __init__(self, blocks: Iterable[Any]) -> None:
        self._blocks = iter(blocks)
        self.notices: list[str] = []

    def blocks(self, max_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[np.ndarray]:
        """Yield them in pieces."""
        for number, block in enumerate(self._blocks):
            source = ArraySource(block, name=f"block {number}")
            self.dtype = self.dtype or source.dtype
            self.notices.extend(notice for notice in source.notices if notice not in self.notices)
            yield from source.blocks(max_bytes)

    def partitions(self) -> list[Any]:
        """Return itself."""
        return [self]


class TensorRows(Blocks):
    """Rows of a tensor on an accelerator, which stay there unless `on_host`."""

    once = False

    def __init__(self, rows: Any, on_host: bool) -> None:
        if rows.ndim != 2:
            raise InputError(
                f"data must have shape (n_samples, n_features), got shape {tuple(rows.shape)}; give one 2-D part of it"
            )
        super().__init__(())
        self._rows, self._on_host = rows.detach(), on_host
        self.n_samples = len(rows)
        self.dtype = str(rows.dtype).removeprefix("torch.")

    def blocks(self, max_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[Any]:
        """Yield parts of the tensor, as arrays if they are to be on the host."""
        from thinshell.statistics._tensors import float_type

        kind = float_type(self._rows, "data")
        rows = max(1, max_bytes // (kind.itemsize * max(1, self._rows.shape[1])))
        for part in self._rows.split(rows):
            yield host_array(part.to(kind)) if self._on_host else part.to(kind)


def host_array(block: Any) -> np.ndarray:
    """Return a block as an array; a tensor is copied to the host."""
    if isinstance(block, np.ndarray):
        return block
    return np.asarray(block.cpu())


def label(source: Source | Blocks) -> str:
    """Return what sentences call a source."""
    return without_password(source.paths[0]) if source.paths else "data"


class Sketching:
    """Passes over one source, all done alike.

    Attributes
    ----------
    skipped : dict
        Files that were left out, and why.
    """

    def __init__(
        self,
        source: Source | Blocks,
        options: Options,
        resources: Resources,
        where: dict[str, Any],
        progress: Progress | None,
    ) -> None:
        self._source, self._options, self._resources = source, options, resources
        self._where, self._progress = where, progress
        self.skipped: dict[str, str] = {}

    def sketch(self, transform: Transform | None, partners: Partners | None = None) -> EmbeddingSketch:
        """Return the sketch of all rows after `transform`; `partners` are taken along."""
        if self._resources.cluster is None:
            sketch = self._here(transform, partners)
        else:
            sketch = self._elsewhere(transform, partners)
        if sketch is None or not sketch.n_samples:
            dropped = 0 if sketch is None else sketch.n_dropped
            raise InputError(f"{label(self._source)} has no rows to look at ({dropped:,} dropped); give finite rows")
        return sketch

    def _plan(self, n_features: int, transform: Transform | None) -> Plan:
        # More tests than usual need more rows to draw from, within the memory a sketch may hold for its rows.
        wanted = min(self._options.samples_per_test * self._options.repeats, 2**26 // n_features)
        rows = self._resources.row_capacity or max(row_capacity_for(n_features), wanted)
        covariance = self._options.spectrum == "all"
        block_bytes = self._resources.block_bytes(n_features, rows, covariance)
        if isinstance(self._source, ArraySource) and self._resources.memory is None:
            block_bytes = max(block_bytes, _ARRAY_BLOCK_BYTES)
        return Plan(
            rows,
            drop_nonfinite=self._options.drop_nonfinite,
            covariance=covariance,
            block_bytes=block_bytes,
            skip_bad_shards=self._resources.skip_bad_shards,
            transform=transform,
        )

    def _elsewhere(self, transform: Transform | None, partners: Partners | None) -> EmbeddingSketch | None:
        source, cluster = self._source, self._resources.cluster
        assert cluster is not None
        if partners is not None:
            raise InputError("positives are read along with the data by one process; leave the cluster out (--dask)")
        if not isinstance(source, Source) or not source.portable:
            raise InputError(
                f"{label(source)} cannot be opened by the workers of a cluster, which read files and URLs; leave the "
                "cluster out (--dask)"
            )
        plan = self._plan(source.n_features, transform)
        shards = [Shard(part.paths, plan, self._where, part.n_samples) for part in source.partitions()]
        done = cluster.sketch(shards, self._progress)
        self.skipped.update(done.skipped)
        return done.sketch

    def _here(self, transform: Transform | None, partners: Partners | None) -> EmbeddingSketch | None:
        parts, merger, seen = self._source.partitions(), SketchMerger(), 0
        plan: Plan | None = None
        if isinstance(self._source, Source):
            plan = self._plan(self._source.n_features, transform)
        number, sketch = 0, None
        blocks = self._numbered(parts, DEFAULT_BLOCK_BYTES if plan is None else plan.block_bytes)
        with closing(blocks):
            for part, block in blocks:
                if part != number:
                    merger.add(sketch)
                    number, sketch = part, None
                if isinstance(block, InputError):
                    sketch = self._without_bad(plan, parts[part], block)
                    continue
                plan = plan or self._plan(block.shape[1], transform)
                sketch = sketch or plan.new_sketch(block.shape[1])
                taken = block if transform is None else on_finite(transform, block)
                try:
                    sketch.update(taken)
                except InputError as error:
                    raise _refusal(error, self._source, chain([block], _arrays(blocks)), seen) from None
                if partners is not None:
                    partners.take(taken, transform and partial(on_finite, transform))
                seen += len(block)
                if self._progress is not None:
                    self._progress(seen, self._source.n_samples)
        merger.add(sketch)
        return merger.result()

    def _numbered(self, parts: list[Any], max_bytes: int) -> Generator[tuple[int, np.ndarray | InputError], None, None]:
        """Yield every block with the number of its part; a file that cannot be read ends its part with the error."""

        def read() -> Iterator[tuple[int, np.ndarray | InputError]]:
            for number, part in enumerate(parts):
                try:
                    for block in part.blocks(max_bytes):
                        yield number, block
                except InputError as error:
                    if not self._resources.skip_bad_shards:
                        raise
                    yield number, error

        yield from read() if isinstance(self._source, (ArraySource, TensorRows)) else prefetch(read())

    def _without_bad(self, plan: Plan | None, part: Source, error: InputError) -> EmbeddingSketch | None:
        """Sketch a part once more, without the file that could not be read."""
        assert plan is not None  # only files can be bad
        path = error.path or part.paths[0]
        done = plan.sketch(part.without(path))
        self.skipped.update([(path, str(error)), *done.skipped])
        return done.sketch


def _arrays(blocks: Iterable[tuple[int, np.ndarray | InputError]]) -> Iterator[np.ndarray]:
    return (block for _, block in blocks if not isinstance(block, InputError))


def _refusal(error: InputError, source: Source | Blocks, rest: Iterator[np.ndarray], seen: int) -> InputError:
    """Say how many rows of the *whole* data are not finite; other errors are passed on."""
    if "NaN or infinity" not in str(error):
        return InputError(f"{label(source)}: {error}")
    rows, first, total = 0, [], seen
    for block in rest:
        bad = np.flatnonzero(~np.isfinite(host_array(block)).all(axis=1)) + total
        first.extend(int(row) for row in bad[: max(0, 5 - len(first))])
        rows += len(bad)
        total += len(block)
    if not rows:
        return error
    listed = ", ".join(f"{row:,}" for row in first) + (", …" if rows > len(first) else "")
    return InputError(
        f"{label(source)}: {rows:,} of {total:,} rows hold NaN or infinity (row {listed}, counted from 0); "
        "repair them, or leave them out with drop_nonfinite (--drop-nonfinite)"
    )
