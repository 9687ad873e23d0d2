"""How many rows are copies: the same answer whatever the order of the rows, the blocks and the merging."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thinshell as ts
from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.sketch.distinct import DistinctRows


def counted(parts, capacity):
    whole = DistinctRows(capacity)
    for k, part in enumerate(parts):
        one = DistinctRows(capacity)
        for block in np.array_split(part, k + 1):
            one.add(block)
        whole.merge(one)
    return whole


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 300), st.integers(1, 400))
def test_counts_are_those_of_numpy_however_rows_come(seed, parts, capacity, different):
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, different, 500).astype(np.uint64)
    state = counted(np.array_split(rng.permutation(hashes), parts), capacity).state()
    again = counted([hashes], capacity)
    np.testing.assert_array_equal(state["keys"], again.state()["keys"])
    np.testing.assert_array_equal(state["counts"], again.state()["counts"])
    occurrences = np.unique(hashes, return_counts=True)[1]
    assert len(state["keys"]) == min(capacity, len(occurrences))
    if capacity >= len(occurrences):
        np.testing.assert_array_equal(np.sort(again.counts()), np.sort(occurrences))


@pytest.mark.parametrize("arrange", ["adjacent", "appended", "shuffled", "two sketches"])
def test_doubled_data_are_called_so_in_any_order(arrange):
    rng = np.random.default_rng(0)
    half = rng.standard_normal((30_000, 8)).astype(np.float32)
    if arrange == "two sketches":
        data = EmbeddingSketch().update(half).merge(EmbeddingSketch().update(half))
    else:
        doubled = np.repeat(half, 2, axis=0) if arrange == "adjacent" else np.concatenate([half, half])
        data = rng.permutation(doubled) if arrange == "shuffled" else doubled
    result = ts.diagnose(data).to_dict()
    assert result["duplicates"] == {"share": 0.5, "n_checked": 16_384}
    assert "50 % of 16,384 rows are exact copies" in str(result["checks"])
    assert result["look_next"] == "Remove duplicates: a continuous law has none."


def test_a_few_copies_are_counted_and_one_frequent_row_is_seen():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((40_000, 4))
    few = summarize(EmbeddingSketch().update(np.concatenate([rows, rows[:1200]])))
    # 1,200 of 41,200 rows are copies, estimated from 8,192 different ones.
    assert few.copies == pytest.approx(1200 / 41_200, rel=0.2)
    assert summarize(EmbeddingSketch().update(rows)).copies == 0.0
    places = rng.permutation(40_000)[:8000]
    for value in range(6):  # whether it is among the different rows that are kept or not
        rows[places] = value
        assert summarize(EmbeddingSketch().update(rows)).copies == pytest.approx(0.2, abs=0.02)
