"""Standard input: .npy streams and bare float32 numbers."""

import io
import subprocess
import sys

import numpy as np
import pytest

import thinshell as ts
from thinshell.errors import InputError, InputTypeError
from thinshell.io import open_source
from thinshell.io.stream import open_stream

ROWS = np.random.default_rng(0).standard_normal((500, 6)).astype(np.float32)


def npy(rows):
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()


class Pipe(io.RawIOBase):
    """Gives a few bytes at a time and cannot seek."""

    def __init__(self, content, step=7):
        self.content, self.step = content, step

    def read(self, size=-1):
        count = self.step if size < 0 else min(size, self.step)
        taken, self.content = self.content[:count], self.content[count:]
        return taken

    def seek(self, *_):
        raise io.UnsupportedOperation


@pytest.mark.parametrize("rows", [ROWS, ROWS.astype(np.float64), ROWS.astype(np.float16), (ROWS * 9).astype(np.int32)])
@pytest.mark.parametrize("max_bytes", [1, 1000, 10**7])
def test_npy_stream(rows, max_bytes):
    source = open_stream(Pipe(npy(rows)), "standard input", None)
    assert (source.n_samples, source.n_features, source.dtype) == (500, 6, rows.dtype.name)
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(max_bytes))), rows)


@pytest.mark.parametrize("max_bytes", [1, 1000, 12000, 10**7])
def test_bare_numbers(max_bytes):
    source = open_stream(Pipe(ROWS.astype("<f4").tobytes(), step=1001), "standard input", 6)
    assert source.n_samples is None
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(max_bytes))), ROWS)
    assert source.n_samples == 500


def test_it_comes_once():
    source = open_stream(Pipe(npy(ROWS)), "standard input", None)
    list(source.blocks())
    with pytest.raises(InputError, match="has been read already, a pipe comes once"):
        list(source.blocks())
    with pytest.raises(InputError, match="normalize=zscore reads the data twice, got standard input"):
        ts.diagnose(open_stream(Pipe(npy(ROWS)), "standard input", None), normalize="zscore")


@pytest.mark.parametrize(
    ("content", "dim", "words"),
    [
        (b"", None, r"is empty \(0 bytes\); send a .npy file, or float32 numbers"),
        (b"12345678", None, "is no .npy stream .* say how many float32 numbers make a row"),
        (b"123", 6, "ends inside row 0: 3 bytes are left"),
        (ROWS.tobytes()[:-4], 6, "ends inside row 499: 20 bytes are left of rows of 24"),
        (npy(ROWS), 5, "is a .npy stream of 6 columns, got dim 5; leave it out"),
        (npy(ROWS)[:-4], None, "ended while it was being read"),
        (npy(np.asfortranarray(ROWS)), None, "column order"),
        (npy(ROWS.astype(complex)), None, "complex numbers"),
        (npy(ROWS[0]), None, "1-D"),
    ],
)
def test_bad_streams(content, dim, words):
    with pytest.raises(InputError, match="^standard input.*" + words):
        list(open_stream(Pipe(content), "standard input", dim).blocks())


def test_dim_is_checked(tmp_path):
    with pytest.raises(InputError, match="dim must be at least 1, got 0"):
        open_source("-", dim=0)
    with pytest.raises(InputTypeError, match="dim must be a whole number"):
        open_source("-", dim="six")
    np.save(tmp_path / "emb.npy", ROWS)
    with pytest.raises(InputError, match="dim is for standard input"):
        open_source(tmp_path / "emb.npy", dim=6)
    with pytest.raises(InputError, match=r"standard input .* must be the only path"):
        open_source(["-", tmp_path / "emb.npy"])
    with pytest.raises(InputError, match="column is not for it"):
        open_source("-", column="e")


def test_the_command_reads_a_pipe():
    program = [sys.executable, "-m", "thinshell", "diagnose", "-", "--json", "-"]
    done = subprocess.run(program, input=npy(ROWS), capture_output=True, check=True)
    bare = subprocess.run([*program, "--dim", "6"], input=ROWS.tobytes(), capture_output=True, check=True)
    assert done.stdout.replace(b"--json -", b"") == bare.stdout.replace(b"--json - --dim 6", b"")
