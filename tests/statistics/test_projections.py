"""Random directions, projections and sliced tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics._results import NormalityResult
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.projections import project, random_directions, sliced, zscore


def skew_test(sample):
    """A stand-in for any univariate test: SciPy's."""
    result = stats.skewtest(sample, axis=0)
    return NormalityResult(np.abs(result.statistic), result.pvalue, len(sample))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zscore_is_scipy_s(dtype):
    cloud = (np.random.default_rng(0).standard_normal((50, 4)) * [1, 10, 0.1, 5] + 1e3).astype(dtype)
    scores = zscore(cloud)
    assert scores.dtype == dtype
    np.testing.assert_allclose(scores, stats.zscore(cloud.astype(float), axis=0), atol=1e-6)


def test_zscore_of_a_constant_column_is_zero_even_if_it_cannot_be_averaged_exactly():
    cloud = np.column_stack([np.full(1000, 0.1), np.arange(1000.0)])
    assert not zscore(cloud)[:, 0].any()


def test_directions_are_unit_uniform_and_seeded():
    directions = random_directions(5, 20_000, rng=1)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)
    # Uniform: second moments are I / 5, each entry known to .003.
    np.testing.assert_allclose(directions.T @ directions / 20_000, np.eye(5) / 5, atol=0.01)
    np.testing.assert_array_equal(directions, random_directions(5, 20_000, rng=np.random.default_rng(1)))


def test_project_standardises_unless_told():
    rng = np.random.default_rng(2)
    cloud, directions = rng.standard_normal((30, 4)) * 7 + 2, random_directions(4, 6)
    np.testing.assert_allclose(project(cloud, directions), stats.zscore(cloud, axis=0) @ directions.T)
    np.testing.assert_allclose(project(cloud, directions, standardize=False), cloud @ directions.T)


def test_sliced_is_the_test_on_each_projection():
    cloud = np.random.default_rng(3).exponential(size=(200, 5))
    result = sliced(skew_test, cloud, n_directions=30, rng=4)
    each = skew_test(project(cloud, random_directions(5, 30, rng=4)))
    np.testing.assert_allclose(result.statistics, each.statistic)
    assert result.statistic_mean == pytest.approx(each.statistic.mean())
    assert result.statistic_max == pytest.approx(each.statistic.max())
    assert result.normal_share == pytest.approx((each.pvalue > 0.05).mean())
    cauchy = np.tan((0.5 - each.pvalue) * np.pi).mean()
    assert result.pvalue == pytest.approx(stats.cauchy.sf(cauchy), rel=1e-6)
    assert (result.n_samples, result.n_directions) == (200, 30)


def test_sliced_sees_heavy_shared_scale():
    rng = np.random.default_rng(5)
    cloud = rng.standard_normal((1000, 64)) / np.sqrt(rng.chisquare(10, size=(1000, 1)) / 10)
    assert sliced(anderson_darling, cloud).pvalue < 1e-3


def test_standardising_keeps_one_huge_column_from_faking_the_cloud():
    rng = np.random.default_rng(6)
    cloud = rng.standard_normal((1000, 64))
    cloud[:, 0] = 1e4 * rng.exponential(size=1000)
    assert sliced(anderson_darling, cloud, 64, standardize=False).normal_share == 0.0
    assert sliced(anderson_darling, cloud, 64).normal_share > 0.8


def test_all_constant_columns_give_nan():
    result = sliced(anderson_darling, np.ones((20, 3)), 4)
    assert np.isnan([result.statistic_mean, result.statistic_max, result.pvalue, result.normal_share]).all()


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_units_do_not_matter(scale, shift):
    cloud = np.random.default_rng(7).standard_normal((60, 3))
    plain, moved = sliced(skew_test, cloud, 8), sliced(skew_test, cloud * scale + shift, 8)
    np.testing.assert_allclose(moved.statistics, plain.statistics, rtol=1e-5, atol=1e-5)


def test_errors():
    with pytest.raises(InputError, match="n_features and n_directions must be at least 1, got 0 and 3; a few"):
        random_directions(0, 3)
    with pytest.raises(InputError, match="directions must have 3 columns like the embeddings, got 2; make them"):
        project(np.eye(3), np.eye(2))
