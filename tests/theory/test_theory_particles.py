import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.theory import particles_minimizing_phi, phi, phi_between, phi_uniform
from thinshell.theory.particles import _phi_and_gradient, _start


@pytest.mark.parametrize("d", [16, 64])
def test_particles_become_uniform_at_the_papers_temperature(d):
    """The paper's route 1: the potential alone drives points to the uniform law (Betser et al. 2026, Section 4).

    At alpha = 10 (temperature .1) Phi of 1,000 particles' own law is 27 % (d = 16) and 310 % (d = 64) above Phi(sigma),
    for each is compared with itself, and 15 and 27 % below it without the self-terms, for particles that repel each
    other are no independent sample. Between two sets that never met it is the Phi of the law they were drawn from.
    """
    alpha, target = 10.0, phi_uniform(d, 10.0)
    sets = [particles_minimizing_phi(1000, d, alpha, n_steps=80, seed=seed) for seed in (0, 1)]
    starts = [_start(1000, d, seed, None) for seed in (0, 1)]
    assert phi_between(*starts, alpha) > 1.5 * target
    assert phi_between(sets[0].points, sets[1].points, alpha) == pytest.approx(target, rel=0.003)
    assert all(np.linalg.norm(found.points.mean(axis=0)) < 1e-3 for found in sets)
    # The measure can fail: an offset of a tenth of a standard deviation is 1.5 % (d = 16) and more.
    clouds = np.random.default_rng(2).standard_normal((2, 1000, d)) + 0.1
    assert phi_between(*clouds, alpha) > 1.01 * target
    # The infimum is a bound for every law, that of the particles included.
    assert sets[0].phi.min() >= target > phi(sets[0].points, alpha)


@pytest.mark.parametrize(("d", "alpha", "n"), [(16, 2.0, 1000), (64, 1.0, 2500)])
def test_own_potential_reaches_the_infimum_at_high_temperature(d, alpha, n):
    """Where exp(alpha) / n is small beside exp(Phi(sigma)) the self-terms do not matter."""
    found = particles_minimizing_phi(n, d, alpha, n_steps=60)
    target = phi_uniform(d, alpha)
    assert found.phi[0] > 2 * target
    assert found.phi[-1] == pytest.approx(target, rel=0.01)
    assert found.phi[-1] == pytest.approx(phi(found.points, alpha, include_self=True), rel=1e-9)
    assert len(found.phi) == 61
    np.testing.assert_allclose(np.linalg.norm(found.points, axis=1), 1, rtol=1e-12)


def test_gradient_is_the_derivative():
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((12, 4))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    step, alpha = 1e-6, 3.0
    value, gradient = _phi_and_gradient(unit, alpha)
    assert value == pytest.approx(phi(unit, alpha, include_self=True), rel=1e-12)
    np.testing.assert_allclose((gradient * unit).sum(axis=1), 0, atol=1e-12)
    for _ in range(5):
        move = rng.standard_normal(unit.shape)
        move -= (move * unit).sum(axis=1, keepdims=True) * unit  # along the sphere
        ahead, behind = (phi(unit + sign * step * move, alpha, include_self=True) for sign in (1, -1))
        slope = alpha / len(unit) * float((gradient * move).sum())
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-6)


def test_start_and_seed():
    first, same, other = (particles_minimizing_phi(20, 3, 2.0, n_steps=5, seed=seed).points for seed in (0, 0, 1))
    assert (first == same).all()
    assert (first != other).any()
    corners = np.vstack([np.eye(3), -np.eye(3)]) * 2
    octahedron = particles_minimizing_phi(6, 3, 2.0, n_steps=3, start=corners)
    # Its gradient is zero by symmetry.
    np.testing.assert_allclose(octahedron.points, corners / 2, atol=1e-12)


def test_bad_input():
    with pytest.raises(InputError, match="n_samples must be at least 2, got 1"):
        particles_minimizing_phi(1, 3, 2.0)
    with pytest.raises(InputError, match="n_steps must be at least 1, got 0"):
        particles_minimizing_phi(5, 3, 2.0, n_steps=0)
    with pytest.raises(InputError, match=r"start must have shape \(5, 3\), got \(4, 3\)"):
        particles_minimizing_phi(5, 3, 2.0, start=np.ones((4, 3)))
    with pytest.raises(InputError, match="alpha must be a positive number, got -1"):
        particles_minimizing_phi(5, 3, -1)
