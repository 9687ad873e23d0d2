import numpy as np
import pytest

from thinshell.sketch.gram import Gram


def gram_of(parts):
    gram = Gram.from_pilot(parts[0])
    for part in parts:
        gram.add(part)
    return gram


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_covariance_is_numpys(dtype, rtol, offset):
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((5000, 6)) @ rng.standard_normal((6, 6)) + offset).astype(dtype)
    truth = np.cov(rows.astype(np.float64), rowvar=False)
    covariance = gram_of(np.array_split(rows, 7)).covariance()
    np.testing.assert_allclose(covariance, truth, rtol=0, atol=rtol * np.abs(truth).max())


def test_merge_is_the_whole_whatever_the_pilots():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4000, 5)) * [1, 1e-20, 1e20, 3, 7] + [0, 1e-19, 0, 1e4, 0]
    parts = np.array_split(rows, [100, 103, 2500])
    merged = gram_of([parts[0]])
    for part in parts[1:]:
        other = gram_of([part])
        kept = other.products.copy()
        merged.merge(other)
        np.testing.assert_array_equal(other.products, kept)
    scale = rows.std(axis=0)
    truth = np.cov(rows / scale, rowvar=False)
    np.testing.assert_allclose(merged.covariance() / np.outer(scale, scale), truth, atol=1e-10)


def test_constant_columns_have_no_variance():
    rows = np.random.default_rng(2).standard_normal((500, 3)).astype(np.float32)
    rows[:, 2] = 7.0
    covariance = gram_of([rows]).covariance()
    np.testing.assert_allclose(covariance[2], 0.0, atol=1e-12)
