"""Rows written block by block, into an array or a table."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thinshell.errors import InputError

__all__ = ["FORMATS", "ColumnWriter", "RowWriter", "check_format", "row_writer"]

FORMATS = (".npy", ".parquet", ".pq")
# Rows of a row group: large enough for readers, small enough for a reader's memory at any width.
_ROW_GROUP = 16_384


class RowWriter(ABC):
    """Takes blocks of rows in their order."""

    @abstractmethod
    def write(self, rows: np.ndarray, beside: Mapping[str, Any]) -> None:
        """Add rows of shape (n, n_features); `beside` holds arrays of n values, kept where the format has columns."""


class ArrayWriter(RowWriter):
    """A ``.npy`` file whose number of rows is known at the end."""

    def __init__(self, path: Path, dtype: np.dtype, n_features: int) -> None:
        self._dtype, self._n_features, self._n = dtype.newbyteorder("<"), n_features, 0
        self._file = open(path, "wb")  # noqa: SIM115 - closed by `close`
        self._header()

    def _header(self) -> None:
        # NumPy leaves room for the digits of the first axis: the header keeps its length.
        shape = (self._n, self._n_features)
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(self._file, header)

    def write(self, rows: np.ndarray, beside: Mapping[str, Any]) -> None:
        """Add rows; an array has no columns beside them."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._n += len(rows)

    def close(self) -> None:
        """Write the number of rows and end the file."""
        self._file.seek(0)
        self._header()
        self._file.close()


class ColumnWriter(RowWriter):
    """A Parquet file; opened with the first rows, whose columns all others must have.

    Parameters
    ----------
    path : Path
    metadata : mapping of str to str
        Kept in the file's schema.
    dtype : numpy.dtype, optional
        Of the embeddings, if any are written.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str], dtype: np.dtype | None = None) -> None:
        self._path, self._metadata, self._dtype = path, dict(metadata), dtype
        self._writer: Any = None

    def write(self, rows: np.ndarray, beside: Mapping[str, Any]) -> None:
        """Add rows as the column ``embedding``, after those beside it."""
        import pyarrow as pa

        flat = pa.array(np.ascontiguousarray(rows, self._dtype).reshape(-1))
        self.write_columns({**beside, "embedding": pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])})

    def write_columns(self, columns: Mapping[str, Any]) -> None:
        """Add rows of any columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(dict(columns))
        if self._writer is None:
            schema = table.schema.with_metadata(self._metadata)
            # Floats of embeddings do not compress.
            how: Any = {name: "none" if name == "embedding" else "zstd" for name in schema.names}
            self._writer = pq.ParquetWriter(self._path, schema, compression=how, use_dictionary=False)
        self._writer.write_table(table, row_group_size=_ROW_GROUP)

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


@contextlib.contextmanager
def row_writer(
    path: Path, name: str, dtype: np.dtype, n_features: int, metadata: Mapping[str, str]
) -> Iterator[RowWriter]:
    """Open `path` for rows; the format is that of `name`, the file's name in the end.

    Parameters
    ----------
    path : Path
        Where to write.
    name : str
        Ends in one of ``FORMATS``.
    dtype : numpy.dtype
        float32 or float64.
    n_features : int
    metadata : mapping of str to str
        Kept with a Parquet file.

    Yields
    ------
    RowWriter

    Raises
    ------
    InputError
        For another ending.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "rows.npy"
    ...     with row_writer(place, place.name, np.dtype("float32"), 3, {}) as writer:
    ...         for block in (np.zeros((2, 3)), np.ones((1, 3))):
    ...             writer.write(block, {})
    ...     np.load(place, allow_pickle=False).sum(axis=1)
    array([0., 0., 3.], dtype=float32)
    """
    check_format(name)
    kind = Path(name).suffix.lower()
    writer = ArrayWriter(path, dtype, n_features) if kind == ".npy" else ColumnWriter(path, metadata, dtype)
    with contextlib.closing(writer):
        yield writer


def check_format(name: str) -> None:
    """Say what is wrong with the name of a file of rows, if anything is."""
    if Path(name).suffix.lower() not in FORMATS:
        raise InputError(f"a file of rows must end in one of {', '.join(FORMATS)}, got {name!r}; Parquet keeps the ids")
