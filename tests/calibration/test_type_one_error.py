"""Type-I error of every univariate test inside its binomial bounds, and power on known alternatives."""

import numpy as np
import pytest
from scipy import stats

from thinshell.statistics import anderson_darling, dagostino_pearson, epps_pulley, jarque_bera

pytestmark = pytest.mark.slow

# Some 30 comparisons in this file: each bound at 1e-4.
TAIL = 1e-4


def pvalues(test, n, columns, draw=None):
    rng = np.random.default_rng(n)
    width = max(1, 2_000_000 // n)
    parts = []
    for left in range(0, columns, width):
        shape = (n, min(width, columns - left))
        parts.append(test(rng.standard_normal(shape) if draw is None else draw(rng, shape)).pvalue)
    return np.concatenate(parts)


def assert_level(found, level, slack=0.0):
    """The rejections are binomial with a level within `slack` (relative) of nominal."""
    count, n = int((found < level).sum()), len(found)
    assert stats.binom.sf(count - 1, n, level * (1 + slack)) > TAIL, (count / n, level)
    assert stats.binom.cdf(count, n, level * (1 - slack)) > TAIL, (count / n, level)


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize("n", [8, 20, 100, 1000])
def test_anderson_darling(n, level):
    # At n = 8 the factor of Stephens leaves .94 % at nominal 1 % (the docstring of composite_pvalue).
    assert_level(pvalues(anderson_darling, n, 40_000), level, slack=0.07 if n == 8 else 0.0)


@pytest.mark.parametrize("n", [8, 20, 100, 1000])
def test_anderson_darling_simple(n):
    found = pvalues(lambda x: anderson_darling(x, null="simple"), n, 40_000)
    for level in (0.05, 0.01):
        assert_level(found, level)


@pytest.mark.parametrize("n", [8, 20, 100, 1000])
def test_dagostino_pearson_calibrated(n):
    found = pvalues(lambda x: dagostino_pearson(x, tail="calibrated"), n, 40_000)
    for level in (0.05, 0.01, 0.001):
        assert_level(found, level, slack=0.03)


@pytest.mark.parametrize(("n", "rejected"), [(8, 0.062), (100, 0.055), (1000, 0.051)])
def test_dagostino_pearson_by_chi_square_is_as_wrong_as_the_design_says(n, rejected):
    found = pvalues(dagostino_pearson, n, 40_000)
    assert (found < 0.05).mean() == pytest.approx(rejected, abs=0.005)


def test_jarque_bera_needs_thousands_of_rows():
    assert_level(pvalues(jarque_bera, 5000, 20_000), 0.05, slack=0.05)
    assert (pvalues(jarque_bera, 50, 20_000) < 0.05).mean() < 0.045


@pytest.mark.parametrize("null", ["composite", "simple"])
@pytest.mark.parametrize("n", [8, 20, 100, 1000])
def test_epps_pulley(n, null):
    found = pvalues(lambda x: epps_pulley(x, null=null), n, 20_000)
    # The docstring: 4.6 / .8 % at n = 8 under the composite null, within 5 % from 14 up.
    slack = 0.25 if n == 8 else 0.05
    for level in (0.05, 0.01):
        assert_level(found, level, slack=slack)


ALTERNATIVES = {
    "t(5)": lambda rng, shape: rng.standard_t(5, shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
}


@pytest.mark.parametrize(
    ("test", "least"),
    # Powers at n = 100 and 5 %, each the simulated one less .03. K^2 and Jarque-Bera are made for tails.
    [
        (anderson_darling, {"t(5)": 0.28, "exponential": 0.99, "uniform": 0.90}),
        (dagostino_pearson, {"t(5)": 0.42, "exponential": 0.98, "uniform": 0.95}),
        (jarque_bera, {"t(5)": 0.45, "exponential": 0.98, "uniform": 0.50}),
        (epps_pulley, {"t(5)": 0.26, "exponential": 0.99, "uniform": 0.70}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_power(test, least):
    for name, bound in least.items():
        power = (pvalues(test, 100, 10_000, ALTERNATIVES[name]) < 0.05).mean()
        assert power > bound, (name, power)
