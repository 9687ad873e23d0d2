"""Arrays in memory behind the face of a file."""

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import ArraySource

ARRAY = np.random.default_rng(0).standard_normal((40, 3))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks(dtype, order):
    array = (ARRAY * 10).astype(dtype).copy(order=order)
    source = ArraySource(array)
    blocks = list(source.blocks(100))
    assert (source.n_samples, source.n_features, source.dtype) == (40, 3, np.dtype(dtype).name)
    assert all(block.flags.c_contiguous and block.flags.aligned for block in blocks)
    assert all(block.dtype == source.block_dtype and block.dtype.isnative for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), array.astype(source.block_dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_ready_arrays_are_not_copied(dtype):
    array = ARRAY.astype(dtype)
    assert all(np.shares_memory(block, array) for block in ArraySource(array).blocks(100))


def test_memory_map(tmp_path):
    np.save(tmp_path / "emb.npy", ARRAY)
    mapped = np.load(tmp_path / "emb.npy", mmap_mode="r")
    blocks = list(ArraySource(mapped).blocks(100))
    assert {type(block) for block in blocks} == {np.ndarray}
    np.testing.assert_array_equal(np.concatenate(blocks), ARRAY)


def test_unaligned_numbers_are_copied():
    packed = np.zeros(5, dtype=[("id", "u1"), ("e", "f4", 3)])
    assert all(block.flags.aligned for block in ArraySource(packed["e"]).blocks())


def test_array_likes_and_name():
    source = ArraySource([[1.0, 2.0], [3.0, 4.0]], name="embeddings")
    assert source.paths == ("embeddings",)
    np.testing.assert_array_equal(next(source.blocks()), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ones((2, 2), complex), r"emb holds complex numbers \(complex128\)"),
        (np.array([[1, None]]), "emb holds Python objects"),
        (np.ones(3), r"emb has shape \(3,\), 1-D"),
        (
            np.ones((2, 3, 4)),
            r"emb has shape \(2, 3, 4\), 3-D; .*pick one part with emb\[0\], 0 <= index < 2",
        ),
        (np.ones((0, 3)), r"emb has no rows \(shape \(0, 3\)\)"),
        (np.ones((3, 0)), r"emb has shape \(3, 0\): no columns"),
        ([[1.0, 2.0], [3.0]], r"emb could not be turned into a NumPy array \(setting an array element"),
        (np.ma.masked_less(ARRAY, 0), "emb is a masked array; drop the masked rows or fill them first"),
        (np.full((2, 2), "a", dtype=np.dtypes.StringDType()), "emb holds text"),
    ],
)
def test_refusals(array, text):
    with pytest.raises(InputError, match=text):
        ArraySource(array, name="emb")


def test_tensors_elsewhere_are_refused_in_their_own_words():
    class OnTheGpu:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("can't convert cuda:0 device type tensor to numpy.\nUse Tensor.cpu() first")

    with pytest.raises(InputError, match=r"array could not be .* \(can't convert cuda:0 .* to numpy.\)$"):
        ArraySource(OnTheGpu())
