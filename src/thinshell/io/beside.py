"""What stands beside the rows: a column of ids or labels, in the order of the rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError, unknown_name
from thinshell.io.failures import explained
from thinshell.io.files import arrow_file
from thinshell.io.urls import is_url, without_password

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_beside", "columns_beside"]

_PARQUET, _ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")


def columns_beside(path: str) -> list[str]:
    """Return the names of the columns that stand beside the embeddings of a file.

    Parameters
    ----------
    path : str
        A Parquet or Arrow file: all its columns; a ``.npy`` file that ``thinshell embed`` wrote: those of the JSON file
        beside it; any other file has none.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If the file is damaged.

    Examples
    --------
    >>> columns_beside("embeddings.csv")
    []
    """
    kind = Path(path).suffix.lower()
    if kind in _PARQUET:
        import pyarrow.parquet as pq

        with explained(path, "Parquet"):
            return list(pq.read_schema(_place(path)).names)
    if kind in _ARROW:
        import pyarrow as pa

        with explained(path, "Arrow"), arrow_file(path) as file:
            return list(pa.ipc.open_file(file).schema.names)
    return list(_rows_of_sidecar(path)) if kind == ".npy" else []


def column_beside(paths: Sequence[str], name: str) -> pa.ChunkedArray:
    """Read one column of several files, one value a row.

    Parameters
    ----------
    paths : sequence of str
        As `columns_beside` takes them, in the order of the rows.
    name : str

    Returns
    -------
    pyarrow.ChunkedArray
        Of text where the column holds text, categories or anything but whole numbers and booleans.

    Raises
    ------
    InputError
        If a file has no such column, or is damaged.

    Examples
    --------
    >>> column_beside(["embeddings.csv"], "id")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: embeddings.csv has no columns beside the embeddings to take 'id' from; ...
    """
    import pyarrow as pa

    parts = [_plain(_column(path, name)) for path in paths]
    if len({part.type for part in parts}) > 1:
        parts = [part.cast(pa.string()) for part in parts]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], type=parts[0].type)


def _column(path: str, name: str) -> pa.ChunkedArray:
    known = columns_beside(path)
    if not known:
        raise InputError(
            f"{without_password(path)} has no columns beside the embeddings to take {name!r} from; give Parquet or "
            "Arrow files, or a .npy file with the JSON file that thinshell embed wrote"
        )
    if name not in known:
        raise unknown_name(f"the column of {without_password(path)}", name, known)
    import pyarrow as pa

    kind = Path(path).suffix.lower()
    if kind in _PARQUET:
        import pyarrow.parquet as pq

        with explained(path, "Parquet"):
            return pq.read_table(_place(path), columns=[name])[name]
    if kind in _ARROW:
        with explained(path, "Arrow"), arrow_file(path) as file:
            return pa.ipc.open_file(file).read_all()[name]
    return pa.chunked_array([pa.array(_rows_of_sidecar(path)[name])])


def _place(path: str) -> Any:
    return arrow_file(path) if is_url(path) else path


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"a column of ids or labels must hold text or whole numbers, got {kind}; choose another"
        ) from None


def _rows_of_sidecar(path: str) -> dict[str, list[Any]]:
    """Return what the JSON file beside an array says of each row; nothing where there is none."""
    beside = Path(path + ".json")
    try:
        rows = json.loads(beside.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return rows if isinstance(rows, dict) else {}
