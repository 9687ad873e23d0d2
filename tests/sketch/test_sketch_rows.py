import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.sketch.rows import RowSample, row_multipliers, scan_rows


def sample_of(blocks, capacity):
    d = blocks[0].shape[1]
    sample = RowSample(d, capacity)
    for block in blocks:
        sample.add(block, scan_rows(np.ascontiguousarray(block), row_multipliers(d), small=True).hashes)
    return sample


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 400))
def test_depends_on_the_set_of_rows_alone(seed, parts, capacity):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((300, 3)).astype(np.float32)
    whole = sample_of([rows], capacity).draw()[0]
    shuffled = np.array_split(rows[rng.permutation(300)], parts)
    merged = RowSample(3, capacity)
    for part in shuffled:
        merged.merge(sample_of([part], capacity))
    np.testing.assert_array_equal(merged.draw()[0], whole)
    assert len(merged) == min(300, capacity)


def test_is_a_uniform_sample():
    # 400 rows in order, 100 drawn, over 300 data sets: every place is drawn about a quarter of the time.
    rng = np.random.default_rng(0)
    drawn = np.zeros(400)
    for _ in range(300):
        rows = rng.standard_normal((400, 2))
        drawn[np.isin(rows[:, 0], sample_of([rows], 100).draw()[0][:, 0])] += 1
    # sd of a place's count is sqrt(300 * .25 * .75) = 7.5; 5 sd over 400 places.
    assert np.abs(drawn - 75).max() < 5 * 7.5
    assert abs(drawn[:200].sum() / drawn.sum() - 0.5) < 0.02


@pytest.mark.parametrize("block", [200, 1000, 7000])
def test_an_atom_is_drawn_in_proportion(block):
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((50_000, 4)).astype(np.float32)
    rows[rng.random(50_000) < 0.1] = 0.0
    blocks = [rows[top : top + block] for top in range(0, 50_000, block)]
    drawn = sample_of(blocks, 4096).draw()[0]
    assert len(drawn) == 4096
    assert 0.05 < (drawn == 0).all(axis=1).mean() < 0.2


def test_same_rows_in_any_float_type():
    rows = np.random.default_rng(2).standard_normal((500, 5)).astype(np.float16)
    drawn = [sample_of([rows.astype(dtype)], 50).draw()[0] for dtype in (np.float32, np.float64)]
    np.testing.assert_array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize("small", [True, False])
def test_minus_zero_is_zero_and_float64_detail_counts(small):
    multipliers = row_multipliers(2)
    signed = scan_rows(np.array([[0.0, 1.0], [-0.0, 1.0]], np.float32), multipliers, small=small).hashes
    assert signed[0] == signed[1]
    fine = scan_rows(np.array([[1.0, 1.0], [1.0, 1.0 + 1e-12]]), multipliers, small=small).hashes
    assert fine[0] != fine[1]


@pytest.mark.parametrize("small", [True, False])
def test_scan_measures_norms_and_directions(small):
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [np.inf, 1.0], [1e200, 1e200], [1e-200, 0.0]])
    scan = scan_rows(rows, row_multipliers(2), small=small)
    np.testing.assert_allclose(scan.norms, [5.0, 0.0, np.nan, np.sqrt(2) * 1e200, 1e-200])
    root = np.sqrt(0.5)
    np.testing.assert_allclose(scan.unit_sum, [0.6 + root + 1.0, 0.8 + root])


def test_copies_are_found_and_all_rows_are_kept_up_to_capacity():
    rows = np.repeat(np.arange(20.0).reshape(10, 2), 3, axis=0)
    sample, hashes = sample_of([rows[:7], rows[7:]], 100).draw()
    assert len(sample) == 30
    assert len(np.unique(hashes)) == 10
