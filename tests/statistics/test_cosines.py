"""Cosine summaries against all pairs spelled out, and the Beta law of SciPy."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics._small import SMALL_VALUES, part_of
from thinshell.statistics.cosines import (
    negative_cosines,
    negative_pair_cosines,
    pair_cosines,
    sphere_cosine_cdf,
    sphere_cosine_quantiles,
)


@pytest.fixture(autouse=True, params=["NumPy", "compiled"], scope="module")
def way(request):
    """Everything here holds in NumPy and, as part of larger data, compiled."""
    with part_of(SMALL_VALUES + 1 if request.param == "compiled" else 0):
        yield


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture
def views():
    return np.random.default_rng(0).standard_normal((2, 30, 5))


def test_positive_pairs(views):
    cosines = (unit(views[0]) * unit(views[1])).sum(axis=1)
    summary = pair_cosines(*views, n_bins=20)
    assert summary.n_pairs == 30
    assert summary.mean == pytest.approx(cosines.mean())
    assert summary.std == pytest.approx(cosines.std())
    assert summary.quantiles[25] == pytest.approx(np.percentile(cosines, 25))
    np.testing.assert_array_equal(summary.counts, np.histogram(cosines, 20, (-1, 1))[0])


@pytest.mark.parametrize("both", [False, True])
def test_all_negative_pairs(views, both):
    other = unit(views[1] if both else views[0])
    cosines = (unit(views[0]) @ other.T)[~np.eye(30, dtype=bool)]
    summary = negative_cosines(views[0], views[1] if both else None)
    assert summary.n_pairs == 30 * 29
    assert summary.mean == pytest.approx(cosines.mean())
    assert summary.std == pytest.approx(cosines.std())


def test_drawn_pairs_are_never_a_row_with_itself_and_follow_the_seed():
    x = np.eye(400)
    drawn = negative_cosines(x, max_pairs=5000, rng=1)
    assert (drawn.n_pairs, drawn.mean, drawn.std) == (5000, 0.0, 0.0)
    cloud = np.random.default_rng(2).standard_normal((500, 8))
    assert negative_cosines(cloud, max_pairs=999, rng=3).mean == negative_cosines(cloud, max_pairs=999, rng=3).mean
    assert negative_cosines(cloud, max_pairs=999, rng=3).mean != negative_cosines(cloud, max_pairs=999, rng=4).mean


def test_float32_rows_stay_inside_minus_one_and_one():
    x = np.full((4, 3), 0.1, dtype=np.float32)
    summary = negative_cosines(x)
    assert summary.quantiles[99] <= 1.0
    assert summary.counts.sum() == 12


@pytest.mark.parametrize("d", [2, 3, 64, 4096])
def test_sphere_quantiles_are_the_beta_law(d):
    q = np.array([0.0, 0.001, 0.3, 0.5, 0.99, 1.0])
    expected = 2 * stats.beta((d - 1) / 2, (d - 1) / 2).ppf(q) - 1
    np.testing.assert_allclose(sphere_cosine_quantiles(d, q), expected, rtol=1e-9, atol=1e-12)


def test_sphere_quantiles_fit_uniform_directions():
    summary = negative_cosines(np.random.default_rng(5).standard_normal((1500, 16)))
    expected = sphere_cosine_quantiles(16, [0.05, 0.95])
    assert [summary.quantiles[5], summary.quantiles[95]] == pytest.approx(list(expected), abs=0.01)


def test_errors(views):
    with pytest.raises(InputError, match="d must be at least 2, got 1; in one dimension a cosine is just a sign"):
        sphere_cosine_quantiles(1, 0.5)
    with pytest.raises(InputError, match=r"q must hold probabilities in \[0, 1\]; divide percentages by 100"):
        sphere_cosine_quantiles(3, [5, 95])
    with pytest.raises(InputError, match="n_bins must be at least 1, got 0; the usual value is 100"):
        pair_cosines(*views, n_bins=0)
    with pytest.raises(InputError, match="max_pairs must be at least 1, got 0; the usual value is 1,000,000"):
        negative_cosines(views[0], max_pairs=0)
    with pytest.raises(InputError, match="at least 2 rows"):
        negative_cosines(views[0][:1])


@pytest.mark.parametrize("d", [2, 3, 10, 512])
def test_sphere_cosine_cdf_is_the_beta_law(d):
    cosines = np.linspace(-1.2, 1.2, 13)
    law = stats.beta((d - 1) / 2, (d - 1) / 2, loc=-1, scale=2)
    np.testing.assert_allclose(sphere_cosine_cdf(d, cosines), law.cdf(cosines), atol=1e-12)
    levels = np.array([0.01, 0.3, 0.9])
    np.testing.assert_allclose(sphere_cosine_cdf(d, sphere_cosine_quantiles(d, levels)), levels)


def test_sphere_cosine_cdf_of_one_dimension_and_bad_input():
    np.testing.assert_array_equal(sphere_cosine_cdf(1, [-1.1, -1, 0.9, 1]), [0, 0.5, 0.5, 1])
    with pytest.raises(InputError, match="d must be at least 1, got 0"):
        sphere_cosine_cdf(0, [0.0])
    with pytest.raises(InputError, match="cosine must hold finite numbers"):
        sphere_cosine_cdf(3, [np.nan])


def test_the_cosines_behind_a_summary():
    rows = np.random.default_rng(0).standard_normal((60, 4))
    cosines = negative_pair_cosines(rows, max_pairs=500, rng=3)
    summary = negative_cosines(rows, max_pairs=500, rng=3)
    assert (summary.n_pairs, summary.mean, summary.std) == (500, cosines.mean(), cosines.std())
    assert np.abs(negative_pair_cosines(rows)).size == 60 * 59
