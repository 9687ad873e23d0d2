"""Reading tars of vectors: WebDataset's names, order, damage anywhere in the archive, memory."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io.tar import open_tar

ARRAY = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def tar(path, members, mode="w"):
    """Write (name, array or bytes) pairs."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            data = content if isinstance(content, bytes) else saved(content)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


def vectors(array, extension="npy"):
    return [(f"part/{i:06d}.{extension}", row) for i, row in enumerate(array)]


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


@pytest.mark.parametrize(("extension", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar", "w:xz")])
@pytest.mark.parametrize("max_bytes", [1, 60, 10**6])
def test_vectors_in_order(tmp_path, extension, mode, max_bytes):
    source = open_tar(tar(tmp_path / f"emb.{extension}", vectors(ARRAY), mode), None)
    assert (source.n_samples, source.n_features, source.dtype, source.notices) == (None, 5, "float32", [])
    for _ in range(2):
        blocks = list(source.blocks(max_bytes))
        assert {len(block) for block in blocks[:-1]} <= {max(1, max_bytes // 20)}
        np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)
        assert source.n_samples == 60


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i8", "u2", "?"])
def test_dtypes(tmp_path, dtype):
    array = np.abs(ARRAY * 10).astype(dtype)
    source = open_tar(tar(tmp_path / "emb.tar", vectors(array)), None)
    assert source.dtype == np.dtype(dtype).newbyteorder("=").name
    assert bool(source.notices) == (array.dtype.kind != "f")
    values = read(source)
    assert values.dtype == source.block_dtype
    np.testing.assert_array_equal(values, array.astype(source.block_dtype))


def test_matrices_and_vectors_together(tmp_path):
    members = [("a.npy", ARRAY[:7]), ("b.npy", np.asfortranarray(ARRAY[7:30])), ("c.npy", ARRAY[30])]
    members += [("d.npy", ARRAY[:0]), ("e.npy", ARRAY[31:])]
    source = open_tar(tar(tmp_path / "emb.tar", members), None)
    np.testing.assert_array_equal(read(source, max_bytes=100), ARRAY)
    assert source.n_samples == 60


def test_members_longer_than_a_window(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.tar.WINDOW_BYTES", 90)
    monkeypatch.setattr("thinshell.io.tar.COPY_BYTES", 33)
    members = [("a.npy", ARRAY[:29]), ("b.npy", np.asfortranarray(ARRAY[29:50])), ("c.npy", ARRAY[50:])]
    source = open_tar(tar(tmp_path / "emb.tar", members), None)
    for max_bytes in (1, 100, 10**5):
        np.testing.assert_array_equal(read(source, max_bytes=max_bytes), ARRAY)


def test_other_members_are_passed_over(tmp_path):
    members = [("README", b"words"), ("x.npy.txt", b"words"), ("._000000.npy", b"a fork"), (".npy", b"hidden")]
    for i, row in enumerate(ARRAY):
        members += [(f"{i:04d}.jpg", b"\xff\xd8"), (f"{i:04d}.NPY", row), (f"{i:04d}.json", json.dumps({}).encode())]
    source = open_tar(tar(tmp_path / "emb.tar", members), None)
    np.testing.assert_array_equal(read(source), ARRAY)


@pytest.fixture
def pairs(tmp_path):
    members = []
    for i, row in enumerate(ARRAY):
        members += [(f"a.b/{i:04d}.image.npy", row), (f"a.b/{i:04d}.text.npy", row[:3] * 2)]
    return tar(tmp_path / "emb.tar", members)


def test_extension_by_key(pairs):
    with pytest.raises(InputError) as caught:
        open_tar(pairs, None)
    assert str(caught.value) == (
        f"{pairs} holds members with 2 extensions: image.npy, text.npy; name one with key='image.npy' (--key image.npy)"
    )
    np.testing.assert_array_equal(read(open_tar(pairs, "image.npy")), ARRAY)
    np.testing.assert_array_equal(read(open_tar(pairs, ".TEXT.npy")), ARRAY[:, :3] * 2)
    with pytest.raises(InputError, match=r"extension 'images.npy'; did you mean 'image.npy'\? Available: image"):
        open_tar(pairs, "images.npy")


def test_an_extension_that_only_comes_later(tmp_path):
    path = tar(tmp_path / "emb.tar", [*vectors(ARRAY), ("z.text.npy", ARRAY[0])])
    with pytest.raises(InputError, match=r"with 2 extensions: npy, text\.npy; name one with key='npy'"):
        read(open_tar(path, None))
    np.testing.assert_array_equal(read(open_tar(path, "npy")), ARRAY)
    np.testing.assert_array_equal(read(open_tar(path, "text.npy")), ARRAY[:1])


def test_ragged_members_are_named(tmp_path):
    path = tar(tmp_path / "emb.tar", [*vectors(ARRAY), ("odd.npy", ARRAY[0, :4])])
    with pytest.raises(InputError) as caught:
        read(open_tar(path, None))
    assert str(caught.value).startswith(f"{path}['odd.npy'] has 4 features, the first member has 5; every vector")


def test_types_that_do_not_fit_the_first(tmp_path):
    path = tar(tmp_path / "emb.tar", [*vectors(ARRAY), ("wide.npy", ARRAY[0].astype(np.float64))])
    with pytest.raises(InputError, match=r"\['wide.npy'\] holds float64, the first member float32; save all with"):
        read(open_tar(path, None))
    path = tar(tmp_path / "emb.tar", [("half.npy", ARRAY[0].astype(np.float16)), ("single.npy", ARRAY[1])])
    np.testing.assert_array_equal(read(open_tar(path, None))[1], ARRAY[1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.zeros((2, 3, 4)), r"has shape \(2, 3, 4\); thinshell reads members of shape"),
        (np.array(3.0), r"has shape \(\); thinshell reads members"),
        (np.zeros((4, 0)), r"has shape \(4, 0\)"),
        (np.array(["a"]), r"holds text"),
        (np.array([{}], dtype=object), r"unpickles"),
        (b"\x80\x04nonsense", "Python pickle; refused"),
        (saved(ARRAY)[:-3], "is truncated: its header promises 60 rows x 5 float32"),
        (saved(ARRAY)[:40], "is truncated inside its header"),
    ],
)
def test_members_that_are_no_vectors(tmp_path, content, said):
    if isinstance(content, np.ndarray) and content.dtype == object:
        file = io.BytesIO()
        np.save(file, content, allow_pickle=True)
        content = file.getvalue()
    path = tar(tmp_path / "emb.tar", [("first.npy", content)])
    with pytest.raises(InputError, match=r"\['first.npy'\] .*" + said) as caught:
        open_tar(path, None)
    assert str(caught.value).startswith(path)


def test_no_members(tmp_path):
    for members in ([], [("a.txt", b"words")]):
        path = tar(tmp_path / "emb.tar", members)
        for key in (None, "npy"):
            with pytest.raises(InputError, match=r"holds no \.npy members; put one vector a sample"):
                open_tar(path, key)
    with pytest.raises(InputError, match="does not exist"):
        open_tar(str(tmp_path / "none.tar"), None)


def test_links_are_not_taken_for_vectors(tmp_path):
    path = tmp_path / "emb.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("a.npy")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(InputError, match=r"\['a.npy'\] is not a plain file in the tar"):
        open_tar(str(path), None)


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("kept", [20 * 1024, 20 * 1024 + 100, 20 * 1024 + 512, 20 * 1024 + 600])
def test_truncated_tars_are_named(tmp_path, packed, kept):
    # Cut between two members, inside a header, between header and content, inside the content: of a member takes
    # 1024 bytes. tarfile itself takes the first two for the end of the archive.
    whole = tmp_path / "whole.tar"
    tar(whole, vectors(ARRAY))
    path = tmp_path / "emb.tar"
    path.write_bytes(packed(whole.read_bytes()[:kept]))
    source = open_tar(str(path), None)
    with pytest.raises(InputError, match=r"damaged or truncated after|is not a readable tar file") as caught:
        read(source)
    assert str(caught.value).startswith(str(path))
    assert source.n_samples is None


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_compressed_data(tmp_path, packed):
    whole = tmp_path / "whole.tar"
    tar(whole, vectors(ARRAY))
    data = packed(whole.read_bytes())
    path = tmp_path / "emb.tar"
    for damaged in (data[:-10], data[:-6] + bytes([data[-6] ^ 255]) + data[-5:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"is not a readable tar file|damaged or truncated"):
            read(open_tar(str(path), None))


def test_damaged_header_in_the_middle(tmp_path):
    path = tmp_path / "emb.tar"
    tar(path, vectors(ARRAY))
    data = bytearray(path.read_bytes())
    data[20 * 1024 + 150] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged or truncated after 20,480 bytes: no mark of the end"):
        read(open_tar(str(path), None))


@pytest.mark.parametrize("content", [b"", b"nonsense" * 200, b"\x1f\x8bnonsense" * 80])
def test_no_tar_at_all(tmp_path, content):
    path = tmp_path / "emb.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a readable tar file") as caught:
        open_tar(str(path), None)
    assert str(caught.value).startswith(str(path))


def test_opener_in_place_of_the_path(tmp_path):
    path = tmp_path / "emb.tar.gz"
    tar(path, vectors(ARRAY), "w:gz")
    data = path.read_bytes()
    opened = []

    def opener():
        opened.append(io.BytesIO(data))
        return opened[-1]

    source = open_tar("s3://bucket/emb.tar.gz", None, opener)
    for _ in range(2):
        np.testing.assert_array_equal(read(source), ARRAY)
    assert len(opened) == 3
    assert all(file.closed for file in opened)


SCRIPT = """
import sys, pathlib
import numpy as np, pyarrow
from thinshell.io import prefetch
from thinshell.io.tar import open_tar

def status(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1000

pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
rows = sum(len(block) for block in prefetch(open_tar(sys.argv[1], None).blocks()))
print(rows, status("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_peak_of_a_200_mb_tar(tmp_path):
    array = np.random.default_rng(0).standard_normal((60_000, 384), dtype=np.float32)
    # One member of 184 MB, then 4,000 small ones.
    path = tar(tmp_path / "emb.tar", [("a.npy", array[:-4000]), *vectors(array[:4000])])
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True)
    if "Permission" in done.stderr or "clear_refs" in done.stderr:
        pytest.skip("the high-water mark of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    assert int(rows) == 60_000
    assert float(megabytes) < 150
