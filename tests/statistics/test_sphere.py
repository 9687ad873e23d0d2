"""Alignment, uniformity and mean direction against naive loops and mpmath."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError
from thinshell.statistics import sphere
from thinshell.statistics.sphere import (
    alignment,
    l2_normalize,
    mean_direction,
    uniformity,
    uniformity_of_sphere,
)


def naive_uniformity(x, t):
    pairs = [np.exp(-t * ((x[i] - x[j]) ** 2).sum()) for i in range(len(x)) for j in range(i + 1, len(x))]
    return np.log(np.mean(pairs))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("t", [0.5, 2.0, 10.0])
def test_uniformity_is_the_double_loop(dtype, t, monkeypatch):
    monkeypatch.setattr(sphere, "PAIR_BLOCK", 16)  # several blocks, a ragged last one
    x = l2_normalize(np.random.default_rng(0).standard_normal((53, 5)).astype(dtype))
    assert uniformity(x, t) == pytest.approx(naive_uniformity(x.astype(float), t), rel=1e-6)


def test_uniformity_takes_rows_as_they_are_if_told():
    x = np.random.default_rng(1).standard_normal((20, 3)) * 5
    assert uniformity(x, normalize=False) == pytest.approx(naive_uniformity(x, 2.0))
    assert uniformity(x) == pytest.approx(naive_uniformity(l2_normalize(x), 2.0))


def test_uniformity_of_far_rows_does_not_underflow():
    assert uniformity(np.array([[0.0], [100.0]]), normalize=False) == pytest.approx(-20_000.0)


@pytest.mark.parametrize("d", [2, 3, 8, 64, 512, 4096])
@pytest.mark.parametrize("t", [0.1, 2.0, 25.0])
def test_uniformity_of_sphere_is_the_bessel_form(d, t):
    with mpmath.workdps(50):
        half, z = mpmath.mpf(d) / 2, mpmath.mpf(t)
        value = mpmath.gamma(half) * z ** (1 - half) * mpmath.besseli(half - 1, 2 * z)
        expected = float(-2 * z + mpmath.log(value))
    assert uniformity_of_sphere(d, t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("d", [1, 3, 64])
def test_uniform_rows_reach_the_closed_form(d):
    x = np.random.default_rng(d).standard_normal((3000, d))
    assert uniformity(x) == pytest.approx(uniformity_of_sphere(d), abs=0.02)


@pytest.mark.parametrize("alpha", [1.0, 2.0, 3.5])
def test_alignment_is_the_definition(alpha):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 40, 6))
    u, v = l2_normalize(x), l2_normalize(y)
    expected = np.mean(np.linalg.norm(u - v, axis=1) ** alpha)
    assert alignment(x, y, alpha) == pytest.approx(expected)
    raw = np.mean(np.linalg.norm(x - y, axis=1) ** alpha)
    assert alignment(x, y, alpha, normalize=False) == pytest.approx(raw)


def test_mean_direction_norm_is_unbiased():
    rng = np.random.default_rng(3)
    values = [mean_direction(rng.standard_normal((50, 16))).norm_squared_unbiased for _ in range(400)]
    # One estimate has a standard deviation of about sqrt(2 / 16) / 50.
    assert abs(np.mean(values)) < 4 * np.sqrt(2 / 16) / 50 / np.sqrt(400)


def test_mean_direction_is_the_mean_of_unit_rows():
    x = np.random.default_rng(4).standard_normal((30, 4)) + 1
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    result = mean_direction(x)
    np.testing.assert_allclose(result.vector, unit.mean(axis=0))
    assert result.norm == pytest.approx(np.linalg.norm(unit.mean(axis=0)))
    gram = unit @ unit.T
    assert result.norm_squared_unbiased == pytest.approx(gram[~np.eye(30, dtype=bool)].mean())


@settings(deadline=None, max_examples=30)
@given(exponent=st.integers(-300, 300), d=st.integers(1, 9))
def test_normalising_survives_extreme_scales(exponent, d):
    x = np.random.default_rng(d).standard_normal((5, d)) * 10.0**exponent
    np.testing.assert_allclose(np.linalg.norm(l2_normalize(x), axis=1), 1.0, rtol=1e-12)


def test_errors():
    x = np.eye(3)
    with pytest.raises(InputError, match=r"no all-zero row, got one at row 1: it has no direction; drop it"):
        l2_normalize([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(InputError, match=r"x and y must have the same shape.*\(3, 3\) and \(2, 3\); give one row"):
        alignment(x, x[:2])
    with pytest.raises(InputError, match="alpha must be above 0, got 0; the usual value is 2"):
        alignment(x, x, 0)
    with pytest.raises(InputError, match="t must be above 0, got -1; the usual value is 2"):
        uniformity(x, -1)
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        uniformity(x[:1])
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        mean_direction(x[:1])
    with pytest.raises(InputError, match="d must be at least 1 and t above 0, got d = 0 and t = 2"):
        uniformity_of_sphere(0, 2)
