"""Sums over rows: one pass, any split, merging, sketches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError
from thinshell.gaussian import CovarianceSums, GaussianModel
from thinshell.sketch import EmbeddingSketch


def rows_of(n, d, seed=0, offset=3.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + offset


def naive(rows):
    rows = rows.astype(np.float64)
    centred = rows - rows.mean(axis=0)
    return rows.mean(axis=0), centred.T @ centred / len(rows), (np.square(centred).sum(axis=1) ** 2).mean()


def assert_same(sums, rows, rtol):
    mean, covariance, quartic = naive(rows)
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert sums.n_samples == len(rows)
    assert np.abs((sums.mean() - mean) / np.sqrt(np.diag(covariance))).max() < rtol
    assert (np.abs(sums.covariance() - covariance) / size).max() < rtol
    assert sums.quartic() == pytest.approx(quartic, rel=rtol)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 300),
    d=st.integers(1, 9),
    cuts=st.lists(st.floats(0, 1), max_size=5),
    offset=st.sampled_from([0.0, 3.0, -300.0]),
    merged=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_split_is_the_whole(n, d, cuts, offset, merged, seed):
    rows = rows_of(n, d, seed, offset)
    edges = [0, *sorted(int(cut * n) for cut in cuts), n]
    sums = CovarianceSums()
    for low, high in itertools.pairwise(edges):
        if merged:
            sums.merge(CovarianceSums().add(rows[low:high]))
        else:
            sums.add(rows[low:high])
    assert_same(sums, rows, 1e-10)


def test_float32_rows_agree_to_their_tolerance():
    rows = rows_of(5000, 24).astype(np.float32)
    sums = CovarianceSums().add(rows[:700]).merge(CovarianceSums().add(rows[700:]))
    assert sums.single
    assert_same(sums, rows, 2e-6)
    double = CovarianceSums(double=True).add(rows)
    assert not double.single
    assert_same(double, rows, 1e-11)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.uint8, bool, np.longdouble])
def test_other_numbers_are_taken(dtype):
    rows = (np.abs(rows_of(60, 3)) > 4 if dtype is bool else np.abs(rows_of(60, 3))).astype(dtype)
    assert_same(CovarianceSums().add(rows), rows, 1e-5)


def test_rows_of_any_layout_and_many_steps(monkeypatch):
    rows = rows_of(1000, 6)
    monkeypatch.setattr("thinshell.gaussian.sums._STEP_BYTES", 6 * 8 * 64)
    for given_rows in (np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2], rows):
        assert_same(CovarianceSums().add(given_rows), rows, 1e-12)
        assert_same(CovarianceSums().add(given_rows[:100]).add(given_rows[100:]), rows, 1e-12)


def test_sizes_beyond_the_squares_of_float32():
    rows = rows_of(100, 3)
    for scale in (1e-25, 1e25):
        small = (rows * scale).astype(np.float32)
        mean, covariance, _ = naive(small)
        sums = CovarianceSums().add(small)
        assert np.allclose(sums.covariance(), covariance, rtol=1e-9, atol=0)
        assert np.allclose(sums.mean(), mean, rtol=1e-9)


def test_a_bad_row_leaves_the_sums_as_they_were(monkeypatch):
    rows = rows_of(500, 4)
    sums = CovarianceSums().add(rows)
    bad = rows.copy()
    bad[433, 2] = np.nan
    monkeypatch.setattr("thinshell.gaussian.sums._STEP_BYTES", 4 * 8 * 50)
    with pytest.raises(InputError, match=r"NaN or infinity in 1 rows \(first: row 433\)"):
        sums.add(bad)
    assert_same(sums, rows, 1e-12)
    with pytest.raises(InputError, match="NaN or infinity"):
        CovarianceSums().add(np.full((3, 2), np.inf))


def test_bad_blocks_are_told():
    sums = CovarianceSums().add(rows_of(10, 3))
    for bad, words in [
        (np.ones(3), "shape"),
        (np.ones((2, 4)), r"\(n_samples, 3\)"),
        (np.full((2, 3), 1e80), "1e\\+70"),
    ]:
        with pytest.raises(InputError, match=words):
            sums.add(bad)
    with pytest.raises(InputError, match="these very ones"):
        sums.merge(sums)
    with pytest.raises(InputError, match="same number of features"):
        sums.merge(CovarianceSums().add(np.ones((2, 2))))
    with pytest.raises(InputError, match="at least one row"):
        CovarianceSums().mean()
    assert sums.merge(CovarianceSums()).add(np.empty((0, 3))).n_samples == 10


def test_state_is_restored():
    rows = rows_of(100, 3)
    sums = CovarianceSums().add(rows[:60])
    twin = CovarianceSums.restore(sums.n_samples, sums.state())
    assert_same(twin.add(rows[60:]), rows, 1e-12)
    assert_same(sums, rows[:60], 1e-12)  # a copy: adding to the twin left it alone


def test_an_exact_sketch_is_its_rows(tmp_path):
    rows = rows_of(900, 5)
    EmbeddingSketch().update(rows).save(tmp_path / "sketch")
    sums = CovarianceSums.from_sketch(EmbeddingSketch.load(tmp_path / "sketch"))
    assert_same(sums, rows, 1e-11)
    assert not sums.notes


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_counted_sketch_has_all_but_the_fourth_moment(tmp_path, dtype):
    rows = rows_of(6000, 5).astype(dtype)
    sketch = EmbeddingSketch(row_capacity=1500).update(rows)
    sketch.save(tmp_path / "sketch")
    sketch = EmbeddingSketch.load(tmp_path / "sketch")
    assert not sketch.exact
    sums = CovarianceSums.from_sketch(sketch)
    mean, covariance, quartic = naive(rows)
    tolerance = 1e-10 if dtype == np.float64 else 2e-6
    assert np.allclose(sums.mean(), mean, rtol=tolerance, atol=tolerance)
    assert np.allclose(sums.covariance(), covariance, rtol=tolerance, atol=tolerance * covariance.max())
    assert sums.quartic() == pytest.approx(quartic, rel=0.05)
    assert "estimated from 1,500 of the 6,000 rows" in sums.notes[0]
    model = GaussianModel.from_sketch(sketch)
    assert model.shrinkage_ == pytest.approx(GaussianModel().fit(rows).shrinkage_, rel=0.1)
    assert model.notes_ == sums.notes
    more = rows_of(500, 5, seed=7).astype(dtype)
    model.partial_fit(more)
    both = np.vstack([rows, more])
    assert model.n_samples_seen_ == 6500
    assert np.allclose(model.location_, both.mean(axis=0, dtype=np.float64), rtol=1e-5, atol=1e-5)
    assert model._sums.quartic() == pytest.approx(naive(both)[2], rel=0.05)


def test_sketches_that_lack_something_are_told():
    with pytest.raises(InputError, match="EmbeddingSketch, got ndarray"):
        CovarianceSums.from_sketch(np.ones((3, 3)))
    with pytest.raises(InputError, match="empty one"):
        CovarianceSums.from_sketch(EmbeddingSketch())
    without = EmbeddingSketch(row_capacity=100, covariance=False).update(rows_of(300, 3))
    with pytest.raises(InputError, match="--spectrum all"):
        GaussianModel.from_sketch(without)
