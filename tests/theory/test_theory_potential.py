import math

import mpmath
import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.theory import alignment_bound, infonce_lower_bound, mean_cosine, phi, phi_between, phi_uniform


def by_mpmath(d, alpha):
    with mpmath.workdps(60):
        nu = mpmath.mpf(d) / 2 - 1
        bessel = mpmath.besseli(nu, alpha)
        return mpmath.log(mpmath.gamma(mpmath.mpf(d) / 2) * (2 / mpmath.mpf(alpha)) ** nu * bessel)


@pytest.mark.parametrize("d", [2, 3, 32, 512, 4096])
@pytest.mark.parametrize("alpha", [1e-8, 1e-3, 1.0, 10.0, 100.0, 1e4])
def test_potential_of_the_uniform_law(d, alpha):
    assert phi_uniform(d, alpha) == pytest.approx(float(by_mpmath(d, alpha)), rel=1e-11)


@pytest.mark.parametrize(("d", "alpha"), [(2, 0.5), (16, 5.0), (256, 10.0), (64, 300.0)])
def test_mean_cosine_is_the_derivative(d, alpha):
    step = 1e-4 * alpha
    slope = (phi_uniform(d, alpha + step) - phi_uniform(d, alpha - step)) / (2 * step)
    assert mean_cosine(d, alpha) == pytest.approx(slope, rel=1e-6)
    with mpmath.workdps(40):
        ratio = mpmath.besseli(mpmath.mpf(d) / 2, alpha) / mpmath.besseli(mpmath.mpf(d) / 2 - 1, alpha)
    assert mean_cosine(d, alpha) == pytest.approx(float(ratio), rel=1e-12)


def naive_phi(unit, alpha, include_self):
    rows = []
    for i, u in enumerate(unit):
        values = [math.exp(alpha * float(u @ v)) for j, v in enumerate(unit) if include_self or i != j]
        rows.append(math.log(sum(values) / len(values)))
    return sum(rows) / len(rows)


@pytest.mark.parametrize("include_self", [True, False])
def test_estimate_is_the_double_loop(include_self):
    rows = np.random.default_rng(0).standard_normal((40, 5))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert phi(rows, 7.0, include_self=include_self) == pytest.approx(naive_phi(unit, 7.0, include_self), rel=1e-12)
    assert math.isfinite(phi(rows, 1e4, include_self=include_self))


def test_estimate_from_two_samples_is_the_double_loop():
    first, second = np.random.default_rng(1).standard_normal((2, 30, 4))[:, :, :] * 3
    second = second[:20]
    u, v = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second))
    one = np.mean([math.log(np.mean([math.exp(6 * float(a @ b)) for b in v])) for a in u])
    other = np.mean([math.log(np.mean([math.exp(6 * float(a @ b)) for a in u])) for b in v])
    assert phi_between(first, second, 6.0) == pytest.approx((one + other) / 2, rel=1e-12)
    assert math.isfinite(phi_between(first, second, 1e4))
    with pytest.raises(InputError, match=r"same number of columns, got shapes \(30, 4\) and \(20, 3\)"):
        phi_between(first, second[:, :3], 6.0)


def test_lower_bound_holds_for_explicit_encoders():
    # Linear encoders of the Gaussian channel: the loss of each stays above the bound of Proposition 1.
    rng = np.random.default_rng(2)
    a, d, alpha = 0.6, 16, 5.0
    source = rng.standard_normal((4000, 64))
    views = [a * source + math.sqrt(1 - a * a) * rng.standard_normal(source.shape) for _ in range(2)]
    for offset in (0.0, 2.0):
        encoder = rng.standard_normal((64, d))
        u, v = (view @ encoder + offset * math.sqrt(64) for view in views)
        u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (u, v))
        loss = -alpha * (u * v).sum(axis=1).mean() + phi(u, alpha)
        m = min(1.0, float(np.linalg.norm(u.mean(axis=0))))
        assert (u * v).sum(axis=1).mean() <= alignment_bound(a * a, m) + 0.01
        assert loss >= infonce_lower_bound(d, alpha, a * a, m) - 0.02


def test_bad_input():
    with pytest.raises(InputError, match="alpha must be a positive number, got 0"):
        phi_uniform(8, 0)
    with pytest.raises(InputError, match="d must be a whole number of at least 2, got 1"):
        phi_uniform(1, 1.0)
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        phi(np.ones((1, 4)), 1.0)
