import mpmath
import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics import dagostino_pearson
from thinshell.theory import coordinate_pdf, dagostino_pearson_rate, expected_dagostino_pearson
from thinshell.theory.dagostino_pearson import _standardised_moments


def coordinates(rng, n, d, columns):
    return np.sqrt(rng.beta(0.5, (d - 1) / 2, (n, columns))) * rng.choice([-1, 1], (n, columns))


@pytest.mark.parametrize("d", [2, 3, 16, 300])
def test_moments_are_those_of_the_density(d):
    with mpmath.workdps(30):
        law = stats.beta(0.5, (d - 1) / 2)  # of the squared coordinate
        for power, value in zip((2, 3, 4), _standardised_moments(d), strict=True):
            exact = mpmath.beta(mpmath.mpf(power) + 0.5, mpmath.mpf(d - 1) / 2) / mpmath.beta(
                0.5, mpmath.mpf(d - 1) / 2
            )
            assert value == pytest.approx(float(d**power * exact), rel=1e-12)
            assert value == pytest.approx(d**power * law.moment(power), rel=1e-9)
    assert float(coordinate_pdf(0.0, d)) > 0


@pytest.mark.parametrize("d", [2, 3, 4, 16, 64])
def test_rate_is_the_limit_of_scipys_statistic(d):
    # A sample as regular as the law itself: its quantiles.
    n = 2_000_000
    half = stats.beta(0.5, (d - 1) / 2).ppf((np.arange(n // 2) + 0.5) / (n // 2)) ** 0.5
    sample = np.concatenate([half, -half])
    sample[0] += 1e-9  # SciPy scores a skewness of exactly 0 as if it were 1
    assert stats.normaltest(sample).statistic / n == pytest.approx(dagostino_pearson_rate(d), rel=0.01)


def test_rate_for_large_d_and_growth():
    assert dagostino_pearson_rate(4096) == pytest.approx((6 / 4098) ** 2 / 24, rel=2e-3)
    ratio = (expected_dagostino_pearson(10**7, 32) - expected_dagostino_pearson(10**6, 32)) / 9e6
    assert ratio == pytest.approx(dagostino_pearson_rate(32), rel=1e-3)


@pytest.mark.parametrize(
    ("n", "d", "allowed"),
    # Relative error allowed beside four standard errors of the simulation: what the docstring says.
    [
        *((50, 64, 0.11), (50, 16, 0.26), (250, 8, 0.06), (250, 16, 0.06), (250, 64, 0.06), (250, 256, 0.06)),
        *((1000, 2, 0.01), (1000, 4, 0.01), (1000, 16, 0.02), (5000, 3, 0.02), (20_000, 64, 0.02)),
    ],
)
def test_expected_statistic_is_the_simulated_one(n, d, allowed):
    columns = max(400, min(8000, 2_000_000 // n))
    statistics = dagostino_pearson(coordinates(np.random.default_rng(n + d), n, d, columns)).statistic
    error = statistics.std() / np.sqrt(columns)
    assert abs(statistics.mean() - expected_dagostino_pearson(n, d)) < 4 * error + allowed * statistics.mean()


def test_null_law_in_the_limit():
    # Two squared scores that are standard normal.
    for n in (8, 20, 250, 10_000):
        assert expected_dagostino_pearson(n, 10**9) == pytest.approx(2, rel=2e-3)


def test_bad_input():
    with pytest.raises(InputError, match="d must be a whole number of at least 2, got 1"):
        dagostino_pearson_rate(1)
    with pytest.raises(InputError, match="n_samples must be at least 8 for D'Agostino-Pearson, got 7"):
        expected_dagostino_pearson(7, 16)
