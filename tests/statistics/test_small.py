"""Small data are worked on without Numba, with the same results."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thinshell.statistics import _anderson_darling_numpy, _power_sums, cosines
from thinshell.statistics._anderson_darling_compiled import sorted_statistics
from thinshell.statistics._power_sums import power_sums
from thinshell.statistics._small import SMALL_VALUES, is_small, part_of
from thinshell.statistics._threads import thread_map
from thinshell.statistics.anderson_darling import anderson_darling, anderson_darling_sorted
from thinshell.statistics.moments import moments


def test_only_sizes_decide_and_parts_of_large_data_are_large():
    assert is_small(SMALL_VALUES)
    assert not is_small(SMALL_VALUES + 1)
    with part_of(SMALL_VALUES + 1):
        assert not is_small(1)
        # Also in the threads that work on pieces.
        assert thread_map(lambda _: is_small(1), range(4)) == [False] * 4
        with part_of(10):
            assert is_small(1)
        assert not is_small(1)
    assert is_small(1)
    assert not is_small(SMALL_VALUES + 1)


NUMBERS = (
    st.floats(-(2.0**60), 2.0**60, width=32) | st.floats(-4, 4, width=32) | st.sampled_from([0.0, -0.0, 1.0, 2.0**-100])
)


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]), st.tuples(st.integers(1, 40), st.integers(1, 5)), elements=NUMBERS
    ),
    st.sampled_from([1, 7, 512]),
)
def test_power_sums_are_those_of_the_kernel(block, tile):
    shift = block[0].astype(np.float64)
    kept, _power_sums._TILE_ROWS = _power_sums._TILE_ROWS, tile
    try:
        mine, its = (power_sums(block, shift, small=small) for small in (True, False))
    finally:
        _power_sums._TILE_ROWS = kept
    # Odd powers cancel: what is lost is measured by the sum of their sizes.
    deviation = np.abs(block - shift)
    scale = np.stack([(deviation**k).sum(axis=0) for k in (1, 2, 3, 4)])
    np.testing.assert_array_less(np.abs(mine - its), 1e-13 * scale + 1e-300)


def test_power_sums_overflow_without_a_warning():
    block = np.full((5, 2), 1e100)
    mine, its = (power_sums(block, np.zeros(2), small=small) for small in (True, False))
    np.testing.assert_array_equal(mine[3], np.inf)
    np.testing.assert_allclose(mine, its, rtol=1e-14)


LAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "offset": lambda rng, shape: rng.standard_normal(shape) + 1e4,
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "integers": lambda rng, shape: rng.integers(0, 5, shape) * 1.0,
    "rare spike": lambda rng, shape: (rng.random(shape) < 0.01) * 1e6,
    "minus zeros": lambda rng, shape: rng.choice([-0.0, 0.0, 1.0], shape),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("shape", [(3, 8), (5, 251), (1, 20_000), (300, 20), (1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorted_statistic_is_that_of_the_kernel(law, shape, dtype):
    columns = np.sort(LAWS[law](np.random.default_rng(shape[1]), shape).astype(dtype), axis=1)
    mean, std = columns.mean(axis=1, dtype=np.float64), columns.std(axis=1, dtype=np.float64)
    std[-1] = 0.0 if len(std) > 2 else std[-1]
    mine, its = (anderson_darling_sorted(columns, mean, std, small=small) for small in (True, False))
    np.testing.assert_allclose(mine, its, rtol=1e-10, atol=1e-12)
    assert np.isnan(mine[std == 0]).all()


@pytest.mark.parametrize("z", [9.0, 26.0, 30.0, 38.0, 40.0, 1e9])
def test_far_tails_keep_their_digits(z):
    columns = np.array([[-z, -1.0, 0.0, z], [-z, -z, -z, -z], [z, z, z, z], [-1.0, 0.0, 1.0, z]])
    args = columns, np.zeros(4), np.ones(4)
    np.testing.assert_allclose(_anderson_darling_numpy.sorted_statistics(*args), sorted_statistics(*args), rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(200, 37), (9, 1), (8, 3000)])
def test_public_functions_are_the_same_either_way(shape, dtype):
    sample = (np.random.default_rng(3).gamma(2.0, size=shape) + 5).astype(dtype)
    sample[:, 0] = 0.25
    small = moments(sample), anderson_darling(sample), cosines.negative_pair_cosines(sample, max_pairs=999)
    with part_of(SMALL_VALUES + 1):
        large = moments(sample), anderson_darling(sample), cosines.negative_pair_cosines(sample, max_pairs=999)
    np.testing.assert_allclose(small[0].m4, large[0].m4, rtol=1e-12)
    np.testing.assert_allclose(small[1].statistic, large[1].statistic, rtol=1e-10)
    np.testing.assert_allclose(small[2], large[2], rtol=0, atol=1e-14)


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("n", "d"), [(500, 16), (9000, 40)])
def test_a_diagnosis_of_small_data_never_imports_numba(n, d):
    code = f"""
import json, sys
import numpy as np
import thinshell
{{}}
result = thinshell.diagnose(np.random.default_rng(0).standard_normal(({n}, {d}), dtype=np.float32))
print("numba" in sys.modules, json.dumps(result.to_dict()))
"""
    loaded, result = _run(code.format("")).split(" ", 1)
    assert loaded == "False"
    # Nor does it matter whether Numba happens to be there.
    before = "import thinshell.sketch.kernels, thinshell.statistics._anderson_darling_compiled"
    loaded, again = _run(code.format(before)).split(" ", 1)
    assert loaded == "True"
    assert json.loads(again) == json.loads(result)
