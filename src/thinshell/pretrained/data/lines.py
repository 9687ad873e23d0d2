"""Files with one text, or one JSON object, a line."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.data.columns import choose_text_column
from thinshell.pretrained.data.items import ItemError, Items, file_fingerprint, text_of

__all__ = ["JsonLineItems", "LineItems"]

# Bytes looked through at a time for the ends of lines.
_PIECE = 2**24
_BOM = b"\xef\xbb\xbf"


class LineItems(Items):
    """A text file, one text a line, read where it lies; 8 bytes of memory a line. ``.gz`` is unpacked into memory.

    An empty line is an item that cannot be used, so that ids (from "0") stay with the lines.

    Parameters
    ----------
    path : Path
        UTF-8, lines ended by a line feed, with a carriage return or without.

    Raises
    ------
    InputError
        If it has no lines or cannot be read.
    """

    kind = "text"
    _format = "text lines"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: np.ndarray | bytes | None = None
        self._state: tuple[int, int] | None = None
        try:
            self.fingerprint = file_fingerprint(path)
            self._ends = _line_ends(self._bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})") from error
        if not len(self._ends):
            raise InputError(f"{path} has zero lines; give a file with at least one text")
        noun = "text" if len(self._ends) == 1 else "texts"
        self.facts: dict[str, Any] = {
            "name": f"{len(self._ends):,} {noun} of {path}",
            "path": str(path),
            "format": self._format,
            "n_items": len(self._ends),
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def __len__(self) -> int:
        return len(self._ends)

    def id(self, i: int) -> str:
        """Return the number of the line, from 0."""
        return str(i)

    def load(self, i: int) -> Any:
        """Return the line without its end."""
        return text_of(self._line(i), self._where(i))

    def _bytes(self) -> np.ndarray | bytes:
        if self._opened is None:
            status = self._path.stat()
            state = status.st_size, status.st_mtime_ns
            if self._state not in (None, state):  # its lines are no longer where they were
                raise ItemError(f"{self._path} was changed while it was being read; begin again with --restart")
            self._state = state
            if self._path.suffix.lower() == ".gz":
                with gzip.open(self._path) as file:
                    self._opened = file.read()
            elif status.st_size:
                self._opened = np.memmap(self._path, np.uint8, "r")
            else:
                self._opened = b""
        return self._opened

    def _where(self, i: int) -> str:
        return f"{self._path}, line {i + 1:,}"

    def _line(self, i: int) -> str:
        start = int(self._ends[i - 1]) + 1 if i else 0
        line = bytes(self._bytes()[start : int(self._ends[i])])
        try:
            return line.removeprefix(_BOM if not i else b"").removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ItemError(
                f"{self._where(i)} is not UTF-8 (byte {error.start + 1}); save the file as UTF-8"
            ) from error


class JsonLineItems(LineItems):
    """A file of JSON objects, one a line, of which one field is the text.

    Parameters
    ----------
    path : Path
    column, id_column, label_column : str, optional
        Names of fields; without `column` the text is found by its name or as the only string.

    Raises
    ------
    InputError
        If the first line is no JSON object, or has no such field.
    """

    _format = "JSON lines"

    def __init__(self, path: Path, column: str | None, id_column: str | None, label_column: str | None) -> None:
        super().__init__(path)
        first = self._object(0)
        texts = [name for name, value in first.items() if isinstance(value, str)]
        self._column = choose_text_column(path, list(first), texts, column, "field")
        for name in (id_column, label_column):
            if name is not None and name not in first:
                raise unknown_name(f"the field of {path}", name, list(first))
        self._id_column, self._label_column = id_column, label_column
        self.facts |= {"column": self._column, "id_column": id_column, "label_column": label_column}

    def id(self, i: int) -> str:
        """Return the field that names it, or the number of the line."""
        return str(i) if self._id_column is None else str(self._field(i, self._id_column))

    def label(self, i: int) -> str | None:
        """Return the field with the label."""
        value = None if self._label_column is None else self._field(i, self._label_column)
        return None if value is None else str(value)

    def load(self, i: int) -> Any:
        """Return the field with the text."""
        return text_of(self._object(i).get(self._column), f"{self._where(i)}, field {self._column!r}")

    def _field(self, i: int, name: str) -> Any:
        try:
            return self._object(i).get(name)
        except ItemError:  # such a line is left out, and is still called something
            return i if name == self._id_column else None

    def _object(self, i: int) -> dict[str, Any]:
        try:
            value = json.loads(self._line(i))
        except ValueError as error:
            if isinstance(error, ItemError):
                raise
            raise ItemError(f"{self._where(i)} is not JSON ({error})") from error
        if not isinstance(value, dict):
            raise ItemError(f"{self._where(i)} must be a JSON object with fields, got {type(value).__name__}")
        return value


def _line_ends(data: np.ndarray | bytes) -> np.ndarray:
    """Return where each line ends: at its line feed, or at the end of the file."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    parts = [
        np.flatnonzero(array[start : start + _PIECE] == ord("\n")) + start for start in range(0, len(array), _PIECE)
    ]
    ends = np.concatenate([*parts, np.empty(0, np.int64)]).astype(np.int64)
    if len(array) and array[-1] != ord("\n"):
        ends = np.append(ends, len(array))
    return ends
