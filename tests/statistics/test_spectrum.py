"""Spectrum summaries against NumPy's SVD, their definitions and simulated Wishart matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError
from thinshell.statistics import _columns
from thinshell.statistics._shrinkage import shrunk_eigenvalues, unbiased_square_trace
from thinshell.statistics.spectrum import (
    covariance_eigenvalues,
    effective_rank,
    explained_by,
    gaussian_spectrum_reference,
    isotropy,
    participation_ratio,
)
from thinshell.statistics.uncentred import partition_isotropy, rankme

spectra = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30)


@pytest.mark.parametrize("shape", [(50, 7), (7, 50), (20, 20), (2, 3), (30, 1)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_eigenvalues_are_numpy_s(shape, offset, monkeypatch):
    monkeypatch.setattr(_columns, "BLOCK_ELEMENTS", 40)  # many blocks
    cloud = np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[1] + 1) + offset
    singular = np.linalg.svd(cloud - cloud.mean(axis=0), compute_uv=False)
    expected = np.zeros(shape[1])
    expected[: singular.size] = singular**2 / (shape[0] - 1)
    np.testing.assert_allclose(covariance_eigenvalues(cloud), expected, rtol=1e-8, atol=1e-9)


def test_float32_and_float16_are_exact_for_the_given_values():
    cloud = np.random.default_rng(1).standard_normal((40, 5)).astype(np.float16)
    expected = covariance_eigenvalues(cloud.astype(np.float64))
    np.testing.assert_allclose(covariance_eigenvalues(cloud), expected, rtol=1e-12)


@settings(deadline=None, max_examples=50)
@given(values=spectra, scale=st.floats(1e-100, 1e100))
def test_ranks_are_ordered_bounded_and_free_of_units(values, scale):
    values = np.array(values)
    ratio, rank = participation_ratio(values), effective_rank(values)
    assert 1 - 1e-9 <= ratio <= rank * (1 + 1e-9) <= len(values) * (1 + 2e-9)
    assert effective_rank(values * scale) == pytest.approx(rank)
    assert isotropy(values) == pytest.approx(ratio / len(values))


def test_definitions():
    values = np.array([4.0, 3.0, 2.0, 1.0, 0.0])
    p = values[:4] / 10
    assert effective_rank(values) == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert participation_ratio(values) == pytest.approx(100 / 30)
    assert explained_by(values[::-1], 2) == pytest.approx(0.7)
    assert explained_by(values, 99) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("function", [effective_rank, participation_ratio, isotropy])
def test_all_zero_is_nan(function):
    assert np.isnan(function(np.zeros(4)))
    assert np.isnan(explained_by(np.zeros(4), 1))


@pytest.mark.parametrize("values", [[], [1.0, -1.0], [np.nan]])
def test_bad_eigenvalues(values):
    with pytest.raises(InputError, match="eigenvalues must be one or more finite numbers >= 0, got"):
        effective_rank(values)


def test_other_errors():
    with pytest.raises(InputError, match="k must be at least 1, got 0; ask for the share"):
        explained_by([1.0], 0)
    with pytest.raises(InputError, match="n_samples must be at least 2 and n_features at least 1, got 1 and 3"):
        gaussian_spectrum_reference(1, 3)
    with pytest.raises(InputError, match="embeddings must have at least 2 rows, got 1"):
        covariance_eigenvalues([[1.0, 2.0]])


@pytest.mark.parametrize(("n", "d"), [(33, 32), (100, 32), (20, 32), (300, 64), (60, 128)])
def test_gaussian_reference_against_simulation(n, d):
    rng = np.random.default_rng(n)
    spectra = [covariance_eigenvalues(rng.standard_normal((n, d))) for _ in range(40)]
    reference = gaussian_spectrum_reference(n, d)
    assert reference.effective_rank == pytest.approx(np.mean([effective_rank(s) for s in spectra]), rel=0.01)
    assert reference.participation_ratio == pytest.approx(np.mean([participation_ratio(s) for s in spectra]), rel=0.01)


@pytest.mark.parametrize(("n", "d"), [(2, 5), (5, 1), (2, 1)])
def test_gaussian_reference_of_rank_one(n, d):
    reference = gaussian_spectrum_reference(n, d)
    assert (reference.effective_rank, reference.participation_ratio) == (1.0, 1.0)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_rankme_is_the_entropy_of_uncentred_singular_values(shape):
    cloud = np.random.default_rng(2).standard_normal(shape) + 3
    singular = np.linalg.svd(cloud, compute_uv=False)
    p = singular / singular.sum() + 1e-7
    assert rankme(cloud) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-6)
    assert np.isnan(rankme(np.zeros((4, 3))))


def test_partition_isotropy_is_the_definition():
    cloud = np.random.default_rng(3).standard_normal((60, 4)) * [1, 2, 0.5, 1]
    _, axes = np.linalg.eigh(cloud.T @ cloud)
    z = [np.exp(sign * cloud @ axis).sum() for axis in axes.T for sign in (1, -1)]
    assert partition_isotropy(cloud) == pytest.approx(min(z) / max(z))
    assert partition_isotropy(1e4 * cloud) == 0.0  # no overflow


def test_square_trace_is_unbiased_where_the_plain_one_doubles():
    rng = np.random.default_rng(4)
    estimates = [
        unbiased_square_trace(covariance_eigenvalues(rng.standard_normal((50, 3)) * [1, 2, 3]), 50) for _ in range(600)
    ]
    truth = 1 + 16 + 81
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * np.std(estimates) / np.sqrt(600))
    wide = rng.standard_normal((60, 60))
    plain = (covariance_eigenvalues(wide) ** 2).sum()
    assert plain > 1.8 * 60
    assert unbiased_square_trace(covariance_eigenvalues(wide), 60) == pytest.approx(60, rel=0.1)


@settings(deadline=None, max_examples=50)
@given(values=spectra, n=st.integers(3, 500))
def test_shrinking_keeps_trace_and_order(values, n):
    values = np.sort(values)[::-1]
    shrunk = shrunk_eigenvalues(values, n)
    assert shrunk.sum() == pytest.approx(values.sum())
    assert (np.diff(shrunk) <= 1e-9 * values[0]).all()
    assert (shrunk >= -1e-9 * values[0]).all()
    assert (shrunk**2).sum() <= (values**2).sum() * (1 + 1e-9)
