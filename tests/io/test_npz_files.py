"""Reading .npz: stored and compressed members, picked by name."""

import zipfile

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source

RNG_ARRAY = np.random.default_rng(0).standard_normal((60, 5))


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i4"])
def test_round_trip(tmp_path, save, order, dtype):
    array = (RNG_ARRAY * 10).astype(dtype).copy(order=order)
    path = tmp_path / "emb.npz"
    save(path, embeddings=array)
    source = open_source(path)
    assert (source.n_samples, source.n_features, source.dtype) == (60, 5, np.dtype(dtype).name)
    for _ in range(2):
        np.testing.assert_array_equal(read(source, max_bytes=130), array.astype(source.block_dtype))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_part_of_three_dimensions(tmp_path, save, order):
    array = RNG_ARRAY.reshape(3, 20, 5).copy(order=order)
    path = tmp_path / "emb.npz"
    save(path, array)
    with pytest.raises(InputError, match=r"emb.npz\['arr_0'\] has shape \(3, 20, 5\), 3-D; .*--index 0"):
        open_source(path)
    for index in range(3):
        np.testing.assert_array_equal(read(open_source(path, index=index), max_bytes=90), array[index])


def test_members_by_name(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez(path, image=RNG_ARRAY, text=RNG_ARRAY + 1, label=np.arange(60))
    with pytest.raises(InputError) as caught:
        open_source(path)
    assert str(caught.value) == (
        f"{path} holds 3 arrays: image (60, 5) float64, text (60, 5) float64, label (60,) int64; "
        "name one with key='image' (--key image)"
    )
    np.testing.assert_array_equal(read(open_source(path, key="text")), RNG_ARRAY + 1)
    np.testing.assert_array_equal(read(open_source(path, key="text.npy")), RNG_ARRAY + 1)
    with pytest.raises(InputError, match=r"\['label'\] has shape \(60,\), 1-D"):
        open_source(path, key="label")
    with pytest.raises(InputError, match="has no array 'txt'; did you mean 'text'\\? Available: image, text, label"):
        open_source(path, key="txt")


def test_many_members_are_not_all_listed(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez(path, **{f"a{i}": np.ones((2, 2)) for i in range(14)})
    with pytest.raises(InputError, match=r"a9 \(2, 2\) float64 and 4 more; name one"):
        open_source(path)


def test_compressed_column_order_is_said(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez_compressed(path, np.asfortranarray(RNG_ARRAY))
    assert open_source(path).notices == [
        "the array in emb.npz is compressed in column order and is unpacked to a temporary file first"
    ]


def test_objects_are_refused(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez(path, np.array([[1, None]], dtype=object))
    with pytest.raises(InputError, match="never unpickles"):
        open_source(path)


def test_archive_without_arrays(tmp_path):
    path = tmp_path / "emb.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"x")
    with pytest.raises(InputError, match="holds no arrays"):
        open_source(path)


def test_member_that_promises_too_much(tmp_path):
    np.save(tmp_path / "a.npy", RNG_ARRAY)
    path = tmp_path / "emb.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", (tmp_path / "a.npy").read_bytes()[:-100])
    with pytest.raises(InputError, match=r"\['a'\] is truncated: its header promises 60 rows x 5 float64"):
        open_source(path)


def test_not_a_zip(tmp_path):
    path = tmp_path / "emb.npz"
    path.write_bytes(b"not a zip archive at all")
    with pytest.raises(InputError, match=r"is not a readable .npz file \(File is not a zip file\)"):
        open_source(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_truncated_archive(tmp_path, save):
    path = tmp_path / "emb.npz"
    save(path, RNG_ARRAY)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"is not a readable .npz file"):
        open_source(path)


def test_damaged_bytes_inside(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez_compressed(path, np.random.default_rng(0).standard_normal((4000, 5)))
    content = bytearray(path.read_bytes())
    content[80_000:80_100] = bytes(100)
    path.write_bytes(bytes(content))
    source = open_source(path)
    with pytest.raises(InputError, match=r"is not a readable .npz file"):
        list(source.blocks(4000))


def test_encrypted_member(tmp_path):
    path = tmp_path / "emb.npz"
    np.savez(path, RNG_ARRAY)
    content = bytearray(path.read_bytes())
    central = content.rindex(b"PK\x01\x02")
    content[central + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="is encrypted"):
        open_source(path)
