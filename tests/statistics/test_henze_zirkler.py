"""Henze-Zirkler and BHEP against the naive double loop, and the limits in d that are stated."""

import numpy as np
import pytest
from scipy import integrate, stats

from thinshell.errors import InputError
from thinshell.statistics import _columns
from thinshell.statistics.henze_zirkler import bhep, henze_zirkler


def naive(cloud, beta):
    n, d = cloud.shape
    centred = cloud - cloud.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred / n)
    pairs = sum(np.exp(-(beta**2) / 2 * (x - y) @ inverse @ (x - y)) for x in centred for y in centred)
    single = sum(np.exp(-(beta**2) / (2 * (1 + beta**2)) * x @ inverse @ x) for x in centred)
    return pairs / n - 2 * (1 + beta**2) ** (-d / 2) * single + n * (1 + 2 * beta**2) ** (-d / 2)


@pytest.mark.parametrize("shape", [(40, 1), (60, 3), (50, 12)])
def test_statistic_is_the_double_loop(shape, monkeypatch):
    monkeypatch.setattr(_columns, "BLOCK_ELEMENTS", 300)
    n, d = shape
    cloud = np.random.default_rng(0).exponential(size=shape) * 10 + 3
    result = henze_zirkler(cloud)
    assert result.beta == pytest.approx((n * (2 * d + 1) / 4) ** (1 / (d + 4)) / np.sqrt(2))
    assert result.statistic == pytest.approx(naive(cloud, result.beta), rel=1e-9)
    assert bhep(cloud, 0.7).statistic == pytest.approx(naive(cloud, 0.7), rel=1e-9)


def test_bhep_is_the_weighted_distance_of_characteristic_functions():
    """d = 1: n times the integral of |phi_n(t) - exp(-t^2/2)|^2 against the N(0, beta^2) density."""
    sample = np.random.default_rng(1).exponential(size=30)
    z, beta = (sample - sample.mean()) / sample.std(), 0.9

    def integrand(t):
        return abs(np.exp(1j * t * z).mean() - np.exp(-(t**2) / 2)) ** 2 * stats.norm.pdf(t, scale=beta)

    expected = 30 * integrate.quad(integrand, -12, 12, limit=200, epsabs=1e-12)[0]
    assert bhep(sample, beta).statistic == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("n", "d"), [(100, 2), (200, 5)])
def test_level_and_power(n, d):
    rng = np.random.default_rng(2)
    null = [henze_zirkler(rng.standard_normal((n, d))).pvalue for _ in range(300)]
    # The lognormal approximation is good to about a percentage point: up to 8.5 % of 300 may be below .05.
    assert 3 <= sum(p < 0.05 for p in null) <= 27
    other = [henze_zirkler(rng.standard_t(3, size=(n, d))).pvalue for _ in range(20)]
    assert sum(p < 0.05 for p in other) >= 18


def test_large_dimensions_saturate_and_say_so():
    rng = np.random.default_rng(3)
    gaussian = henze_zirkler(rng.standard_normal((300, 128)))
    other = henze_zirkler(rng.exponential(size=(300, 128)))
    assert gaussian.saturated
    assert other.saturated
    assert np.isnan(other.pvalue)
    assert gaussian.statistic == pytest.approx(other.statistic, abs=1e-3)
    assert not henze_zirkler(rng.standard_normal((300, 8))).saturated


def test_bhep_pvalue_is_monte_carlo():
    rng = np.random.default_rng(4)
    result = bhep(rng.laplace(size=(300, 64)), n_simulations=49)
    assert (result.pvalue, result.beta) == (1 / 50, 1 / 8)
    gaussian = rng.standard_normal((100, 4))
    first = bhep(gaussian, n_simulations=19, rng=1).pvalue
    assert first == bhep(gaussian, n_simulations=19, rng=np.random.default_rng(1)).pvalue
    assert np.isnan(bhep(gaussian).pvalue)
    pvalues = [bhep(rng.standard_normal((30, 2)), n_simulations=19, rng=k).pvalue for k in range(100)]
    assert sum(p <= 0.05 for p in pvalues) <= 13  # binomial(100, .05): 99.9 % quantile


def test_errors():
    rng = np.random.default_rng(5)
    cloud = rng.standard_normal((20, 2))
    with pytest.raises(InputError, match="beta must be above 0, got 0"):
        bhep(cloud, 0)
    with pytest.raises(InputError, match="n_simulations must be 0 or more, got -1; a few hundred are usual"):
        bhep(cloud, n_simulations=-1)
    with pytest.raises(InputError, match="more rows than columns for this test, got 20 rows and 30 columns"):
        henze_zirkler(rng.standard_normal((20, 30)))
    with pytest.raises(InputError, match="at least 8 rows, got 5"):
        henze_zirkler(cloud[:5])
