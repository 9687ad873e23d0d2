"""A fingerprint tells which rows a sketch has seen, and nothing about how they came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinshell.sketch import EmbeddingSketch

ROWS = np.random.default_rng(0).standard_normal((300, 3)).astype(np.float32)


def of(*blocks, **options):
    sketch = EmbeddingSketch(**options)
    for block in blocks:
        sketch.update(block)
    return sketch.fingerprint


@given(st.integers(1, 299), st.permutations(range(6)), st.sampled_from([8192, 50]))
def test_it_depends_neither_on_order_nor_on_blocks(cut, order, capacity):
    shuffled = np.concatenate([ROWS[part * 50 : part * 50 + 50] for part in order])
    whole = of(ROWS, row_capacity=capacity)
    assert of(shuffled[:cut], shuffled[cut:], row_capacity=capacity) == whole
    left = EmbeddingSketch(row_capacity=capacity).update(shuffled[cut:])
    assert left.merge(EmbeddingSketch(row_capacity=capacity).update(shuffled[:cut])).fingerprint == whole


def test_it_is_that_of_the_saved_sketch(tmp_path):
    sketch = EmbeddingSketch().update(ROWS)
    sketch.save(tmp_path / "a.safetensors")
    assert EmbeddingSketch.load(tmp_path / "a.safetensors").fingerprint == sketch.fingerprint


@pytest.mark.parametrize("other", [ROWS[:-1], ROWS[:, :2], np.r_[ROWS, ROWS[:1]], np.r_[ROWS[1:], ROWS[:1] + 1]])
def test_other_rows_have_another(other):
    assert of(other) != of(ROWS)


def test_types_of_the_same_values_agree():
    assert of(ROWS.astype(np.float64)) == of(ROWS)
    assert len(of(ROWS)) == 32
    assert len(EmbeddingSketch().fingerprint) == 32
