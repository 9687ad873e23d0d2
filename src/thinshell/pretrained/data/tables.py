"""Tables: CSV, Parquet, Arrow, and data sets that the library ``datasets`` saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.data.columns import choose_text_column
from thinshell.pretrained.data.items import Items, file_fingerprint, text_of
from thinshell.pretrained.data.pictures import load_picture

__all__ = ["TableItems", "open_table", "saved_dataset"]


class TableItems(Items):
    """A column of a table, with ids and labels from other columns.

    Parameters
    ----------
    path : Path
        For names and errors.
    reader : callable
        Returns the table's columns that are asked for; called again in each worker process.
    names, fit : sequence of str
        All columns, and those that hold texts or pictures.
    column, id_column, label_column : str, optional
    fingerprint : str
    facts : dict
        Format and split.
    classes : dict of str to list of str
        Names of the classes that a column numbers.

    Raises
    ------
    InputError
        If a column is missing, or the table has no rows.
    """

    def __init__(
        self,
        path: Path,
        reader: Callable[[list[str]], pa.Table],
        names: Sequence[str],
        fit: Sequence[str],
        columns: tuple[str | None, str | None, str | None],
        fingerprint: str,
        facts: dict[str, Any],
        classes: dict[str, list[str]] | None = None,
    ) -> None:
        asked, id_column, label_column = columns
        self._path, self._reader = path, reader
        self._column = choose_text_column(path, names, fit, asked, "column")
        for name in (id_column, label_column):
            if name is not None and name not in names:
                raise unknown_name(f"the column of {path}", name, names)
        self._id_column, self._label_column = id_column, label_column
        self._classes = (classes or {}).get(label_column or "")
        self._opened: pa.Table | None = None
        table = self._table()
        if not len(table):
            raise InputError(f"{path} has zero rows; give a file with at least one")
        self._n = len(table)
        self.kind = "text" if _is_text(table.schema.field(self._column).type) else "image"
        self.fingerprint = fingerprint
        noun = "texts" if self.kind == "text" else "pictures"
        self.facts = {
            "name": f"{self._n:,} {noun} of {path}, column {self._column!r}",
            "path": str(path),
            **facts,
            "n_items": self._n,
            "column": self._column,
            "id_column": id_column,
            "label_column": label_column,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def __len__(self) -> int:
        return self._n

    def _table(self) -> pa.Table:
        if self._opened is None:
            wanted = [name for name in (self._column, self._id_column, self._label_column) if name is not None]
            try:
                self._opened = self._reader(list(dict.fromkeys(wanted)))
            except (OSError, pa.ArrowException) as error:
                reason = " ".join(str(error).split())
                raise InputError(f"{self._path} cannot be read ({reason[:300]})") from error
        return self._opened

    def _value(self, name: str, i: int) -> Any:
        return self._table()[name][i].as_py()

    def id(self, i: int) -> str:
        """Return the value of the id column, or the number of the row."""
        return str(i) if self._id_column is None else str(self._value(self._id_column, i))

    def label(self, i: int) -> str | None:
        """Return the value of the label column, by its name where the file tells names."""
        value = None if self._label_column is None else self._value(self._label_column, i)
        if value is None:
            return None
        named = self._classes is not None and isinstance(value, int) and 0 <= value < len(self._classes)
        return self._classes[value] if named and self._classes is not None else str(value)

    def load(self, i: int) -> Any:
        """Return the text or the picture."""
        where = f"{self._path}, row {i:,}, column {self._column!r}"
        value = self._value(self._column, i)
        if self.kind == "text":
            return text_of(value, where)
        if isinstance(value, dict):  # bytes, or the path of a file
            value = value.get("bytes") or (self._path.parent / value["path"] if value.get("path") else None)
        return load_picture(b"" if value is None else value, where)


def open_table(path: Path, columns: tuple[str | None, str | None, str | None]) -> TableItems:
    """Open a CSV, TSV, Parquet or Arrow file, ``.gz`` and ``.bz2`` of CSV included.

    Raises
    ------
    InputError
        If it cannot be read, or the column is not there.
    """
    kind = next(suffix.lower() for suffix in reversed(path.suffixes) if suffix.lower() not in (".gz", ".bz2"))
    try:
        reader, schema, name = _openers(path, kind)
        fingerprint = file_fingerprint(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(f"{path} cannot be read ({reason[:300]})") from error
    fit = [field.name for field in schema if _is_text(field.type) or _is_picture(field.type)]
    return TableItems(path, reader, schema.names, fit, columns, fingerprint, {"format": name})


def _openers(path: Path, kind: str) -> tuple[Callable[[list[str]], pa.Table], pa.Schema, str]:
    if kind in (".csv", ".tsv"):
        reader = _CsvReader(path, "\t" if kind == ".tsv" else ",")
        return reader, pa.schema([(name, pa.string()) for name in reader.names()]), "CSV"
    if kind in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        return _ParquetReader(path), pq.read_schema(path), "Parquet"
    reader = _ArrowReader([path])
    return reader, reader.schema(), "Arrow"


class _CsvReader:
    """Reads some columns as text, whatever they look like."""

    def __init__(self, path: Path, delimiter: str) -> None:
        self._path, self._delimiter = path, delimiter

    def _how(self) -> dict[str, Any]:
        from pyarrow import csv

        return {"parse_options": csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True)}

    def names(self) -> list[str]:
        from pyarrow import csv

        with csv.open_csv(self._path, **self._how()) as reader:
            return reader.schema.names

    def __call__(self, columns: list[str]) -> pa.Table:
        from pyarrow import csv

        types = dict.fromkeys(columns, pa.string())
        options = csv.ConvertOptions(include_columns=columns, column_types=types, strings_can_be_null=False)
        return csv.read_csv(self._path, convert_options=options, **self._how())


class _ParquetReader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, columns: list[str]) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.read_table(self._path, columns=columns, memory_map=True)


class _ArrowReader:
    """Reads Arrow IPC files and streams where they lie, without a copy."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)

    def schema(self) -> pa.Schema:
        return self._table(self._paths[0]).schema

    def _table(self, path: Path) -> pa.Table:
        mapped = pa.memory_map(str(path))
        try:
            return pa.ipc.open_file(mapped).read_all()
        except pa.ArrowInvalid:  # a stream has no footer
            mapped.seek(0)
            return pa.ipc.open_stream(mapped).read_all()

    def __call__(self, columns: list[str]) -> pa.Table:
        return pa.concat_tables([self._table(path).select(columns) for path in self._paths])


def saved_dataset(path: Path, columns: tuple[str | None, str | None, str | None], split: str | None) -> TableItems:
    """Open a folder that ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote; read with pyarrow alone.

    Raises
    ------
    InputError
        If the folder is not whole, or the split or a column is not there.
    """
    splits = _json(path / "dataset_dict.json").get("splits") if (path / "dataset_dict.json").is_file() else None
    if splits is not None:
        if split is None and len(splits) > 1:
            raise InputError(f"{path} has the splits {', '.join(splits)}; choose one with --split")
        chosen = split if split is not None else splits[0]
        if chosen not in splits:
            raise unknown_name("split", chosen, splits)
        path = path / chosen
    elif split is not None:
        raise InputError(f"{path} has no splits; leave --split out")
    state, info = _json(path / "state.json"), _json(path / "dataset_info.json")
    if state.get("_indices_files"):
        raise InputError(f"{path} was saved with an index beside it by an old version of datasets; save it again")
    files = [path / entry["filename"] for entry in state.get("_data_files", [])]
    if not files or not all(file.is_file() for file in files):
        raise InputError(f"{path} is not whole: the files of state.json are not all there")
    features = info.get("features") or {}
    classes = {name: feature["names"] for name, feature in features.items() if feature.get("_type") == "ClassLabel"}
    reader = _ArrowReader(files)
    try:
        schema, fingerprint = reader.schema(), file_fingerprint(*files)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read ({' '.join(str(error).split())[:300]})") from error
    fit = [field.name for field in schema if _is_text(field.type) or _is_picture(field.type)]
    asked, id_column, label_column = columns
    if label_column is None and len(classes) == 1:
        label_column = next(iter(classes))
    facts = {"format": "datasets", "split": split}
    return TableItems(path, reader, schema.names, fit, (asked, id_column, label_column), fingerprint, facts, classes)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_picture(kind: pa.DataType) -> bool:
    # As datasets keeps pictures: their file's bytes, or its path.
    if pa.types.is_struct(kind):
        return "bytes" in {kind.field(i).name for i in range(kind.num_fields)}
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); the data set's folder is not whole") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object, got {type(value).__name__}")
    return value
