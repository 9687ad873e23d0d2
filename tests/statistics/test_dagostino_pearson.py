import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics._dagostino_pearson_null import calibrated_pvalue
from thinshell.statistics.dagostino_pearson import dagostino_pearson, dagostino_pearson_from_moments
from thinshell.statistics.moments import moments

MAKERS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "offset 1e4": lambda rng, n: rng.standard_normal(n) + 1e4,
    "t(2)": lambda rng, n: rng.standard_t(2, n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "uniform": lambda rng, n: rng.random(n),
    "left skewed": lambda rng, n: -rng.exponential(size=n),
    "ties": lambda rng, n: np.round(rng.standard_normal(n), 1) + np.arange(n) * (n < 10),
}


@pytest.mark.parametrize("n", [8, 9, 64, 250, 5000, 100_000])
@pytest.mark.parametrize("name", MAKERS)
def test_equals_scipy(name, n):
    column = MAKERS[name](np.random.default_rng(n + 1), n)
    ours, scipy = dagostino_pearson(column), stats.normaltest(column)
    # With an offset of 1e4 standard deviations SciPy's own two passes lose four digits of the centred values.
    assert ours.statistic == pytest.approx(scipy.statistic, rel=1e-9)
    assert ours.pvalue == pytest.approx(scipy.pvalue, rel=1e-7, abs=1e-300)


def test_columns_and_dtype():
    sample = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    result = dagostino_pearson(sample)
    truth = stats.normaltest(sample.astype(np.float64))
    np.testing.assert_allclose(result.statistic, truth.statistic, rtol=1e-9)
    assert result.n_samples == 300
    known = dagostino_pearson(sample, known_moments=moments(sample))
    np.testing.assert_array_equal(known.statistic, result.statistic)


def test_float32_million_rows_keep_their_digits():
    # SciPy's float32 path is off by .3 here.
    sample = np.random.default_rng(1).standard_normal((1_000_000, 1), dtype=np.float32)
    truth = stats.normaltest(sample[:, 0].astype(np.float64)).statistic
    assert dagostino_pearson(sample).statistic[0] == pytest.approx(truth, rel=1e-7)


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e5])
def test_offset_does_not_move_the_statistic(offset):
    # Multiples of 2^-20 stay exact under the offset, so only the arithmetic is tested, not the data's rounding.
    column = np.round(np.random.default_rng(2).standard_normal(1000) * 2**20) / 2**20
    there = dagostino_pearson(column + offset).statistic
    assert there == pytest.approx(dagostino_pearson(column).statistic, rel=1e-8)


def test_zero_skewness_scores_zero_where_scipy_does_not():
    column = np.concatenate([np.arange(1.0, 11.0), -np.arange(1.0, 11.0)])
    assert moments(column).skewness[0] == 0.0
    kurtosis_score = stats.kurtosistest(column).statistic
    assert dagostino_pearson(column).statistic == pytest.approx(kurtosis_score**2, rel=1e-12)


@pytest.mark.parametrize("tail", ["chi2", "calibrated"])
def test_constant_columns_are_nan(tail):
    sample = np.random.default_rng(3).standard_normal((50, 2))
    sample[:, 0] = 0.1
    result = dagostino_pearson(sample, tail)
    np.testing.assert_array_equal(np.isnan(result.statistic), [True, False])
    np.testing.assert_array_equal(np.isnan(result.pvalue), [True, False])


@settings(deadline=None, max_examples=80)
@given(st.integers(8, 10**8))
def test_calibrated_pvalue_falls_strictly_and_never_exceeds_one(n):
    grid = np.concatenate([np.linspace(0, 60, 2001), np.geomspace(60, 4000, 200)[1:]])
    pvalues = calibrated_pvalue(grid, n)
    assert pvalues[0] == 1.0
    assert (np.diff(pvalues) < 0).all()


@settings(deadline=None, max_examples=80)
# Below 30 the law itself changes by more than that from one n to the next.
@given(st.integers(30, 10**6), st.floats(0, 100))
def test_calibrated_pvalue_is_continuous_in_n(n, statistic):
    here, there = (calibrated_pvalue(np.array([statistic]), m)[0] for m in (n, n + 1))
    assert abs(np.log(here) - np.log(there)) < 0.15 * (1 + statistic) / 8


@pytest.mark.parametrize(
    ("n", "rejected"),
    # Share of normal samples that chi-square rejects at nominal 5 / 1 / .1 %, from 1e6 - 1e7 simulated samples.
    [(8, (0.062, 0.025, 0.0057)), (100, (0.055, 0.018, 0.0041)), (1000, (0.051, 0.012, 0.0018))],
)
def test_calibrated_tail_says_how_wrong_chi_square_is(n, rejected):
    nominal = np.array([0.05, 0.01, 0.001])
    np.testing.assert_allclose(calibrated_pvalue(-2 * np.log(nominal), n), rejected, rtol=0.05)


def test_calibrated_goes_to_chi_square():
    statistic = np.array([1.0, 6.0, 15.0])
    np.testing.assert_allclose(calibrated_pvalue(statistic, 10**9), np.exp(-statistic / 2), rtol=0.01)


def test_from_moments_equals_the_whole_function():
    sample = np.random.default_rng(4).standard_t(5, (200, 6))
    summary = moments(sample)
    for tail in ("chi2", "calibrated"):
        statistic, pvalue = dagostino_pearson_from_moments(200, summary.skewness, summary.excess_kurtosis, tail)
        whole = dagostino_pearson(sample, tail)
        np.testing.assert_array_equal(statistic, whole.statistic)
        np.testing.assert_array_equal(pvalue, whole.pvalue)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="at least 8 rows, got 7"):
        dagostino_pearson(np.arange(7.0))
    with pytest.raises(InputError, match="at least 8 for D'Agostino-Pearson, got 7"):
        dagostino_pearson_from_moments(7, np.zeros(1), np.zeros(1))
    with pytest.raises(InputError, match="tail must be 'chi2' or 'calibrated', got 'exact'"):
        dagostino_pearson(np.arange(9.0), "exact")
