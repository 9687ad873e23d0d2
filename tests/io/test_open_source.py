"""Paths, globs, extensions, and several files as one data set."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.io import open_source

ARRAY = np.random.default_rng(0).standard_normal((30, 4))


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def save(path, array):
    np.save(path, array)
    return path


def test_glob_is_sorted_and_list_is_not(tmp_path):
    for name, part in (("b", 1), ("a", 0), ("c", 2)):
        save(tmp_path / f"{name}.npy", ARRAY[part * 10 : part * 10 + 10])
    source = open_source(tmp_path / "*.npy")
    assert [Path(path).name for path in source.paths] == ["a.npy", "b.npy", "c.npy"]
    assert source.n_samples == 30
    np.testing.assert_array_equal(read(source, max_bytes=100), ARRAY)
    backwards = open_source([tmp_path / "c.npy", str(tmp_path / "[ab].npy")])
    np.testing.assert_array_equal(read(backwards), np.concatenate([ARRAY[20:], ARRAY[:20]]))
    assert repr(source).endswith("a.npy and 2 more: 30 x 4 float64>")


def test_name_with_brackets_is_itself(tmp_path):
    path = save(tmp_path / "emb[1].npy", ARRAY)
    assert open_source(path).paths == (str(path),)


def test_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save(tmp_path / "emb.npy", ARRAY)
    assert open_source("~/emb.npy").n_samples == 30


def test_recursive_glob(tmp_path):
    (tmp_path / "x").mkdir()
    save(tmp_path / "x" / "a.npy", ARRAY)
    save(tmp_path / "b.npy", ARRAY)
    assert open_source(str(tmp_path / "**" / "*.npy")).n_samples == 60


def test_formats_and_types_may_differ(tmp_path):
    save(tmp_path / "a.npy", ARRAY.astype(np.float16))
    pq.write_table(pa.table({f"f{j}": ARRAY[:, j] for j in range(4)}), tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text("1,2,3,4\n5,6,7,8\n")
    source = open_source([tmp_path / "a.npy", tmp_path / "b.parquet", tmp_path / "c.csv"])
    assert source.n_samples is None
    assert source.dtype == "float16, float64, text"
    assert source.feature_names == ("f0", "f1", "f2", "f3")
    assert [block.dtype.name for block in source.blocks()] == ["float32", "float64", "float64"]
    assert source.n_samples == 62


def test_notices_are_said_once(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.npy", np.ones((3, 2), dtype=int))
    source = open_source(tmp_path / "*.npy")
    assert source.notices == ["integers (int64) are taken as float64"]


def test_index_picks_the_part_of_every_file(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.npy", ARRAY.reshape(3, 10, 4))
    np.testing.assert_array_equal(
        read(open_source(tmp_path / "*.npy", index=1)), np.concatenate([ARRAY[10:20], ARRAY[10:20]])
    )


def test_mixed_dimensions(tmp_path):
    save(tmp_path / "a.npy", ARRAY)
    save(tmp_path / "b.npy", ARRAY[:, :3])
    with pytest.raises(InputError) as caught:
        open_source(tmp_path / "*.npy")
    assert str(caught.value).startswith(
        f"{tmp_path / 'b.npy'} has 3 features, {tmp_path / 'a.npy'} has 4; files read as one data set must "
    )


def test_mixed_columns(tmp_path):
    pq.write_table(pa.table({"x": [1.0], "y": [2.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [1.0], "x": [2.0]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"has 'y' as feature 0, .*a.parquet has 'x'; files read as one data set"):
        open_source(tmp_path / "*.parquet")


def test_shards_without_rows(tmp_path):
    save(tmp_path / "a.npy", ARRAY[:0])
    save(tmp_path / "b.npy", ARRAY)
    source = open_source(tmp_path / "*.npy")
    assert source.notices == [f"{tmp_path / 'a.npy'} has zero rows and is left out"]
    np.testing.assert_array_equal(read(source), ARRAY)
    save(tmp_path / "b.npy", ARRAY[:0])
    with pytest.raises(InputError, match="has zero rows, and so have the other 1 files"):
        open_source(tmp_path / "*.npy")


def refused(path, text, **options):
    with pytest.raises(InputError, match=text) as caught:
        open_source(path, **options)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_paths_that_name_no_file(tmp_path):
    refused(tmp_path / "emb.npy", "does not exist; check the path")
    refused(tmp_path, "is a directory; name a file or a glob such as .*parquet")
    refused(tmp_path / "*.npy", "matches no file; check the folder and the pattern")
    refused("nowhere://bucket/emb.npy", r"nowhere://(, which is not read| needs fsspec)")
    (tmp_path / "link.npy").symlink_to(tmp_path / "gone.npy")
    refused(tmp_path / "link.npy", "does not exist")


def test_empty_file(tmp_path):
    for extension in ("npy", "npz", "parquet", "arrow", "safetensors", "csv"):
        path = tmp_path / f"emb.{extension}"
        path.touch()
        refused(path, r"is empty \(0 bytes\); save it again")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "emb.npy")
    refused(tmp_path / "emb.npy", "is not a regular file; save the data to a file first")


def test_permission_denied(tmp_path, monkeypatch):
    path = save(tmp_path / "emb.npy", ARRAY)

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    # By a stand-in: the superuser, who runs many a container, may read everything.
    monkeypatch.setattr("thinshell.io.paths.open", denied, raising=False)
    refused(path, "cannot be read: permission denied; check its owner and mode")


def test_extensions(tmp_path):
    (tmp_path / "emb.txt").write_text("1 2 3")
    refused(tmp_path / "emb.txt", r"has the unknown extension '.txt'; thinshell reads .npy, .npz, .parquet")
    (tmp_path / "emb").write_text("1 2 3")
    refused(tmp_path / "emb", "has no extension; thinshell reads .npy")
    (tmp_path / "emb.pt").write_bytes(b"PK\x03\x04")
    refused(tmp_path / "emb.pt", "is read by unpickling; refused: thinshell never unpickles; save the embeddings")


def test_signature_where_the_extension_says_nothing(tmp_path):
    save(tmp_path / "emb.npy", ARRAY).rename(tmp_path / "emb.v2")
    np.testing.assert_array_equal(read(open_source(tmp_path / "emb.v2")), ARRAY)
    save(tmp_path / "emb.npy", ARRAY).rename(tmp_path / "emb.NPY")
    assert open_source(tmp_path / "emb.NPY").n_samples == 30


def test_options_of_other_formats(tmp_path):
    path = save(tmp_path / "emb.npy", ARRAY)
    refused(path, "takes no column, which is for tables .*: leave it out", column="e")
    refused(path, "takes no key, which is for .npz, .safetensors, Zarr, HDF5 and .tar files: leave it out", key="e")
    (tmp_path / "emb.csv").write_text("1,2\n")
    refused(tmp_path / "emb.csv", "takes no index, which is for 3-D arrays: leave it out", index=0)


@pytest.mark.parametrize(
    ("paths", "error", "text"),
    [
        (3, InputTypeError, "paths must be a path, a glob or a list of them, got int"),
        (b"emb.npy", InputTypeError, "paths must be a path, a glob or a list of them, got bytes"),
        ([3], InputTypeError, r"paths must hold paths \(str or Path\), got int"),
        ([], InputError, "paths is empty; name at least one file"),
        ("", InputError, "a path is empty; name a file"),
    ],
)
def test_paths_of_another_type(paths, error, text):
    with pytest.raises(error, match=text):
        open_source(paths)


def test_path_like_of_bytes():
    class BytesPath:
        def __fspath__(self):
            return b"emb.npy"

    with pytest.raises(InputTypeError, match="paths must hold text paths, got bytes"):
        open_source(BytesPath())  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["column", "key"])
def test_names_are_text(tmp_path, option):
    with pytest.raises(InputTypeError, match=rf"{option} must be a name \(str\) or None, got int"):
        open_source(tmp_path / "emb.npy", **{option: 3})


def test_data_that_does_not_fit_in_memory(tmp_path, monkeypatch):
    path = save(tmp_path / "emb.npy", ARRAY)
    source = open_source(path)

    def fails(*args, **kwargs):
        raise MemoryError("malloc of size 1000000 failed")

    monkeypatch.setattr("thinshell.io.raw.np.empty", fails)
    with pytest.raises(InputError, match=r"does not fit in memory \(malloc of size 1000000 failed\); save it again"):
        list(source.blocks())


def test_npy_is_read_without_arrow(tmp_path):
    path = save(tmp_path / "emb.npy", ARRAY)
    code = (
        "import sys; from thinshell.io import open_source; list(open_source(sys.argv[1]).blocks()); "
        "print([m for m in ('pyarrow', 'safetensors', 'pandas', 'torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parquet_is_read_without_pandas(tmp_path):
    path = tmp_path / "emb.parquet"
    pq.write_table(pa.table({"e": list(ARRAY)}), path)
    code = (
        "import sys; from thinshell.io import open_source; list(open_source(sys.argv[1]).blocks()); "
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
