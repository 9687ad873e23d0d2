"""Arrow IPC files (Feather version 2) and streams, one record batch at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

from thinshell.errors import InputError
from thinshell.io.batches import first_width, gathered, matrices
from thinshell.io.columns import Columns, choose_columns
from thinshell.io.failures import explained
from thinshell.io.files import arrow_file
from thinshell.io.paths import leading_bytes
from thinshell.io.source import Source
from thinshell.io.urls import is_url

__all__ = ["open_arrow"]

FILE_SIGNATURE = b"ARROW1"
FEATHER_1_SIGNATURE = b"FEA1"
# A map is closed after this much: pages it has touched count as resident memory until then.
REMAP_BYTES = 32 * 2**20


def open_arrow(path: str, column: str | None) -> Source:
    """Open the list column, or the numeric columns, of an Arrow IPC file or stream."""
    head = leading_bytes(path)
    if head.startswith(FEATHER_1_SIGNATURE):
        raise InputError(f"{path} is a Feather version 1 file; write it again as version 2 or as Parquet")
    is_file = head.startswith(FILE_SIGNATURE)
    with explained(path, "Arrow"):
        with arrow_file(path, mapped=True) as mapped:
            schema = (ipc.open_file(mapped) if is_file else ipc.open_stream(mapped)).schema
        columns = choose_columns(schema, path, column)
        fields = _fields_to_load(path, is_file, schema, columns)
        width = columns.width
        if width is None:
            width = first_width(_batches(path, is_file, fields), columns, path)
        n_samples = _count(path, is_file, fields)
    return ArrowSource(path, columns, fields, is_file, n_samples, width)


def _fields_to_load(path: str, is_file: bool, schema: pa.Schema, columns: Columns) -> list[int]:
    """Return the positions of the chosen columns, or none to load all.

    Naming fields spares the decompression of the others, but makes Arrow copy a batch that it would otherwise
    only map; so they are named unless the file is uncompressed.
    """
    fields = [schema.get_field_index(name) for name in columns.names]
    if len(fields) == len(schema):
        return []
    if not is_file or is_url(path):
        return fields
    with arrow_file(path, mapped=True) as mapped:
        reader = ipc.open_file(mapped)
        if reader.num_record_batches == 0:
            return fields
        held = reader.get_batch(0).column(fields[0]).buffers()
        mapped.seek(0)
        start = mapped.read_buffer(1).address
        is_mapped = all(buffer is None or 0 <= buffer.address - start < mapped.size() for buffer in held)
    return [] if is_mapped else fields


def _count(path: str, is_file: bool, fields: list[int]) -> int:
    options = ipc.IpcReadOptions(included_fields=fields[:1], use_threads=False)
    with arrow_file(path, mapped=True) as mapped:
        if not is_file:
            return sum(batch.num_rows for batch in ipc.open_stream(mapped, options=options))
        reader = ipc.open_file(mapped, options=options)
        if hasattr(reader, "count_rows"):  # reads only the messages' heads; newer Arrow
            return reader.count_rows()
        return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))


def _batches(path: str, is_file: bool, fields: list[int]) -> Iterator[pa.RecordBatch]:
    options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    if not is_file:
        # A stream cannot be entered in the middle, so it is read, not mapped: one batch in memory at a time.
        with arrow_file(path) as opened:
            yield from ipc.open_stream(opened, options=options)
        return
    position, row, n_batches = 0, 0, 1
    while position < n_batches:
        with arrow_file(path, mapped=True) as mapped:
            reader = ipc.open_file(mapped, options=options)
            n_batches, touched = reader.num_record_batches, 0
            while position < n_batches and touched < REMAP_BYTES:
                batch = reader.get_batch(position)
                rest = batch.slice(row, None if fields else _rows_to_touch(batch))
                row += rest.num_rows
                if row >= batch.num_rows:
                    position, row = position + 1, 0
                touched += rest.nbytes
                del batch
                yield rest
                del rest  # nothing may keep the map, or the last batch, alive


def _rows_to_touch(batch: pa.RecordBatch) -> int:
    """Return how many rows of a mapped batch to visit before the map is closed."""
    return max(1, REMAP_BYTES * batch.num_rows // max(1, batch.nbytes))


class ArrowSource(Source):
    """Rows of one Arrow IPC file or stream."""

    def __init__(
        self, path: str, columns: Columns, fields: list[int], is_file: bool, n_samples: int, width: int
    ) -> None:
        self._columns, self._fields, self._is_file = columns, fields, is_file
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
        with explained(path, "Arrow"):
            batches = _batches(path, self._is_file, self._fields)
            yield from gathered(matrices(batches, columns, self.n_features, path), rows, self.block_dtype)
