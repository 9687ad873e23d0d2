"""Lines, JSON lines and tables of texts."""

import gzip
import json
import pickle
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thinshell.errors import InputError
from thinshell.pretrained.data import ItemError, open_data


def opened(path, **how):
    (items,) = open_data(path, **how)
    return items


def bad(items, i):
    with pytest.raises(ItemError) as caught:
        items.load(i)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"one\ntwo\nthree\n", b"one\r\ntwo\r\nthree", b"\xef\xbb\xbfone\ntwo\nthree\n"])
def test_lines(content, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    items = opened(path)
    assert [items.load(i) for i in range(len(items))] == ["one", "two", "three"]
    assert [items.id(i) for i in range(3)] == ["0", "1", "2"]
    assert (items.kind, items.label(0), items.name) == ("text", None, f"3 texts of {path}")
    again = pickle.loads(pickle.dumps(items))
    assert again.load(2) == "three"


def test_packed_lines(tmp_path):
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        file.write("eins\nzwölf\n".encode())
    assert opened(tmp_path / "a.txt.gz").load(1) == "zwölf"
    (tmp_path / "b.txt.gz").write_bytes(b"not packed")
    with pytest.raises(InputError, match="cannot be read"):
        open_data(tmp_path / "b.txt.gz")


def test_lines_that_cannot_be_used(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n\n   \nna\xefve\nlast\n")
    items = opened(path)
    assert len(items) == 5
    assert "line 2 is empty" in bad(items, 1)
    assert "line 3 is empty" in bad(items, 2)
    assert "line 4 is not UTF-8 (byte 3)" in bad(items, 3)
    assert items.load(4) == "last"
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InputError, match="zero lines"):
        open_data(tmp_path / "empty.txt")


def test_a_file_that_changed_since_is_noticed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    elsewhere = pickle.dumps(opened(path))
    path.write_text("something else\n")
    assert "was changed" in bad(pickle.loads(elsewhere), 0)


def test_a_million_lines_take_little_memory(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a text of some length, again and again\n" * 1_000_000)
    tracemalloc.start()
    items = opened(path)
    assert (len(items), items.load(999_999)) == (1_000_000, "a text of some length, again and again")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_json_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [
        {"key": "a", "text": "one", "kind": 1},
        {"key": "b", "text": "two", "kind": None},
        {"key": "c", "text": None},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n[1]\n")
    items = opened(path, id_column="key", label_column="kind")
    assert [items.id(i) for i in range(5)] == ["a", "b", "c", "3", "4"]
    assert [items.label(i) for i in range(4)] == ["1", None, None, None]
    assert items.load(1) == "two"
    assert "field 'text' is null" in bad(items, 2)
    assert "line 4 is not JSON" in bad(items, 3)
    assert "must be a JSON object" in bad(items, 4)
    with pytest.raises(InputError, match="did you mean 'text'"):
        open_data(path, column="txt")


COLUMNS = {"name": ["x", "y", "z"], "text": ["one", "two, and\nmore", ""], "number": [1, 2, 3]}


def written(path):
    table = pa.table(COLUMNS)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    elif path.suffix == ".feather":  # a stream, as some programs write under this name
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        quoted = [[f'"{cell}"' if "\n" in str(cell) else str(cell) for cell in column] for column in COLUMNS.values()]
        rows = [mark.join(row) for row in zip(*quoted, strict=True)]
        path.write_text("\n".join([mark.join(COLUMNS), *rows]) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".csv", ".tsv"])
def test_tables(suffix, tmp_path):
    items = opened(written(tmp_path / f"a{suffix}"), id_column="name", label_column="number")
    assert [items.load(i) for i in range(2)] == ["one", "two, and\nmore"]
    assert "row 2, column 'text' is empty" in bad(items, 2)
    assert [(items.id(i), items.label(i)) for i in range(3)] == [("x", "1"), ("y", "2"), ("z", "3")]
    assert items.facts["column"] == "text"
    assert opened(tmp_path / f"a{suffix}", column="name").load(2) == "z"
    again = pickle.loads(pickle.dumps(items))
    assert again.load(0) == "one"


def test_which_column(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"one": ["a"], "two": ["b"], "n": [1]}), path)
    with pytest.raises(
        InputError, match="several columns that can be embedded \\('one', 'two'\\); choose one with --column"
    ):
        open_data(path)
    with pytest.raises(InputError, match=r"'n' of .* holds neither texts nor pictures"):
        open_data(path, column="n")
    with pytest.raises(InputError, match="did you mean 'two'"):
        open_data(path, column="tow")
    with pytest.raises(InputError, match="the column of"):
        open_data(path, column="one", id_column="key")
    pq.write_table(pa.table({"n": [1]}), path)
    with pytest.raises(InputError, match="no column with texts or pictures"):
        open_data(path)
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(InputError, match="zero rows"):
        open_data(path)


def test_nulls_and_dictionaries(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array(["a", None, "a"]).dictionary_encode()}), path)
    items = opened(path)
    assert (items.load(2), items.kind) == ("a", "text")
    assert "row 1, column 'text' is null" in bad(items, 1)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv"])
def test_damaged_tables(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"PAR1" if suffix == ".parquet" else b"text,n\na\nb,1,2\n" if suffix == ".csv" else b"ARROW1")
    with pytest.raises(InputError, match="a\\."):
        open_data(path)


def test_text_files_have_no_columns(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    with pytest.raises(InputError, match="one text a line"):
        open_data(tmp_path / "a.txt", column="text")
    (tmp_path / "a.json").write_text('[{"text": "one"}]')
    with pytest.raises(InputError, match="no annotation file"):
        open_data(tmp_path / "a.json")
