"""What the checks see: the table "Which test sees what" of the design, and their level on exact Gaussians."""

import numpy as np
import pytest
from scipy import special, stats

import thinshell as ts

N, D = 1000, 64


def pairs(rng, n_pairs):
    cloud = rng.standard_normal((N, D))
    for k in range(n_pairs):
        cloud[:, 2 * k + 1] = cloud[:, 2 * k] * rng.choice([-1, 1], N)
    return cloud


def triples(rng):
    cloud = rng.standard_normal((N, D))
    for k in range(0, D - 2, 3):
        cloud[:, k + 2] = np.abs(cloud[:, k + 2]) * np.sign(cloud[:, k] * cloud[:, k + 1])
    return cloud


def copula(rng):
    shared = rng.standard_normal((N, D)) / np.sqrt(rng.chisquare(30, (N, 1)) / 30)
    return special.ndtri(stats.t(30).cdf(shared))


def sphere(rng):
    cloud = rng.standard_normal((N, D))
    return cloud / np.linalg.norm(cloud, axis=1, keepdims=True)


def one_uniform(rng):
    cloud = rng.standard_normal((N, D))
    cloud[:, 5] = rng.uniform(size=N)
    return cloud


def ten_clusters(rng):
    return rng.standard_normal((N, D)) + 0.7 * rng.standard_normal((10, D))[rng.integers(0, 10, N)]


CLOUDS = {
    "i.i.d. uniform": lambda rng: rng.uniform(size=(N, D)),
    "i.i.d. Laplace": lambda rng: rng.laplace(size=(N, D)),
    "one uniform coordinate": one_uniform,
    "magnitudes shared in pairs": lambda rng: pairs(rng, D // 2),
    "one such pair": lambda rng: pairs(rng, 1),
    "sign triples": triples,
    "t(30) copula": copula,
    "uniform sphere": sphere,
    "10 clusters": ten_clusters,
}
# Invisible to coordinates, so they must be seen by a joint check.
JOINT_ONLY = ("magnitudes shared in pairs", "one such pair", "sign triples", "t(30) copula", "uniform sphere")
JOINT = {"norm_law", "squared_correlation", "mardia_skewness", "principal_axes", "random_directions"}


def raised(cloud, seed=0):
    result = ts.diagnose(cloud, seed=seed, protocol="full").to_dict()
    return {check["code"] for check in result["checks"] if check["verdict"] == "departure"}


def seen(name, repeats):
    rng = np.random.default_rng(len(name))
    found = [raised(CLOUDS[name](rng), seed) for seed in range(repeats)]
    wanted = JOINT if name in JOINT_ONLY else JOINT | {"coordinates"}
    return sum(bool(codes & wanted) for codes in found) / repeats


@pytest.mark.parametrize("name", CLOUDS)
def test_every_cloud_is_seen(name):
    assert seen(name, 4) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOUDS)
def test_power(name):
    assert seen(name, 30) >= 0.9


def power_law(rng):
    basis = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return np.arange(1, D + 1.0)[:, None] ** -0.5 * basis


def alarms(repeats, kind):
    rng = np.random.default_rng(9)
    mix = power_law(rng) if kind == "power law" else np.eye(D)
    counts: dict[str, int] = {}
    for seed in range(repeats):
        for code in raised(rng.standard_normal((N, D)) @ mix + 1, seed):
            counts[code] = counts.get(code, 0) + 1
    return counts


@pytest.mark.parametrize("kind", ["isotropic", "power law"])
def test_an_exact_gaussian_raises_little(kind):
    # Each of six checks has level .01: more than 4 alarms in 20 runs has probability 1e-3.
    assert sum(alarms(20, kind).values()) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["isotropic", "power law"])
def test_level_of_each_check(kind):
    repeats = 300
    # 99.9 % of a binomial with level .01.
    limit = stats.binom.ppf(0.999, repeats, 0.01)
    too_many = {code: count for code, count in alarms(repeats, kind).items() if count > limit}
    assert not too_many
