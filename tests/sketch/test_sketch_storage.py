import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from thinshell.errors import InputError
from thinshell.sketch import EmbeddingSketch, is_sketch_file, summarize

ROWS = np.random.default_rng(7).standard_normal((600, 4)).astype(np.float32)


@pytest.fixture(params=[8192, 100], ids=["held", "counted"])
def saved(request, tmp_path):
    sketch = EmbeddingSketch(row_capacity=request.param, drop_nonfinite=True).update(ROWS)
    sketch.update(np.full((1, 4), np.nan))
    path = tmp_path / "emb.sketch.safetensors"
    sketch.save(path)
    return sketch, path


def test_round_trip_is_bit_equal_and_goes_on(saved):
    sketch, path = saved
    again = EmbeddingSketch.load(path)
    assert is_sketch_file(path)
    assert (again.n_samples, again.n_dropped, again.row_capacity) == (600, 1, sketch.row_capacity)
    for one in (sketch, again):
        one.update(ROWS[:50] + 1)
    a, b = summarize(sketch), summarize(again)
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.ad, b.ad)
    np.testing.assert_array_equal(a.moments.m4, b.moments.m4)
    if a.covariance is not None:
        np.testing.assert_array_equal(a.covariance, b.covariance)
    levels = [0.1, 0.5]
    np.testing.assert_array_equal(a.norm_quantiles(levels), b.norm_quantiles(levels))


def rewrite(path, change):
    """Save the file again with another header."""
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(json.loads(stream.read(length))["__metadata__"]["thinshell"])
    tensors = load_file(path)
    change(header, tensors)
    save_file(tensors, path, metadata={"thinshell": json.dumps(header)})


def test_damaged_foreign_and_newer_files_are_told_in_a_sentence(saved, tmp_path):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is a damaged sketch"):
        EmbeddingSketch.load(path)
    path.write_bytes(content)
    rewrite(path, lambda header, tensors: header.update(n_samples=7))
    with pytest.raises(InputError, match=r"is a damaged sketch .*do not fit its header"):
        EmbeddingSketch.load(path)
    path.write_bytes(content)
    rewrite(path, lambda header, tensors: tensors.pop("unit_sum"))
    with pytest.raises(InputError, match="is a damaged sketch"):
        EmbeddingSketch.load(path)
    path.write_bytes(content)
    rewrite(path, lambda header, tensors: header.update(schema="thinshell/sketch/9"))
    with pytest.raises(InputError, match=r"schema 'thinshell/sketch/9', this version reads .*; update thinshell"):
        EmbeddingSketch.load(path)
    foreign = tmp_path / "weights.safetensors"
    save_file({"w": ROWS}, foreign)
    assert not is_sketch_file(foreign)
    with pytest.raises(InputError, match="is not a sketch"):
        EmbeddingSketch.load(foreign)
    with pytest.raises(InputError, match="is not a file"):
        EmbeddingSketch.load(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert not is_sketch_file(tmp_path / "empty")


def test_nothing_is_left_half_written(saved, tmp_path, monkeypatch):
    sketch, path = saved
    content = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(InputError, match=r"could not be written .No space left on device"):
        sketch.save(path)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_empty_sketch_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least one row to be saved"):
        EmbeddingSketch().save(tmp_path / "x")
    with pytest.raises(InputError, match="could not be written"):
        EmbeddingSketch().update(ROWS).save(tmp_path / "missing" / "x")
