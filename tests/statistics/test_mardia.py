"""Mardia's statistics against the naive double sum, exact moments and clouds only they can see."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics import _columns
from thinshell.statistics.mardia import mardia, mardia_skewness_check


def naive(cloud):
    centred = cloud - cloud.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred / len(cloud))
    gram = centred @ inverse @ centred.T
    return (gram**3).mean(), (np.diagonal(gram) ** 2).mean()


def sign_triples(rng, n, d):
    cloud = rng.standard_normal((n, d))
    third = slice(2, d - d % 3, 3)
    signs = np.sign(cloud[:, 0 : d - d % 3 : 3] * cloud[:, 1 : d - d % 3 : 3])
    cloud[:, third] = np.abs(cloud[:, third]) * signs
    return cloud


def ten_clusters(rng, n, d):
    centres = rng.standard_normal((10, d))
    return centres[rng.integers(10, size=n)] + rng.standard_normal((n, d))


@pytest.mark.parametrize("shape", [(60, 3), (40, 20), (30, 1)])
def test_statistics_are_the_double_sum(shape, monkeypatch):
    monkeypatch.setattr(_columns, "BLOCK_ELEMENTS", 200)
    cloud = np.random.default_rng(0).exponential(size=shape) * np.arange(1, shape[1] + 1) + 100
    result = mardia(cloud)
    b1, b2 = naive(cloud)
    assert result.skewness == pytest.approx(b1, rel=1e-5)
    assert result.kurtosis == pytest.approx(b2, rel=1e-9)


def test_one_column_is_the_usual_skewness_and_kurtosis():
    """d = 1: b1 is the squared skewness, b2 the kurtosis; its p-value is SciPy's kurtosistest (Anscombe-Glynn)."""
    sample = np.random.default_rng(1).standard_normal(200)
    result = mardia(sample)
    assert result.skewness == pytest.approx(stats.skew(sample) ** 2, rel=1e-4)
    assert result.kurtosis == pytest.approx(stats.kurtosis(sample, fisher=False))
    assert result.kurtosis_pvalue == pytest.approx(stats.kurtosistest(sample).pvalue, rel=1e-9)
    assert result.skewness_pvalue == pytest.approx(stats.skewtest(sample).pvalue, abs=0.03)


def test_affine_maps_change_nothing():
    rng = np.random.default_rng(2)
    cloud = rng.standard_normal((200, 6))
    moved = cloud @ rng.standard_normal((6, 6)) * 1e3 + 1e4
    assert mardia(moved).skewness == pytest.approx(mardia(cloud).skewness, rel=1e-4)
    assert mardia(moved).kurtosis == pytest.approx(mardia(cloud).kurtosis, rel=1e-8)


@pytest.mark.parametrize(("n", "d"), [(50, 2), (100, 5), (100, 40), (300, 64)])
def test_null_moments_against_simulation(n, d):
    """Standardised b1 has mean 0 and variance 1; both p-values are uniform at 5 %."""
    rng = np.random.default_rng(n + d)
    results = [mardia(rng.standard_normal((n, d))) for _ in range(300)]
    degrees = d * (d + 1) * (d + 2) / 6
    mean = d * (d + 2) * ((n + 1) * (d + 1) - 6) / ((n + 1) * (n + 3))
    spread = np.sqrt((n - d - 1) * (n - d - 3) / n**2 * (1 + 4.5 * d / n) * 2 * degrees) * 6 / n
    scores = (np.array([result.skewness for result in results]) - mean) / spread
    assert abs(scores.mean()) < 0.2  # 3.5 standard errors of 300
    assert scores.std() == pytest.approx(1.0, abs=0.2)
    for name in ("skewness_pvalue", "kurtosis_pvalue"):
        rejected = sum(getattr(result, name) < 0.05 for result in results)
        assert stats.binomtest(rejected, 300, 0.05).pvalue > 1e-3


def test_a_simplex_has_no_skewness_pvalue():
    result = mardia(np.random.default_rng(9).standard_normal((12, 10)))
    assert np.isnan(result.skewness_pvalue)
    assert np.isfinite(result.skewness)


def test_kurtosis_is_two_sided():
    rng = np.random.default_rng(3)
    heavy = mardia(rng.standard_t(4, size=(500, 5)))
    light = mardia(rng.uniform(size=(500, 5)))
    assert heavy.kurtosis > 35 > light.kurtosis
    assert max(heavy.kurtosis_pvalue, light.kurtosis_pvalue) < 1e-6


@pytest.mark.parametrize("cloud", [sign_triples, ten_clusters])
def test_check_has_power_one(cloud):
    rng = np.random.default_rng(4)
    pvalues = [mardia_skewness_check(cloud(rng, 1000, 64)).pvalue for _ in range(20)]
    assert max(pvalues) < 0.01


def test_check_groups_columns_and_draws_rows():
    cloud = np.random.default_rng(5).standard_normal((400, 70))
    result = mardia_skewness_check(cloud, max_rows=100)
    assert (result.n_samples, result.n_groups, result.group_size) == (100, 3, 25)
    assert mardia_skewness_check(cloud, max_rows=100, max_groups=2).n_groups == 2
    again = mardia_skewness_check(cloud, max_rows=100)
    assert result == again
    assert result.statistic != mardia_skewness_check(cloud, rng=1, max_rows=100).statistic


def test_check_agrees_with_mardia_when_nothing_is_left_out():
    cloud = np.random.default_rng(6).exponential(size=(200, 10)) ** 0.2
    assert mardia_skewness_check(cloud).pvalue == pytest.approx(mardia(cloud).skewness_pvalue)


def test_check_drops_constants_and_reduces_dependent_columns():
    rng = np.random.default_rng(7)
    base = rng.standard_normal((300, 5))
    padded = np.column_stack([base, np.ones(300), base[:, 0] + base[:, 1]])
    assert mardia_skewness_check(padded).statistic == pytest.approx(mardia_skewness_check(base).statistic, rel=1e-3)
    nothing = mardia_skewness_check(np.ones((20, 3)))
    assert np.isnan(nothing.pvalue)
    assert nothing.n_groups == 0


def test_errors():
    rng = np.random.default_rng(8)
    with pytest.raises(InputError, match="more rows than columns for this test, got 10 rows and 10 columns; give"):
        mardia(rng.standard_normal((10, 10)))
    column = rng.standard_normal((50, 1))
    with pytest.raises(InputError, match=r"non-singular covariance for this test.*; drop them or project"):
        mardia(np.hstack([column, 2 * column]))
    with pytest.raises(InputError, match="non-singular covariance"):
        mardia(np.hstack([column, np.ones((50, 1))]))
    with pytest.raises(InputError, match="at least 8 rows, got 7"):
        mardia(column[:7])
    with pytest.raises(InputError, match="max_rows must be at least 8 and max_groups at least 1, got 7 and 16"):
        mardia_skewness_check(column, max_rows=7)
    with pytest.raises(InputError, match="max_rows must be at least 8 and max_groups at least 1, got 2048 and 0"):
        mardia_skewness_check(column, max_groups=0)
