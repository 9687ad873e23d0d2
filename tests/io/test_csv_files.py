"""Reading CSV and TSV: headers, text columns, and bad cells found by row and column."""

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source

ARRAY = np.random.default_rng(0).standard_normal((200, 4))


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def written(folder, text, name="emb.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def table(array, header=None, delimiter=",", end="\n"):
    lines = [] if header is None else [delimiter.join(header)]
    return end.join(lines + [delimiter.join(repr(float(x)) for x in row) for row in array]) + end


@pytest.mark.parametrize("header", [None, ["a", "b", "c", "d"]])
@pytest.mark.parametrize(("name", "delimiter"), [("e.csv", ","), ("e.tsv", "\t"), ("e.csv", ";")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_round_trip(tmp_path, header, name, delimiter, end):
    path = written(tmp_path, table(ARRAY, header, delimiter, end), name)
    source = open_source(path)
    assert (source.n_samples, source.n_features, source.dtype) == (None, 4, "text")
    assert source.feature_names == (None if header is None else tuple(header))
    assert source.notices == []
    for _ in range(2):
        blocks = list(source.blocks(300))
        assert all(block.flags.c_contiguous and block.nbytes <= 300 for block in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)
    assert source.n_samples == 200


def test_small_parsing_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.delimited.PARSE_BYTES", 1)
    path = written(tmp_path, table(ARRAY, ["a", "b", "c", "d"]))
    np.testing.assert_array_equal(read(open_source(path), max_bytes=64), ARRAY)


def test_one_row(tmp_path):
    np.testing.assert_array_equal(read(open_source(written(tmp_path, "1,2,3\n"))), [[1, 2, 3]])


def test_special_values_are_numbers(tmp_path):
    values = read(open_source(written(tmp_path, "nan,1\n inf ,-Infinity\n1e400,+2.\n")))
    np.testing.assert_array_equal(values, [[np.nan, 1], [np.inf, -np.inf], [np.inf, 2]])


def test_text_columns_are_left_out_and_named(tmp_path):
    text = 'id,"words, more",e0,e1\nx1,"a, ""b""\nc",.1,.2\nx2,\xff,.3,.4\n'.encode("latin1")
    source = open_source(written(tmp_path, text))
    assert source.feature_names == ("e0", "e1")
    assert source.notices == ["columns without numbers are left out: id, words, more"]
    np.testing.assert_array_equal(read(source), [[0.1, 0.2], [0.3, 0.4]])


def test_byte_order_mark(tmp_path):
    source = open_source(written(tmp_path, b"\xef\xbb\xbfa,b\n1.5,2\n"))
    assert source.feature_names == ("a", "b")
    np.testing.assert_array_equal(read(source), [[1.5, 2]])


def test_pandas_header_of_numbers_and_index(tmp_path):
    source = open_source(written(tmp_path, ",0,1,2\n0,.1,.2,.3\n1,.4,.5,.6\n"))
    assert source.feature_names == ("0", "1", "2")
    assert source.notices == [
        "the first row (0, 1, ..., 2) is taken as column names",
        "the first column has no name (a row index as pandas writes it) and is left out",
    ]
    np.testing.assert_array_equal(read(source), [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


def test_integer_column_beside_floats_is_said(tmp_path):
    source = open_source(written(tmp_path, "label,e\n3,.1\n4,.2\n"))
    assert source.notices[0].startswith("integer columns are taken as features beside the float ones: label;")


def test_column_by_name(tmp_path):
    path = written(tmp_path, "a,b,b\n1.5,2,5\n3,4,6\n")
    np.testing.assert_array_equal(read(open_source(path, column="a")), [[1.5], [3]])
    with pytest.raises(InputError, match="has 2 columns named 'b'; rename them"):
        open_source(path, column="b")
    with pytest.raises(InputError, match="has no column 'c'; available: a, b, b"):
        open_source(path, column="c")
    bare = written(tmp_path, "1.5,2\n3,4\n", "bare.csv")
    np.testing.assert_array_equal(read(open_source(bare, column="1")), [[2], [4]])
    with pytest.raises(InputError, match=r"has no header; its columns are numbered from 0.* 'c'"):
        open_source(bare, column="c")


@pytest.mark.parametrize(("bad", "held"), [("oops", "'oops'"), ("", "an empty cell"), ("NA", "'NA'"), ("1_0", "'1_0'")])
@pytest.mark.parametrize("row", [0, 150])
def test_bad_cell(tmp_path, bad, held, row):
    lines = table(ARRAY, ["a", "b", "c", "d"]).splitlines()
    cells = lines[row + 1].split(",")
    lines[row + 1] = ",".join([*cells[:2], bad, cells[3]])
    path = written(tmp_path, "\n".join(lines))
    source = open_source(path)
    with pytest.raises(InputError) as caught:
        list(source.blocks())
    assert str(caught.value) == (
        f"{path} has {held} in row {row} of column 'c', where a number is needed; repair or drop the row"
    )
    assert source.n_samples is None


def test_row_of_another_length(tmp_path):
    source = open_source(written(tmp_path, "a,b\n1,2\n3,4,5\n"))
    with pytest.raises(InputError, match="has 3 cells in row 1, the first line has 2; every row"):
        list(source.blocks())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has zero rows"),
        ("\n\n", "has zero rows"),
        ("a,b\nx,y\nz,w\n", "has no column of numbers; it has: a, b"),
        (
            'id,embedding\n1,"[0.1, 0.2]"\n',
            "has lists written as text in column 'embedding'; save it as Parquet",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "holds binary data, or text that is not UTF-8"),
        (b"\x00\x01\x02\n", "holds binary data"),
    ],
)
def test_files_without_numbers(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        open_source(path)
    assert str(caught.value).startswith(path)


def test_endless_line(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.table_layout.MAX_LINE_CHARACTERS", 50)
    with pytest.raises(InputError, match="has a line of more than 50 characters"):
        open_source(written(tmp_path, "1," * 100))
