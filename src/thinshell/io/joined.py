"""Several files as one data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from thinshell.errors import InputError
from thinshell.io.source import Source

__all__ = ["PART_ROWS", "JoinedSource", "joined"]

# Merging two sketches passes over their histograms, 16,384 bins a column: beside so many rows that is little.
PART_ROWS = 65_536


def joined(sources: Sequence[Source]) -> Source:
    """Return the rows of all sources, in order, as one source; files without rows are left out and named."""
    filled = [source for source in sources if source.n_samples != 0]
    empty = [source.paths[0] for source in sources if source.n_samples == 0]
    if not filled:
        others = f", and so have the other {len(sources) - 1} files" if len(sources) > 1 else ""
        raise InputError(f"{empty[0]} has zero rows{others}; give a file with at least one row")
    if len(sources) == 1:
        return filled[0]
    for source in filled[1:]:
        _check_alike(filled[0], source)
    left_out = [f"{path} has zero rows and is left out" for path in empty]
    return JoinedSource(filled, left_out)


def _check_alike(first: Source, other: Source) -> None:
    if first.n_features != other.n_features:
        raise InputError(
            f"{other.paths[0]} has {other.n_features:,} features, {first.paths[0]} has {first.n_features:,}; "
            "files read as one data set must agree: pick them by a narrower glob"
        )
    if first.feature_names is None or other.feature_names is None:
        return
    for j, (expected, found) in enumerate(zip(first.feature_names, other.feature_names, strict=True)):
        if expected != found:
            raise InputError(
                f"{other.paths[0]} has {found!r} as feature {j}, {first.paths[0]} has {expected!r}; "
                "files read as one data set must have the same columns in the same order"
            )


class JoinedSource(Source):
    """Sources with the same features, one after the other."""

    def __init__(self, sources: Sequence[Source], notices: Sequence[str] = ()) -> None:
        self._sources = tuple(sources)
        names = [source.feature_names for source in sources if source.feature_names is not None]
        self.portable = all(source.portable for source in sources)
        self.once = any(source.once for source in sources)
        super().__init__(
            paths=[path for source in sources for path in source.paths],
            n_samples=_total(self._sources),
            n_features=sources[0].n_features,
            dtype=", ".join(dict.fromkeys(source.dtype for source in sources)),
            block_dtype=np.result_type(*(source.block_dtype for source in sources)),
            feature_names=names[0] if names else None,
            # A thousand integer shards say so once.
            notices=dict.fromkeys([text for source in sources for text in source.notices] + list(notices)),
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        for source in self._sources:
            try:
                yield from source._read(rows)
            except InputError as error:
                error.path = source.paths[0]
                raise
        self.n_samples = _total(self._sources)

    def partitions(self) -> list[Source]:
        """Return runs of neighbouring files of at least `PART_ROWS` rows each, but the last."""
        runs: list[list[Source]] = []
        rows = PART_ROWS
        for source in self._sources:
            if rows >= PART_ROWS:
                runs.append([])
                rows = 0
            runs[-1].append(source)
            # Of a CSV file nobody knows before it is read: it stays alone.
            rows += PART_ROWS if source.n_samples is None else source.n_samples
        return [run[0] if len(run) == 1 else JoinedSource(run) for run in runs]

    def without(self, path: str) -> Source | None:
        """Return the rest when `path` is left out, None where nothing is left."""
        rest = [source for source in self._sources if path not in source.paths]
        return None if not rest else rest[0] if len(rest) == 1 else JoinedSource(rest)


def _total(sources: Sequence[Source]) -> int | None:
    counts = [source.n_samples for source in sources]
    return None if any(count is None for count in counts) else sum(count or 0 for count in counts)
