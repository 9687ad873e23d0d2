"""Reading tables of LanceDB by URL: names, columns, versions, memory."""

import subprocess
import sys
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.databases.lancedb_table import open_lancedb

lancedb = pytest.importorskip("lancedb")

ARRAY = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)


def fixed(array):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).ravel()), array.shape[1])


@pytest.fixture
def database(tmp_path):
    client = lancedb.connect(str(tmp_path / "my db"))
    client.create_table("items", pa.table({"id": range(300), "e": fixed(ARRAY)}))
    client.create_table("pairs", pa.table({"img": fixed(ARRAY), "text": fixed(ARRAY + 1)}))
    return client


def url(folder, query="?table=items"):
    return f"lancedb://{quote(str(folder))}{query}"


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def test_rows_in_order(tmp_path, database):
    address = url(tmp_path / "my db")
    source = open_lancedb(address, None)
    assert (source.paths, source.n_samples, source.n_features, source.dtype) == ((address,), 300, 6, "float32")
    assert source.notices == ["column 'e' is read; left out: id"]
    assert source.portable
    for max_bytes in (1, 24 * 70, 10**6):
        blocks = list(source.blocks(max_bytes))
        assert {len(block) for block in blocks[:-1]} <= {max(1, max_bytes // 24)}
        np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)
    np.testing.assert_array_equal(read(open_source(address)), ARRAY)


def test_relative_folders(tmp_path, database, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("my%20db", "my db", "./my%20db/", "../" + tmp_path.name + "/my db"):
        np.testing.assert_array_equal(read(open_lancedb(f"lancedb://{folder}?table=items", None)), ARRAY)


def test_columns(tmp_path, database):
    folder = tmp_path / "my db"
    with pytest.raises(InputError, match=r"has 2 list columns: img, text; name one with column='img'"):
        open_lancedb(url(folder, "?table=pairs"), None)
    for source in (
        open_lancedb(url(folder, "?table=pairs&column=text"), None),
        open_lancedb(url(folder, "?table=pairs"), "text"),
        open_lancedb(url(folder, "?column=text&table=pairs"), "text"),
    ):
        np.testing.assert_array_equal(read(source), ARRAY + 1)
    with pytest.raises(InputError, match="names the column 'text', the argument column 'img'; leave one of them"):
        open_lancedb(url(folder, "?table=pairs&column=text"), "img")
    with pytest.raises(InputError, match="has no column 'txt'; did you mean 'text'\\? Available: img, text"):
        open_lancedb(url(folder, "?table=pairs"), "txt")


def test_the_version_that_was_opened_is_read(tmp_path, database):
    source = open_lancedb(url(tmp_path / "my db"), None)
    database.open_table("items").add(pa.table({"id": [300], "e": fixed(ARRAY[:1])}))
    np.testing.assert_array_equal(read(source), ARRAY)
    assert open_lancedb(url(tmp_path / "my db"), None).n_samples == 301


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?table=item", "has no table 'item'; did you mean 'items'? Available: items, pairs"),
        ("?table=../my%20db/items", "has no table '../my db/items'; "),
        ("?table=zzz", "has no table 'zzz'; available: items, pairs"),
        ("", "names no table; add ?table=, one of items, pairs"),
        ("?table=", "names no table; add ?table=, one of items, pairs"),
        ("?table=items&colum=e", "has parameters that are not known: colum; write table= and column="),
    ],
)
def test_what_is_not_there(tmp_path, database, query, message):
    address = url(tmp_path / "my db", query)
    with pytest.raises(InputError) as caught:
        open_lancedb(address, None)
    assert str(caught.value).startswith(f"{address} {message}")


def test_folders_that_are_none(tmp_path):
    with pytest.raises(InputError, match="none\\?table=items does not exist; check the path"):
        open_lancedb(url(tmp_path / "none"), None)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("words")
    with pytest.raises(InputError, match=r"could not be read \(Not a directory\)"):
        open_lancedb(url(tmp_path / "file"), None)
    with pytest.raises(InputError, match=r"names no folder; write lancedb:///absolute/folder\?table="):
        open_lancedb("lancedb://?table=items", None)
    with pytest.raises(InputError, match=r"names no table; add .*, though the folder holds none"):
        open_lancedb(url(tmp_path, ""), None)


def test_missing_package(tmp_path, database, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(InputError, match=r"needs lancedb: pip install 'thinshell\[databases\]'"):
        open_lancedb(url(tmp_path / "my db"), None)


SCRIPT = """
import sys, pathlib
import pyarrow, lancedb
from thinshell.io import prefetch
from thinshell.io.databases.lancedb_table import open_lancedb

def status(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1000

pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
rows = sum(len(block) for block in prefetch(open_lancedb(sys.argv[1], None).blocks(4 * 2**20)))
print(rows, status("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_peak_of_a_150_mb_table(tmp_path):
    array = np.random.default_rng(0).standard_normal((100_000, 384), dtype=np.float32)
    lancedb.connect(str(tmp_path)).create_table("items", pa.table({"e": fixed(array)}))
    done = subprocess.run([sys.executable, "-c", SCRIPT, url(tmp_path)], capture_output=True, text=True)
    if "Permission" in done.stderr or "clear_refs" in done.stderr:
        pytest.skip("the high-water mark of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    assert int(rows) == 100_000
    # Measured: 74 MB.
    assert float(megabytes) < 120
