"""Magnitude dependence: closed forms against quadrature, null spread against simulation, power on sign pairs."""

import importlib

import numpy as np
import pytest
from scipy import integrate

from thinshell.errors import InputError
from thinshell.statistics import _columns
from thinshell.statistics.squared_correlation import squared_correlation

# The package has the function of the same name in the module's place.
module = importlib.import_module("thinshell.statistics.squared_correlation")


def sign_pair(rng, n, d, pair=(0, 1)):
    cloud = rng.standard_normal((n, d))
    cloud[:, pair[1]] = cloud[:, pair[0]] * rng.choice([-1, 1], size=n)
    return cloud


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.8])
def test_closed_form_is_the_double_integral(rho):
    def expectation(function):
        det = 1 - rho**2
        norm = 2 * np.pi * np.sqrt(det)

        def integrand(x, y):
            return function(x, y) * np.exp(-(x * x - 2 * rho * x * y + y * y) / (2 * det)) / norm

        return integrate.dblquad(integrand, -9, 9, -9, 9, epsabs=1e-10)[0]

    a, b = (lambda x, y: np.exp(-x * x / 2)), (lambda x, y: np.exp(-y * y / 2))
    covariance = expectation(lambda x, y: a(x, y) * b(x, y)) - 0.5
    variance = expectation(lambda x, y: a(x, y) ** 2) - 0.5
    assert module._bump_correlation(np.array(rho)) == pytest.approx(covariance / variance, abs=1e-7)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_null_variance_against_simulation(rho):
    rng = np.random.default_rng(0)
    n, repeats = 300, 4000
    x = rng.standard_normal((repeats, n))
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((repeats, n))

    def standard(a):
        return (a - a.mean(axis=1, keepdims=True)) / a.std(axis=1, keepdims=True)

    x, y = standard(x), standard(y)
    e = standard(np.exp(-(x**2) / 2)), standard(np.exp(-(y**2) / 2))
    excess = (e[0] * e[1]).mean(axis=1) - module._bump_correlation((x * y).mean(axis=1))
    grid, variance = module._null_variance()
    # 4000 repeats fix a variance to 2.2 % (one standard error); finite n adds about 1 %.
    assert n * excess.var() == pytest.approx(np.interp(rho, grid, variance), rel=0.08)


def test_score_is_the_formula(monkeypatch):
    monkeypatch.setattr(_columns, "BLOCK_ELEMENTS", 200)
    cloud = np.random.default_rng(1).standard_normal((400, 6))
    z = (cloud - cloud.mean(axis=0)) / cloud.std(axis=0)
    e = np.exp(-(z**2) / 2)
    rho, r = np.corrcoef(z, rowvar=False), np.corrcoef(e, rowvar=False)
    centred = e - e.mean(axis=0)
    skewness = (centred**3).mean(axis=0) / e.std(axis=0) ** 3
    grid, variance = module._null_variance()
    score = (r - module._bump_correlation(rho)) * np.sqrt(400 / np.interp(abs(rho), grid, variance))
    third = (np.outer(skewness, skewness) - 2.6 * rho**2 - 1.3 * rho**12) / 20
    expected = np.abs(score - third * (score**2 - 1) / 6)[np.triu_indices(6, 1)].max()
    result = squared_correlation(cloud)
    assert result.statistic == pytest.approx(expected, rel=1e-3)
    assert result.n_pairs == 15


@pytest.mark.parametrize(("n", "d", "repeats"), [(1000, 64, 20), (8000, 768, 1)])
def test_one_sign_pair_is_always_found(n, d, repeats):
    rng = np.random.default_rng(2)
    for _ in range(repeats):
        result = squared_correlation(sign_pair(rng, n, d, (3, d - 2)))
        assert result.pair == (3, d - 2)
        assert result.pvalue < 1e-6
        assert result.excess == pytest.approx(1.0, abs=0.05)


def test_excess_is_the_correlation_of_squares():
    cloud = sign_pair(np.random.default_rng(3), 500, 4)
    result = squared_correlation(cloud)
    z = cloud[:, :2] - cloud[:, :2].mean(axis=0)
    rho = np.corrcoef(z, rowvar=False)[0, 1]
    assert result.correlation == pytest.approx(rho)
    assert result.excess == pytest.approx(np.corrcoef(z**2, rowvar=False)[0, 1] - rho**2)


def test_independent_coordinates_of_other_shapes_do_not_count():
    """Marginals are for other tests: uniform and Laplace columns keep the level."""
    rng = np.random.default_rng(4)
    draws = [rng.uniform(size=(300, 16)) for _ in range(100)] + [rng.laplace(size=(300, 16)) for _ in range(100)]
    rejected = sum(squared_correlation(cloud).pvalue < 0.05 for cloud in draws)
    assert rejected <= 21  # binomial(200, .05): 99.9 % quantile


def test_copies_constants_and_two_valued_columns_are_left_out():
    rng = np.random.default_rng(5)
    x = rng.standard_normal(100)
    signs = rng.choice([-1.0, 1.0], size=(100, 2))
    signs[:50] = -signs[50:]  # balanced, hence standardised to +-1
    result = squared_correlation(np.column_stack([x, 2 * x + 1, np.ones(100), signs]))
    assert (result.statistic, result.pvalue) == (0.0, 1.0)
    alone = squared_correlation(np.column_stack([x, np.ones(100)]))
    assert np.isnan(alone.pvalue)
    assert (alone.pair, alone.n_pairs) == ((-1, -1), 0)


def test_beyond_the_limit_a_subset_of_columns_is_taken(monkeypatch):
    monkeypatch.setattr(module, "MAX_COLUMNS", 4)
    cloud = sign_pair(np.random.default_rng(6), 300, 10, (0, 9))
    result = squared_correlation(cloud)
    assert (result.pair, result.n_pairs) == ((0, 9), 6)


def test_float32_with_a_large_offset_agrees():
    cloud = (sign_pair(np.random.default_rng(7), 400, 5) + 100).astype(np.float32)
    single, double = squared_correlation(cloud), squared_correlation(cloud.astype(np.float64))
    assert single.statistic == pytest.approx(double.statistic, rel=1e-4)


def test_too_few_rows():
    with pytest.raises(InputError, match="embeddings must have at least 8 rows, got 5"):
        squared_correlation(np.zeros((5, 2)))
