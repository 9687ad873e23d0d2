"""Reading FAISS: rows in the order of their ids whatever wraps them, what is lost, damage, memory."""

import subprocess
import sys

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.databases.faiss_index import open_faiss

faiss = pytest.importorskip("faiss")

ARRAY = np.random.default_rng(0).standard_normal((500, 16)).astype(np.float32)
IDS = np.random.default_rng(1).permutation(500) * 3


def made(kind, array=ARRAY, ids=None):
    index = faiss.index_factory(array.shape[1], kind)
    if isinstance(index, faiss.IndexIVF):
        index.cp.min_points_per_centroid = 1
    index.train(array)
    if ids is None:
        index.add(array)
    else:
        index.add_with_ids(array, ids)
    return index


def written(path, index):
    faiss.write_index(index, str(path))
    return str(path)


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


@pytest.mark.parametrize(
    "kind", ["Flat", "IVF8,Flat", "IVF8_HNSW8,Flat", "HNSW8", "NSG8", "PQ4x4,Refine(Flat)", "IVF8,Flat,RFlat"]
)
def test_rows_as_they_were_added(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("thinshell.io.databases.faiss_index.WINDOW_BYTES", 64 * 90)
    source = open_faiss(written(tmp_path / "emb.faiss", made(kind)))
    assert (source.n_samples, source.n_features, source.dtype, source.notices) == (500, 16, "float32", [])
    for max_bytes in (1, 64 * 70, 10**6):
        for _ in range(2):
            blocks = list(source.blocks(max_bytes))
            assert {len(block) for block in blocks[:-1]} <= {max(1, max_bytes // 64)}
            assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
            np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)


@pytest.mark.parametrize("kind", ["IDMap,Flat", "IDMap2,Flat", "IDMap,HNSW8", "IDMap,IVF8,Flat", "IDMap2,IVF8,Flat"])
@pytest.mark.parametrize("ids", [IDS, np.arange(500) * 2])
def test_rows_in_the_order_of_their_ids(tmp_path, kind, ids):
    source = open_faiss(written(tmp_path / "emb.index", made(kind, ids=ids)))
    np.testing.assert_array_equal(read(source, max_bytes=64 * 70), ARRAY[np.argsort(ids)])


def test_ids_of_inverted_lists_even_when_given_twice(tmp_path):
    ids = np.r_[IDS[:250], IDS[:250]]
    source = open_faiss(written(tmp_path / "emb.faiss", made("IVF8,Flat", ids=ids)))
    rows = read(source)
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(ARRAY, axis=0))
    pairs = np.stack([ARRAY[:250], ARRAY[250:]], axis=1)[np.argsort(IDS[:250])]
    both = rows.reshape(250, 2, 16)
    swapped = np.where((both[:, 0] == pairs[:, 0]).all(axis=1)[:, None, None], both, both[:, ::-1])
    np.testing.assert_array_equal(swapped, pairs)


@pytest.mark.parametrize("kind", ["PCA16,Flat", "RR16,IVF8,Flat", "RR32,Flat", "OPQ4_16,Flat", "IDMap,PCAR16,HNSW8"])
def test_transforms_that_can_be_undone(tmp_path, kind):
    ids = np.arange(500) if "IDMap" in kind else None
    source = open_faiss(written(tmp_path / "emb.faiss", made(kind, ids=ids)))
    assert source.n_features == 16
    assert source.notices[0].endswith("of the index is undone, to the precision of float32")
    np.testing.assert_allclose(read(source, max_bytes=64 * 70), ARRAY, atol=2e-5)


def test_normalised_rows_stay_so(tmp_path):
    source = open_faiss(written(tmp_path / "emb.faiss", made("L2norm,Flat")))
    assert source.notices == ["rows have length 1: the index keeps them so, and what length they had is lost"]
    np.testing.assert_allclose(read(source), ARRAY / np.linalg.norm(ARRAY, axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("PCA8,Flat", r"keeps 8 of 16 features \(PCAMatrix\), which cannot be undone; save the embeddings"),
        ("PCAW16,Flat", r"transforms its rows in a way that cannot be undone \(PCAMatrix\); save the embeddings"),
        ("ITQ16,Flat", r"transforms its rows in a way that cannot be undone \(ITQTransform\); save"),
        ("LSH", "is an IndexLSH, which cannot give its rows back; save the embeddings"),
        ("IVF8,PQ4x4fs", "is an IndexIVFPQFastScan, which cannot give its rows back; save the embeddings"),
        ("IVF8,FlatDedup", "is an IndexIVFFlatDedup, which cannot give its rows back; save the embeddings"),
    ],
)
def test_rows_that_are_gone(tmp_path, kind, message):
    path = written(tmp_path / "emb.faiss", made(kind))
    with pytest.raises(InputError, match=message) as caught:
        open_faiss(path)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [("SQ8", 0.02), ("SQfp16", 0.002), ("IVF8,SQ8", 0.03), ("HNSW8_SQ8", 0.02), ("IVF8,PQ4x4", 4.0)],
)
def test_quantised_rows_are_approximations(tmp_path, kind, tolerance):
    source = open_faiss(written(tmp_path / "emb.faiss", made(kind)))
    [notice] = source.notices
    assert notice.startswith("values are approximations: the Index")
    assert notice.endswith("bytes of each row, whose 16 float32 values took 64")
    np.testing.assert_allclose(read(source, max_bytes=64 * 70), ARRAY, atol=tolerance)


def test_an_index_that_gives_no_rows(tmp_path, monkeypatch):
    def refuse(self, *arguments):
        raise RuntimeError("reconstruct not implemented for this type of index")

    path = written(tmp_path / "emb.faiss", made("Flat"))
    monkeypatch.setattr(faiss.IndexFlatL2, "reconstruct", refuse)
    with pytest.raises(InputError, match="is an IndexFlatL2, which cannot give its rows back"):
        open_faiss(path)


@pytest.mark.parametrize("kind", ["Flat", "IVF8,Flat", "IDMap,Flat"])
def test_an_empty_index(tmp_path, kind):
    index = made(kind, ids=IDS if "IDMap" in kind else None)
    index.reset()
    source = open_faiss(written(tmp_path / "emb.faiss", index))
    assert (source.n_samples, source.n_features, list(source.blocks())) == (0, 16, [])


@pytest.mark.parametrize("kind", ["Flat", "IVF8,Flat", "HNSW8", "IDMap,Flat", "PCA16,Flat", "SQ8"])
@pytest.mark.parametrize("kept", [0, 3, 20, 300, -40])
def test_truncated_files(tmp_path, kind, kept):
    path = tmp_path / "emb.faiss"
    written(path, made(kind, ids=IDS if "IDMap" in kind else None))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="is truncated or damaged: FAISS cannot read it to its end; copy") as caught:
        open_faiss(str(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_no_index(tmp_path):
    path = tmp_path / "emb.faiss"
    with pytest.raises(InputError, match="does not exist; check the path"):
        open_faiss(str(path))
    with pytest.raises(InputError, match=r"could not be read \(Is a directory\)"):
        open_faiss(str(tmp_path))
    path.write_text("many words, none of them an index")
    with pytest.raises(InputError, match=r"is not a FAISS index \(it begins with 'many'\); check the path"):
        open_faiss(str(path))
    binary = faiss.IndexBinaryFlat(64)
    binary.add(np.zeros((10, 8), np.uint8))
    faiss.write_index_binary(binary, str(path))
    with pytest.raises(InputError, match="is a binary index, whose rows are bits; thinshell reads numbers: save"):
        open_faiss(str(path))


def test_rows_in_another_file(tmp_path):
    index = made("IVF8,Flat")
    lists = faiss.OnDiskInvertedLists(8, index.code_size, str(tmp_path / "other.ivfdata"))
    index.reset()
    index.replace_invlists(lists)
    index.add(ARRAY)
    path = written(tmp_path / "emb.faiss", index)
    with pytest.raises(InputError, match=r"keeps its rows in another file \(.*other.ivfdata\), which is not read"):
        open_faiss(path)


def test_a_file_that_changes(tmp_path):
    path = written(tmp_path / "emb.faiss", made("Flat"))
    source = open_faiss(path)
    written(path, made("Flat", ARRAY[:100]))
    with pytest.raises(InputError, match="has changed since it was opened; open it again"):
        read(source)


def test_through_open_source(tmp_path):
    path = written(tmp_path / "emb.index", made("IVF8,Flat"))
    np.testing.assert_array_equal(read(open_source(path)), ARRAY)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError) as caught:
        open_faiss("emb.faiss")
    assert str(caught.value) == "emb.faiss: reading FAISS indexes needs faiss: pip install 'thinshell[databases]'"


SCRIPT = """
import sys, pathlib
import faiss
from thinshell.io import prefetch
from thinshell.io.databases.faiss_index import open_faiss

def status(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1000

pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
rows = sum(len(block) for block in prefetch(open_faiss(sys.argv[1]).blocks(4 * 2**20)))
print(rows, status("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("kind", "limit"), [("Flat", 100), ("IVF64,Flat", 100)])
def test_peak_of_a_150_mb_index(tmp_path, kind, limit):
    array = np.random.default_rng(0).standard_normal((100_000, 384), dtype=np.float32)
    index = faiss.index_factory(384, kind)
    index.train(array[:3000])
    index.add(array)
    path = written(tmp_path / "emb.faiss", index)
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True)
    if "Permission" in done.stderr or "clear_refs" in done.stderr:
        pytest.skip("the high-water mark of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    assert int(rows) == 100_000
    # Measured: 65 and 77 MB; 175 where one map is kept.
    assert float(megabytes) < limit
