"""Files that hold two sides of pairs: a column `side` tells them apart, a column `pair` who belongs to whom."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thinshell.errors import InputError, unknown_name
from thinshell.io.failures import explained
from thinshell.io.files import arrow_file
from thinshell.io.paths import expanded
from thinshell.io.source import Source, row_slices
from thinshell.io.urls import is_url

__all__ = ["PartnerSource", "SideSource", "Sides", "sides_of"]


@dataclass(frozen=True)
class Sides:
    """Which rows of a file belong to which side.

    Attributes
    ----------
    names : tuple of str
        Two, in the order in which they come first.
    rows : tuple of ndarray of bool
        For each side, which rows of the file are its own.
    pairs : tuple of ndarray of int64
        For each side, the numbers of its rows' pairs.
    """

    names: tuple[str, str]
    rows: tuple[np.ndarray, np.ndarray]
    pairs: tuple[np.ndarray, np.ndarray]

    def partners(self, side: int) -> np.ndarray:
        """Return, for each row of one side, the first row of the other with its number; -1 where there is none."""
        mine, others = self.pairs[side], self.pairs[1 - side]
        numbers, first = np.unique(others, return_index=True)
        at = np.searchsorted(numbers, mine)
        found = numbers[np.minimum(at, len(numbers) - 1)] == mine
        return np.where(found, first[np.minimum(at, len(numbers) - 1)], -1)

    def number(self, name: str) -> int:
        """Return 0 or 1 for a side's name."""
        if name not in self.names:
            raise unknown_name("side", name, self.names)
        return self.names.index(name)


def sides_of(path: object) -> Sides | None:
    """Return the sides of a Parquet file with columns `side` (text) and `pair` (integers), None for any other file.

    Raises
    ------
    InputError
        If it has these columns, but not two sides, or nulls in them.
    """
    if not isinstance(path, (str, Path)) or Path(path).suffix.lower() not in (".parquet", ".pq"):
        return None
    files = expanded(path)
    if len(files) != 1:
        return None
    # Arrow costs .1 s of start-up, which other files do not pay.
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = files[0]
    with explained(name, "Parquet"):
        # A URL goes through our own file: Arrow has clients of its own for some, with other settings and no retries.
        schema = pq.read_schema(arrow_file(name) if is_url(name) else name)
        kinds = {field.name: field.type for field in schema}
        if "side" not in kinds or "pair" not in kinds or not pa.types.is_integer(kinds["pair"]):
            return None
        kind = kinds["side"].value_type if pa.types.is_dictionary(kinds["side"]) else kinds["side"]
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            return None
        place = arrow_file(name) if is_url(name) else name
        table = pq.read_table(place, columns=["side", "pair"], read_dictionary=["side"])
    if table["side"].null_count or table["pair"].null_count:
        raise InputError(f"{name} has nulls in its columns side or pair; fill them, or drop these rows")
    coded = table["side"].unify_dictionaries().combine_chunks()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.dictionary_encode()
    names = [str(value) for value in coded.dictionary.to_pylist()]
    codes = coded.indices.to_numpy()
    present = list(dict.fromkeys(codes.tolist())) if len(names) > 2 else list(range(len(names)))
    if len(present) != 2 or not len(codes):
        raise InputError(
            f"{name} must hold two sides of pairs in its column side, got {_listed(names)}; or drop that column"
        )
    present.sort(key=lambda code: int(np.argmax(codes == code)))
    rows = tuple(codes == code for code in present)
    numbers = table["pair"].to_numpy()
    return Sides((names[present[0]], names[present[1]]), (rows[0], rows[1]), (numbers[rows[0]], numbers[rows[1]]))


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (" …" if len(names) > 5 else "") or "none"


class SideSource(Source):
    """The rows of one side, in their order.

    Parameters
    ----------
    source : Source
        Of the whole file.
    rows : ndarray of bool
        Which of its rows are the side's.
    """

    portable = False

    def __init__(self, source: Source, rows: np.ndarray) -> None:
        self._source, self._rows = source, rows
        super().__init__(
            paths=source.paths,
            n_samples=int(rows.sum()),
            n_features=source.n_features,
            dtype=source.dtype,
            block_dtype=source.block_dtype,
            feature_names=source.feature_names,
            notices=source.notices,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        seen = 0
        blocks = self._source._read(rows)
        with closing(blocks):  # type: ignore[type-var] - every reader is a generator
            for block in blocks:
                chosen = self._rows[seen : seen + len(block)]
                seen += len(block)
                if chosen.any():
                    yield block if chosen.all() else np.ascontiguousarray(block[chosen])


class PartnerSource(Source):
    """For each row of one side the row of its partner; zeros where it has none.

    The partners are kept in a temporary file: they are asked for in any order, some of them several times.

    Parameters
    ----------
    side : SideSource
        The other side.
    numbers : ndarray of int64
        Which of its rows, -1 for none.
    """

    portable = False

    def __init__(self, side: SideSource, numbers: np.ndarray) -> None:
        self._side, self._numbers = side, numbers
        super().__init__(
            paths=side.paths,
            n_samples=len(numbers),
            n_features=side.n_features,
            dtype=side.dtype,
            block_dtype=side.block_dtype,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        with tempfile.TemporaryFile(prefix="thinshell-") as file:
            for block in self._side._read(rows):
                file.write(np.ascontiguousarray(block, dtype=self.block_dtype).data)
            file.flush()
            kept = np.memmap(file, self.block_dtype, "r", shape=(self._side.n_samples or 0, self.n_features))
            for start, stop in row_slices(len(self._numbers), rows):
                numbers = self._numbers[start:stop]
                block = np.array(kept[np.maximum(numbers, 0)])
                block[numbers < 0] = 0
                yield block
