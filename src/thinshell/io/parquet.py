"""Parquet files, decoded a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from tempfile import SpooledTemporaryFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from thinshell.io.batches import batch_rows, first_width, gathered, matrices
from thinshell.io.columns import Columns, choose_columns
from thinshell.io.failures import explained
from thinshell.io.files import arrow_file
from thinshell.io.raw import RawMatrix
from thinshell.io.source import Source
from thinshell.io.urls import is_url

__all__ = ["open_parquet"]

# Without a buffer Arrow loads a whole row group of a column at once (a writer's default is a million rows).
# A megabyte for one list column; shared out, down to a page, among the columns of a wide table.
BUFFER_BYTES = 2**20
MIN_BUFFER_BYTES = 4096
# An open column holds a dictionary and a page, raw and decoded: 2.3 MB measured (880 MB for 384 columns), or
# a few copies of itself where it is shorter. Wider tables are turned into rows by way of a temporary file.
OPEN_COLUMN_BYTES = 2.3 * 2**20
OPEN_COLUMN_OVERHEAD = 8192
OPEN_COLUMN_COPIES = 4
OPEN_BYTES = 64 * 2**20
TURNING_BYTES = 32 * 2**20


def open_parquet(path: str, column: str | None) -> Source:
    """Open the list column, or the numeric columns, of a Parquet file."""
    with explained(path, "Parquet"), _file(path) as file:
        columns = choose_columns(file.schema_arrow, path, column)
        n_samples = file.metadata.num_rows
    width = columns.width
    if width is None:
        with explained(path, "Parquet"), _opened(path, columns) as file:
            width = first_width(_batches(file, columns, 1), columns, path)
    return ParquetSource(path, columns, n_samples, width)


@contextmanager
def _opened(path: str, columns: Columns) -> Iterator[pq.ParquetFile]:
    buffer = max(MIN_BUFFER_BYTES, BUFFER_BYTES // len(columns.names))
    with _file(path, buffer_size=buffer) as file:
        yield file


def _file(path: str, buffer_size: int = 0) -> pq.ParquetFile:
    # A path is opened by Arrow itself: faster than through a file of Python's.
    return pq.ParquetFile(arrow_file(path) if is_url(path) else path, pre_buffer=False, buffer_size=buffer_size)


def _batches(
    file: pq.ParquetFile, columns: Columns, rows: int, row_groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    # Threads would decode columns at once and hold them all; blocks are read ahead by `prefetch` instead.
    names = list(columns.names)
    return file.iter_batches(batch_size=rows, row_groups=row_groups, columns=names, use_threads=False)


def _columns_at_once(n_rows: int, dtype: np.dtype) -> int:
    """Return how many columns of a row group may be open together."""
    each = min(OPEN_COLUMN_BYTES, OPEN_COLUMN_COPIES * n_rows * dtype.itemsize + OPEN_COLUMN_OVERHEAD)
    return max(1, int(OPEN_BYTES / each))


class ParquetSource(Source):
    """Rows of one Parquet file."""

    def __init__(self, path: str, columns: Columns, n_samples: int, width: int) -> None:
        self._columns = columns
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
        with explained(path, "Parquet"), _opened(path, columns) as file:
            if len(columns.names) > _columns_at_once(self.n_samples or 0, self.block_dtype):
                pieces = self._turned(file)
            else:
                batches = _batches(file, columns, batch_rows(columns, self.n_features))
                pieces = matrices(batches, columns, self.n_features, path)
            yield from gathered(pieces, rows, self.block_dtype)

    def _turned(self, file: pq.ParquetFile) -> Iterator[np.ndarray]:
        """Yield the rows of wide tables: columns in small groups go to a temporary file, rows come back."""
        first_row, path = 0, self.paths[0]
        for group in range(file.metadata.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            matrix = RawMatrix(0, n_rows, self.n_features, self.block_dtype, column_major=True)
            with SpooledTemporaryFile(max_size=TURNING_BYTES, prefix="thinshell-") as turned:
                for panel in self._panels(file, group, n_rows, first_row):
                    turned.write(panel.data)
                yield from matrix.windows(turned, batch_rows(self._columns, self.n_features), path)
            first_row += n_rows

    def _panels(self, file: pq.ParquetFile, group: int, n_rows: int, first_row: int) -> Iterator[np.ndarray]:
        """Yield the columns of a row group as the rows of (few, n_rows) arrays."""
        columns = self._columns
        count = min(
            _columns_at_once(n_rows, self.block_dtype),
            max(1, TURNING_BYTES // max(1, n_rows * self.block_dtype.itemsize)),
        )
        for first in range(0, len(columns.names), count):
            few = slice(first, first + count)
            part = replace(columns, names=columns.names[few], value_dtypes=columns.value_dtypes[few])
            width, stop = len(part.names), 0
            panel = np.empty((width, n_rows), dtype=self.block_dtype)
            batches = _batches(file, part, batch_rows(part, width), [group])
            for piece in matrices(batches, part, width, self.paths[0], first_row):
                start, stop = stop, stop + len(piece)
                panel[:, start:stop] = piece.T
            yield panel
