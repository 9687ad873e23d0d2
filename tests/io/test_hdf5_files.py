"""Reading HDF5: datasets by name, chunks of any shape, links, types of HDF5's own, damage, memory."""

import io
import subprocess
import sys

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io.hdf5 import open_hdf5

h5py = pytest.importorskip("h5py")

ARRAY = np.random.default_rng(0).standard_normal((61, 7)).astype(np.float32)


def written(path, array=ARRAY, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=array, **options)
    return str(path)


def several(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name.replace("__", "/")] = value
    return str(path)


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


@pytest.mark.parametrize("chunks", [None, True, (9, 3), (61, 7), (1, 7), (50, 2)])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"}])
def test_chunks_of_any_shape(tmp_path, chunks, options):
    if chunks is None and options:
        chunks = (7, 7)
    source = open_hdf5(written(tmp_path / "emb.h5", chunks=chunks, **options), None, None)
    assert (source.n_samples, source.n_features, source.dtype, source.notices) == (61, 7, "float32", [])
    for max_bytes in (1, 28 * 10, 10**6):
        for _ in range(2):
            blocks = list(source.blocks(max_bytes))
            assert {len(block) for block in blocks[:-1]} <= {max(1, max_bytes // 28)}
            assert all(block.flags.c_contiguous for block in blocks)
            np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)


def test_reads_are_whole_rows_of_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.zarr_arrays.READ_BYTES", 28 * 20)
    path = written(tmp_path / "emb.h5", chunks=(9, 3), compression="gzip")
    source = open_hdf5(path, None, None)
    starts = []
    get = h5py.Dataset.__getitem__

    def noted(self, part):
        starts.append((part.start, part.stop))
        return get(self, part)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", noted)
    np.testing.assert_array_equal(read(source, max_bytes=28 * 4), ARRAY)
    assert starts == [(0, 18), (18, 36), (36, 54), (54, 61)]
    monkeypatch.setattr("thinshell.io.zarr_arrays.READ_BYTES", 28 * 5)
    starts.clear()
    np.testing.assert_array_equal(read(open_hdf5(path, None, None), max_bytes=28 * 4), ARRAY)
    assert starts[:2] == [(0, 9), (9, 18)]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i8", "u2", "?"])
def test_dtypes(tmp_path, dtype):
    array = np.abs(ARRAY * 10).astype(dtype)
    source = open_hdf5(written(tmp_path / "emb.h5", array), None, None)
    assert source.dtype == np.dtype(dtype).newbyteorder("=").name
    assert bool(source.notices) == (array.dtype.kind != "f")
    values = read(source)
    assert values.dtype == source.block_dtype
    np.testing.assert_array_equal(values, array.astype(source.block_dtype))


def test_bfloat16(tmp_path):
    # HDF5 describes a float of any layout; h5py widens what NumPy has not.
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    with h5py.File(tmp_path / "emb.h5", "w") as file:
        made = h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple(ARRAY.shape))
        h5py.Dataset(made)[...] = ARRAY
    values = read(open_hdf5(str(tmp_path / "emb.h5"), None, None))
    np.testing.assert_allclose(values, ARRAY, rtol=2**-8)
    # ml_dtypes arrays are stored as bytes without a meaning.
    path = written(tmp_path / "raw.h5", ARRAY.view(np.uint16).view("V2"))
    with pytest.raises(InputError, match=r"\['x'\] holds raw bytes .*bfloat16"):
        open_hdf5(path, None, None)


def test_parts_of_a_3d_dataset(tmp_path):
    parts = np.stack([ARRAY, ARRAY * 2, ARRAY + 1])
    path = written(tmp_path / "emb.h5", parts, chunks=(2, 9, 3))
    for index in range(3):
        np.testing.assert_array_equal(read(open_hdf5(path, None, index), max_bytes=100), parts[index])
    with pytest.raises(InputError, match=r"\['x'\] has shape \(3, 61, 7\), 3-D; .*index=0"):
        open_hdf5(path, None, None)
    with pytest.raises(InputError, match="index must be 0 <= index < 3, got 3"):
        open_hdf5(path, "x", 3)
    with pytest.raises(InputError, match="2-D; index is only for 3-D"):
        open_hdf5(written(tmp_path / "two.h5"), None, 0)


def test_datasets_by_name(tmp_path):
    path = several(tmp_path / "emb.h5", img=ARRAY, text__deep=ARRAY * 2, ids=np.arange(61), names=["a", "b"])
    with pytest.raises(InputError) as caught:
        open_hdf5(path, None, None)
    assert str(caught.value) == (
        f"{path} holds 2 datasets: img (61, 7) float32, text/deep (61, 7) float32; name one with key='img' (--key img)"
    )
    with pytest.raises(InputError) as caught:
        open_hdf5(path, "imgs", None)
    assert (
        str(caught.value) == f"{path} has no dataset 'imgs'; did you mean 'img'? Available: ids, img, names, text/deep"
    )
    for key in ("text/deep", "/text//deep", "./text/deep", "text", "text/"):
        source = open_hdf5(path, key, None)
        np.testing.assert_array_equal(read(source), ARRAY * 2)
    for key in ("img/deeper", "text/none"):
        with pytest.raises(InputError, match="has no dataset"):
            open_hdf5(path, key, None)
    with pytest.raises(InputError, match=r"\['ids'\] has shape \(61,\), 1-D"):
        open_hdf5(path, "ids", None)


def test_the_only_dataset_with_rows_and_columns_is_taken(tmp_path):
    path = several(tmp_path / "emb.h5", ids=np.arange(61), sub__e=ARRAY, z=np.zeros((3, 2), "c8"))
    source = open_hdf5(path, None, None)
    assert source.notices == ["dataset 'sub/e' is read; left out: ids (61,) int64, z (3, 2) complex64"]
    np.testing.assert_array_equal(read(source), ARRAY)


def test_files_without_embeddings(tmp_path):
    with pytest.raises(InputError, match="holds no datasets; save one of shape"):
        open_hdf5(several(tmp_path / "a.h5"), None, None)
    path = several(tmp_path / "b.h5", x=np.arange(3), y=h5py.Empty("f4"))
    with pytest.raises(InputError, match=r"holds no dataset of shape .* it has: x \(3,\) int64, y empty float32"):
        open_hdf5(path, None, None)
    with pytest.raises(InputError, match=r"\['y'\] is an empty dataset without a shape"):
        open_hdf5(path, "y", None)
    with pytest.raises(InputError, match="no columns"):
        open_hdf5(written(tmp_path / "c.h5", ARRAY[:, :0]), None, None)
    assert list(open_hdf5(written(tmp_path / "d.h5", ARRAY[:0]), None, None).blocks()) == []


def test_types_that_are_no_numbers(tmp_path):
    path = tmp_path / "emb.h5"
    with h5py.File(path, "w") as file:
        file["text"] = [["a", "b"]]
        file["fixed"] = np.array([[b"a", b"b"]])
        file["lists"] = file.create_dataset("made", (2, 2), dtype=h5py.vlen_dtype(np.float32))
        file.create_dataset("references", (2, 2), dtype=h5py.ref_dtype)
        file["records"] = np.zeros((3, 2), dtype=[("a", "f4")])
        file["complex"] = np.zeros((3, 2), dtype="c8")
        time = h5py.h5t.UNIX_D32LE
        h5py.h5d.create(file.id, b"times", time, h5py.h5s.create_simple((3, 2)))
    for key, said in [
        ("text", "holds text, references or lists"),
        ("fixed", "holds byte strings"),
        ("lists", "holds text, references or lists"),
        ("references", "holds text, references or lists"),
        ("records", "holds records with fields"),
        ("complex", "holds complex numbers"),
        ("times", "has a type that NumPy has not"),
    ]:
        with pytest.raises(InputError, match=said) as caught:
            open_hdf5(str(path), key, None)
        assert str(caught.value).startswith(f"{path}['{key}'] ")
    with pytest.raises(InputError, match=r"it has: .*times \(3, 2\) unknown type"):
        open_hdf5(str(path), None, None)


def test_links(tmp_path):
    several(tmp_path / "other.h5", x=ARRAY, g__x=ARRAY)
    path = several(
        tmp_path / "emb.h5",
        g__x=ARRAY,
        soft=h5py.SoftLink("/g/x"),
        g__beside=h5py.SoftLink("x"),
        circle=h5py.SoftLink("/circle"),
        dangling=h5py.SoftLink("/nothing"),
        away=h5py.ExternalLink("other.h5", "/x"),
        group_away=h5py.ExternalLink("other.h5", "/g"),
        by_detour=h5py.SoftLink("/group_away/x"),
    )
    np.testing.assert_array_equal(read(open_hdf5(path, None, None)), ARRAY)
    for key in ("soft", "g/beside"):
        np.testing.assert_array_equal(read(open_hdf5(path, key, None)), ARRAY)
    for key in ("circle", "dangling"):
        with pytest.raises(InputError, match=f"has no dataset '{key}'; available: g/x"):
            open_hdf5(path, key, None)
    for key in ("away", "group_away/x", "by_detour"):
        with pytest.raises(
            InputError, match=r"is a link to '/[xg]' in other.h5; links to other files are not followed"
        ):
            open_hdf5(path, key, None)


def test_rows_in_other_files(tmp_path):
    several(tmp_path / "other.h5", x=ARRAY)
    path = tmp_path / "emb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("outside", (61, 7), "f4", external=[(str(tmp_path / "raw.bin"), 0, 61 * 28)])
        file["here"] = ARRAY
        for name, place in (("virtual", "other.h5"), ("inside", ".")):
            layout = h5py.VirtualLayout((61, 7), "f4")
            layout[...] = h5py.VirtualSource(place, "x" if place != "." else "here", (61, 7))
            file.create_virtual_dataset(name, layout)
    for key in ("outside", "virtual"):
        with pytest.raises(InputError, match=r"lies in other files \(.*\), which are not read through it; give"):
            open_hdf5(str(path), key, None)
    np.testing.assert_array_equal(read(open_hdf5(str(path), "inside", None)), ARRAY)


def test_rows_that_were_never_written_are_told(tmp_path):
    path = tmp_path / "emb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (61, 7), "f4", chunks=(9, 7))[:20] = ARRAY[:20]
        file.create_dataset("y", (61, 7), "f4")
    said = "chunks are not stored and are read as 0.0; was the array written to its end?"
    assert open_hdf5(str(path), "x", None).notices == [f"4 of 7 {said}"]
    assert open_hdf5(str(path), "y", None).notices == [f"1 of 1 {said}"]


def test_filters_that_are_not_installed(tmp_path, monkeypatch):
    path = written(tmp_path / "emb.h5", compression="gzip")
    monkeypatch.setattr("h5py.h5z.filter_avail", lambda code: code != h5py.h5z.FILTER_DEFLATE)
    with pytest.raises(InputError, match=r"with the HDF5 filter 1 \(deflate\), which is not installed; pip install"):
        open_hdf5(path, None, None)


def test_what_is_no_hdf5(tmp_path):
    with pytest.raises(InputError, match="does not exist; check the path"):
        open_hdf5(str(tmp_path / "none.h5"), None, None)
    path = tmp_path / "emb.h5"
    whole = tmp_path / "whole.h5"
    written(whole)
    for content in (b"", b"nonsense" * 200, whole.read_bytes()[:-500]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not a readable HDF5 file") as caught:
            open_hdf5(str(path), None, None)
        assert str(caught.value).startswith(str(path))
        with pytest.raises(InputError, match="is not a readable HDF5 file"):
            open_hdf5("s3://bucket/emb.h5", None, None, lambda: open(path, "rb"))  # noqa: SIM115


def test_damaged_chunk(tmp_path):
    path = tmp_path / "emb.h5"
    written(path, chunks=(9, 3), compression="gzip", fletcher32=True)
    with h5py.File(path) as file:
        place = file["x"].id.get_chunk_info(5).byte_offset
    data = bytearray(path.read_bytes())
    data[place + 20] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="is not a readable HDF5 file"):
        read(open_hdf5(str(path), None, None))


def test_a_dataset_that_changed(tmp_path):
    path = tmp_path / "emb.h5"
    source = open_hdf5(written(path), None, None)
    written(path, ARRAY[:40])
    with pytest.raises(InputError, match="has changed since it was opened; open it again"):
        read(source)
    several(path, y=ARRAY)
    with pytest.raises(InputError, match="has changed since it was opened; open it again"):
        read(source)


def test_opener_in_place_of_the_path(tmp_path):
    path = tmp_path / "emb.h5"
    written(path, chunks=(9, 3), compression="gzip")
    data = path.read_bytes()
    opened = []

    def opener():
        opened.append(io.BytesIO(data))
        return opened[-1]

    source = open_hdf5("s3://bucket/emb.h5", None, None, opener)
    assert source.paths == ("s3://bucket/emb.h5",)
    for _ in range(2):
        np.testing.assert_array_equal(read(source), ARRAY)
    assert len(opened) == 3
    assert all(file.closed for file in opened)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError) as caught:
        open_hdf5("emb.h5", None, None)
    assert str(caught.value) == "emb.h5: reading HDF5 needs h5py: pip install 'thinshell[scale]'"


SCRIPT = """
import sys, pathlib
import pyarrow, h5py
from thinshell.io import prefetch
from thinshell.io.hdf5 import open_hdf5

def status(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1000

pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
rows = sum(len(block) for block in prefetch(open_hdf5(sys.argv[1], None, None).blocks()))
print(rows, status("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
# Measured: 84 and 122 MB, most of it blocks read ahead; a row of chunks has 31 MB.
@pytest.mark.parametrize(("chunks", "limit"), [(None, 160), ((20_000, 96), 200)])
def test_peak_of_a_150_mb_file(tmp_path, chunks, limit):
    array = np.random.default_rng(0).standard_normal((100_000, 384), dtype=np.float32)
    path = written(tmp_path / "emb.h5", array, chunks=chunks, compression="lzf" if chunks else None)
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True)
    if "Permission" in done.stderr or "clear_refs" in done.stderr:
        pytest.skip("the high-water mark of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    assert int(rows) == 100_000
    assert float(megabytes) < limit
