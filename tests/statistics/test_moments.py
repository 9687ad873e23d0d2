from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics._small import SMALL_VALUES, is_small, part_of
from thinshell.statistics.moments import Moments, moments, power_sums


@pytest.fixture(autouse=True, params=["NumPy", "compiled"], scope="module")
def way(request):
    """Everything here holds in NumPy and, as part of larger data, compiled."""
    with part_of(SMALL_VALUES + 1 if request.param == "compiled" else 0):
        yield


def exact_moments(column):
    """Skewness and excess kurtosis in rational arithmetic, rounded once at the end."""
    values = [Fraction(float(x)) for x in column]
    n = len(values)
    mean = sum(values) / n
    m2, m3, m4 = (sum((x - mean) ** k for x in values) / n for k in (2, 3, 4))
    return float(m3) / float(m2) ** 1.5, float(m4 / m2**2) - 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (3, 5), (8, 130), (257, 4), (1000, 1100), (9001, 3)])
def test_equals_scipy(dtype, shape):
    sample = np.random.default_rng(1).exponential(size=shape).astype(dtype)
    result = moments(sample)
    wide = sample.astype(np.float64)
    np.testing.assert_allclose(result.mean, wide.mean(axis=0), rtol=1e-13)
    deviation = wide - wide.mean(axis=0)
    for total, order in ((result.m2, 2), (result.m3, 3), (result.m4, 4)):
        np.testing.assert_allclose(total, (deviation**order).sum(axis=0), rtol=1e-10, atol=1e-10)
    if shape[0] > 2:
        np.testing.assert_allclose(result.skewness, stats.skew(wide), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.excess_kurtosis, stats.kurtosis(wide), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.std(ddof=1), wide.std(axis=0, ddof=1), rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e2, 1e4, 1e5, 1e6])
def test_stable_at_any_offset_against_rational_arithmetic(offset):
    column = np.random.default_rng(2).gamma(5.0, size=400) + offset
    result = moments(column)
    skewness, kurtosis = exact_moments(column)
    assert result.skewness[0] == pytest.approx(skewness, rel=1e-11)
    assert result.excess_kurtosis[0] == pytest.approx(kurtosis, rel=1e-11)


def test_stable_for_sorted_rows_with_an_outlier():
    column = np.sort(np.random.default_rng(3).standard_normal(500)) + 1e4
    column[0] = 1e5
    skewness, kurtosis = exact_moments(column)
    result = moments(column)
    assert result.skewness[0] == pytest.approx(skewness, rel=1e-11)
    assert result.excess_kurtosis[0] == pytest.approx(kurtosis, rel=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.3e8, 1e-30])
@pytest.mark.parametrize("n", [1, 2, 7, 64, 10_001])
def test_constant_columns_are_nan_without_a_warning(dtype, value, n):
    result = moments(np.full((n, 2), value, dtype=dtype))
    assert result.constant.all()
    assert (result.m2 == 0).all()
    assert np.isnan(result.skewness).all()
    assert np.isnan(result.excess_kurtosis).all()


def test_constant_column_seen_from_another_shift():
    block = np.full((1000, 1), 0.1)
    shift = np.array([0.3])
    assert Moments.from_power_sums(1000, shift, power_sums(block, shift, small=is_small(block.size))).constant.all()


def test_float32_with_mean_1e4_standard_deviations_is_not_constant():
    column = (np.random.default_rng(4).standard_normal(1000) + 1e4).astype(np.float32)
    result = moments(column)
    assert not result.constant.any()
    assert result.skewness[0] == pytest.approx(exact_moments(column)[0], rel=1e-9)


def test_extreme_values_give_nan_not_a_warning():
    result = moments(np.array([[1e200, 1e-200], [2e200, 2e-200], [5e200, 5e-200]]))
    assert np.isnan(result.skewness).all()


def test_integers_and_float16_are_taken():
    integers = np.array([[1], [2], [4], [9]])
    assert moments(integers).m2[0] == pytest.approx(38.0)
    assert moments(integers.astype(np.float16)).m2[0] == pytest.approx(38.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_layout_does_not_matter(order):
    sample = np.random.default_rng(5).standard_normal((300, 7))
    np.testing.assert_array_equal(moments(np.asarray(sample, order=order)).m4, moments(sample).m4)


# Fourth powers of these are zero or normal numbers: subnormal ones have no relative precision to compare to.
_VALUES = st.floats(-1e3, 1e3).map(lambda value: value if abs(value) > 1e-70 else 0.0)


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 40), st.integers(1, 3)), elements=_VALUES), st.data())
def test_merging_any_two_parts_gives_the_whole(sample, data):
    cut = data.draw(st.integers(0, len(sample)))
    parts = [moments(part) if len(part) else Moments.empty(sample.shape[1]) for part in (sample[:cut], sample[cut:])]
    merged, whole = parts[0].merge(parts[1]), moments(sample)
    assert merged.n_samples == whole.n_samples
    scale = np.abs(sample - sample.mean(axis=0)).max() + np.abs(sample).max() * 1e-12
    np.testing.assert_allclose(merged.mean, whole.mean, atol=1e-12 * np.abs(sample).max())
    for name, order in (("m2", 2), ("m3", 3), ("m4", 4)):
        np.testing.assert_allclose(
            getattr(merged, name), getattr(whole, name), rtol=1e-9, atol=1e-11 * len(sample) * scale**order
        )


def test_merging_with_nothing_keeps_the_very_numbers():
    some = moments(np.array([[1.0], [2.0], [5.0]]))
    nothing = Moments.empty(1)
    assert some.merge(nothing) is some
    assert nothing.merge(some) is some
    assert nothing.merge(nothing).n_samples == 0


def test_nothing_has_no_moments():
    nothing = Moments.from_power_sums(0, np.zeros(2), np.zeros((4, 2)))
    assert np.isnan(nothing.variance()).all()
    assert np.isnan(nothing.skewness).all()
    assert np.isnan(moments(np.ones(1)).std(ddof=1)).all()


def test_standard_errors_are_the_exact_normal_ones():
    # Var(g1) = 6 (n-2) / ((n+1)(n+3)); Var(g2) = 24 n (n-2)(n-3) / ((n+1)^2 (n+3)(n+5)); here against simulation.
    sample = np.random.default_rng(6).standard_normal((20, 40_000))
    result = moments(sample)
    assert result.skewness.std() == pytest.approx(result.skewness_se, rel=0.02)
    assert result.excess_kurtosis.std() == pytest.approx(result.excess_kurtosis_se, rel=0.03)


def test_standard_errors_need_rows():
    assert np.isnan(moments(np.arange(2.0)).skewness_se)
    assert np.isnan(moments(np.arange(3.0)).excess_kurtosis_se)


def test_merge_refuses_another_width():
    with pytest.raises(InputError, match="same number of features, got 2 and 3"):
        Moments.empty(2).merge(Moments.empty(3))


@pytest.mark.parametrize(
    ("sample", "error", "text"),
    [
        (np.empty((0, 3)), InputError, "at least 1 rows, got 0"),
        (np.zeros((2, 2, 2)), InputError, r"got shape \(2, 2, 2\)"),
        (np.array([1.0, np.nan]), InputError, "finite, got NaN or infinity in 1 of 2 rows"),
        (np.array(["a"]), InputTypeError, "real numbers"),
    ],
)
def test_bad_input_is_named(sample, error, text):
    with pytest.raises(error, match=text):
        moments(sample)
