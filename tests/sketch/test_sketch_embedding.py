import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thinshell as ts
from thinshell.errors import InputError, InputTypeError
from thinshell.sketch import EmbeddingSketch, row_capacity_for, summarize

ROWS = np.random.default_rng(7).standard_normal((600, 4)).astype(np.float32)


def split_and_merge(rows, rng, parts, **options):
    """Sketch random contiguous parts and merge them in random order."""
    cuts = np.sort(rng.integers(0, len(rows), parts - 1))
    sketches = []
    for part in np.split(rows, cuts):
        sketch = EmbeddingSketch(rows.shape[1], **options)
        for block in np.array_split(part, rng.integers(1, 4)):
            sketch.update(block)
        sketches.append(sketch)
    while len(sketches) > 1:
        first, second = rng.permutation(len(sketches))[:2]
        merged = sketches[first].merge(sketches[second])
        sketches = [s for k, s in enumerate(sketches) if k not in (first, second)] + [merged]
    return sketches[0]


def assert_same_summary(one, other, rtol):
    a, b = summarize(one), summarize(other)
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.minimum, b.minimum)
    pairs = [(a.ad, b.ad), (a.mean_direction, b.mean_direction), (a.norm_moments().m2, b.norm_moments().m2)]
    pairs += [(getattr(a.moments, name), getattr(b.moments, name)) for name in ("mean", "m2", "m3", "m4")]
    if a.covariance is not None:
        pairs.append((a.covariance, b.covariance))
    for left, right in pairs:
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * np.abs(left).max())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_held_rows_are_the_same_to_the_last_bit(seed, parts):
    merged = split_and_merge(ROWS, np.random.default_rng(seed), parts)
    assert merged.exact
    assert_same_summary(merged, EmbeddingSketch().update(ROWS), rtol=0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_counted_rows_agree_within_the_tolerance_stated(seed, parts):
    rows = ROWS.astype(np.float64) * [1, 3, 0.1, 40] + 10
    merged = split_and_merge(rows, np.random.default_rng(seed), parts, row_capacity=128)
    whole = EmbeddingSketch(row_capacity=128).update(rows)
    assert not merged.exact
    assert merged.n_samples == 600
    assert len(summarize(merged).rows) == 128
    # A^2 needs pilots within a factor two of the final spread; the parts here may be a few rows.
    a, b = summarize(merged), summarize(whole)
    np.testing.assert_allclose(a.ad, b.ad, rtol=5e-3, atol=2e-3)
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.moments.m4, b.moments.m4, rtol=1e-11)


def numbers(plain, prefix=""):
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from numbers(value, f"{prefix}.{key}")
    elif isinstance(plain, list):
        for k, value in enumerate(plain):
            yield from numbers(value, f"{prefix}[{k}]")
    else:
        yield prefix, plain


INTERVAL = (".full.detectable_at_interval[0]", ".full.detectable_at_interval[1]")


def test_fifty_ways_to_split_and_merge_give_the_same_json():
    rng = np.random.default_rng(0)
    n = 20_000
    columns = [rng.standard_normal((n, 12)) * 3, rng.standard_t(4, (n, 6)), rng.exponential(size=(n, 4))]
    rows = np.concatenate([*columns, rng.integers(0, 9, (n, 2))], axis=1)
    truth = dict(numbers(ts.diagnose(EmbeddingSketch().update(rows)).to_dict()))
    for _ in range(50):
        merged = split_and_merge(rows, rng, int(rng.integers(2, 12)))
        again = dict(numbers(ts.diagnose(merged).to_dict()))
        assert again.keys() == truth.keys()
        for name, value in truth.items():
            if name.startswith((".paper", ".sphere.cosine")) and not isinstance(value, str):
                assert again[name] == value, name
            elif isinstance(value, float):
                # The tolerance stated in EmbeddingSketch: A^2 has values beyond 5 sd here (t, exponential). Its
                # p-values magnify it: their logarithm is as large as A^2.
                counted = "ad" in name or name.startswith((".checks", ".full.pvalue"))
                rel = 1e-2 if "pvalue" in name else 1e-4 if counted else 1e-9
                assert again[name] == pytest.approx(value, rel=rel, abs=1e-12), name
            elif name not in (".full.detectable_at", ".full.reason", *INTERVAL):
                assert again[name] == value, name


def test_update_returns_itself_and_merge_leaves_the_other():
    left, right = EmbeddingSketch(row_capacity=50), EmbeddingSketch(row_capacity=50).update(ROWS[:300])
    kept = copy.deepcopy(right)
    assert left.update(ROWS[300:]) is left
    assert left.merge(right) is left
    assert left.n_samples == 600
    assert right.n_samples == 300
    assert_same_summary(right, kept, rtol=0)


@pytest.mark.parametrize("held", [True, False])
def test_empty_sketches_are_neutral(held):
    capacity = 8192 if held else 100
    sketch = EmbeddingSketch(row_capacity=capacity).update(ROWS)
    kept = copy.deepcopy(sketch)
    sketch.merge(EmbeddingSketch()).merge(EmbeddingSketch(4, row_capacity=capacity)).update(np.empty((0, 4)))
    assert_same_summary(sketch, kept, rtol=0)
    assert_same_summary(EmbeddingSketch().merge(sketch), kept, rtol=0)


def test_what_cannot_be_a_block_leaves_the_sketch_as_it_was():
    sketch = EmbeddingSketch().update(ROWS[:20])
    kept = copy.deepcopy(sketch)
    bad = ROWS[:50].copy()
    bad[[3, 7], 1] = np.nan
    with pytest.raises(InputError, match=r"2 rows hold NaN or infinity \(row 23, 27\)"):
        sketch.update(bad)
    with pytest.raises(InputError, match="block must have 4 columns like the rows before it, got 3"):
        sketch.update(ROWS[:, :3])
    with pytest.raises(InputError, match=r"shape \(n_samples, n_features\), got shape \(4,\)"):
        sketch.update(ROWS[0])
    with pytest.raises(InputError, match=r"below 1e\+70 .* norm 1e\+80"):
        sketch.update(np.array([[1e80, 0, 0, 0]]))
    with pytest.raises(InputTypeError, match="complex"):
        sketch.update(ROWS * 1j)
    assert_same_summary(sketch, kept, rtol=0)


def test_nonfinite_rows_can_be_dropped_and_are_counted():
    bad = ROWS.copy()
    bad[[0, 10, 599], 2] = [np.nan, np.inf, -np.inf]
    sketch = EmbeddingSketch(drop_nonfinite=True).update(bad[:300]).update(bad[300:])
    assert (sketch.n_samples, sketch.n_dropped) == (597, 3)
    assert_same_summary(sketch, EmbeddingSketch().update(np.delete(ROWS, [0, 10, 599], axis=0)), rtol=0)


def test_sketches_that_do_not_fit():
    sketch = EmbeddingSketch().update(ROWS)
    with pytest.raises(InputError, match="same n_features, got 4 and 3"):
        sketch.merge(EmbeddingSketch().update(ROWS[:, :3]))
    with pytest.raises(InputError, match="same row_capacity, got 8192 and 9"):
        sketch.merge(EmbeddingSketch(row_capacity=9).update(ROWS))
    with pytest.raises(InputError, match="must be an EmbeddingSketch, got list"):
        sketch.merge([1])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="this very one"):
        sketch.merge(sketch)
    with pytest.raises(InputError, match="row_capacity must be at least 1, got 0"):
        EmbeddingSketch(row_capacity=0)
    with pytest.raises(InputError, match="n_features must be at least 1, got 0"):
        EmbeddingSketch(0)
    with pytest.raises(InputError, match=r"at least 8 .* got 5"):
        summarize(EmbeddingSketch().update(ROWS[:5]))
    with pytest.raises(InputError, match=r"vary by at least 1e-70 .* column 1"):
        summarize(EmbeddingSketch().update(ROWS * np.array([1, 1e-80, 1, 1])))


def test_without_covariance_the_rest_is_the_same():
    lean = summarize(EmbeddingSketch(row_capacity=100, covariance=False).update(ROWS))
    full = summarize(EmbeddingSketch(row_capacity=100).update(ROWS))
    assert lean.covariance is None
    np.testing.assert_array_equal(lean.ad, full.ad)
    merged = EmbeddingSketch(row_capacity=100).update(ROWS[:300])
    merged.merge(EmbeddingSketch(row_capacity=100, covariance=False).update(ROWS[300:]))
    assert summarize(merged).covariance is None


def test_inputs_of_any_layout_and_type_give_one_answer():
    truth = summarize(EmbeddingSketch().update(ROWS))
    wide = np.zeros((600, 8), np.float32)
    wide[:, ::2] = ROWS
    for block in (np.asfortranarray(ROWS), wide[:, ::2], ROWS.astype(">f4"), ROWS.tolist()):
        np.testing.assert_array_equal(summarize(EmbeddingSketch().update(block)).rows, truth.rows)
    halves = EmbeddingSketch().update(ROWS.astype(np.float16))
    assert summarize(halves).rows.dtype == np.float32
    mixed = EmbeddingSketch().update(ROWS[:300]).update(ROWS[300:].astype(np.float64))
    assert summarize(mixed).rows.dtype == np.float64


@pytest.mark.parametrize(("d", "rows"), [(1, 8192), (8192, 8192), (16_384, 4096), (1_000_000, 512)])
def test_capacity_is_bounded_by_memory(d, rows):
    assert row_capacity_for(d) == rows
