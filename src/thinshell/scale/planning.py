"""Cutting files into shards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from thinshell.diagnosis.shards import Plan, Shard
from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.sketch import row_capacity_for

__all__ = ["shards_of"]


def shards_of(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
    **how: Any,
) -> list[Shard]:
    """Cut files or URLs into shards as a diagnosis does: neighbouring files with 65,536 rows or more together.

    Parameters
    ----------
    paths, column, key, index
        As `thinshell.io.open_source` takes them.
    **how
        Of `Plan`: `drop_nonfinite`, `covariance`, `block_bytes`, `skip_bad_shards`, `row_capacity`.

    Returns
    -------
    list of Shard
        In the order of the rows.

    Raises
    ------
    InputError
        If a file cannot be opened, or not by another process.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in range(3):
    ...         np.save(pathlib.Path(folder, f"part-{part}.npy"), np.zeros((40_000, 2), np.float32))
    ...     [len(shard.paths) for shard in shards_of(f"{folder}/*.npy")]
    [2, 1]
    """
    source = open_source(paths, column=column, key=key, index=index, skip_bad=bool(how.get("skip_bad_shards")))
    if not source.portable:
        raise InputError(f"{source.paths[0]} cannot be opened by another process; name files or URLs")
    plan = Plan(**{"row_capacity": row_capacity_for(source.n_features), **how})
    where = {"column": column, "key": key, "index": index}
    return [Shard(part.paths, plan, where, part.n_samples) for part in source.partitions()]
