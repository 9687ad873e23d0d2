"""The spectrum of a diagnosis where there are more columns than products are kept of."""

import numpy as np
import pytest

from thinshell.diagnosis.geometry import measure_geometry
from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.statistics import chi_cv, covariance_eigenvalues, effective_rank, participation_ratio
from thinshell.statistics._shrinkage import respread_eigenvalues, unbiased_square_trace


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.standard_normal((1400, 4100), dtype=np.float32) * np.arange(1, 4101, dtype=np.float32) ** -0.25


def geometry_of(rows, **options):
    sketch = EmbeddingSketch(row_capacity=400, **options).update(rows[:700]).update(rows[700:])
    return measure_geometry(summarize(sketch), seed=0)


def test_spectrum_is_that_of_all_rows(rows):
    truth = covariance_eigenvalues(rows)
    geometry = geometry_of(rows)
    found = geometry.spectrum
    assert (found["method"], found["n_rows_used"], found["n_test_vectors"]) == ("randomised", 1400, 512)
    assert found["effective_rank"] == pytest.approx(effective_rank(truth), rel=0.08)
    assert found["participation_ratio"] == pytest.approx(participation_ratio(truth), rel=0.02)
    assert found["isotropy"] == pytest.approx(found["participation_ratio"] / 4100)
    # For as many rows as the spectrum is of: rank 1,399 at most.
    assert 700 < found["reference"]["gaussian"]["effective_rank"] < 1399
    # The norms of 400 rows against a law of all 1,400: no thicker and no thinner than a Gaussian's.
    assert geometry.shell.cv == pytest.approx(geometry.shell.cv_reference, rel=0.1)
    sample = geometry_of(rows, covariance=False).spectrum
    assert (sample["method"], sample["n_rows_used"], sample["n_resolved"]) == ("eigendecomposition", 400, 399)
    assert sample["effective_rank"] < 0.6 * effective_rank(truth)


def test_reference_of_the_norms_knows_how_many_rows_the_spectrum_is_of():
    rng = np.random.default_rng(1)
    scale = np.repeat([1.0, 0.3], 100)
    wide = rng.standard_normal((20_000, 200)) * scale
    sketch = EmbeddingSketch(row_capacity=250).update(wide)
    truth = np.sqrt((scale**4).sum() / 2) / (scale**2).sum()
    # Shrunk as if they were of 250 rows the eigenvalues of 20,000 would give a CV that is a third too small.
    assert measure_geometry(summarize(sketch), seed=0).shell.cv_reference == pytest.approx(truth, rel=0.02)
    assert truth > 1.3 * chi_cv(200)


@pytest.mark.parametrize("n_fewer", [10, 100, 999])
def test_respread_eigenvalues_shrink_back(n_fewer):
    values = np.r_[np.linspace(5, 1, 50), np.zeros(3)]
    spread = respread_eigenvalues(values, 1000, n_fewer)
    assert spread.sum() == pytest.approx(values.sum())
    assert (spread >= 0).all()
    assert (np.diff(spread) <= 0).all()
    assert unbiased_square_trace(spread, n_fewer) == pytest.approx(unbiased_square_trace(values, 1000), rel=1e-6)
    np.testing.assert_array_equal(respread_eigenvalues(values, n_fewer, 1000), values)
