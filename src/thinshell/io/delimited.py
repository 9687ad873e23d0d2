"""CSV and TSV files, parsed by Arrow a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from thinshell.errors import InputError
from thinshell.io.batches import gathered
from thinshell.io.failures import explained
from thinshell.io.files import arrow_file, opened_text
from thinshell.io.source import Source
from thinshell.io.table_layout import TableLayout, is_number, rows_of, table_layout

__all__ = ["open_delimited"]

# Arrow wants a whole row inside a parsing block; eight of the longest row seen leave room for longer ones.
PARSE_BYTES = 2 * 2**20
PARSE_ROWS = 8


def open_delimited(path: str, column: str | None) -> Source:
    """Open the numeric columns, or the one named, of a CSV or TSV file."""
    with explained(path, "CSV"):
        layout = table_layout(path, column)
    return DelimitedSource(path, layout)


class DelimitedSource(Source):
    """Rows of one CSV or TSV file; `n_samples` is None until they have been read to the end."""

    def __init__(self, path: str, layout: TableLayout) -> None:
        self._layout = layout
        super().__init__(
            paths=(path,),
            n_samples=None if layout.has_rows else 0,
            n_features=len(layout.chosen),
            dtype="text",
            block_dtype=np.dtype(np.float64),
            feature_names=[layout.names[j] for j in layout.chosen] if layout.has_header else None,
            notices=layout.notices,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        path, n_samples = self.paths[0], 0
        with explained(path, "CSV"):
            try:
                for block in gathered(self._matrices(), rows, self.block_dtype):
                    n_samples += len(block)
                    yield block
            except pa.ArrowInvalid as error:
                located = _located(path, self._layout)
                if located is not None:
                    raise located from error
                raise
        self.n_samples = n_samples

    def _matrices(self) -> Iterator[np.ndarray]:
        layout = self._layout
        # Columns go by position, since names may repeat. Empty cells and NA are errors, not missing values.
        names = [str(j) for j in range(layout.n_columns)]
        chosen = [names[j] for j in layout.chosen]
        reader = arrow_csv.open_csv(
            arrow_file(self.paths[0]),
            read_options=arrow_csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=int(layout.has_header),
                block_size=max(PARSE_BYTES, PARSE_ROWS * layout.row_characters),
                use_threads=False,
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=chosen,
                column_types={name: pa.float64() for name in chosen},
                null_values=[],
            ),
        )
        for batch in reader:
            matrix = np.empty((batch.num_rows, len(chosen)))
            for j in range(len(chosen)):
                matrix[:, j] = np.from_dlpack(batch.column(j))
            yield matrix


def _located(path: str, layout: TableLayout) -> InputError | None:
    """Find the cell or row that Arrow did not take; None if everything looks right to us."""
    with opened_text(path) as file:
        for row, cells in enumerate(rows_of(file, layout.delimiter, path), start=-int(layout.has_header)):
            if len(cells) != layout.n_columns:
                return InputError(
                    f"{path} has {len(cells):,} cells in row {row}, the first line has {layout.n_columns:,}; "
                    "every row must have the same number of columns"
                )
            for j in layout.chosen if row >= 0 else ():
                if not is_number(cells[j]):
                    held = repr(cells[j][:40]) if cells[j].strip() else "an empty cell"
                    return InputError(
                        f"{path} has {held} in row {row} of column {layout.names[j]!r}, where a number is "
                        "needed; repair or drop the row"
                    )
    return None
