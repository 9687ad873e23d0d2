import numpy as np
import pytest
from scipy import stats

from thinshell.sketch.marginals import Marginals, bins_for
from thinshell.statistics._small import SMALL_VALUES, is_small, part_of
from thinshell.statistics.anderson_darling import anderson_darling
from thinshell.statistics.moments import moments


@pytest.fixture(autouse=True, params=["NumPy", "compiled"], scope="module")
def way(request):
    """Everything here holds in NumPy and, as part of larger data, compiled."""
    with part_of(SMALL_VALUES + 1 if request.param == "compiled" else 0):
        yield


def sphere(rng, n, d):
    return np.sqrt(rng.beta(0.5, (d - 1) / 2, n)) * rng.choice([-1, 1], n)


MARGINALS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "offset 1e4": lambda rng, n: rng.standard_normal(n) + 1e4,
    "t(3)": lambda rng, n: rng.standard_t(3, n),
    "t(10)": lambda rng, n: rng.standard_t(10, n),
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "two points": lambda rng, n: rng.choice([-1.0, 1.0], n),
    "rare spike": lambda rng, n: (rng.random(n) < 0.002) * 1.0,
    "sphere 32": lambda rng, n: sphere(rng, n, 32),
    "sphere 128": lambda rng, n: sphere(rng, n, 128),
    "sphere 512": lambda rng, n: sphere(rng, n, 512),
    "ReLU": lambda rng, n: np.maximum(rng.standard_normal(n), 0),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "integers": lambda rng, n: rng.integers(0, 10, n) * 1.0,
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
}


def counted(block, step=3000):
    marginals = Marginals(block.shape[1])
    for top in range(0, len(block), step):
        marginals.add(np.ascontiguousarray(block[top : top + step]), small=is_small(block.size))
    return marginals


@pytest.mark.parametrize("n", [1000, 10_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_anderson_darling_is_that_of_the_sorted_values(n, dtype):
    rng = np.random.default_rng(n)
    names = [name for name in MARGINALS if not (name == "offset 1e4" and dtype == np.float32)]
    block = np.stack([MARGINALS[name](rng, n) for name in names], axis=1).astype(dtype)
    exact = anderson_darling(block).statistic
    from_counts = counted(block).anderson_darling()
    limit = np.maximum(2e-3, 5e-3 * exact)
    wrong = [
        f"{name}: {a} for {b}" for name, a, b, m in zip(names, from_counts, exact, limit, strict=True) if abs(a - b) > m
    ]
    assert not wrong


def test_moments_and_extremes_are_exact():
    block = np.random.default_rng(0).gamma(2.0, size=(20_000, 5)) + 1e4
    marginals, truth = counted(block), moments(block)
    np.testing.assert_allclose(marginals.moments.mean, truth.mean, rtol=1e-14)
    np.testing.assert_allclose(marginals.moments.skewness, stats.skew(block), rtol=1e-8)
    np.testing.assert_allclose(marginals.moments.excess_kurtosis, stats.kurtosis(block), rtol=1e-8)
    np.testing.assert_array_equal(marginals.minimum, block.min(axis=0))
    np.testing.assert_array_equal(marginals.maximum, block.max(axis=0))


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda rows: np.sort(rows, axis=0), id="sorted"),
        pytest.param(lambda rows: rows[np.argsort(np.abs(rows[:, 0]))], id="narrow first"),
        pytest.param(lambda rows: rows[np.argsort(-np.abs(rows[:, 0]))], id="wide first"),
        pytest.param(lambda rows: np.concatenate([np.zeros((9000, 3)), rows]), id="constant first"),
        pytest.param(lambda rows: np.concatenate([rows, rows + 1000, rows - 1e6]), id="drift"),
    ],
)
def test_grid_follows_what_comes_later(arrange):
    rows = arrange(np.random.default_rng(1).standard_normal((20_000, 3)))
    marginals = counted(rows, step=500)
    total = marginals.counts.sum(axis=1) + marginals.tails.sum(axis=(1, 2))
    np.testing.assert_array_equal(total, len(rows))
    exact = anderson_darling(rows).statistic
    np.testing.assert_allclose(marginals.anderson_darling(), exact, rtol=5e-3, atol=2e-3)


def test_merging_grids_of_any_width_loses_no_value():
    rng = np.random.default_rng(2)
    parts = [rng.standard_normal((3000, 4)) * scale + shift for scale, shift in ((1, 0), (0.01, 5), (300, -20), (1, 0))]
    merged = Marginals(4)
    for part in parts:
        merged.merge(counted(part))
    everything = np.concatenate(parts)
    assert merged.n_samples == 12_000
    np.testing.assert_array_equal(merged.counts.sum(axis=1) + merged.tails.sum(axis=(1, 2)), 12_000)
    np.testing.assert_allclose(merged.moments.mean, everything.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(merged.anderson_darling(), anderson_darling(everything).statistic, rtol=5e-3)


def test_merge_leaves_the_other_and_may_be_empty():
    part = counted(np.random.default_rng(3).standard_normal((1000, 2)))
    before = {name: array.copy() for name, array in part.state().items()}
    merged = Marginals(2)
    merged.merge(part)
    merged.merge(Marginals(2))
    for name, array in part.state().items():
        np.testing.assert_array_equal(array, before[name])
        np.testing.assert_array_equal(array, merged.state()[name])


def test_constant_columns_are_nan():
    block = np.random.default_rng(4).standard_normal((500, 3))
    block[:, 1] = 0.1
    np.testing.assert_array_equal(np.isnan(counted(block, 100).anderson_darling()), [False, True, False])


def test_quantiles_and_histogram():
    block = np.random.default_rng(5).standard_normal((50_000, 1)) * 3 + 100
    marginals = counted(block)
    levels = np.array([0.01, 0.5, 0.99])
    np.testing.assert_allclose(marginals.quantiles(levels)[0], np.quantile(block, levels), atol=0.02)
    edges = np.linspace(block.min(), block.max(), 21)
    difference = marginals.histogram(0, edges) - np.histogram(block, edges)[0]
    assert marginals.histogram(0, edges).sum() == 50_000
    assert np.abs(difference).max() < 60


@pytest.mark.parametrize(("d", "bins"), [(1, 16384), (768, 16384), (2048, 16384), (4096, 8192), (100_000, 256)])
def test_bins_are_bounded_by_memory(d, bins):
    assert bins_for(d) == bins
