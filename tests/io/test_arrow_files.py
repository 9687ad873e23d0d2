"""Reading Parquet and Arrow: list columns, a column for each feature, nulls and ragged lists by row."""

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source

ARRAY = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def write_parquet(table, path):
    pq.write_table(table, path, row_group_size=70)


def write_feather(table, path):
    pyarrow.feather.write_feather(table, path, chunksize=70)


def write_plain_feather(table, path):
    pyarrow.feather.write_feather(table, path, chunksize=70, compression="uncompressed")


def write_stream(table, path):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=70)


WRITERS = [
    (".parquet", write_parquet),
    (".pq", write_parquet),
    (".feather", write_feather),
    (".ipc", write_plain_feather),
    (".arrow", write_stream),
]
every_format = pytest.mark.parametrize(("extension", "write"), WRITERS)


def written(folder, table, extension=".parquet", write=write_parquet):
    path = folder / ("emb" + extension)
    write(table, path)
    return str(path)


def fixed(array):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).ravel()), array.shape[1])


def varying(array, kind=pa.list_):
    return pa.array(list(array), type=kind(pa.from_numpy_dtype(array.dtype)))


@every_format
@pytest.mark.parametrize("make", [fixed, varying, lambda array: varying(array, pa.large_list)])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_list_columns(tmp_path, extension, write, make, dtype):
    array = (ARRAY * 10).astype(dtype)
    source = open_source(written(tmp_path, pa.table({"e": make(array)}), extension, write))
    assert (source.n_samples, source.n_features, source.dtype) == (300, 6, np.dtype(dtype).name)
    assert source.feature_names is None
    for _ in range(2):
        blocks = list(source.blocks(240))
        assert {len(block) for block in blocks[:-1]} == {240 // (6 * source.block_dtype.itemsize)}
        assert all(block.flags.c_contiguous and block.flags.writeable for block in blocks)
        assert all(block.dtype == source.block_dtype for block in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), array.astype(source.block_dtype))


@every_format
def test_lists_of_booleans(tmp_path, extension, write):
    array = ARRAY > 0
    kind = pa.list_(pa.bool_(), 6)
    source = open_source(written(tmp_path, pa.table({"e": pa.array(list(array), kind)}), extension, write))
    assert source.dtype == "bool"
    np.testing.assert_array_equal(read(source), array.astype(float))


@every_format
def test_a_column_for_each_feature(tmp_path, extension, write):
    table = pa.table({f"f{j}": ARRAY[:, j] for j in range(6)} | {"text": ["a"] * 300})
    source = open_source(written(tmp_path, table, extension, write))
    assert source.feature_names == tuple(f"f{j}" for j in range(6))
    assert source.notices == ["columns without numbers are left out: text"]
    np.testing.assert_array_equal(read(source, max_bytes=100), ARRAY)


@every_format
def test_mixed_number_types(tmp_path, extension, write):
    table = pa.table({"x": ARRAY[:, 0], "y": np.arange(300), "b": ARRAY[:, 1] > 0})
    source = open_source(written(tmp_path, table, extension, write))
    assert (source.dtype, source.block_dtype) == ("float32, int64, bool", np.float64)
    assert source.notices[0].startswith("integer columns are taken as features beside the float ones: y, b;")
    np.testing.assert_array_equal(read(source)[:, 1], np.arange(300))


def test_all_integers(tmp_path):
    source = open_source(written(tmp_path, pa.table({"x": [1, 2], "y": [3, 4]})))
    assert source.notices == ["integers (int64) are taken as float64"]


def test_wide_table_goes_by_way_of_a_temporary_file(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.parquet.OPEN_BYTES", 3 * 8192 * 1.2)
    monkeypatch.setattr("thinshell.io.parquet.TURNING_BYTES", 500)
    columns = {f"f{j}": ARRAY[:, j] for j in range(5)} | {"f5": ARRAY[:, 5].astype(np.float64)}
    source = open_source(written(tmp_path, pa.table(columns)))
    np.testing.assert_array_equal(read(source, max_bytes=100), ARRAY)


def test_null_in_a_wide_table_has_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.parquet.OPEN_BYTES", 1)
    values = [1.0] * 200
    table = pa.table({"x": values, "y": [*values[:150], None, *values[151:]]})
    with pytest.raises(InputError, match="has a null in row 150 of column 'y'; drop or fill the row"):
        list(open_source(written(tmp_path, table)).blocks())


def test_choice_of_column(tmp_path):
    table = pa.table({"id": range(300), "img": fixed(ARRAY), "txt": fixed(ARRAY * 2), "name": ["a"] * 300})
    path = written(tmp_path, table)
    with pytest.raises(InputError, match=r"has 2 list columns: img, txt; name one with column='img'"):
        open_source(path)
    source = open_source(path, column="txt")
    assert source.notices == ["column 'txt' is read; left out: id, img, name"]
    np.testing.assert_array_equal(read(source), ARRAY * 2)
    np.testing.assert_array_equal(read(open_source(path, column="id"))[:, 0], np.arange(300))
    with pytest.raises(InputError) as caught:
        open_source(path, column="imgs")
    text = f"{path} has no column 'imgs'; did you mean 'img'? Available: id, img, txt, name"
    assert str(caught.value) == text
    with pytest.raises(InputError, match="has string in column 'name'; thinshell reads numbers or lists"):
        open_source(path, column="name")


def test_the_only_list_column_is_taken_and_said(tmp_path):
    source = open_source(written(tmp_path, pa.table({"id": range(300), "e": varying(ARRAY)})))
    assert source.notices == ["column 'e' is read; left out: id"]
    np.testing.assert_array_equal(read(source), ARRAY)


@every_format
def test_chosen_column_of_a_file_with_others(tmp_path, extension, write):
    table = pa.table({"text": ["some words"] * 300, "e": fixed(ARRAY), "id": range(300)})
    np.testing.assert_array_equal(read(open_source(written(tmp_path, table, extension, write))), ARRAY)


def test_many_columns_are_not_all_listed(tmp_path):
    path = written(tmp_path, pa.table({f"f{j}": [1.0] for j in range(30)}))
    with pytest.raises(InputError, match=r"f8, f9 and 20 more$"):
        open_source(path, column="x")


def test_repeated_names(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    path = written(tmp_path, table, ".arrow", write_stream)
    for column in (None, "x"):
        with pytest.raises(InputError, match="has 2 columns named 'x'; rename them"):
            open_source(path, column=column)


def test_pandas_index_is_left_out(tmp_path):
    table = pa.table({"x": [1.5, 2], "y": [3.0, 4], "__index_level_0__": [7, 9]})
    source = open_source(written(tmp_path, table))
    assert source.feature_names == ("x", "y")
    assert source.notices == ["columns without numbers are left out: __index_level_0__"]


def test_fixed_shape_tensors(tmp_path):
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(ARRAY)
    source = open_source(written(tmp_path, pa.table({"e": tensor}), ".arrow", write_stream))
    np.testing.assert_array_equal(read(source), ARRAY)


@every_format
def test_ragged_lists(tmp_path, extension, write):
    rows = [list(row) for row in ARRAY.astype(float)]
    rows[171] = rows[171][:4]
    rows[180] = rows[180][:3]
    source = open_source(written(tmp_path, pa.table({"e": rows}), extension, write))
    with pytest.raises(InputError, match="ragged lists in column 'e': row 171 has 4 values, row 0 has 6; every"):
        list(source.blocks())


@every_format
@pytest.mark.parametrize("make", [lambda rows: pa.array(rows, pa.list_(pa.float64(), 6)), pa.array])
def test_nulls(tmp_path, extension, write, make):
    rows = [list(row) for row in ARRAY.astype(float)]
    rows[171] = None
    path = written(tmp_path, pa.table({"e": make(rows)}), extension, write)
    with pytest.raises(InputError, match="has a null in row 171 of column 'e'; drop or fill the row"):
        list(open_source(path).blocks())
    rows[171] = [1.0, 2.0, None, 4.0, 5.0, 6.0]
    path = written(tmp_path, pa.table({"e": make(rows)}), extension, write)
    with pytest.raises(InputError, match="null in row 171 of column 'e', at position 2 of the list"):
        list(open_source(path).blocks())


@every_format
def test_null_in_a_numeric_column(tmp_path, extension, write):
    table = pa.table({"x": [1.0] * 200, "y": [2.0] * 199 + [None]})
    source = open_source(written(tmp_path, table, extension, write))
    with pytest.raises(InputError, match="has a null in row 199 of column 'y'"):
        list(source.blocks())


@every_format
def test_zero_rows_and_empty_lists(tmp_path, extension, write):
    for kind in (pa.list_(pa.float32()), pa.list_(pa.float32(), 6)):
        path = written(tmp_path, pa.table({"e": pa.array([], kind)}), extension, write)
        with pytest.raises(InputError, match="has zero rows; give a file"):
            open_source(path)
    path = written(tmp_path, pa.table({"e": pa.array([[], [1.0]])}), extension, write)
    with pytest.raises(InputError, match="has an empty list in row 0 of column 'e'"):
        open_source(path)


@every_format
def test_no_numbers(tmp_path, extension, write):
    table = pa.table({"text": ["a"], "nested": pa.array([[[1.0]]])})
    path = written(tmp_path, table, extension, write)
    with pytest.raises(InputError, match=r"has no column of numbers or .*; it has: text \(string\), nested \(list"):
        open_source(path)


@pytest.mark.parametrize(("name", "what"), [("e.parquet", "Parquet"), ("e.feather", "Arrow"), ("e.arrow", "Arrow")])
@pytest.mark.parametrize("content", [b"PAR1 nonsense PAR1", b"ARROW1\0\0 nonsense ARROW1", b"nonsense" * 9])
def test_damaged(tmp_path, name, what, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"is not a readable {what} file") as caught:
        open_source(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@every_format
def test_truncated(tmp_path, extension, write):
    path = tmp_path / ("emb" + extension)
    write(pa.table({"e": fixed(ARRAY)}), path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(InputError, match=r"is not a readable (Parquet|Arrow) file"):
        list(open_source(path).blocks())


def test_feather_version_1(tmp_path):
    path = tmp_path / "emb.feather"
    path.write_bytes(b"FEA1 and so on")
    with pytest.raises(InputError, match="is a Feather version 1 file; write it again as version 2"):
        open_source(path)


def test_maps_are_closed_between_parts_of_one_large_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.arrow.REMAP_BYTES", 500)
    path = tmp_path / "emb.arrow"
    pyarrow.feather.write_feather(pa.table({"e": fixed(ARRAY)}), path, compression="uncompressed")
    np.testing.assert_array_equal(read(open_source(path)), ARRAY)
