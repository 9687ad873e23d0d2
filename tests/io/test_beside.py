"""Columns beside the embeddings, and rows written block by block."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.beside import column_beside, columns_beside
from thinshell.io.row_writer import row_writer

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


def table(**columns):
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.reshape(-1)), 2)
    return pa.table({**columns, "embedding": embedding})


def test_columns_of_parquet_and_arrow_come_in_the_order_of_the_rows(tmp_path):
    first, second = str(tmp_path / "a.parquet"), str(tmp_path / "b.arrow")
    pq.write_table(table(id=pa.array(list("abcdef")).dictionary_encode()), first)
    with pa.OSFile(second, "wb") as file, pa.ipc.new_file(file, table(id=pa.array(range(6))).schema) as writer:
        writer.write_table(table(id=pa.array(range(6))))
    assert columns_beside(first) == columns_beside(second) == ["id", "embedding"]
    assert column_beside([first], "id").to_pylist() == list("abcdef")
    assert column_beside([second], "id").to_pylist() == list(range(6))
    assert column_beside([first, second], "id").to_pylist() == [*"abcdef", *map(str, range(6))]


def test_the_json_file_beside_an_array_has_columns_too(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, ROWS)
    assert columns_beside(str(path)) == []
    (tmp_path / "a.npy.json").write_text(json.dumps({"rows": {"id": ["x", "y", "z", "u", "v", "w"]}}))
    assert column_beside([str(path)], "id").to_pylist() == ["x", "y", "z", "u", "v", "w"]
    (tmp_path / "a.npy.json").write_text("[broken")
    assert columns_beside(str(path)) == []


def test_what_is_not_there_is_told(tmp_path):
    path = str(tmp_path / "a.parquet")
    pq.write_table(table(label=pa.array(range(6))), path)
    with pytest.raises(InputError, match=r"a.parquet must be one of .* got 'lable'; did you mean 'label'"):
        column_beside([path], "lable")
    with pytest.raises(InputError, match="must hold text or whole numbers, got fixed_size_list"):
        column_beside([path], "embedding")
    with pytest.raises(InputError, match="no columns beside the embeddings to take 'id' from"):
        column_beside(["a.csv"], "id")


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_written_in_blocks_are_read_back(tmp_path, name, dtype):
    path = tmp_path / name
    with row_writer(path, name, np.dtype(dtype), 2, {"made by": "a test"}) as writer:
        for block in (ROWS[:1], ROWS[1:1], ROWS[1:]):
            writer.write(block, {"id": pa.array([str(row) for row in block[:, 0]], pa.string())})
    source = open_source(str(path))
    rows = np.concatenate(list(source.blocks()))
    assert rows.dtype == np.dtype(dtype)
    assert np.array_equal(rows, ROWS)
    if name.endswith("parquet"):
        assert pq.read_schema(path).metadata[b"made by"] == b"a test"
        assert column_beside([str(path)], "id").to_pylist() == [str(row) for row in ROWS[:, 0]]


def test_an_array_of_many_rows_keeps_its_header(tmp_path):
    path = tmp_path / "many.npy"
    with row_writer(path, path.name, np.dtype("float32"), 1, {}) as writer:
        for _ in range(120):
            writer.write(np.ones((1001, 1)), {})
    assert np.load(path, allow_pickle=False).shape == (120_120, 1)


def test_an_unknown_ending_is_told(tmp_path):
    with (
        pytest.raises(InputError, match=r"must end in one of .npy, .parquet, .pq, got 'rows.csv'"),
        row_writer(tmp_path / "rows.csv", "rows.csv", np.dtype("float32"), 2, {}),
    ):
        pass
