"""Reading .npy: equal to the array that was saved, and a sentence for everything that is not a matrix."""

import io
import re
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError, InputTypeError
from thinshell.io import open_source

DTYPES = ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "i1", "<i4", ">i8", "u1", "<u2", "?"]


def saved(folder, array, name="emb.npy"):
    path = folder / name
    np.save(path, array)
    return str(path)


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def expected_dtype(dtype):
    return np.float32 if np.dtype(dtype).kind == "f" and np.dtype(dtype).itemsize <= 4 else np.float64


def random_array(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) * 20).astype(dtype)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(1, 40),
    d=st.integers(1, 12),
    parts=st.none() | st.integers(1, 3),
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from("CF"),
    max_bytes=st.integers(1, 2000),
    data=st.data(),
)
def test_blocks_are_the_rows_that_were_saved(tmp_path, n, d, parts, dtype, order, max_bytes, data):
    shape = (n, d) if parts is None else (parts, n, d)
    array = random_array(shape, dtype).copy(order=order)
    index = None if parts is None else data.draw(st.integers(0, parts - 1))
    source = open_source(saved(tmp_path, array), index=index)
    blocks = list(source.blocks(max_bytes))
    assert (source.n_samples, source.n_features) == (n, d)
    assert source.dtype == np.dtype(dtype).newbyteorder("=").name
    row_bytes = d * expected_dtype(dtype)().itemsize
    for block in blocks:
        assert block.dtype == expected_dtype(dtype)
        assert block.dtype.isnative
        assert block.flags.c_contiguous
        assert block.flags.writeable
        assert block.nbytes <= max(max_bytes, row_bytes)
    wanted = array if index is None else array[index]
    np.testing.assert_array_equal(np.concatenate(blocks), wanted.astype(expected_dtype(dtype)))


def test_blocks_start_again_and_interleave(tmp_path):
    array = random_array((50, 3), "f4")
    source = open_source(saved(tmp_path, array))
    first, second = source.blocks(24), source.blocks(24)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(read(source), array)


def test_column_major_windows_larger_than_one(tmp_path, monkeypatch):
    monkeypatch.setattr("thinshell.io.raw.COLUMN_MAJOR_WINDOW", 700)
    array = np.asfortranarray(random_array((101, 7), "f8"))
    np.testing.assert_array_equal(read(open_source(saved(tmp_path, array)), max_bytes=120), array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_header_versions(tmp_path, version):
    array = random_array((5, 2), "f4")
    path = tmp_path / "emb.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, array, version=version)
    np.testing.assert_array_equal(read(open_source(path)), array)


@pytest.mark.parametrize(
    ("dtype", "notice"),
    [("i8", "integers (int64) are taken as float64"), ("?", "booleans are taken as float64 (0 and 1)")],
)
def test_conversion_is_said(tmp_path, dtype, notice):
    assert open_source(saved(tmp_path, np.ones((3, 2), dtype))).notices == [notice]


def test_long_double_is_rounded_and_said(tmp_path):
    array = np.ones((3, 2), dtype=np.longdouble)
    if array.dtype.itemsize == 8:
        pytest.skip("this platform's long double is float64")
    source = open_source(saved(tmp_path, array))
    assert read(source).dtype == np.float64
    assert source.notices == [f"{array.dtype.name} is rounded to float64"]


def test_bytes_after_the_array_are_said(tmp_path):
    path = saved(tmp_path, np.ones((3, 2)))
    with open(path, "ab") as file:
        file.write(b"12345")
    source = open_source(path)
    assert source.notices == [f"5 bytes after the array in {path} are not read"]
    assert read(source).shape == (3, 2)


def test_other_face(tmp_path):
    path = saved(tmp_path, np.ones((3, 2), dtype=np.float16))
    source = open_source(path)
    assert source.paths == (path,)
    assert source.feature_names is None
    assert repr(source) == f"<RawSource {path}: 3 x 2 float16>"


def refused(path, text, **options):
    with pytest.raises(InputError, match=text) as caught:
        open_source(path, **options)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ones((2, 2), complex), r"holds complex numbers \(complex128\); .* save \.real"),
        (np.full((2, 2), "a"), r"holds text \(<U1\)"),
        (np.full((2, 2), b"a"), r"holds byte strings \(\|S1\)"),
        (np.ones((2, 2), "M8[s]"), r"holds dates \(datetime64\[s\]\)"),
        (np.ones((2, 2), "m8[s]"), r"holds time differences"),
        (np.ones((2, 2), "V2"), r"holds raw bytes \(\|V2\).*bfloat16"),
        (np.ones((2,), [("e", "f4", 3), ("id", "i4")]), r"holds records with fields .*array\['e'\]"),
        (
            np.array([[1, None]], dtype=object),
            "dtype object.*never unpickles; save it again as a float array",
        ),
        (np.float32(3), r"has shape \(\), a single number"),
        (np.ones(7), r"has shape \(7,\), 1-D; .*reshape\(-1, 1\)"),
        (np.ones((2, 3, 4, 5)), r"has shape \(2, 3, 4, 5\), 4-D; .*for example to \(24, 5\)"),
        (np.ones((0, 5)), "has zero rows; give a file"),
        (np.ones((5, 0)), r"has shape \(5, 0\): no columns"),
    ],
)
def test_what_is_not_a_matrix_of_reals(tmp_path, array, text):
    refused(saved(tmp_path, array), text)


def test_three_dimensions(tmp_path):
    path = saved(tmp_path, np.ones((2, 500, 512), "f2"))
    refused(
        path,
        re.escape(
            "has shape (2, 500, 512), 3-D; thinshell reads (n_samples, n_features): pick one part with "
            "index=0 (--index 0), 0 <= index < 2"
        ),
    )
    for index in (2, -1):
        refused(path, rf"index must be 0 <= index < 2, got {index}", index=index)
    refused(saved(tmp_path, np.ones((3, 2)), "b.npy"), "2-D; index is only for 3-D arrays: leave it out", index=0)
    with pytest.raises(InputTypeError, match="index must be a whole number or None, got float"):
        open_source(path, index=1.0)  # type: ignore[arg-type]


def test_truncated(tmp_path):
    path = saved(tmp_path, np.ones((1203, 512), "f2"))
    with open(path, "r+b") as file:
        file.truncate(128 + 900_000)
    refused(
        path,
        re.escape(
            "is truncated: its header promises 1,203 rows x 512 float16 (1,231,872 bytes), "
            "the file holds 900,000; copy or save it again"
        ),
    )


def test_truncated_three_dimensions(tmp_path):
    path = saved(tmp_path, np.ones((2, 10, 3)))
    with open(path, "r+b") as file:
        file.truncate(300)
    refused(path, r"promises 2 parts of 10 rows x 3 float64 \(480 bytes\), the file holds 172", index=0)


@pytest.mark.parametrize("length", [3, 7, 9, 40])
def test_truncated_inside_the_header(tmp_path, length):
    path = saved(tmp_path, np.ones((3, 2)))
    with open(path, "r+b") as file:
        file.truncate(length)
    refused(path, "is truncated inside its header|is not a .npy file")


def header_only(path, text, version=b"\x01\x00", length=None):
    encoded = text.encode("latin1")
    size = struct.pack("<H" if version[0] == 1 else "<I", len(encoded) if length is None else length)
    path.write_bytes(b"\x93NUMPY" + version + size + encoded)
    return path


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1" + "0" * 30 + ", 512)}", "is truncated"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 2)}", r"header gives the shape \(-4, 2\)"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 'x'}", "its header cannot be read"),
        ("{'descr': '<q9', 'fortran_order': False, 'shape': (1, 2)}", "its header cannot be read"),
        ("{'descr': '<f4', 'fortran_order': False}", "its header cannot be read"),
        ("(" * 5000, "its header cannot be read"),
        ("__import__('os').system('true')", "its header cannot be read"),
        ("{'descr': [('a', '<f4', (3,))], 'fortran_order': False, 'shape': (1, 2)}", "holds records"),
    ],
)
def test_forged_headers(tmp_path, header, text):
    refused(header_only(tmp_path / "emb.npy", header), text)


def test_forged_header_length_is_not_allocated(tmp_path):
    path = header_only(tmp_path / "emb.npy", "{}", version=b"\x02\x00", length=4_000_000_000)
    refused(path, "its header claims 4,000,000,000 bytes")


def test_unknown_version(tmp_path):
    refused(header_only(tmp_path / "emb.npy", "{}", version=b"\x09\x00"), r"has .npy version 9\.0")


def test_header_written_by_python_2(tmp_path):
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n"
    path = header_only(tmp_path / "emb.npy", text)
    with path.open("ab") as file:
        file.write(np.arange(6, dtype="<f4").tobytes())
    np.testing.assert_array_equal(read(open_source(path)), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00",
            "it is a Python pickle; refused: thinshell never unpickles",
        ),
        (b"PK\x03\x04 and so on", "it is a zip archive; rename it to .npz"),
        (b"PAR1 and so on", "it is a Parquet file; rename it"),
        (b"hello, world", "it starts with b'hello,'"),
    ],
)
def test_something_else_named_npy(tmp_path, content, text):
    path = tmp_path / "emb.npy"
    path.write_bytes(content)
    refused(path, "is not a .npy file: " + text)


def test_file_that_shrinks_while_it_is_read(tmp_path):
    path = saved(tmp_path, np.ones((1000, 8)))
    blocks = open_source(path).blocks(8 * 8 * 100)
    next(blocks)
    with open(path, "r+b") as file:
        file.truncate(20_000)
    with pytest.raises(InputError, match="ended while it was being read"):
        list(blocks)


def test_file_that_goes_away_before_it_is_read(tmp_path):
    path = saved(tmp_path, np.ones((10, 2)))
    source = open_source(path)
    (tmp_path / "emb.npy").unlink()
    with pytest.raises(InputError, match="does not exist"):
        next(source.blocks())


def test_other_system_errors_are_one_sentence(tmp_path, monkeypatch):
    path = saved(tmp_path, np.ones((10, 2)))

    def fails(*args, **kwargs):
        raise OSError(5, "Input/output error")

    source = open_source(path)
    monkeypatch.setattr("thinshell.io.raw.opened", fails, raising=False)
    with pytest.raises(InputError, match=r"could not be read \(Input/output error\)"):
        next(source.blocks())


@pytest.mark.parametrize(
    ("max_bytes", "error", "text"),
    [
        (0, InputError, "max_bytes must be at least 1, got 0"),
        (1.5, InputTypeError, "max_bytes must be a whole number of bytes, got float"),
    ],
)
def test_block_size(tmp_path, max_bytes, error, text):
    source = open_source(saved(tmp_path, np.ones((2, 2))))
    with pytest.raises(error, match=text):
        source.blocks(max_bytes)


def test_short_reads_are_put_together():
    from thinshell.io.raw import RawMatrix

    class Dribble(io.BytesIO):
        def readinto(self, buffer, /):
            return super().readinto(memoryview(buffer)[:3])

    array = np.arange(12.0).reshape(4, 3)
    matrix = RawMatrix(0, 4, 3, array.dtype)
    windows = list(matrix.windows(Dribble(array.tobytes()), 3, "stream"))
    np.testing.assert_array_equal(np.concatenate(windows), array)
