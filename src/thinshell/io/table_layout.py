"""What the first rows of a CSV or TSV file say about its columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import integer_notices
from thinshell.io.failures import listed_names, unknown_name
from thinshell.io.files import opened_text

__all__ = ["TableLayout", "is_number", "rows_of", "table_layout"]

# A column is text if none of this many cells is a number; one bad cell among them is then still an error.
SAMPLE_ROWS = 100
SAMPLE_CELLS = 200_000  # a 100,000-column table is judged by two rows: .1 s instead of 5 s
# A 100,000-column row of 20 characters a number has 2 MB; a file without line ends must not be read whole.
MAX_LINE_CHARACTERS = 64 * 2**20


@dataclass(frozen=True)
class TableLayout:
    """Columns of a delimited file; `chosen` are the positions of the features among `n_columns`."""

    delimiter: str
    n_columns: int
    has_header: bool
    names: tuple[str, ...]
    chosen: tuple[int, ...]
    row_characters: int
    has_rows: bool
    notices: tuple[str, ...]


def table_layout(path: str, column: str | None) -> TableLayout:
    """Look at the first rows: delimiter, header, and which columns hold numbers."""
    delimiter = _delimiter(path)
    first, below, characters = _sample(path, delimiter)
    numeric = [_is_numeric(below, j) or (not below and is_number(first[j])) for j in range(len(first))]
    has_header, notices = _header(first, numeric)
    names = tuple(cell.strip() for cell in first) if has_header else tuple(map(str, range(len(first))))
    data = below if has_header else [first, *below]
    if column is not None:
        chosen = _named(path, names, column, has_header)
    else:
        numeric = [_is_numeric(data, j) for j in range(len(first))] if data else [True] * len(first)
        chosen, left_out = _features(path, names, numeric, data)
        notices += left_out
        notices += integer_notices([names[j] for j in chosen], [_apparent_dtype(data, j) for j in chosen])
    return TableLayout(delimiter, len(first), has_header, names, tuple(chosen), characters, bool(data), tuple(notices))


def _sample(path: str, delimiter: str) -> tuple[list[str], list[list[str]], int]:
    with opened_text(path) as file:
        rows = rows_of(file, delimiter, path)
        first = next(rows, None)
        if first is None:
            raise InputError(f"{path} has zero rows; give a file with at least one row")
        count = max(2, min(SAMPLE_ROWS, SAMPLE_CELLS // len(first)))
        below = list(islice(rows, count))
    longest = max(sum(len(cell) + 1 for cell in row) for row in [first, *below])
    return first, below, longest


def rows_of(file: TextIO, delimiter: str, path: str) -> Iterator[list[str]]:
    """Yield the rows of cells, blank lines left out."""
    return (row for row in csv.reader(_lines(file, path), delimiter=delimiter) if row)


def _lines(file: TextIO, path: str) -> Iterator[str]:
    while line := file.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS:
            raise InputError(f"{path} has a line of more than {MAX_LINE_CHARACTERS:,} characters; is it a table?")
        if "\0" in line:
            raise InputError(f"{path} holds binary data, or text that is not UTF-8; save it as UTF-8 text")
        yield line


def _delimiter(path: str) -> str:
    if path.lower().endswith(".tsv"):
        return "\t"
    with opened_text(path) as file:
        line = next(_lines(file, path), "")
    # Spreadsheets of half of Europe write ";" into .csv files.
    return next((mark for mark in (",", ";", "\t") if mark in line), ",")


def is_number(cell: str) -> bool:
    """Return whether Arrow reads the cell as a float: as Python does, less underscores and exotic digits."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell


def _is_numeric(rows: Sequence[Sequence[str]], j: int) -> bool:
    return any(len(row) > j and is_number(row[j]) for row in rows)


def _apparent_dtype(rows: Sequence[Sequence[str]], j: int) -> np.dtype:
    cells = [row[j].strip().lstrip("+-") for row in rows if len(row) > j]
    return np.dtype(np.int64 if all(cell.isdigit() for cell in cells) else np.float64)


def _header(first: Sequence[str], numeric: Sequence[bool]) -> tuple[bool, list[str]]:
    """Decide whether the first row names the columns: no numbers in it where numbers stand below."""
    cells = [cell for cell, is_numeric in zip(first, numeric, strict=True) if is_numeric]
    numbers = [cell.strip() for cell in cells if is_number(cell)]
    if not numbers:
        return True, []
    # pandas names columns without names 0, 1, 2, ...; three in order are no coincidence among floats.
    if len(numbers) >= 3 and numbers == [str(i) for i in range(len(numbers))]:
        return True, [f"the first row (0, 1, ..., {len(numbers) - 1}) is taken as column names"]
    return False, []


def _named(path: str, names: Sequence[str], column: str, has_header: bool) -> list[int]:
    if column not in names:
        what = "column" if has_header else "header; its columns are numbered from 0, and there is no column"
        raise unknown_name(path, what, column, names)
    if names.count(column) > 1:
        raise InputError(f"{path} has {names.count(column)} columns named {column!r}; rename them")
    return [names.index(column)]


def _features(
    path: str, names: Sequence[str], numeric: Sequence[bool], data: Sequence[Sequence[str]]
) -> tuple[list[int], list[str]]:
    for j, name in enumerate(names):
        if not numeric[j] and len(data[0]) > j and data[0][j].lstrip().startswith("["):
            raise InputError(
                f"{path} has lists written as text in column {name!r}; save it as Parquet, or with one "
                "column for each feature"
            )
    chosen = [j for j in range(len(names)) if numeric[j]]
    notices = []
    # pandas writes its row index as a first column without a name.
    if len(chosen) > 1 and chosen[0] == 0 and names[0] == "":
        chosen = chosen[1:]
        notices.append("the first column has no name (a row index as pandas writes it) and is left out")
    text = [name for j, name in enumerate(names) if not numeric[j]]
    if not chosen:
        raise InputError(f"{path} has no column of numbers; it has: {listed_names(text)}")
    if text:
        notices.append(f"columns without numbers are left out: {listed_names(text)}")
    return chosen, notices
