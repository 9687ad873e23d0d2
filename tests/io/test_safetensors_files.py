"""Reading safetensors, with the library's own writer as the truth."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from thinshell.errors import InputError
from thinshell.io import open_source

ARRAY = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
def test_round_trip(tmp_path, dtype):
    array = np.abs(ARRAY * 10).astype(dtype)
    path = tmp_path / "emb.safetensors"
    save_file({"x": array}, path, metadata={"made": "here"})
    source = open_source(path)
    assert source.dtype == np.dtype(dtype).name
    np.testing.assert_array_equal(read(source, max_bytes=100), array.astype(source.block_dtype))


def written(path, kind, shape, payload):
    header = json.dumps({"x": {"dtype": kind, "shape": shape, "data_offsets": [0, len(payload)]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + payload)
    return path


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    upper = (ARRAY.view(np.uint32) >> 16).astype("<u2")
    path = written(tmp_path / "emb.safetensors", "BF16", [60, 5], upper.tobytes())
    source = open_source(path)
    assert (source.dtype, source.notices, source.block_dtype) == ("bfloat16", [], np.float32)
    values = read(source, max_bytes=64)
    assert values.dtype == np.float32
    # bfloat16 keeps 8 significant bits, and cutting the lower half rounds towards zero.
    np.testing.assert_allclose(values, ARRAY, rtol=2**-7)
    np.testing.assert_array_equal(values.view(np.uint32), ARRAY.view(np.uint32) & 0xFFFF0000)


def test_types_that_are_not_read(tmp_path):
    path = written(tmp_path / "emb.safetensors", "F8_E4M3", [2, 2], bytes(4))
    with pytest.raises(InputError, match=r"\['x'\] has type F8_E4M3, which thinshell does not read"):
        open_source(path)


def test_tensors_by_name(tmp_path):
    path = tmp_path / "emb.safetensors"
    save_file({"img": ARRAY, "text": ARRAY + 1, "pairs": np.stack([ARRAY, ARRAY * 2])}, path)
    with pytest.raises(InputError, match=r"holds 3 tensors: .*\(60, 5\) F32.*; name one with key="):
        open_source(path)
    with pytest.raises(InputError, match="has no tensor 'texts'; did you mean 'text'\\?"):
        open_source(path, key="texts")
    np.testing.assert_array_equal(read(open_source(path, key="text")), ARRAY + 1)
    with pytest.raises(InputError, match=r"3-D; .*index=0"):
        open_source(path, key="pairs")
    np.testing.assert_array_equal(read(open_source(path, key="pairs", index=1)), ARRAY * 2)


def test_no_tensors(tmp_path):
    path = tmp_path / "emb.safetensors"
    save_file({}, path)
    with pytest.raises(InputError, match="holds no tensors"):
        open_source(path)


@pytest.mark.parametrize("cut", [4, 30, -7])
def test_truncated(tmp_path, cut):
    path = tmp_path / "emb.safetensors"
    save_file({"x": ARRAY}, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="is not a readable safetensors file") as caught:
        open_source(path)
    assert str(caught.value).startswith(str(path))
