"""``thinshell sketch``, and the options that bound what a command uses."""

import numpy as np
import pytest

from thinshell.cli import main
from thinshell.diagnosis.resources import bytes_of
from thinshell.errors import InputError, InputTypeError
from thinshell.sketch import EmbeddingSketch


def saved(path, n=300, d=4, seed=0):
    np.save(path, np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32))
    return str(path)


def run(capsys, *words):
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_sketch_grows(tmp_path, capsys):
    state = tmp_path / "state.sketch.safetensors"
    first, second = saved(tmp_path / "a.npy", 300), saved(tmp_path / "b.npy", 20_000, seed=1)
    assert run(capsys, "sketch", "update", state, first)[0] == 0
    status, out, err = run(capsys, "sketch", "update", state, second, first)
    assert status == 0
    assert "20,300 rows taken in, 20,600 in all, 4 features" in out
    assert f"wrote {state}" in err
    whole = EmbeddingSketch().update(np.load(first)).update(np.load(second)).update(np.load(first))
    assert EmbeddingSketch.load(state).fingerprint == whole.fingerprint
    assert run(capsys, "diagnose", state)[0] == 0


def test_merge(tmp_path, capsys):
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.sketch.safetensors")
        rows = saved(tmp_path / "rows.npy", 300, seed=number)
        assert run(capsys, "sketch", "update", paths[-1], rows, "-q")[0] == 0
    status, out, _ = run(capsys, "sketch", "merge", *paths, "--out", tmp_path / "all.safetensors")
    assert (status, out) == (0, "900 rows of 4 features from 3 sketches\n")
    assert EmbeddingSketch.load(tmp_path / "all.safetensors").n_samples == 900


def test_refusals_leave_the_state_as_it_was(tmp_path, capsys):
    state = tmp_path / "state.sketch.safetensors"
    run(capsys, "sketch", "update", state, saved(tmp_path / "a.npy"))
    before = state.read_bytes()
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    nan = tmp_path / "nan.npy"
    np.save(nan, np.full((20, 4), np.nan))
    for words, sentence in (
        (("update", state, saved(tmp_path / "wide.npy", d=5)), "has 5 features, the sketch has 4"),
        (("update", state, tmp_path / "bad.npy"), "bad.npy is not a .npy file"),
        (("update", state, nan), "hold NaN or infinity"),
        (("update", tmp_path / "a.npy", state), "a.npy is not a sketch"),
        (("update", tmp_path / "no" / "s.safetensors", state), "does not exist; create it first"),
        (("merge", state, "--out", tmp_path / "m"), "needs at least two sketches, got 1"),
        (("merge", state, state, "--out", tmp_path / "m"), "the same sketch twice"),
        (("merge", state, tmp_path / "a.npy", "--out", tmp_path / "m"), "a.npy is not a sketch"),
    ):
        status, _, err = run(capsys, "sketch", *words)
        assert status == 2, words
        assert sentence in err
        assert err.count("\n") == 1
    assert state.read_bytes() == before
    assert not (tmp_path / "m").exists()


def test_help_and_nothing(capsys):
    status, out, _ = run(capsys, "sketch")
    assert status == 0
    assert "update" in out
    assert "merge" in out
    assert run(capsys, "sketch", "nonsense")[0] == 2


def test_memory(tmp_path, capsys):
    path = saved(tmp_path / "a.npy")
    assert run(capsys, "diagnose", path, "--memory", "1GB", "-q")[0] == 0
    status, _, err = run(capsys, "diagnose", path, "--memory", "50MB")
    assert status == 2
    assert "memory must be at least" in err
    status, _, err = run(capsys, "diagnose", path, "--memory", "much")
    assert "memory must be a size such as 2GB or 512MiB, got 'much'" in err


def test_sizes():
    sizes = {"2GB": 2 * 10**9, "1.5 GiB": 3 * 2**29, "700": 700, 5: 5, "10k": 10_000, None: None}
    assert {size: bytes_of(size) for size in sizes} == sizes


def test_bad_sizes():
    for size in ("", "GB", "-1GB", "0", "1XB"):
        with pytest.raises(InputError, match="memory must be a size"):
            bytes_of(size)
    with pytest.raises(InputTypeError, match="memory must be a size"):
        bytes_of(1.5)


def test_threads(tmp_path, capsys):
    path = saved(tmp_path / "a.npy", 20_000)
    results = [run(capsys, "diagnose", path, "--json", "-", *more)[1] for more in ((), ("--threads", "1"))]
    assert results[0] == results[1].replace(" --threads 1", "")
    status, _, err = run(capsys, "diagnose", path, "--threads", "0")
    assert status == 2
    assert "threads must be at least 1, got 0" in err


def test_spectrum_of_the_sample(tmp_path, capsys):
    path = saved(tmp_path / "a.npy", 20_000)
    assert run(capsys, "diagnose", path, "--spectrum", "sample", "--json", tmp_path / "r.json", "-q")[0] == 0
    import json

    assert json.loads((tmp_path / "r.json").read_text())["spectrum"]["n_rows_used"] == 8192


def test_bad_shards(tmp_path, capsys):
    saved(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"nothing")
    status, _, err = run(capsys, "diagnose", f"{tmp_path}/*.npy")
    assert status == 2
    assert "b.npy" in err
    status, out, _ = run(capsys, "diagnose", f"{tmp_path}/*.npy", "--skip-bad-shards")
    assert status == 0
    assert "left out" in " ".join(out.split())
