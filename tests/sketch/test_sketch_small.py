"""The passes of NumPy over small data against the kernels that larger data get."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thinshell.sketch import EmbeddingSketch, embedding_sketch, histogram_ad, kernels, passes, summarize
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.rows import row_multipliers, scan_rows
from thinshell.statistics import _small

AWKWARD = [0.0, -0.0, np.nan, np.inf, -np.inf, 2.0**127, -(2.0**-130), 2.0**-149, 1.0]
NUMBERS = st.sampled_from(AWKWARD) | st.floats(width=32, allow_nan=False)


@settings(deadline=None, max_examples=100)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]), st.tuples(st.integers(0, 30), st.integers(1, 6)), elements=NUMBERS
    ),
    st.sampled_from([1.0, 1e200, 1e-200, 1 + 2**-40]),
)
def test_scans_are_those_of_the_kernel(block, factor):
    if block.dtype == np.float64:
        with np.errstate(over="ignore", under="ignore"):
            block = block * factor
    multipliers = row_multipliers(block.shape[1])
    mine, its = (scan_rows(block, multipliers, small=small) for small in (True, False))
    np.testing.assert_array_equal(mine.hashes, its.hashes)
    np.testing.assert_allclose(mine.norms, its.norms, rtol=1e-14)
    np.testing.assert_allclose(mine.unit_sum, its.unit_sum, rtol=0, atol=1e-13)


def test_many_rows_are_scanned_piece_by_piece():
    rng = np.random.default_rng(0)
    for shape in ((70_000, 1), (2000, 50), (3, 40_000)):
        block = rng.standard_normal(shape).astype(np.float32)
        block[1], block[-1, 0] = 0.0, np.nan
        mine, its = (scan_rows(block, row_multipliers(shape[1]), small=small) for small in (True, False))
        np.testing.assert_array_equal(mine.hashes, its.hashes)
        np.testing.assert_allclose(mine.norms, its.norms, rtol=1e-13)
        np.testing.assert_allclose(mine.unit_sum, its.unit_sum, rtol=1e-12, atol=1e-10)


def test_mix_leaves_its_argument_alone():
    hashes = np.arange(5, dtype=np.uint64)
    assert len(np.unique(passes.mix(hashes))) == 5
    np.testing.assert_array_equal(hashes, np.arange(5))


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 80), st.integers(1, 20)),
        elements=st.floats(-300, 300, width=32) | st.sampled_from([0.0, -0.0, -8.0, 24.0, 2.0**40, -(2.0**60)]),
    ),
    st.integers(-3, 5),
    st.integers(-40, 8),
)
def test_counts_are_those_of_the_kernel_to_the_last_one(block, exponent, first):
    bins, left, columns = 32, block.shape[1] // 3, block.shape[1] - block.shape[1] // 3
    found = []
    for count in (passes.add_counts, kernels.add_counts):
        counts = np.zeros((columns, bins), np.uint32)
        tails = np.zeros((columns, 2, passes.TAIL_BUCKETS), np.int64)
        start = np.arange(first, first + columns, dtype=np.float64)
        count(block, left, np.full(columns, 2.0**exponent), start, counts, tails)
        found.append((counts, tails))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert found[0][0].sum() + found[0][1].sum() == len(block) * columns


def sphere(rng, n, d=32):
    return np.sqrt(rng.beta(0.5, (d - 1) / 2, n)) * rng.choice([-1, 1], n)


MARGINALS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "offset 1e4": lambda rng, n: rng.standard_normal(n) + 1e4,
    "offset -1e4": lambda rng, n: rng.standard_normal(n) - 1e4,
    "t(3)": lambda rng, n: rng.standard_t(3, n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "two points": lambda rng, n: rng.choice([-1.0, 1.0], n),
    "rare spike": lambda rng, n: (rng.random(n) < 0.002) * 1.0,
    "one far value": lambda rng, n: np.append(rng.standard_normal(n - 1), 1e6),
    "sphere": sphere,
    "ReLU": lambda rng, n: np.maximum(rng.standard_normal(n), 0),
    "exponential": lambda rng, n: -rng.exponential(size=n),
    "integers": lambda rng, n: rng.integers(0, 10, n) * 1.0,
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "constant": lambda rng, n: np.full(n, 0.1),
    "zeros": lambda rng, n: np.zeros(n),
}


def read_both_ways(marginals, monkeypatch):
    read = []
    for small in (True, False):
        monkeypatch.setattr(histogram_ad, "is_small", lambda _, small=small: small)
        read.append(marginals.anderson_darling())
    return read


@pytest.mark.parametrize("n", [2, 50, 3000, 20_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pilot", [30, 2000, "narrow", "wide"])
def test_statistics_of_counts_are_those_of_the_kernel(n, dtype, pilot, monkeypatch):
    rng = np.random.default_rng(n)
    block = np.stack([law(rng, n) for law in MARGINALS.values()], axis=1).astype(dtype)
    if isinstance(pilot, str):
        # Narrow bins are joined, many to one, where they are read; wide ones leave a few bins.
        sign = 1 if pilot == "narrow" else -1
        block = np.take_along_axis(block, np.argsort(sign * np.abs(block - block.mean(axis=0)), axis=0), axis=0)
    step = pilot if isinstance(pilot, int) else 40
    sketches = []
    for small in (True, False):
        marginals = Marginals(block.shape[1])
        for top in range(0, n, step):
            marginals.add(np.ascontiguousarray(block[top : top + step]), small=small)
        sketches.append(marginals)
    for name in ("counts", "tails", "start", "exponent", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(sketches[0], name), getattr(sketches[1], name))
    mine, its = read_both_ways(sketches[1], monkeypatch)
    np.testing.assert_allclose(mine, its, rtol=1e-10)
    assert np.isnan(mine[-2:]).all()


def test_joins_of_many_bins_and_columns_of_tails_alone(monkeypatch):
    # A pilot of equal values sets the narrowest bins; what comes next lies in the tails until the bins are widened.
    marginals = Marginals(2)
    marginals.add(np.full((10, 2), [5.0, 0.0]) + np.arange(10)[:, None] * 1e-9, small=True)
    marginals.counts[0, marginals.counts[0] > 0] = 0
    marginals.tails[0, 0, 3], marginals.tails[0, 1, 200] = 4, 6
    mine, its = read_both_ways(marginals, monkeypatch)
    np.testing.assert_allclose(mine, its, rtol=1e-10)


def test_a_sketch_that_grows_large_agrees_with_one_that_was_from_its_first_block(monkeypatch):
    rows = np.random.default_rng(4).standard_t(6, (30_000, 6)) * [1, 2, 3, 0.1, 50, 1] + 1
    monkeypatch.setattr(_small, "SMALL_VALUES", 60_000)
    ways = []
    scan = embedding_sketch.scan_rows
    monkeypatch.setattr(embedding_sketch, "scan_rows", lambda *a, small: ways.append(small) or scan(*a, small=small))
    grown = EmbeddingSketch(row_capacity=4000)
    for top in range(0, len(rows), 500):
        grown.update(rows[top : top + 500])
    assert set(ways) == {True, False}
    assert ways == sorted(ways, reverse=True)
    ways.clear()
    whole = EmbeddingSketch(row_capacity=4000).update(rows)
    assert not any(ways)
    a, b = summarize(grown), summarize(whole)
    assert grown.fingerprint == whole.fingerprint
    np.testing.assert_array_equal(a.rows, b.rows)
    for name in ("mean", "m2", "m4"):
        np.testing.assert_allclose(getattr(a.moments, name), getattr(b.moments, name), rtol=1e-12)
    np.testing.assert_allclose(a.norm_moments().m2, b.norm_moments().m2, rtol=1e-12)
    np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-12, atol=1e-12 * np.abs(b.covariance).max())
    np.testing.assert_allclose(a.mean_direction, b.mean_direction, rtol=1e-12, atol=1e-14)
    # Values lie beyond 5 standard deviations here.
    np.testing.assert_allclose(a.ad, b.ad, rtol=1e-4)


def test_merging_decides_by_the_rows_of_both(monkeypatch):
    rows = np.random.default_rng(5).standard_normal((3000, 4))
    halves = [EmbeddingSketch(row_capacity=500).update(part) for part in (rows[:1000], rows[1000:])]
    small = summarize(halves[0].merge(halves[1]))
    monkeypatch.setattr(_small, "SMALL_VALUES", 0)
    halves = [EmbeddingSketch(row_capacity=500).update(part) for part in (rows[:1000], rows[1000:])]
    large = summarize(halves[0].merge(halves[1]))
    np.testing.assert_array_equal(small.rows, large.rows)
    np.testing.assert_allclose(small.ad, large.ad, rtol=1e-9)
    np.testing.assert_allclose(small.moments.m2, large.moments.m2, rtol=1e-13)
