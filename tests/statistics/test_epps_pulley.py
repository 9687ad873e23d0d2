import math

import numpy as np
import pytest
from scipy import integrate

from thinshell.errors import InputError
from thinshell.statistics import epps_pulley


def bhep_closed_form(x, beta=1.0):
    """Baringhaus & Henze (1988), d = 1: the double sum over pairs."""
    y = (x - x.mean()) / x.std()
    n, b2 = len(y), beta**2
    pairs = np.exp(-0.5 * b2 * (y[:, None] - y) ** 2).mean()
    single = np.exp(-0.5 * b2 * y**2 / (1 + b2)).mean() / math.sqrt(1 + b2)
    return n * (pairs - 2 * single + 1 / math.sqrt(1 + 2 * b2))


@pytest.mark.parametrize("n", [8, 50, 400])
def test_composite_statistic_is_bheps_closed_form(n):
    rng = np.random.default_rng(n)
    for x in (rng.standard_normal(n), rng.exponential(size=n), rng.standard_t(3, n) * 1e3 + 7):
        assert epps_pulley(x).statistic == pytest.approx(bhep_closed_form(x), rel=1e-6, abs=1e-8)


def test_simple_statistic_is_the_integral():
    x = np.random.default_rng(0).standard_normal(60) + 0.3

    def integrand(t):
        gap = np.exp(1j * t * x).mean() - math.exp(-0.5 * t * t)
        return abs(gap) ** 2 * math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)

    truth = len(x) * integrate.quad(integrand, -8, 8, epsabs=1e-13)[0]
    assert epps_pulley(x, null="simple").statistic == pytest.approx(truth, rel=1e-7)


def test_sigreg_is_a_multiple():
    # LeJEPA (arXiv 2511.08544): t in [0, 3], 17-point trapezoid doubled, weight exp(-t^2/2), no standardising.
    x = np.random.default_rng(1).exponential(size=200)
    t = np.linspace(0, 3, 17)
    gap = np.exp(1j * t[:, None] * x).mean(axis=1) - np.exp(-0.5 * t * t)
    sigreg = len(x) * 2 * np.trapezoid(np.abs(gap) ** 2 * np.exp(-0.5 * t * t), t)
    ours = epps_pulley(x, null="simple", t_max=3.0, n_points=17).statistic
    assert ours * math.sqrt(2 * math.pi) == pytest.approx(sigreg, rel=1e-12)


@pytest.mark.parametrize("null", ["composite", "simple"])
def test_pvalues_are_uniform_under_the_null(null):
    pvalues = epps_pulley(np.random.default_rng(2).standard_normal((100, 4000)), null=null).pvalue
    for level in (0.01, 0.05, 0.2, 0.5):
        # 5 standard errors of a share over 4000 columns.
        assert (pvalues < level).mean() == pytest.approx(level, abs=5 * math.sqrt(level * (1 - level) / 4000))


def test_columns_constants_and_float32():
    rng = np.random.default_rng(3)
    sample = rng.standard_normal((300, 4))
    sample[:, 2] = 5.0
    result = epps_pulley(sample)
    np.testing.assert_array_equal(np.isnan(result.statistic), [False, False, True, False])
    np.testing.assert_array_equal(np.isnan(result.pvalue), [False, False, True, False])
    assert epps_pulley(sample[:, 1]).statistic == pytest.approx(result.statistic[1], rel=1e-12)
    narrow = epps_pulley(sample.astype(np.float32))
    np.testing.assert_allclose(narrow.statistic[:2], result.statistic[:2], rtol=1e-4)
    shifted = epps_pulley(sample * 3 + 1e4)
    np.testing.assert_allclose(shifted.statistic[:2], result.statistic[:2], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"null": "both"}, "null must be 'composite' or 'simple', got 'both'"),
        ({"t_max": 0.0}, "t_max must be a positive number, got 0.0"),
        ({"n_points": 1}, "n_points must be at least 2, got 1"),
    ],
)
def test_bad_arguments(options, sentence):
    with pytest.raises(InputError, match=sentence):
        epps_pulley(np.arange(20.0), **options)


def test_too_few_rows():
    with pytest.raises(InputError, match="at least 8 rows, got 7"):
        epps_pulley(np.arange(7.0))
