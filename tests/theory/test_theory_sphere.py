import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from thinshell.errors import InputError
from thinshell.statistics import anderson_darling
from thinshell.theory import (
    anderson_darling_rate,
    coordinate_cdf,
    coordinate_excess_kurtosis,
    coordinate_pdf,
    coordinate_ppf,
    expected_anderson_darling,
    maxwell_poincare_tv,
    maxwell_poincare_tv_exact,
)


def coordinate(rng, n, d):
    cloud = rng.standard_normal((n, d))
    return cloud[:, 0] / np.linalg.norm(cloud, axis=1)


@pytest.mark.parametrize("d", [2, 3, 4, 16, 512])
def test_density_distribution_and_quantiles_fit_together(d):
    u = np.linspace(-0.99, 0.99, 9) / math.sqrt(max(d / 8, 1))
    for left, right in itertools.pairwise(u):
        mass = integrate.quad(coordinate_pdf, left, right, args=(d,), epsabs=1e-13)[0]
        assert coordinate_cdf(right, d) - coordinate_cdf(left, d) == pytest.approx(mass, abs=1e-11)
    np.testing.assert_allclose(coordinate_ppf(coordinate_cdf(u, d), d), u, atol=1e-12)
    np.testing.assert_allclose(coordinate_cdf(u, d), 1 - coordinate_cdf(-u, d), atol=1e-15)


@pytest.mark.parametrize("d", [2, 3, 32, 256])
def test_against_sampled_points(d):
    u = coordinate(np.random.default_rng(d), 20_000, d)
    assert stats.kstest(u, lambda x: coordinate_cdf(x, d)).pvalue > 1e-3
    # Standard error of a sample kurtosis, under a normal law and so at most.
    assert stats.kurtosis(u) == pytest.approx(coordinate_excess_kurtosis(d), abs=5 * math.sqrt(24 / 20_000))


def test_far_tail_keeps_its_digits():
    # In three dimensions the coordinate is uniform.
    assert coordinate_cdf(-1 + 1e-12, 3) == pytest.approx(5e-13, rel=1e-3)
    assert coordinate_pdf(0.7, 1000) > 0


@pytest.mark.parametrize("d", [5, 32, 512, 4096])
def test_total_variation_is_that_of_the_densities_and_below_its_bound(d):
    root = math.sqrt(d)

    def gap(z):
        return abs(coordinate_pdf(z / root, d) / root - stats.norm.pdf(z))

    pieces = [(k, k + 0.25) for k in np.arange(0, min(root, 12), 0.25)]
    inside = 2 * sum(integrate.quad(gap, left, min(right, root), limit=200)[0] for left, right in pieces)
    beyond = 2 * stats.norm.sf(min(root, 12.0))
    assert maxwell_poincare_tv_exact(d) == pytest.approx(inside + beyond, rel=1e-5, abs=1e-8)
    assert maxwell_poincare_tv_exact(d) < maxwell_poincare_tv(d)


def test_bound_is_the_papers():
    assert maxwell_poincare_tv(103, k=5) == pytest.approx(16 / 95)
    with pytest.raises(InputError, match="k must be a whole number from 1 to d - 4 = 6, got 7"):
        maxwell_poincare_tv(10, k=7)


@pytest.mark.parametrize(("d", "rate"), [(32, 6.2e-5), (64, 1.5e-5), (128, 3.7e-6), (256, 9.3e-7), (512, 2.3e-7)])
def test_rate_is_the_simulated_one(d, rate):
    # STATISTICS of the design.
    assert anderson_darling_rate(d) == pytest.approx(rate, rel=0.04)


@pytest.mark.parametrize(("n", "d"), [(100, 16), (2000, 16), (20_000, 32)])
def test_expected_statistic_is_the_simulated_one(n, d):
    rng = np.random.default_rng(n)
    cloud = np.sqrt(rng.beta(0.5, (d - 1) / 2, (n, 300))) * rng.choice([-1, 1], (n, 300))
    statistics = anderson_darling(cloud).statistic
    error = statistics.std() / math.sqrt(300)
    assert abs(statistics.mean() - expected_anderson_darling(n, d)) < 4 * error + 0.03 * statistics.mean()


@pytest.mark.parametrize("function", [coordinate_pdf, coordinate_cdf, coordinate_ppf])
def test_bad_dimension(function):
    for d in (1, 2.5, -3):
        with pytest.raises(InputError, match="d must be a whole number of at least 2"):
            function(0.5, d)
    with pytest.raises(InputError, match=r"q must lie in \[0, 1\]"):
        coordinate_ppf(1.5, 3)
