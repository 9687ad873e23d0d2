import math

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.theory import (
    alignment_bound,
    beta0,
    chi_cv,
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
    assert radius_cv(d) == chi_cv(d) == pytest.approx(radii.std() / radii.mean(), rel=0.03)
    with pytest.raises(InputError, match="lambda_ must be a positive number, got -1"):
        radius_mean(d, -1)
