import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics._anderson_darling_null import _COMPOSITE, _SIMPLE, composite_pvalue, simple_pvalue
from thinshell.statistics._log_normal_cdf import log_tail
from thinshell.statistics._small import SMALL_VALUES, part_of
from thinshell.statistics.anderson_darling import (
    AD_CRITICAL_5,
    anderson_darling,
    anderson_darling_null_mean,
    anderson_darling_sorted,
)
from thinshell.statistics.moments import moments


@pytest.fixture(autouse=True, params=["NumPy", "compiled"], scope="module")
def way(request):
    """Everything here holds in NumPy and, as part of larger data, compiled."""
    with part_of(SMALL_VALUES + 1 if request.param == "compiled" else 0):
        yield


REFERENCE = Path(__file__).parent / "reference" / "anderson_darling_null.py"


def naive_statistic(column):
    """The defining sum, standardised as scipy.stats.anderson does it."""
    y = np.sort(np.asarray(column, dtype=np.float64))
    n = len(y)
    w = (y - y.mean()) / y.std(ddof=1)
    i = np.arange(1, n + 1)
    return -n - np.sum((2 * i - 1) / n * (stats.norm.logcdf(w) + stats.norm.logsf(w)[::-1]))


MAKERS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "offset 1e4": lambda rng, n: rng.standard_normal(n) + 1e4,
    "t(2)": lambda rng, n: rng.standard_t(2, n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "uniform": lambda rng, n: rng.random(n),
    "ties": lambda rng, n: np.round(rng.standard_normal(n), 1) + np.arange(n) * (n < 10),
    "two values": lambda rng, n: (np.arange(n) % 3 == 0).astype(float),
    "one outlier": lambda rng, n: np.append(rng.standard_normal(n - 1), 1e6),
}


@pytest.mark.parametrize("n", [8, 9, 64, 250, 5000, 100_000])
@pytest.mark.parametrize("name", MAKERS)
def test_equals_the_defining_sum(name, n):
    column = MAKERS[name](np.random.default_rng(n), n)
    assert anderson_darling(column).statistic == pytest.approx(naive_statistic(column), rel=1e-9)


def test_the_defining_sum_is_scipys():
    column = np.random.default_rng(0).exponential(size=50)
    scipy = stats.anderson(column, "norm", method="interpolate").statistic
    assert naive_statistic(column) == pytest.approx(scipy, rel=1e-13)


def test_against_mpmath():
    mpmath = pytest.importorskip("mpmath")
    column = np.random.default_rng(7).standard_t(3, 300)
    with mpmath.workdps(40):
        y = [mpmath.mpf(float(x)) for x in np.sort(column)]
        n = len(y)
        mean = mpmath.fsum(y) / n
        std = mpmath.sqrt(mpmath.fsum((x - mean) ** 2 for x in y) / (n - 1))
        w = [(x - mean) / std for x in y]
        total = mpmath.fsum(
            (2 * i + 1) * (mpmath.log(mpmath.ncdf(w[i])) + mpmath.log(mpmath.ncdf(-w[n - 1 - i]))) for i in range(n)
        )
        truth = float(-n - total / n)
    assert anderson_darling(column).statistic == pytest.approx(truth, rel=1e-12)


def test_float32_is_exact_for_the_given_values():
    sample = np.random.default_rng(8).standard_normal((3000, 3)).astype(np.float32)
    wide = anderson_darling(sample.astype(np.float64))
    np.testing.assert_allclose(anderson_darling(sample).statistic, wide.statistic, rtol=1e-11)


def test_float32_stays_within_1e4_of_float64_data():
    sample = np.random.default_rng(8).standard_normal((3000, 3))
    wide = anderson_darling(sample).statistic
    np.testing.assert_allclose(anderson_darling(sample.astype(np.float32)).statistic, wide, rtol=1e-4)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float64, st.integers(8, 60), elements=st.floats(-100, 100), unique=True),
    st.floats(0.01, 100),
    st.floats(-100, 100),
    st.randoms(use_true_random=False),
)
def test_composite_ignores_location_scale_sign_and_order(column, scale, shift, random):
    result = anderson_darling(column)
    if column.std() < 1e-3 * np.abs(column).max() + 1e-12:
        return
    assert 0 <= result.pvalue <= 1
    assert result.statistic > 0
    moved = column * scale + shift
    random.shuffle(moved)
    assert anderson_darling(moved).statistic == pytest.approx(result.statistic, rel=1e-6)
    assert anderson_darling(-column).statistic == pytest.approx(result.statistic, rel=1e-9)


def test_columns_are_independent_of_their_neighbours():
    sample = np.random.default_rng(9).standard_normal((100, 150)) ** 3
    together = anderson_darling(sample)
    for j in (0, 63, 64, 149):
        alone = anderson_darling(sample[:, j])
        assert together.statistic[j] == alone.statistic
        assert together.pvalue[j] == alone.pvalue
    np.testing.assert_array_equal(anderson_darling(np.asfortranarray(sample)).statistic, together.statistic)


def test_moments_that_are_known_are_used():
    sample = np.random.default_rng(9).standard_normal((100, 4))
    given_moments = anderson_darling(sample, known_moments=moments(sample))
    np.testing.assert_array_equal(given_moments.statistic, anderson_darling(sample).statistic)


def test_one_dimension_gives_floats():
    result = anderson_darling(np.arange(10))
    assert type(result.statistic) is float
    assert type(result.pvalue) is float
    assert result.n_samples == 10


@pytest.mark.parametrize("null", ["composite", "simple"])
def test_constant_columns_are_nan(null):
    sample = np.random.default_rng(1).standard_normal((50, 3))
    sample[:, 1] = 0.1
    result = anderson_darling(sample, null=null)
    np.testing.assert_array_equal(np.isnan(result.statistic), [False, True, False])
    np.testing.assert_array_equal(np.isnan(result.pvalue), [False, True, False])


def test_simple_null_does_not_standardise():
    sample = np.random.default_rng(2).standard_normal(2000)
    y = np.sort(sample)
    i = np.arange(1, 2001)
    truth = -2000 - np.mean((2 * i - 1) * (stats.norm.logcdf(y) + stats.norm.logsf(y)[::-1]))
    assert anderson_darling(sample, null="simple").statistic == pytest.approx(truth, rel=1e-10)
    assert anderson_darling(sample + 1, null="simple").pvalue < 1e-10
    assert anderson_darling(sample + 1).pvalue == pytest.approx(anderson_darling(sample).pvalue)


def test_far_values_stay_finite_under_the_simple_null():
    sample = np.append(np.random.default_rng(3).standard_normal(20), [-40.0, 40.0, -1e8])
    statistic = anderson_darling(sample, null="simple").statistic
    y = np.sort(sample)
    i = np.arange(1, 24)
    truth = -23 - np.mean((2 * i - 1) * (stats.norm.logcdf(y) + stats.norm.logsf(y)[::-1]))
    assert math.isfinite(statistic)
    assert statistic == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("z", [-1e9, -200.0, -40.0, -37.0001, -36.9999, -8.0, -1.0, 0.0, 3.0, 9.0, 40.0])
def test_log_tail_is_the_log_of_the_normal_cdf(z):
    assert log_tail(z) == pytest.approx(stats.norm.logcdf(z), rel=2e-13, abs=1e-300)


def test_sorted_kernel_equals_the_whole_function():
    sample = np.random.default_rng(4).standard_normal((500, 5))
    columns = np.sort(sample.T, axis=1)
    summary = moments(sample)
    statistic = anderson_darling_sorted(columns, summary.mean, summary.std(ddof=1))
    np.testing.assert_allclose(statistic, anderson_darling(sample).statistic, rtol=1e-13)
    zero_spread = anderson_darling_sorted(columns[:1], summary.mean[:1], np.zeros(1))
    assert np.isnan(zero_spread).all()


def test_composite_critical_points():
    # Stephens (1986), Table 4.7: 10 % .631, 5 % .752, 2.5 % .873, 1 % 1.035, .5 % 1.159 (n large).
    points = np.array([0.631, 0.752, 0.873, 1.035, 1.159])
    pvalues = composite_pvalue(points, 10**9)
    np.testing.assert_allclose(pvalues, [0.10, 0.05, 0.025, 0.01, 0.005], rtol=0.01)
    assert points[1] == AD_CRITICAL_5


def test_composite_pvalue_agrees_with_the_closed_form_in_its_range():
    # D'Agostino & Stephens (1986), Table 4.9, for .6 < A*^2: good to about 2 % while p > .001.
    points = np.linspace(0.6, 1.4, 9)
    closed = np.exp(1.2937 - 5.709 * points + 0.0186 * points**2)
    np.testing.assert_allclose(composite_pvalue(points, 10**9), closed, rtol=0.03)


def test_simple_critical_points():
    # Stephens (1986), Table 4.2, case 0: 10 % 1.933, 5 % 2.492, 1 % 3.857.
    pvalues = simple_pvalue(np.array([1.933, 2.492, 3.857]), 10**9)
    # 3.857 is itself rounded: the limit law gives 1.02 % there (Marsaglia & Marsaglia 2004 have 3.878 for 1 %).
    np.testing.assert_allclose(pvalues, [0.10, 0.05, 0.01], rtol=0.03)


@pytest.mark.parametrize(
    ("z", "cdf"),
    # Imhof's (1961) integral by Simpson's rule with the eigenvalues 1 / (k (k + 1)), 600,001 points on [0, 600].
    # (The short form of Marsaglia & Marsaglia 2004 is up to 2e-5 away from it.)
    [(0.5, 0.25318563), (1.0, 0.64273333), (1.9, 0.89569924), (2.5, 0.95045887), (6.0, 0.99903255)],
)
def test_simple_limit_law_equals_imhofs_integral(z, cdf):
    assert 1 - _SIMPLE.survival(np.array([z]))[0] == pytest.approx(cdf, abs=1e-6)


@pytest.mark.parametrize("survival", [composite_pvalue, simple_pvalue])
@pytest.mark.parametrize("n", [8, 20, 1000])
def test_pvalue_falls_strictly_from_one_until_it_underflows(survival, n):
    points = np.concatenate([np.linspace(0, 5, 20_001), np.geomspace(5, 1e5, 2001)[1:]])
    pvalues = survival(points, n)
    assert pvalues[0] == 1.0
    assert (np.diff(pvalues) <= 0).all()
    falling = (pvalues[1:] > 1e-300) & (pvalues[1:] < 1 - 1e-9)
    assert (np.diff(pvalues)[falling] < 0).all()
    assert pvalues[-1] == 0.0
    assert 0 < survival(np.array([100.0]), n)[0] < 1e-40


def test_tables_are_what_the_reference_computes():
    specification = importlib.util.spec_from_file_location("reference_anderson_darling_null", REFERENCE)
    reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reference)
    for table, eigenvalues in (
        (_COMPOSITE, reference.composite_eigenvalues(size=400, points=4000)),
        (_SIMPLE, reference.simple_eigenvalues()),
    ):
        points = np.array([0.3, 0.752, 1.7, 9.0])
        values, _ = reference.log_survival(points, eigenvalues)
        np.testing.assert_allclose(table.log_survival(points), values, rtol=0, atol=5e-6)
        assert table.rate == pytest.approx(0.5 / eigenvalues[0], rel=1e-8)
    # The mean of the limit law: 1 without estimation; .38443 with it (Stephens 1976).
    composite = reference.composite_eigenvalues(size=400, points=4000)
    assert composite.sum() + 1 / 401 == pytest.approx(0.384427, abs=1e-6)


@pytest.mark.parametrize(
    ("n", "mean"), [(8, 0.3495), (10, 0.3569), (20, 0.3710), (100, 0.3817), (1000, 0.3840), (10**9, 0.3844)]
)
def test_null_mean_equals_the_simulated_one(n, mean):
    # Simulated with 1e5 (n = 1000) to 2e6 (n = 8, 20) samples: reference/anderson_darling_null.py --simulate.
    assert anderson_darling_null_mean(n) == pytest.approx(mean, abs=5e-4)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="at least 8 rows, got 7"):
        anderson_darling(np.arange(7.0))
    with pytest.raises(InputError, match="null must be 'composite' or 'simple', got 'both'"):
        anderson_darling(np.arange(9.0), null="both")
    with pytest.raises(InputError, match="n_samples must be at least 8, got 3"):
        anderson_darling_null_mean(3)
    with pytest.raises(InputError, match="finite"):
        anderson_darling(np.full(9, np.inf))
