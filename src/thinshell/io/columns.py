"""Which columns of an Arrow schema hold the embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from thinshell.errors import InputError
from thinshell.io.dtypes import block_dtype, dtype_name, dtype_notices, integer_notices
from thinshell.io.failures import listed_names, unknown_name

__all__ = ["Columns", "choose_columns", "storage_type"]

# How pandas names an index it stores beside the columns.
PANDAS_INDEX = "__index_level_"


@dataclass(frozen=True)
class Columns:
    """The chosen columns: one of lists (`width` is None until a row is seen) or one for each feature."""

    names: tuple[str, ...]
    is_list: bool
    width: int | None
    value_dtypes: tuple[np.dtype, ...]
    notices: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """Stored types, joined by a comma where they differ."""
        return ", ".join(dict.fromkeys(dtype_name(dtype) for dtype in self.value_dtypes))

    @property
    def block_dtype(self) -> np.dtype:
        """The type that holds all of them."""
        return np.result_type(*{block_dtype(dtype) for dtype in self.value_dtypes})

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names, where every feature has a column of its own."""
        return None if self.is_list else self.names


def choose_columns(schema: pa.Schema, path: str, column: str | None) -> Columns:
    """Return `column`, or the only list column, or every numeric column."""
    if column is not None:
        if column not in schema.names:
            raise unknown_name(path, "column", column, schema.names)
        return _named(schema, path, column)
    lists = [field.name for field in schema if _is_vector(field.type)]
    if len(lists) > 1:
        raise InputError(
            f"{path} has {len(lists)} list columns: {listed_names(lists)}; name one with column={lists[0]!r} "
            f"(--column {lists[0]})"
        )
    if lists:
        return _named(schema, path, lists[0])
    return _numeric_columns(schema, path)


def _named(schema: pa.Schema, path: str, name: str) -> Columns:
    if schema.names.count(name) > 1:
        raise InputError(f"{path} has {schema.names.count(name)} columns named {name!r}; rename them")
    kind = storage_type(schema.field(name).type)
    others = [other for other in schema.names if other != name]
    notices = [f"column {name!r} is read; left out: {listed_names(others)}"] if others else []
    if _is_vector(kind):
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        width = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        return Columns((name,), True, width, (dtype,), (*notices, *dtype_notices(dtype)))
    if _is_number(kind):
        dtype = np.dtype(kind.to_pandas_dtype())
        return Columns((name,), False, 1, (dtype,), (*notices, *dtype_notices(dtype)))
    raise InputError(f"{path} has {kind} in column {name!r}; thinshell reads numbers or lists of numbers")


def _numeric_columns(schema: pa.Schema, path: str) -> Columns:
    fields = [field for field in schema if _is_number(field.type) and not field.name.startswith(PANDAS_INDEX)]
    names = [field.name for field in fields]
    if not names:
        held = listed_names([f"{field.name} ({field.type})" for field in schema])
        raise InputError(f"{path} has no column of numbers or of lists of numbers; it has: {held or 'none'}")
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{path} has {names.count(repeated)} columns named {repeated!r}; rename them")
    dtypes = [np.dtype(field.type.to_pandas_dtype()) for field in fields]
    taken = set(names)
    left_out = [field.name for field in schema if field.name not in taken]
    notices = [f"columns without numbers are left out: {listed_names(left_out)}"] if left_out else []
    notices += integer_notices(names, dtypes)
    return Columns(tuple(names), False, len(names), tuple(dtypes), tuple(notices))


def storage_type(kind: pa.DataType) -> pa.DataType:
    """Return what an extension type (such as a fixed-shape tensor) is stored as."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _is_vector(kind: pa.DataType) -> bool:
    kind = storage_type(kind)
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return is_list and _is_number(kind.value_type)
