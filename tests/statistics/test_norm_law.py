import numpy as np
import pytest
from scipy import stats

from thinshell.statistics import norm_concentration
from thinshell.statistics.norm_law import NormLaw

LEVELS = np.array([1e-6, 1e-3, 0.02, 0.3, 0.5, 0.8, 0.99, 0.99999])


@pytest.mark.parametrize("d", [1, 2, 3, 8, 9, 64, 1000, 100_000])
def test_isotropic_is_the_chi_law(d):
    law = stats.chi(d)
    norms = np.r_[1e-9, law.ppf(LEVELS), 5 * np.sqrt(d) + 30]
    np.testing.assert_allclose(NormLaw(np.ones(d)).cdf(norms), law.cdf(norms), atol=1e-11)
    np.testing.assert_allclose(NormLaw(np.full(d, 0.25), unit=1e30).cdf(norms * 5e29), law.cdf(norms), atol=1e-11)


@pytest.mark.parametrize(("d", "squared"), [(1, 9.0), (4, 25.0), (64, 1e4), (64, 1e8), (300, 1e-6)])
def test_displaced_is_the_noncentral_chi_law(d, squared):
    law = stats.ncx2(d, squared)
    x = law.ppf(LEVELS[2:-1])
    np.testing.assert_allclose(NormLaw(np.ones(d), (squared,) * 3).cdf(np.sqrt(x)), law.cdf(x), atol=1e-8)


@pytest.mark.parametrize(("d", "power"), [(3, 1.0), (40, 0.5), (300, 0.5), (300, 2.0)])
def test_any_spectrum_is_what_simulation_gives(d, power):
    eigenvalues = np.arange(1.0, d + 1) ** -power
    draws = np.random.default_rng(0).standard_normal((20_000, d)) ** 2 @ eigenvalues
    # Kolmogorov's statistic of 20,000 draws exceeds .0158 once in 10,000.
    assert stats.kstest(np.sqrt(draws), NormLaw(eigenvalues).cdf).statistic < 0.0158


def test_a_mean_is_taken_in():
    rng = np.random.default_rng(1)
    eigenvalues, mean = np.linspace(2.0, 0.1, 50), rng.standard_normal(50)
    norms = np.linalg.norm(rng.standard_normal((20_000, 50)) * np.sqrt(eigenvalues) + mean, axis=1)
    law = NormLaw(eigenvalues, tuple(float(mean @ (eigenvalues**k * mean)) for k in (0, 1, 2)))
    assert stats.kstest(norms, law.cdf).statistic < 0.0158


def test_edges_of_the_support():
    law = NormLaw(np.array([1.0, 1.0, 0.0]), (4.0, 0.0, 0.0))
    # All of the mean lies where nothing varies: |x|^2 = 4 + chi2_2.
    norms = np.array([0.0, 2.0, 2.5, 3.0])
    np.testing.assert_allclose(law.cdf(norms), stats.chi2(2).cdf(norms**2 - 4.0), atol=1e-10)
    np.testing.assert_array_equal(NormLaw(np.zeros(3), (4.0, 0.0, 0.0)).cdf(np.array([1.9, 2.0])), [0.0, 1.0])
    assert np.isfinite(
        NormLaw(np.ones(3), (1.0, 5.0, 50.0)).cdf(np.linspace(0, 9, 30))
    ).all()  # node beyond the spectrum


def test_norm_concentration_gives_the_law_its_reference_is_of():
    rows = np.random.default_rng(2).standard_normal((5000, 16)) * np.linspace(1, 3, 16) + 1
    for center in (False, True):
        shell = norm_concentration(rows, center=center)
        norms = np.linalg.norm(rows - center * rows.mean(axis=0), axis=1)
        assert stats.kstest(norms, shell.law.cdf).pvalue > 1e-3
    assert norm_concentration(rows[:1]).law is None
