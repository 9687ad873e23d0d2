import math

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.theory import (
    alignment_bound,
    beta0,
    eta2_bit_flips,
    eta2_erasure,
    eta2_gaussian_channel,
    eta2_linear_bound,
    mean_cosine,
    phi_uniform,
    radius_cdf,
    radius_cv,
    radius_mean,
)


@pytest.mark.parametrize("d", [8, 64, 512])
def test_constant_one_half_holds_and_is_tight_on_von_mises_fisher(d):
    # KL(vMF || uniform) = kappa A(kappa) - Phi(kappa), |m| = A(kappa); Lemma 1 with C (d - 1) = d / 2.
    ratios = []
    for kappa in np.geomspace(0.01, 100 * d, 30):
        m = mean_cosine(d, kappa)
        ratios.append((kappa * m - phi_uniform(d, kappa)) / (d * m * m / 2))
    assert min(ratios) > 1 - 1e-6
    assert ratios[0] == pytest.approx(1.0, abs=1e-3)


def test_beta0_and_alignment():
    assert beta0(64, 10.0, 1.0) == 0.0
    assert beta0(512, 10.0, 0.0) == pytest.approx(20 / 512)
    assert alignment_bound(0.0, 0.3) == pytest.approx(0.09)
    assert alignment_bound(1.0, 0.0) == alignment_bound(0.2, 1.0) == 1.0
    with pytest.raises(InputError, match=r"eta2 must lie in \[0, 1\], got 1.2"):
        alignment_bound(1.2)
    with pytest.raises(InputError, match=r"mean_direction_norm must lie in \[0, 1\], got -1"):
        alignment_bound(0.5, -1)
    with pytest.raises(InputError, match="alpha must be a positive number, got 0"):
        beta0(64, 0, 0.5)


@pytest.mark.parametrize(("d", "lambda_"), [(2, 1.0), (64, 0.5), (512, 3.0)])
def test_radius_law_is_that_of_the_gaussian(d, lambda_):
    radii = np.linalg.norm(np.random.default_rng(d).standard_normal((20_000, d)), axis=1) / math.sqrt(2 * lambda_)
    assert stats.kstest(radii, lambda r: radius_cdf(r, d, lambda_)).pvalue > 1e-3
    assert radius_mean(d, lambda_) == pytest.approx(radii.mean(), rel=5 * radius_cv(d) / math.sqrt(20_000))
    assert radius_cv(d) == pytest.approx(radii.std() / radii.mean(), rel=0.03)
    with pytest.raises(InputError, match="lambda_ must be a positive number, got -1"):
        radius_mean(d, -1)


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


def test_linear_estimate_is_an_honest_lower_bound():
    rng = np.random.default_rng(0)
    source = rng.standard_normal((6000, 10))
    strength = np.linspace(0.2, 0.8, 10)
    views = [strength * source + np.sqrt(1 - strength**2) * rng.standard_normal(source.shape) for _ in range(2)]
    estimate = eta2_linear_bound(*views)
    assert abs(estimate.value - 0.64) < 4 * estimate.standard_error
    assert np.argmax(np.abs(estimate.direction)) == 9
    # Unrelated views, more features than a fit can bear: judged on fresh rows nothing is found.
    noise = eta2_linear_bound(rng.standard_normal((200, 80)), rng.standard_normal((200, 80)))
    assert noise.value < 4 * noise.standard_error
    # A sign flip is invisible to linear functions: 0 although eta2 (by |x|) is 1.
    flipped = [source * rng.choice([-1, 1], source.shape) for _ in range(2)]
    assert eta2_linear_bound(*flipped).value < 0.1
    assert eta2_linear_bound(np.ones((20, 2)), np.ones((20, 2))).value == 0.0


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
