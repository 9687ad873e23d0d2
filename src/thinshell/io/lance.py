"""Lance data sets, which are the tables of LanceDB, read a window of rows at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from thinshell.errors import InputError
from thinshell.io.batches import batch_rows, first_width, gathered, matrices
from thinshell.io.columns import Columns, choose_columns
from thinshell.io.failures import explained
from thinshell.io.source import Source, row_slices
from thinshell.io.urls import is_url

__all__ = ["open_lance"]

EXTENSION = ".lance"
# A scan of a whole table reads ahead by up to 2 GiB of undecoded data (measured: 490 MB above the interpreter for
# 307 MB, whatever the batches), so rows are asked for in windows: 86 MB, and as fast. One batch of a wide table is
# longer (16 MiB: 384 columns take half the time).
WINDOW_BYTES = 8 * 2**20
# What the client takes as the name of a table.
TABLE_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


def open_lance(path: str, column: str | None) -> Source:
    """Open the list column, or the numeric columns, of a Lance data set.

    Parameters
    ----------
    path : str
        The folder ``name.lance``; LanceDB keeps its table ``name`` in one inside the folder of the database.
    column : str or None
        The column that holds the embeddings.

    Returns
    -------
    Source
        Its rows, of the newest version at this moment, whatever is added while they are read.
    """
    with explained(path, "Lance"):
        table = _table(path)
        columns = choose_columns(table.schema, path, column)
        n_samples, version = table.count_rows(), table.version
        width = columns.width
        if width is None:
            width = first_width(_batches(table, columns, min(1, n_samples), 1, 1), columns, path)
    return LanceSource(path, columns, n_samples, width, version)


def _import_lancedb(path: str) -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise InputError(f"{path}: reading Lance needs lancedb: pip install 'thinshell[databases]'") from error
    return lancedb


def _table(path: str, version: int | None = None) -> Any:
    lancedb = _import_lancedb(path)
    folder, name = os.path.split(path.rstrip("/" + os.sep))
    # Asked before connecting, which would make the folder.
    if not is_url(path) and not os.path.isdir(path):
        raise InputError(
            f"{path} is not a folder; a Lance data set is one, named like table.lance"
            if os.path.exists(path)
            else f"{path} does not exist; check the path"
        )
    if not name.endswith(EXTENSION):
        raise InputError(
            f"{path} does not end in {EXTENSION}; give the folder of one table, such as {path.rstrip('/')}/name.lance"
        )
    name = name.removesuffix(EXTENSION)
    if not TABLE_NAME.fullmatch(name):
        raise InputError(
            f"{path} cannot be opened: LanceDB takes only letters without accents, digits, '_', '-' and '.' in the "
            "name of a table; rename the folder"
        )
    table = lancedb.connect(folder or os.curdir).open_table(name)
    if version is not None:
        table.checkout(version)
    return table


def _batches(table: Any, columns: Columns, n_samples: int, rows: int, window: int) -> Iterator[pa.RecordBatch]:
    for start, stop in row_slices(n_samples, window):
        query = table.search().select(list(columns.names)).offset(start).limit(stop - start)
        yield from query.to_batches(batch_size=rows)


class LanceSource(Source):
    """Rows of one version of a Lance data set."""

    def __init__(self, path: str, columns: Columns, n_samples: int, width: int, version: int) -> None:
        self._columns = columns
        self._version = version
        super().__init__(
            paths=(path,),
            n_samples=n_samples,
            n_features=width,
            dtype=columns.dtype,
            block_dtype=columns.block_dtype,
            feature_names=columns.feature_names,
            notices=columns.notices,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        path, columns = self.paths[0], self._columns
        with explained(path, "Lance"):
            table = _table(path, self._version)
            at_once = batch_rows(columns, self.n_features)
            window = max(at_once, WINDOW_BYTES // (self.n_features * self.block_dtype.itemsize))
            batches = _batches(table, columns, self.n_samples or 0, at_once, window)
            yield from gathered(matrices(batches, columns, self.n_features, path), rows, self.block_dtype)
