"""From Arrow record batches to matrices, and from those to full blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from thinshell.errors import InputError
from thinshell.io.columns import Columns, storage_type

__all__ = ["batch_rows", "first_width", "gathered", "matrices"]

# Arrow holds several copies of a batch while it decodes one (measured: 8 MiB batches peak at 140 MB above the
# interpreter, 2 MiB ones at 75 MB, at the same speed), so batches are smaller than blocks.
LIST_BATCH_BYTES = 2 * 2**20
# One column a feature costs a call per column and batch: longer batches for wide tables.
TABLE_BATCH_BYTES = 16 * 2**20


def batch_rows(columns: Columns, width: int) -> int:
    """Return how many rows to ask of Arrow at a time."""
    budget = LIST_BATCH_BYTES if columns.is_list else TABLE_BATCH_BYTES
    return max(1, budget // (width * columns.block_dtype.itemsize))


def first_width(batches: Iterable[pa.RecordBatch], columns: Columns, path: str) -> int:
    """Return the number of features of the first row, 0 if there is none."""
    for batch in batches:
        if batch.num_rows:
            return _lists(batch.slice(0, 1), columns, None, 0, path).shape[1]
    return 0


def matrices(
    batches: Iterable[pa.RecordBatch], columns: Columns, width: int, path: str, first_row: int = 0
) -> Iterator[np.ndarray]:
    """Yield the chosen columns as arrays (rows, width) of the stored type, which may belong to Arrow."""
    limit = batch_rows(columns, width)
    for batch in batches:
        for start in range(0, batch.num_rows, limit):  # a file may hold one huge batch
            piece = batch.slice(start, limit)
            if columns.is_list:
                yield _lists(piece, columns, width, first_row + start, path)
            else:
                yield _table(piece, columns, first_row + start, path)
            del piece
        first_row += batch.num_rows
        del batch  # the next one is decoded while this name would keep the last one alive


def _lists(batch: pa.RecordBatch, columns: Columns, width: int | None, first_row: int, path: str) -> np.ndarray:
    name = columns.names[0]
    array = batch.column(name)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    _refuse_nulls(array, name, first_row, path)
    if pa.types.is_fixed_size_list(storage_type(array.type)):
        lengths = np.full(len(array), array.type.list_size)
    else:
        lengths = np.diff(_numbers(array.offsets))
    expected = int(lengths[0]) if width is None else width
    if expected == 0:
        raise InputError(f"{path} has an empty list in row {first_row} of column {name!r}; drop it")
    ragged = np.flatnonzero(lengths != expected)
    if ragged.size:
        row = int(ragged[0])
        raise InputError(
            f"{path} has ragged lists in column {name!r}: row {first_row + row} has {lengths[row]:,} values, "
            f"row 0 has {expected:,}; every row must have the same number of features"
        )
    values = array.flatten()
    if values.null_count:
        at = _first_null(values)
        raise InputError(
            f"{path} has a null in row {first_row + at // expected} of column {name!r}, at position "
            f"{at % expected} of the list; drop or fill the row"
        )
    return _numbers(values).reshape(len(array), expected)


def _table(batch: pa.RecordBatch, columns: Columns, first_row: int, path: str) -> np.ndarray:
    matrix = np.empty((batch.num_rows, len(columns.names)), dtype=columns.block_dtype)
    position = {name: j for j, name in enumerate(batch.schema.names)}
    for j, name in enumerate(columns.names):
        array = batch.column(position[name])
        _refuse_nulls(array, name, first_row, path)
        matrix[:, j] = _numbers(array)
    return matrix


def _refuse_nulls(array: pa.Array, name: str, first_row: int, path: str) -> None:
    if array.null_count:
        raise InputError(
            f"{path} has a null in row {first_row + _first_null(array)} of column {name!r}; drop or fill the row"
        )


def _first_null(array: pa.Array) -> int:
    return int(np.flatnonzero(_numbers(array.is_null()))[0])


def _numbers(array: pa.Array) -> np.ndarray:
    """Return the numbers of an array without nulls, without a copy (booleans become 0 and 1)."""
    # Not to_numpy(): it imports pandas where that is installed, .2 s and 40 MB for nothing.
    return np.from_dlpack(array.cast(pa.uint8()) if pa.types.is_boolean(array.type) else array)


def gathered(pieces: Iterable[np.ndarray], rows: int, dtype: np.dtype) -> Iterator[np.ndarray]:
    """Yield fresh blocks of exactly `rows` rows (the last may be shorter), whatever the pieces."""
    block, filled = np.empty((0, 0), dtype=dtype), 0
    for piece in pieces:
        taken = 0
        while taken < len(piece):
            if filled == 0:
                block = np.empty((rows, piece.shape[1]), dtype=dtype)
            count = min(rows - filled, len(piece) - taken)
            block[filled : filled + count] = piece[taken : taken + count]
            taken += count
            filled = (filled + count) % rows
            if filled == 0:
                yield block
        del piece  # it may be all that keeps a decoded batch alive
    if filled:
        yield block[:filled]
