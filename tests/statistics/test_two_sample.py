"""Two-sample tests against SciPy, and their refusals."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics import (
    kolmogorov_smirnov_test,
    mean_difference_test,
    mean_vector_pvalue,
    moments,
    variance_ratio_test,
)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.standard_normal((300, 6)), 1.2 * rng.standard_normal((500, 6)) + 0.1


def test_means_are_welchs_test(samples):
    result = mean_difference_test(*map(moments, samples))
    expected = stats.ttest_ind(samples[1], samples[0], equal_var=False)
    np.testing.assert_allclose(result.statistic, expected.statistic, rtol=1e-9)
    np.testing.assert_allclose(result.pvalues, expected.pvalue, rtol=1e-8)
    pooled = np.sqrt((samples[0].var(0, ddof=1) + samples[1].var(0, ddof=1)) / 2)
    np.testing.assert_allclose(result.effect, (samples[1].mean(0) - samples[0].mean(0)) / pooled, rtol=1e-9)


def test_interval_of_d_covers(samples):
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        result = mean_difference_test(
            moments(rng.standard_normal((200, 1))), moments(rng.standard_normal((200, 1)) + 0.3)
        )
        covered.append(abs(result.effect[0] - 0.3) < 1.96 * result.effect_se[0])
    # 95 % of 400 is 380, its standard deviation 4.4.
    assert 365 <= sum(covered) <= 394


def test_variances_against_a_simulation():
    """The standard error of log(std ratio) is that of many samples, Gaussian or not."""
    rng = np.random.default_rng(0)
    for draw in (rng.standard_normal, rng.standard_exponential, lambda size: rng.uniform(size=size)):
        first, second = draw((2000, 500)), draw((1000, 500))
        result = variance_ratio_test(moments(first), moments(second))
        assert abs(result.effect.std() / np.mean(result.effect_se) - 1) < 0.12
        np.testing.assert_allclose(result.effect, np.log(second.std(0, ddof=1) / first.std(0, ddof=1)), rtol=1e-9)


def test_variances_of_gaussians_agree_with_the_f_test():
    rng = np.random.default_rng(2)
    first, second = rng.standard_normal((20_000, 3)), rng.standard_normal((20_000, 3)) * [1.0, 1.02, 0.99]
    result = variance_ratio_test(moments(first), moments(second))
    ratio = second.var(0, ddof=1) / first.var(0, ddof=1)
    expected = 2 * np.minimum(stats.f.sf(ratio, 19_999, 19_999), stats.f.cdf(ratio, 19_999, 19_999))
    np.testing.assert_allclose(result.pvalues, expected, rtol=0.25)


def test_mean_vector_against_hotelling_and_simulation():
    """Under the null it is uniform, for correlated columns and for more columns than rows."""
    rng = np.random.default_rng(0)
    for n, d in ((200, 20), (60, 100)):
        mix = rng.standard_normal((d, d)) / np.sqrt(d) * np.arange(1, d + 1) ** -0.5
        pvalues = []
        for _ in range(200):
            first, second = rng.standard_normal((2, n, d)) @ mix
            covariances = [np.cov(sample, rowvar=False) for sample in (first, second)]
            pvalues.append(mean_vector_pvalue(moments(first), moments(second), *covariances))
        assert stats.kstest(pvalues, "uniform").pvalue > 0.001
        assert np.mean(np.array(pvalues) < 0.05) < 0.11  # 200 tests: .05 + 4 standard errors


def test_kolmogorov_smirnov_is_scipys_up_to_bins(samples):
    edges = np.linspace(-8, 8, 200_001)
    counts = [np.stack([np.histogram(column, edges)[0] for column in sample.T]) for sample in samples]
    result = kolmogorov_smirnov_test(*counts)
    for j in range(6):
        expected = stats.ks_2samp(samples[0][:, j], samples[1][:, j], method="asymp")
        assert abs(result.statistic[j] - expected.statistic) < 3e-3
        assert abs(np.log(result.pvalues[j] / expected.pvalue)) < 0.4


def test_constant_columns():
    first = np.column_stack([np.full(50, 1.0), np.full(50, 1.0), np.arange(50.0)])
    second = np.column_stack([np.full(40, 1.0), np.full(40, 2.0), np.full(40, 7.0)])
    means = mean_difference_test(moments(first), moments(second))
    assert np.isnan(means.pvalues[0])
    assert (means.effect[0], means.pvalues[1], means.effect[1]) == (0.0, 0.0, np.inf)
    assert 0 < means.pvalues[2] < 1
    variances = variance_ratio_test(moments(first), moments(second))
    assert np.isnan(variances.pvalues[0])
    assert variances.pvalues[2] == 0.0
    zero = np.zeros((3, 3))
    assert np.isnan(mean_vector_pvalue(moments(first[:, :1]), moments(second[:, :1]), zero[:1, :1], zero[:1, :1]))


def test_refusals(samples):
    first, second = map(moments, samples)
    with pytest.raises(InputError, match="must have the same number of features, got 6 and 2"):
        mean_difference_test(first, moments(samples[0][:, :2]))
    with pytest.raises(InputError, match="at least 8 rows each, got 300 and 7"):
        variance_ratio_test(first, moments(samples[1][:7]))
    with pytest.raises(InputError, match="counts must have the same shape"):
        kolmogorov_smirnov_test(np.ones((2, 5)), np.ones((2, 4)))
    with pytest.raises(InputError, match="must not be all zero"):
        kolmogorov_smirnov_test(np.ones((2, 5)), np.zeros((2, 5)))
    assert mean_vector_pvalue(first, first, np.eye(6), np.eye(6)) == 1.0
    assert second.n_samples == 500
