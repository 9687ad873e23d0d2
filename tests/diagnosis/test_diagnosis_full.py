import math

import numpy as np
import pytest

import thinshell as ts
from thinshell.diagnosis.full import detectable_at
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.references import full_reference, paper_reference
from thinshell.statistics import anderson_darling, anderson_darling_null_mean, moments
from thinshell.theory import anderson_darling_rate


def sphere(rng, n, d):
    cloud = rng.standard_normal((n, d))
    return cloud / np.linalg.norm(cloud, axis=1, keepdims=True)


def full_of(rows, **options):
    return ts.diagnose(rows, **options).to_dict()["full"]


def test_detectable_at_of_the_designs_examples():
    # STATISTICS of the design: A^2 of a sphere coordinate crosses .752 at about 12 d^2, of t(10) at 950.
    rng = np.random.default_rng(0)
    found = full_of(sphere(rng, 60_000, 32))
    assert found["detectable_at"] == pytest.approx(12_000, rel=0.15)
    low, high = found["detectable_at_interval"]
    assert low < 12_100 < high
    assert found["reference"]["sphere"]["detectable_at"] == pytest.approx(12_100, rel=0.02)
    assert full_of(rng.standard_t(10, (20_000, 64)))["detectable_at"] == pytest.approx(950, rel=0.1)


def test_at_detectable_at_a_test_rejects_three_times_in_four():
    rng = np.random.default_rng(1)
    statistics = anderson_darling(rng.standard_t(10, (950, 2000))).statistic
    assert (statistics > 0.752).mean() == pytest.approx(0.765, abs=0.04)


def test_does_not_depend_on_the_number_of_rows():
    rng = np.random.default_rng(2)
    found = [full_of(rng.laplace(size=(n, 64)))["detectable_at"] for n in (300, 3000, 30_000)]
    assert max(found) / min(found) < 1.2


def test_none_for_a_gaussian_but_a_lower_bound():
    found = full_of(np.random.default_rng(3).standard_normal((20_000, 128)))
    assert found["verdict"] == "consistent"
    assert found["detectable_at"] is None
    assert found["detectable_at_interval"][0] > 100_000
    assert "no departure is found" in found["reason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        pytest.param(lambda rng: sphere(rng, 30_000, 32), 0.752 / anderson_darling_rate(32), id="sphere"),
        pytest.param(lambda rng: rng.standard_t(10, (4000, 64)), 950, id="t(10)"),
        pytest.param(
            lambda rng: rng.standard_normal((4000, 64)) / np.sqrt(rng.chisquare(10, (4000, 1)) / 10), 950, id="shared"
        ),
    ],
)
def test_interval_coverage(draw, truth):
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(60):
        low, high = full_of(draw(rng), protocol="full")["detectable_at_interval"]
        inside += low <= truth * 1.02 and (high is None or truth * 0.98 <= high)
    # 95 % nominal, an approximation: at least 85 %.
    assert inside >= 51


@pytest.mark.slow
def test_a_gaussian_is_rejected_at_the_nominal_rate():
    rng = np.random.default_rng(5)
    mix = np.linalg.cholesky(0.5 + 0.5 * np.eye(32)).T
    for factor in (np.eye(32), mix):
        rejected = sum(
            full_of(rng.standard_normal((1000, 32)) @ factor, protocol="full")["verdict"] == "departure"
            for _ in range(300)
        )
        # Level .01: 12 or more of 300 has probability 2e-4.
        assert rejected < 12


def test_effect_sizes_and_their_intervals():
    rng = np.random.default_rng(6)
    found = full_of(rng.exponential(size=(20_000, 40)))
    low, high = found["excess_kurtosis_interval"]
    assert low < 6 < high
    low, high = found["skewness_interval"]
    assert low < 2.02
    assert high > 1.98
    assert found["ad_per_sample"] == pytest.approx(found["ad_mean"] / 20_000)
    assert found["ad_normal_share"] == found["dp_normal_share"] == 0.0


def test_exact_and_counted_agree():
    rows = np.random.default_rng(7).laplace(size=(8192, 5))
    held, more = full_of(rows), full_of(np.concatenate([rows, rows[:1] * 0.5]))
    assert held["exact"]
    assert not more["exact"]
    assert more["ad_mean"] == pytest.approx(held["ad_mean"], rel=5e-3)
    assert more["excess_kurtosis_mean"] == pytest.approx(held["excess_kurtosis_mean"], rel=1e-2)


def test_references_are_what_simulation_gives():
    rng = np.random.default_rng(8)
    n, d = 2000, 16
    reference = full_reference(n, d)
    for name, cloud in (("gaussian", rng.standard_normal), ("sphere", lambda shape: sphere(rng, *shape))):
        runs = [full_of(cloud((n, d)), protocol="full") for _ in range(40)]
        for field in ("ad_mean", "skewness_abs_mean", "excess_kurtosis_mean"):
            values = np.array([run[field] for run in runs])
            assert abs(values.mean() - reference[name][field]) < 5 * values.std() / math.sqrt(40), (name, field)
    # Few rows: what sampling takes from the kurtosis is as large as the kurtosis.
    for n, d in ((100, 400), (100, 8), (80, 3)):
        runs = [moments(sphere(rng, n, d)).excess_kurtosis.mean() for _ in range(400)]
        expected = full_reference(n, d)["sphere"]["excess_kurtosis_mean"]
        assert abs(np.mean(runs) - expected) < 4 * np.std(runs) / 20 + 0.005, (n, d)
    for d in (1, 2, 300):  # an expectation, not one draw
        gaussian = paper_reference(5000, d, Options(seed=2))["gaussian"]
        assert gaussian["ad_avg"] == pytest.approx(0.384, abs=0.012)
        assert gaussian["dp_avg"] == pytest.approx(0.5, abs=0.02)
    paper = paper_reference(5000, 2, Options(seed=1))
    # Two dimensions: a coordinate of the circle has the arcsine law.
    assert paper["sphere"]["ad_avg"] > 4
    assert paper["gaussian"]["ad_avg"] < 0.5
    assert "sphere" not in paper_reference(500, 1, Options())
    assert "sphere" not in full_reference(500, 1)


def test_detectable_at_formula():
    null = anderson_darling_null_mean(1000)
    assert detectable_at(null + 1000 * 0.001, 1000) == pytest.approx(752)
    assert detectable_at(null, 1000) == math.inf
    assert detectable_at(null - 0.1, 1000) == math.inf
