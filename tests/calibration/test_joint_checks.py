"""Level of every joint check on exact Gaussians, and the power table of the design, by simulation.

Run by `make test-all`. Bounds on counts are exact binomial ones; with about a hundred of them in this file each is
set at 1e-4.
"""

import numpy as np
import pytest
from scipy import stats

from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.mardia import mardia, mardia_skewness_check
from thinshell.statistics.multiplicity import holm
from thinshell.statistics.principal_axes import principal_axes_test
from thinshell.statistics.projections import sliced
from thinshell.statistics.squared_correlation import squared_correlation
from thinshell.statistics.thin_shell import spectrum_norm_test

pytestmark = pytest.mark.slow

CHECKS = {
    "norms": lambda x: spectrum_norm_test(x).pvalue,
    "squares": lambda x: squared_correlation(x).pvalue,
    "skewness": lambda x: mardia_skewness_check(x).pvalue,
    "axes": lambda x: principal_axes_test(x).pvalue,
}
# The others are exact or asymptotically exact; a Bonferroni maximum stays below its level at small n.
EXACT_BELOW = {"norms", "axes"}


def too_many(count: int, repeats: int, level: float) -> bool:
    return stats.binom.sf(count - 1, repeats, level) < 1e-4


def too_few(count: int, repeats: int, level: float) -> bool:
    return stats.binom.cdf(count, repeats, level) < 1e-4


def root(kind: str, d: int, rng: np.random.Generator) -> np.ndarray:
    """Square root of the covariance: isotropic, a rotated 1/k power law, or equicorrelation."""
    if kind.startswith("equal"):
        rho = float(kind[5:])
        return np.linalg.cholesky(np.full((d, d), rho) + (1 - rho) * np.eye(d)).T
    power = {"isotropic": 0.0, "power law": 1.0}[kind]
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return np.arange(1, d + 1.0)[:, None] ** (-power / 2) * basis


SHAPES = [(100, 8, 1000), (300, 64, 500), (1000, 64, 200), (100, 256, 300)]


@pytest.mark.parametrize("kind", ["isotropic", "power law"])
@pytest.mark.parametrize(("n", "d", "repeats"), SHAPES)
def test_level_on_exact_gaussians(kind, n, d, repeats):
    rng = np.random.default_rng(n + d)
    mix = root(kind, d, rng)
    pvalues = {name: np.empty(repeats) for name in CHECKS}
    for k in range(repeats):
        cloud = rng.standard_normal((n, d)) @ mix + 3
        for name, check in CHECKS.items():
            pvalues[name][k] = check(cloud)
    for name, values in pvalues.items():
        for level in (0.01, 0.05):
            count = int((values < level).sum())
            assert not too_many(count, repeats, level), (name, level, count)
        if name in EXACT_BELOW:
            assert not too_few(int((values < 0.05).sum()), repeats, 0.05), name


@pytest.mark.parametrize(("n", "d", "kind"), [(8000, 8, "power law"), (8000, 64, "isotropic")])
def test_level_of_the_norm_test_at_many_rows(n, d, kind):
    rng = np.random.default_rng(8000)
    mix = root(kind, d, rng)
    pvalues = np.array([spectrum_norm_test(rng.standard_normal((n, d)) @ mix).pvalue for _ in range(200)])
    for level in (0.01, 0.05):
        assert not too_many(int((pvalues < level).sum()), 200, level)


@pytest.mark.parametrize("rho", [".5", ".9"])
@pytest.mark.parametrize(("n", "d", "repeats"), [(100, 16, 500), (500, 64, 200)])
def test_level_of_the_pairs_under_strong_correlation(rho, n, d, repeats):
    rng = np.random.default_rng(9)
    mix = root("equal" + rho, d, rng)
    clouds = (rng.standard_normal((n, d)) @ mix for _ in range(repeats))
    pvalues = np.array([(squared_correlation(x).pvalue, spectrum_norm_test(x).pvalue) for x in clouds])
    for column in pvalues.T:
        for level in (0.01, 0.05):
            assert not too_many(int((column < level).sum()), repeats, level)


@pytest.mark.parametrize(("n", "d", "repeats"), [(100, 5, 3000), (300, 64, 500), (1000, 64, 200), (2048, 512, 12)])
def test_level_of_mardia(n, d, repeats):
    rng = np.random.default_rng(n)
    results = [mardia(rng.standard_normal((n, d))) for _ in range(repeats)]
    for name in ("skewness_pvalue", "kurtosis_pvalue"):
        pvalues = np.array([getattr(result, name) for result in results])
        for level in (0.01, 0.05):
            count = int((pvalues < level).sum())
            assert not too_many(count, repeats, level * 1.2), (name, level, count)  # 1.2: approximate shapes


@pytest.mark.parametrize("kind", ["isotropic", "power law"])
def test_level_of_sliced_anderson_darling(kind):
    """64 directions in d = 16 are strongly dependent; Cauchy combination is about exact in its tail only."""
    rng = np.random.default_rng(10)
    mix = root(kind, 16, rng)
    pvalues = np.array([sliced(anderson_darling, rng.standard_normal((200, 16)) @ mix, 64).pvalue for _ in range(400)])
    for level in (0.01, 0.05):
        # Liu & Xie's approximation may be off by a fifth at 5 %; the design measured .05 to .07.
        assert not too_many(int((pvalues < level).sum()), 400, level * 1.4)


N, D = 1000, 64


def uniform_coordinates(rng):
    return rng.uniform(-1, 1, (N, D))


def laplace_coordinates(rng):
    return rng.laplace(size=(N, D))


def one_uniform(rng):
    cloud = rng.standard_normal((N, D))
    cloud[:, 17] = rng.uniform(-1, 1, N)
    return cloud


def signs_in_pairs(rng):
    cloud = rng.standard_normal((N, D))
    cloud[:, 1::2] = cloud[:, ::2] * rng.choice([-1, 1], (N, D // 2))
    return cloud


def one_pair(rng):
    cloud = rng.standard_normal((N, D))
    cloud[:, 1] = cloud[:, 0] * rng.choice([-1, 1], N)
    return cloud


def sign_triples(rng):
    cloud = rng.standard_normal((N, D))
    cloud[:, 2:63:3] = np.abs(cloud[:, 2:63:3]) * np.sign(cloud[:, 0:63:3] * cloud[:, 1:63:3])
    return cloud


def t_copula(rng):
    shared = rng.standard_normal((N, D)) / np.sqrt(rng.chisquare(30, (N, 1)) / 30)
    return stats.norm.ppf(stats.t(30).cdf(shared))


def sphere(rng):
    cloud = rng.standard_normal((N, D))
    return cloud / np.linalg.norm(cloud, axis=1, keepdims=True)


def ten_clusters(rng):
    return rng.standard_normal((10, D))[rng.integers(10, size=N)] + rng.standard_normal((N, D))


# Which check has to see it: the rows of the design's table.
POWER = [
    (uniform_coordinates, "coordinates"),
    (laplace_coordinates, "coordinates"),
    (one_uniform, "coordinates"),
    (signs_in_pairs, "norms"),
    (signs_in_pairs, "squares"),
    (one_pair, "squares"),
    (sign_triples, "skewness"),
    (t_copula, "norms"),
    (sphere, "norms"),
    (ten_clusters, "skewness"),
    (ten_clusters, "axes"),
]


@pytest.mark.parametrize(("cloud", "check"), POWER, ids=lambda value: getattr(value, "__name__", value))
def test_power_table(cloud, check):
    """Power at 5 % of at least .9 at n = 1000, d = 64."""
    rng = np.random.default_rng(11)
    coordinates = {"coordinates": lambda x: np.nanmin(holm(anderson_darling(x).pvalue))}
    test = (CHECKS | coordinates)[check]
    assert sum(test(cloud(rng)) < 0.05 for _ in range(40)) >= 36
