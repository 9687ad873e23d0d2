"""The unit of work: some rows, sketched as one, in this process or on a worker far away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

import numpy as np

from thinshell.errors import InputError
from thinshell.io import DEFAULT_BLOCK_BYTES, ArraySource, Source, open_each, prefetch
from thinshell.io.joined import joined
from thinshell.sketch import EmbeddingSketch

__all__ = ["Cluster", "Plan", "Shard", "ShardSketch", "merge_shards", "on_finite", "sketch_shard"]

Transform = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Plan:
    """How every shard of one data set is sketched; it can be sent to another process.

    Attributes
    ----------
    row_capacity : int
        Rows that the sketch keeps.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out.
    covariance : bool
        Keep the products of columns.
    block_bytes : int
        Of one block of rows.
    skip_bad_shards : bool
        Go on without files that cannot be read.
    transform : callable, optional
        What is done to each block first.
    """

    row_capacity: int
    drop_nonfinite: bool = False
    covariance: bool = True
    block_bytes: int = DEFAULT_BLOCK_BYTES
    skip_bad_shards: bool = False
    transform: Transform | None = None

    def new_sketch(self, n_features: int) -> EmbeddingSketch:
        """Return an empty sketch."""
        return EmbeddingSketch(
            n_features,
            row_capacity=self.row_capacity,
            covariance=self.covariance,
            drop_nonfinite=self.drop_nonfinite,
        )

    def blocks(self, source: Any) -> Iterator[np.ndarray]:
        """Read `source`, ahead where that is worth a thread."""
        read = source.blocks(self.block_bytes)
        return read if isinstance(source, ArraySource) else prefetch(read)

    def sketch(self, source: Source | None) -> ShardSketch:
        """Sketch one source, without the files that cannot be read if `skip_bad_shards`."""
        skipped: list[tuple[str, str]] = []
        while source is not None:
            sketch, blocks = self.new_sketch(source.n_features), self.blocks(source)
            try:
                with closing(blocks):  # type: ignore[type-var] - every reader is a generator
                    for block in blocks:
                        sketch.update(block if self.transform is None else on_finite(self.transform, block))
            except InputError as error:
                if not self.skip_bad_shards:
                    raise
                path = error.path or source.paths[0]
                skipped.append((path, str(error)))
                source = source.without(path)
                continue
            return ShardSketch(sketch, tuple(skipped))
        return ShardSketch(None, tuple(skipped))


@dataclass(frozen=True)
class Shard:
    """Files that are sketched as one, by whoever can open them.

    Attributes
    ----------
    paths : tuple of str
    plan : Plan
    where : dict
        `column`, `key` and `index` as `thinshell.io.open_source` takes them.
    n_samples : int or None
        Rows, where they are known before reading.
    """

    paths: tuple[str, ...]
    plan: Plan
    where: dict[str, Any] = field(default_factory=dict)
    n_samples: int | None = None


@dataclass(frozen=True)
class ShardSketch:
    """What became of one shard or of several merged ones.

    Attributes
    ----------
    sketch : EmbeddingSketch or None
        None where no file of it could be read.
    skipped : tuple of (str, str)
        Files that were left out, and why.
    """

    sketch: EmbeddingSketch | None
    skipped: tuple[tuple[str, str], ...] = ()


class Cluster(Protocol):
    """Whoever sketches shards elsewhere and merges them there."""

    def sketch(self, shards: list[Shard], progress: Progress | None) -> ShardSketch:
        """Return the sketch of all shards, merged in their order, `thinshell.sketch.FAN_IN` at a time."""
        ...


def sketch_shard(shard: Shard) -> ShardSketch:
    """Sketch the files of one shard: what a worker of a cluster does.

    Parameters
    ----------
    shard : Shard

    Returns
    -------
    ShardSketch

    Raises
    ------
    InputError
        If a file cannot be read, unless the plan says to skip it.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "part-0.npy")
    ...     np.save(path, np.eye(5))
    ...     sketch_shard(Shard((str(path),), Plan(row_capacity=8192))).sketch
    EmbeddingSketch(n_samples=5, n_features=5, exact=True)
    """
    skip = shard.plan.skip_bad_shards
    sources, skipped = open_each(shard.paths, **shard.where, skip_bad=skip)
    done = shard.plan.sketch(joined(sources) if sources else None)
    return ShardSketch(done.sketch, (*skipped, *done.skipped))


def merge_shards(parts: list[ShardSketch]) -> ShardSketch:
    """Merge what became of neighbouring shards, in their order; they are left as they are.

    Parameters
    ----------
    parts : list of ShardSketch
        At most `thinshell.sketch.FAN_IN` at a time give the same bytes as one process.

    Returns
    -------
    ShardSketch

    Examples
    --------
    >>> import numpy as np
    >>> parts = [ShardSketch(EmbeddingSketch().update(np.eye(3) + k)) for k in range(2)]
    >>> merge_shards([*parts, ShardSketch(None, (("gone.npy", "gone.npy does not exist"),))]).skipped
    (('gone.npy', 'gone.npy does not exist'),)
    """
    sketches = [part.sketch for part in parts if part.sketch is not None]
    skipped = tuple(entry for part in parts for entry in part.skipped)
    if not sketches:
        return ShardSketch(None, skipped)
    # Into a copy: an engine may run a merge again from the inputs it kept, or keep them in memory nobody may write to.
    return ShardSketch(reduce(EmbeddingSketch.merge, sketches[1:], deepcopy(sketches[0])), skipped)


def on_finite(transform: Transform, block: np.ndarray) -> np.ndarray:
    """Transform a block that may hold NaN or infinity, which the sketch judges afterwards."""
    with np.errstate(invalid="ignore", over="ignore"):
        return transform(block)
