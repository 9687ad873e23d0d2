"""Principal-axes test: scores are those of the SVD, the null is exact, clusters are found."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.principal_axes import principal_axes_test


@pytest.mark.parametrize("shape", [(200, 20), (20, 200), (30, 30)])
def test_scores_are_the_left_singular_vectors(shape):
    cloud = np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[1] + 1) + 10
    left, sizes, _ = np.linalg.svd(stats.zscore(cloud, axis=0), full_matrices=False)
    result = principal_axes_test(cloud, n_axes=5)
    np.testing.assert_allclose(result.statistic, anderson_darling(left[:, :5]).statistic, rtol=1e-6)
    np.testing.assert_allclose(result.explained_variance, (sizes**2 / (sizes**2).sum())[:5], rtol=1e-9)
    np.testing.assert_allclose(result.excess_kurtosis, stats.kurtosis(left[:, :5], axis=0), rtol=1e-6)
    assert result.pvalue == pytest.approx(min(1.0, 5 * result.pvalues.min()))
    assert result.axis == result.statistic.argmax()


@pytest.mark.parametrize(("n", "d"), [(200, 64), (50, 128)])
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_null_pvalues_are_uniform_whatever_the_spectrum(n, d, power):
    rng = np.random.default_rng(n)
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    root = np.arange(1, d + 1.0)[:, None] ** (-power / 2) * basis
    pvalues = np.array([principal_axes_test(rng.standard_normal((n, d)) @ root, 2).pvalues for _ in range(150)])
    for axis in range(2):
        assert stats.kstest(pvalues[:, axis], "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("clusters", "distance"), [(2, 0.5), (10, 0.8)])
def test_clusters_that_coordinates_barely_see(clusters, distance):
    """Centres `distance` standard deviations wide in every coordinate (d = 64): found in 19 of 20 clouds."""
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(20):
        centres = distance * (
            rng.choice([-1, 1], (1, 64)) * [[1], [-1]] if clusters == 2 else rng.standard_normal((10, 64))
        )
        cloud = centres[rng.integers(clusters, size=1000)] + rng.standard_normal((1000, 64))
        found += principal_axes_test(cloud).pvalue < 0.01
    assert found >= 19


def test_low_rank_and_constant_columns():
    rng = np.random.default_rng(2)
    low = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 40))
    assert principal_axes_test(np.hstack([low, np.ones((100, 2))])).statistic.shape == (3,)
    nothing = principal_axes_test(np.ones((10, 4)))
    assert nothing.axis == -1
    assert np.isnan(nothing.pvalue)


def test_errors():
    with pytest.raises(InputError, match="n_axes must be at least 1, got 0; 16 is usual"):
        principal_axes_test(np.eye(10), 0)
    with pytest.raises(InputError, match="embeddings must have at least 8 rows, got 7"):
        principal_axes_test(np.eye(7))
