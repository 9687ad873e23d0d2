"""Parts into one file: Parquet with ids, labels and pairs beside each row, or an array with a JSON file beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from thinshell._files import replacing
from thinshell.errors import InputError
from thinshell.pretrained.partial import PartialRun

__all__ = ["METADATA_KEY", "OUTPUTS", "check_output", "part_table", "sidecar", "write_output"]

OUTPUTS = (".parquet", ".pq", ".npy")
# In the metadata of the Parquet file, as JSON.
METADATA_KEY = "thinshell.embedding"
# Rows of a row group: large enough for readers, small enough for a reader's memory at any width.
_ROW_GROUP = 16_384


def check_output(out: Path, *, overwrite: bool) -> None:
    """Say what is wrong with the name of an output, if anything is."""
    if out.suffix.lower() not in OUTPUTS:
        raise InputError(f"out must end in one of {', '.join(OUTPUTS)}, got {out.name!r}; Parquet keeps ids and labels")
    if not out.parent.is_dir():
        raise InputError(f"the folder of out is not there: {out.parent}; make it or choose another")
    if out.is_dir():
        raise InputError(f"{out} is a folder; name a file")
    for file in (out, sidecar(out)) if out.suffix.lower() == ".npy" else (out,):
        if file.exists() and not overwrite:
            raise InputError(f"{file} exists already; choose another name or pass --overwrite")


def sidecar(out: Path) -> Path:
    """Return the JSON file that stands beside an array."""
    return out.with_name(out.name + ".json")


def part_table(rows: np.ndarray, ids: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Return rows with their ids; `columns` holds any of label, pair and side."""
    flat = pa.array(np.ascontiguousarray(rows, np.float32).reshape(-1))
    table: dict[str, pa.Array] = {
        "id": pa.array(ids, pa.string()),
        "embedding": pa.FixedSizeListArray.from_arrays(flat, rows.shape[1]),
    }
    kinds = {"label": pa.string(), "pair": pa.int64(), "side": pa.string()}
    table |= {name: pa.array(columns[name], kind) for name, kind in kinds.items() if name in columns}
    return pa.table(table)


def write_output(out: Path, run: PartialRun, n_parts: int, facts: dict[str, Any]) -> None:
    """Put all parts into the output, which appears whole; the same parts give the same bytes."""
    if out.suffix.lower() == ".npy":
        _write_array(out, run, n_parts, facts)
        return
    metadata = {METADATA_KEY: json.dumps(facts, ensure_ascii=True)}
    with run.writing(out), replacing(out) as temporary:
        writer = None
        try:
            for group in _row_groups(run, n_parts):
                if writer is None:
                    schema = group.schema.with_metadata(metadata)
                    few = [name for name in ("label", "side") if name in schema.names]
                    # Floats of embeddings do not compress; their extremes tell nothing.
                    how: dict[str, Any] = {
                        "compression": {name: "none" if name == "embedding" else "zstd" for name in schema.names},
                        "use_dictionary": few,
                        "write_statistics": few,
                    }
                    writer = pq.ParquetWriter(temporary, schema, **how)
                writer.write_table(group, row_group_size=len(group))
        finally:
            if writer is not None:
                writer.close()


def _row_groups(run: PartialRun, n_parts: int) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for number in range(n_parts):
        table = run.read(number)[0]
        if len(table):  # one whose items were all left out does not know its width
            waiting.append(table)
        if sum(map(len, waiting)) >= _ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _write_array(out: Path, run: PartialRun, n_parts: int, facts: dict[str, Any]) -> None:
    beside: dict[str, list[Any]] = {}
    with run.writing(out), replacing(out) as temporary:
        with open(temporary, "wb") as file:
            shape = (facts["n_rows"], facts["n_features"])
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(file, header)
            for number in range(n_parts):
                table = run.read(number)[0]
                if not len(table):
                    continue
                for name in set(table.column_names) - {"embedding"}:
                    beside.setdefault(name, []).extend(table[name].to_pylist())
                for chunk in table["embedding"].chunks:
                    file.write(chunk.flatten().to_numpy().astype("<f4", copy=False).tobytes())
        with replacing(sidecar(out)) as temporary_json:
            text = json.dumps({**facts, "rows": {name: beside[name] for name in sorted(beside)}}, ensure_ascii=True)
            temporary_json.write_text(text, encoding="ascii")
