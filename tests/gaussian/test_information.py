"""Entropy, divergences and mutual information against closed forms, scipy and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import multivariate_normal

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian.information import (
    canonical_correlations,
    frechet_distance,
    gaussian_entropy,
    gaussian_kl,
    gaussian_mutual_information,
)


def covariance(d, seed=0, condition=100.0):
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.standard_normal((d, d)))[0]
    matrix = (turned * np.geomspace(1, 1 / condition, d)) @ turned.T
    return (matrix + matrix.T) / 2


def naive_kl(m0, c0, m1, c1):
    inverse, gap = np.linalg.inv(c1), m1 - m0
    logs = np.linalg.slogdet(c1)[1] - np.linalg.slogdet(c0)[1]
    return 0.5 * (np.trace(inverse @ c0) - len(m0) + logs + gap @ inverse @ gap)


@pytest.mark.parametrize("d", [1, 2, 7, 64])
def test_entropy_is_scipys(d):
    matrix = covariance(d)
    assert gaussian_entropy(matrix) == pytest.approx(multivariate_normal(cov=matrix).entropy(), rel=1e-12)


def test_entropy_does_not_mind_units_of_columns():
    scales = np.array([1e-12, 1.0, 1e12])
    matrix = covariance(3)
    scaled = matrix * np.outer(scales, scales)
    assert gaussian_entropy(scaled) == pytest.approx(gaussian_entropy(matrix) + np.log(scales).sum(), rel=1e-12)


def test_entropy_of_a_singular_law_is_minus_infinity():
    assert gaussian_entropy(np.ones((2, 2))) == -np.inf
    assert gaussian_entropy(np.diag([1.0, 0.0])) == -np.inf
    assert gaussian_entropy([[0.0]]) == -np.inf


def test_large_and_ill_conditioned():
    # Smallest eigenvalues carry a relative error of rounding times the condition, 1e-6.
    d, condition = 512, 1e10
    first, second = covariance(d, 1, condition), covariance(d, 2, condition)
    logs = np.log(np.geomspace(1, 1 / condition, d)).sum()
    expected = 0.5 * (d * np.log(2 * np.pi * np.e) + logs)
    assert gaussian_entropy(first) == pytest.approx(expected, rel=1e-7)
    assert gaussian_kl(np.zeros(d), first, np.zeros(d), first) == pytest.approx(0, abs=1e-4)
    value = gaussian_kl(np.zeros(d), first, np.ones(d), second)
    assert value == pytest.approx(naive_kl(np.zeros(d), first, np.ones(d), second), rel=1e-4)
    assert frechet_distance(np.zeros(d), first, np.zeros(d), first) < 1e-9
    exact = np.sqrt(np.trace(first) + np.trace(second) - 2 * np.trace(sqrtm(first @ second).real))
    assert frechet_distance(np.zeros(d), first, np.zeros(d), second) == pytest.approx(exact, rel=1e-6)


def test_kl_in_one_dimension():
    m0, v0, m1, v1 = 1.0, 2.0, -0.5, 3.0
    expected = 0.5 * (v0 / v1 - 1 + np.log(v1 / v0) + (m1 - m0) ** 2 / v1)
    assert gaussian_kl([m0], [[v0]], [m1], [[v1]]) == pytest.approx(expected, rel=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10**6))
def test_kl_is_the_textbooks_and_affine_invariant(d, seed):
    rng = np.random.default_rng(seed)
    m0, m1 = rng.standard_normal((2, d))
    c0, c1 = covariance(d, seed), covariance(d, seed + 1)
    value = gaussian_kl(m0, c0, m1, c1)
    assert value >= 0
    assert value == pytest.approx(naive_kl(m0, c0, m1, c1), rel=1e-9, abs=1e-10)
    a = rng.standard_normal((d, d)) + 3 * np.eye(d)
    moved = gaussian_kl(a @ m0 + 1, a @ c0 @ a.T, a @ m1 + 1, a @ c1 @ a.T)
    assert moved == pytest.approx(value, rel=1e-5, abs=1e-6)
    assert gaussian_kl(m0, c0, m0, c0) == pytest.approx(0, abs=1e-10)


def test_kl_is_the_mean_log_ratio_of_rows():
    rng = np.random.default_rng(0)
    m0, m1, c0, c1 = np.zeros(3), np.full(3, 0.3), covariance(3, 0, 4.0), covariance(3, 1, 4.0)
    rows = rng.multivariate_normal(m0, c0, 200_000)
    ratios = multivariate_normal(m0, c0).logpdf(rows) - multivariate_normal(m1, c1).logpdf(rows)
    error = ratios.std() / np.sqrt(len(rows))
    assert abs(gaussian_kl(m0, c0, m1, c1) - ratios.mean()) < 4 * error
    entropies = -multivariate_normal(m0, c0).logpdf(rows)
    assert abs(gaussian_entropy(c0) - entropies.mean()) < 4 * entropies.std() / np.sqrt(len(rows))


def test_kl_of_singular_laws():
    flat, full = np.diag([1.0, 4.0, 0.0]), np.eye(3)
    zero, out, along = np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    assert gaussian_kl(zero, flat, zero, full) == np.inf
    assert gaussian_kl(zero, full, zero, flat) == np.inf
    assert gaussian_kl(out, flat, zero, flat) == np.inf
    assert gaussian_kl(along, flat, zero, flat) == pytest.approx(0.5)
    assert gaussian_kl(zero, flat, zero, np.diag([2.0, 4.0, 0.0])) == pytest.approx(0.5 * (0.5 - 1 + np.log(2)))
    assert gaussian_kl(zero, np.diag([1.0, 0.0, 0.0]), zero, flat) == np.inf
    # The same on a flat that is not along the columns.
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turned = turn @ flat @ turn.T
    assert gaussian_kl(turn @ along, turned, zero, turned) == pytest.approx(0.5, abs=1e-9)
    assert gaussian_kl(turn @ out, turned, zero, turned) == np.inf


def test_frechet_of_commuting_laws_and_of_one_dimension():
    v0, v1 = np.array([1.0, 4.0, 0.0]), np.array([9.0, 1.0, 4.0])
    gap = np.array([1.0, 0.0, 2.0])
    expected = np.sqrt(gap @ gap + ((np.sqrt(v0) - np.sqrt(v1)) ** 2).sum())
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    value = frechet_distance(turn @ gap, turn @ np.diag(v0) @ turn.T, np.zeros(3), turn @ np.diag(v1) @ turn.T)
    assert value == pytest.approx(expected, rel=1e-12)
    assert frechet_distance([3.0], [[1.0]], [0.0], [[25.0]]) == pytest.approx(5.0)


def test_frechet_is_the_fid_formula_and_a_metric():
    c0, c1, c2 = (covariance(8, seed) for seed in range(3))
    zero = np.zeros(8)
    exact = np.sqrt(np.trace(c0 + c1 - 2 * sqrtm(c0 @ c1).real))
    assert frechet_distance(zero, c0, zero, c1) == pytest.approx(exact, rel=1e-8)
    assert frechet_distance(zero, c1, zero, c0) == pytest.approx(exact, rel=1e-8)
    assert frechet_distance(zero, c0, zero, c0) < 1e-13
    assert frechet_distance(zero, c0, zero, c2) <= exact + frechet_distance(zero, c1, zero, c2)


def test_frechet_is_near_what_the_best_transport_of_rows_costs():
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(0)
    c0, c1 = np.diag([1.0, 0.25]), np.diag([4.0, 1.0])
    x, y = rng.multivariate_normal([0, 0], c0, 600), rng.multivariate_normal([2, 0], c1, 600)
    cost = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    matched = np.sqrt(cost[linear_sum_assignment(cost)].mean())
    value = frechet_distance(x.mean(axis=0), np.cov(x.T, bias=True), y.mean(axis=0), np.cov(y.T, bias=True))
    # No law of these moments costs less (Gelbrich 1990).
    assert 0.97 * matched < value <= matched


def test_mutual_information_is_a_difference_of_entropies():
    matrix = covariance(9, 3)
    parts = gaussian_entropy(matrix[:4, :4]) + gaussian_entropy(matrix[4:, 4:]) - gaussian_entropy(matrix)
    assert gaussian_mutual_information(matrix, 4) == pytest.approx(parts, rel=1e-10)
    apart = np.zeros_like(matrix)
    apart[:4, :4], apart[4:, 4:] = matrix[:4, :4], matrix[4:, 4:]
    assert gaussian_mutual_information(apart, 4) == pytest.approx(0, abs=1e-14)


def test_mutual_information_is_the_mean_log_ratio_of_rows():
    matrix = covariance(4, 5, 10.0)
    rows = np.random.default_rng(0).multivariate_normal(np.zeros(4), matrix, 100_000)
    ratios = multivariate_normal(cov=matrix).logpdf(rows)
    for part in (slice(0, 1), slice(1, 4)):
        ratios -= multivariate_normal(cov=matrix[part, part]).logpdf(rows[:, part])
    assert abs(gaussian_mutual_information(matrix, 1) - ratios.mean()) < 4 * ratios.std() / np.sqrt(len(rows))


def test_canonical_correlations_survive_any_map_of_either_side():
    rhos = np.array([0.9, 0.5, 0.0])
    matrix = np.eye(8)
    matrix[:3, 3:6], matrix[3:6, :3] = np.diag(rhos), np.diag(rhos)
    rng = np.random.default_rng(0)
    turn = np.zeros((8, 8))
    turn[:3, :3], turn[3:, 3:] = rng.standard_normal((3, 3)), 1e6 * rng.standard_normal((5, 5))
    np.testing.assert_allclose(canonical_correlations(turn @ matrix @ turn.T, 3), rhos, atol=1e-9)
    expected = -0.5 * np.log(1 - rhos**2).sum()
    assert gaussian_mutual_information(turn @ matrix @ turn.T, 3) == pytest.approx(expected, rel=1e-8)


def test_singular_sides_have_no_correlation_where_they_have_no_variance():
    matrix = np.array([[1.0, 0, 0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 1.0]])
    np.testing.assert_allclose(canonical_correlations(matrix, 2), [0.5, 0.0])
    np.testing.assert_allclose(canonical_correlations(np.diag([0.0, 1.0]), 1), [0.0])
    assert gaussian_mutual_information(np.diag([0.0, 1.0]), 1) == 0


def test_a_side_that_determines_the_other_tells_everything():
    rows = np.random.default_rng(0).standard_normal((50, 3))
    both = np.cov(np.hstack([rows, rows @ [[1.0], [2.0], [-1.0]]]).T)
    assert canonical_correlations(both, 3)[0] == pytest.approx(1)
    assert gaussian_mutual_information(both, 3) == np.inf


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(3), "must have shape \\(n_features, n_features\\)"),
        (np.empty((0, 0)), "must have shape"),
        ([[1.0, np.nan], [np.nan, 1.0]], "must be finite"),
        ([[1.0, 0.5], [0.0, 1.0]], "must be symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "no negative eigenvalue, got -1 "),
        ([[-1.0]], "no negative variance"),
    ],
)
def test_what_is_no_covariance_is_told(bad, message):
    with pytest.raises(InputError, match=message):
        gaussian_entropy(bad)


def test_other_bad_input_is_told():
    with pytest.raises(InputError, match="mean1 must have shape \\(2,\\)"):
        gaussian_kl([0, 0], np.eye(2), [0], np.eye(2))
    with pytest.raises(InputError, match="mean0 must be finite"):
        frechet_distance([np.nan], [[1.0]], [0.0], [[1.0]])
    with pytest.raises(InputError, match="one shape, got \\(2, 2\\) and \\(1, 1\\)"):
        gaussian_kl([0, 0], np.eye(2), [0], np.eye(1))
    with pytest.raises(InputError, match="n_first must be from 1 to 1"):
        canonical_correlations(np.eye(2), 2)
    with pytest.raises(InputTypeError, match="whole number, got float"):
        gaussian_mutual_information(np.eye(2), 1.5)
    with pytest.raises(InputError, match="negative eigenvalue"):
        canonical_correlations([[1.0, 2.0], [2.0, 1.0]], 1)


def test_float32_covariances_are_taken_as_exact_as_they_are():
    matrix = covariance(16, 0, 10.0)
    assert gaussian_entropy(matrix.astype(np.float32)) == pytest.approx(gaussian_entropy(matrix), rel=1e-5)
