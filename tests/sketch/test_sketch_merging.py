"""Trees of merges: a stream of sketches and a cluster's tree give the same bytes."""

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.sketch import FAN_IN, EmbeddingSketch, SketchMerger, memory_of_sketch, merge_sketches, summarize


def parts(count, capacity=64):
    rng = np.random.default_rng(count)
    return [EmbeddingSketch(row_capacity=capacity).update(rng.standard_normal((50, 3)) * 1.1) for _ in range(count)]


def tree(sketches):
    """Merge as a cluster does: neighbours, `FAN_IN` at a time, level by level; None is what could not be read."""
    level = list(sketches)
    while len(level) > 1:
        merged = []
        for first in range(0, len(level), FAN_IN):
            group = [sketch for sketch in level[first : first + FAN_IN] if sketch is not None]
            whole = group[0] if group else None
            for sketch in group[1:]:
                whole = whole.merge(sketch)
            merged.append(whole)
        level = merged
    return level[0]


def state(sketch):
    arrays = {**sketch._columns.state(), **sketch._gram.state(), "unit": sketch._unit_sum, **sketch._sample.state()}
    return {name: array.tobytes() for name, array in arrays.items()}


@pytest.mark.parametrize("count", [2, 15, 16, 17, 31, 40, 257, 300])
def test_a_stream_gives_the_bytes_of_a_tree(count):
    assert state(merge_sketches(parts(count))) == state(tree(parts(count)))


@pytest.mark.parametrize("missing", [[0], [3, 4], list(range(16)), [39]])
def test_missing_ones_keep_their_place(missing):
    with_gaps = [None if k in missing else sketch for k, sketch in enumerate(parts(40))]
    merger = SketchMerger()
    for k, sketch in enumerate(parts(40)):
        merger.add(None if k in missing else sketch)
    assert state(merger.result()) == state(tree(with_gaps))
    assert merger.result() is None


def test_it_holds_one_sketch_a_level():
    merger = SketchMerger()
    for sketch in parts(300):
        merger.add(sketch)
        assert sum(held is not None for held, _ in merger._levels) <= 3


def test_nothing_to_merge():
    with pytest.raises(InputError, match="sketches must hold at least one sketch"):
        merge_sketches([])


def test_memory_of_a_sketch_is_what_it_holds():
    rng = np.random.default_rng(0)
    sketch = EmbeddingSketch().update(rng.standard_normal((20_000, 64), dtype=np.float32))
    held = sum(array.nbytes for array in sketch._columns.state().values())
    held += sum(array.nbytes for array in sketch._sample.state().values()) + sketch._gram.products.nbytes
    assert 0.9 < memory_of_sketch(64) / held < 1.2


def test_products_do_not_depend_on_threads():
    from thinshell.statistics._threads import limited_threads

    rows = np.random.default_rng(0).standard_normal((50_000, 200), dtype=np.float32)
    covariances = []
    for threads in (1, None):
        with limited_threads(threads):
            covariances.append(summarize(EmbeddingSketch().update(rows)).covariance)
    assert (covariances[0] == covariances[1]).all()
    np.testing.assert_allclose(covariances[0], np.cov(rows.astype(float), rowvar=False), rtol=0, atol=1e-6)
