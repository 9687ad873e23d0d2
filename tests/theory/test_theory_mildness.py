import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.theory import (
    eta2_ace_bound,
    eta2_bit_flips,
    eta2_erasure,
    eta2_gaussian_channel,
    eta2_kernel_bound,
    eta2_linear_bound,
    eta2_lower_bound,
)

BOUNDS = [eta2_linear_bound, eta2_ace_bound, eta2_kernel_bound, eta2_lower_bound]


def hgr_squared(joint):
    """Squared maximal correlation of a finite joint law: the second singular value (Witsenhausen 1975)."""
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    return np.linalg.svd(joint / np.sqrt(np.outer(rows, columns)), compute_uv=False)[1] ** 2


@pytest.mark.parametrize(("q", "up", "down"), [(0.5, 0.1, 0.1), (0.0025, 0.001, 0.0), (0.3, 0.2, 0.7)])
def test_bit_flips(q, up, down):
    one = np.array([[(1 - q) * (1 - up), (1 - q) * up], [q * down, q * (1 - down)]])
    assert eta2_bit_flips(q, up, down) == pytest.approx(hgr_squared(one), rel=1e-9)
    # Two independent bits together have no more: the supremum tensorises.
    assert hgr_squared(np.kron(one, one)) == pytest.approx(hgr_squared(one), rel=1e-9)


@pytest.mark.parametrize("p", [0.1, 0.6])
def test_erasure(p):
    source = np.array([0.2, 0.3, 0.5])
    joint = np.hstack([np.diag(source) * (1 - p), p * source[:, None]])
    assert eta2_erasure(p) == pytest.approx(hgr_squared(joint), rel=1e-9)


def test_gaussian_channel_by_discretising():
    # A fine grid of the bivariate normal law: its second singular value is the correlation.
    a, z = 0.6, np.linspace(-6, 6, 201)
    joint = stats.multivariate_normal(cov=[[1, a], [a, 1]]).pdf(np.dstack(np.meshgrid(z, z)))
    assert eta2_gaussian_channel(a) == pytest.approx(hgr_squared(joint / joint.sum()), rel=1e-3)


def gaussian_views(rng, strength, n=8000):
    source = rng.standard_normal((n, len(strength)))
    return [strength * source + np.sqrt(1 - strength**2) * rng.standard_normal(source.shape) for _ in range(2)]


@pytest.mark.parametrize("bound", BOUNDS)
def test_gaussian_channel_by_every_estimator(bound):
    # Mild in one coordinate only: the largest counts, .8^2.
    estimate = bound(*gaussian_views(np.random.default_rng(0), np.linspace(0.2, 0.8, 7)))
    assert estimate.n_samples == 4000
    # That of a correlation r of normal pairs: (1 - r^2) / sqrt(n).
    assert estimate.standard_error == pytest.approx((1 - 0.64**2) / 4000**0.5, rel=0.1)
    assert abs(estimate.value - 0.64) < 3 * estimate.standard_error
    if estimate.functions != "kernel":
        assert np.argmax(np.abs(estimate.direction)) == 6


@pytest.mark.parametrize("bound", BOUNDS)
def test_honest_lower_bounds(bound):
    """Over 40 data sets the value exceeds eta2 by two standard errors no more often than chance has it."""
    above = 0
    for seed in range(40):
        estimate = bound(*gaussian_views(np.random.default_rng(seed), np.full(3, 0.5), n=600), rng=seed)
        above += estimate.value > 0.25 + 2 * estimate.standard_error
    assert above <= 4  # P(more than 4 of 40 at 2.3 %) = .002


@pytest.mark.parametrize("bound", BOUNDS)
def test_unrelated_views_have_nothing(bound):
    # More columns than the rows can bear: judged on fresh rows nothing is found.
    rng = np.random.default_rng(1)
    estimate = bound(rng.standard_normal((200, 80)), rng.standard_normal((200, 80)))
    assert abs(estimate.value) < 4 * estimate.standard_error
    assert bound(np.ones((20, 2)), np.ones((20, 2))).value == 0.0


def test_sign_flips_are_seen_by_all_but_the_linear_one():
    # eta2 is 1, by the function |x|.
    rng = np.random.default_rng(2)
    source = rng.standard_normal((4000, 3))
    views = [source * rng.choice([-1, 1], source.shape) for _ in range(2)]
    assert abs(eta2_linear_bound(*views).value) < 0.1
    assert eta2_ace_bound(*views).value > 0.98
    assert eta2_kernel_bound(*views).value > 0.9
    assert eta2_lower_bound(*views).value > 0.98


def test_rotations_are_seen_by_the_kernel_alone():
    # Only |x| survives a random rotation, and no single column shows it.
    rng = np.random.default_rng(3)
    source = rng.standard_normal((6000, 3))
    views = []
    for _ in range(2):
        turned = rng.standard_normal(source.shape)
        views.append(turned * (np.linalg.norm(source, axis=1) / np.linalg.norm(turned, axis=1))[:, None])
    assert eta2_ace_bound(*views).value < 0.5
    estimate = eta2_lower_bound(*views)
    assert estimate.value > 0.95
    assert estimate.functions == "kernel"


def test_finite_laws_against_the_singular_value():
    """Random channels on five letters: eta2 of source and view, and the correlation of two views, are one number."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        source, channel = rng.dirichlet(np.ones(5)), rng.dirichlet(np.full(5, 0.5), size=5)
        exact = hgr_squared(source[:, None] * channel)
        assert np.sqrt(hgr_squared(channel.T @ (source[:, None] * channel))) == pytest.approx(exact, rel=1e-9)
        letters = rng.choice(5, size=40_000, p=source)
        views = [np.array([rng.choice(5, p=row) for row in channel[letters[:8000]]]) for _ in range(2)]
        columns = [view[:, None] * [1.0, 0.0] for view in views]  # and a constant one
        for bound in (eta2_ace_bound, eta2_lower_bound):
            estimate = bound(*columns)
            assert abs(estimate.value - exact) < 4 * estimate.standard_error + 0.005


def test_sparse_bits_and_erasure_from_samples():
    rng = np.random.default_rng(5)
    bits = rng.random((20_000, 4)) < 0.05
    flipped = [bits ^ (rng.random(bits.shape) < 0.02) for _ in range(2)]
    for bound in (eta2_ace_bound, eta2_linear_bound):
        estimate = bound(*flipped)
        assert abs(estimate.value - eta2_bit_flips(0.05, 0.02, 0.02)) < 4 * estimate.standard_error
    source = rng.exponential(size=(20_000, 2)) + 1  # no atom at zero: dropout to zero is visible
    erased = [source * (rng.random(source.shape) > 0.3) for _ in range(2)]
    estimate = eta2_ace_bound(*erased)
    assert 0.6 < estimate.value < eta2_erasure(0.3) + 3 * estimate.standard_error


@pytest.mark.parametrize("bound", BOUNDS)
def test_same_seed_same_answer(bound):
    views = gaussian_views(np.random.default_rng(4), np.full(3, 0.5), n=300)
    first, again, other = (bound(*views, rng=rng) for rng in (7, np.random.default_rng(7), 8))
    assert first.value == again.value != other.value


def test_bad_probabilities_and_shapes():
    with pytest.raises(InputError, match=r"a must lie in \[-1, 1\], got 2"):
        eta2_gaussian_channel(2)
    with pytest.raises(InputError, match=r"probability must lie in \[0, 1\], got 1.5"):
        eta2_erasure(1.5)
    with pytest.raises(InputError, match="density must lie strictly between 0 and 1, got 0"):
        eta2_bit_flips(0, 0.1)
    assert eta2_bit_flips(0.5, 1.0, 0.0) == 0.0
    with pytest.raises(InputError, match=r"one shape, got \(20, 2\) and \(20, 3\)"):
        eta2_linear_bound(np.zeros((20, 2)), np.zeros((20, 3)))
    for bound in BOUNDS:
        with pytest.raises(InputError, match="first must have at least 16 rows, got 15"):
            bound(np.zeros((15, 2)), np.zeros((15, 2)))
