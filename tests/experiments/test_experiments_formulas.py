"""The closed forms that experiments print beside their numbers, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import laplace as laplace_law
from scipy.stats import multivariate_normal

from thinshell.experiments.choices_tables import n_within
from thinshell.experiments.densities import gaussian_log_density, laplace_log_density
from thinshell.experiments.fig11 import projection_correlation
from thinshell.experiments.laplace_runs import expected_positive_cosine
from thinshell.experiments.regulariser import ks_point
from thinshell.experiments.synthetic import LaplaceSettings
from thinshell.training import GaussianChannel, generator_of, laplace

RNG = np.random.default_rng(0)


def test_expected_cosine_of_positive_pairs() -> None:
    samples = laplace(4000, 1, 256)
    for settings in (LaplaceSettings(), LaplaceSettings(a=0.2, dropout=0.3), LaplaceSettings(a=1.0, noise_std=0.5)):
        channel = GaussianChannel(settings.a, settings.noise_std, settings.dropout, settings.scale_std)
        first, second = (view.numpy() for view in channel(samples.train, None, generator_of(0, "test")))
        weights = RNG.standard_normal((256, 64))
        z, w = first @ weights, second @ weights
        cosine = (z * w).sum(axis=1) / np.linalg.norm(z, axis=1) / np.linalg.norm(w, axis=1)
        assert cosine.mean() == pytest.approx(expected_positive_cosine(settings), abs=0.02)


@pytest.mark.parametrize("d", [16, 64, 128])
def test_correlation_of_the_l1_norm_and_a_projection(d: int) -> None:
    x = RNG.laplace(size=(20_000, 128))
    basis, _ = np.linalg.qr(RNG.standard_normal((128, d)))
    found = np.corrcoef(np.abs(x).sum(axis=1), ((x @ basis) ** 2).sum(axis=1))[0, 1]
    assert found == pytest.approx(projection_correlation(d, 128), abs=0.02)


def test_log_densities_are_scipys() -> None:
    cloud = RNG.standard_normal((500, 6)) @ RNG.standard_normal((6, 6)) + 3
    rows = RNG.standard_normal((20, 6))
    law = multivariate_normal(cloud.mean(axis=0), np.cov(cloud, rowvar=False))
    np.testing.assert_allclose(gaussian_log_density(cloud, rows), law.logpdf(rows), rtol=1e-10)
    variance = np.cov(cloud, rowvar=False).trace() / 6
    law = multivariate_normal(cloud.mean(axis=0), variance * np.eye(6))
    np.testing.assert_allclose(gaussian_log_density(cloud, rows, isotropic=True), law.logpdf(rows), rtol=1e-10)
    np.testing.assert_allclose(laplace_log_density(rows), laplace_law.logpdf(rows).sum(axis=1), rtol=1e-12)


def test_the_five_per_cent_point_of_kolmogorov_and_smirnov() -> None:
    from scipy.stats import kstwo

    assert ks_point(5000) == pytest.approx(kstwo.ppf(0.95, 5000), rel=0.01)


def test_no_linear_map_keeps_norms_from_growing_with_the_number_of_ones() -> None:
    """The bound under the density table: mean |Wx|^2 over all x with k ones, for the most hostile W."""
    n = 12
    hostile = np.eye(n) - 1 / n  # columns as negatively correlated as they can be
    for weights in (hostile, RNG.standard_normal((5, n)), np.eye(n)):
        gram = weights.T @ weights
        diagonal, total = np.trace(gram) / n, gram.sum()
        across = (total - np.trace(gram)) / n / (n - 1)
        for k in range(1, n + 1):
            mean = k * diagonal + k * (k - 1) * across
            assert mean >= diagonal * (k - (k * k - k) / (n - 1)) - 1e-9


def test_the_kurtosis_of_a_linear_map_of_bits() -> None:
    p, n = 0.01, 1024
    bits = (RNG.random((40_000, n)) < p).astype(np.float32)
    # Equal weights up to sign are the best case.
    z = bits @ RNG.choice([-1.0, 1.0], size=n).astype(np.float32)
    z = z - z.mean()
    excess = (z**4).mean() / (z**2).mean() ** 2 - 3
    assert excess == pytest.approx(1 / (n * p), abs=0.05)


def test_counting_what_is_within() -> None:
    measured = {"cv": 0.09, "ad_avg": 0.42, "ad_normal_share": 0.97, "dp_avg": 0.46, "dp_normal_share": 0.98}
    assert n_within(measured, "binary-e100") == 5
    assert n_within(measured, "binary-e0") == 0
