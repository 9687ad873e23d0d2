"""Norm concentration against mpmath, Monte Carlo and the plain formulas."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError
from thinshell.statistics.norms import chi_cv, norm_concentration, spectral_norm_cv
from thinshell.statistics.spectrum import covariance_eigenvalues


@pytest.mark.parametrize("d", [1, 2, 5, 50, 150, 299, 300, 512, 4096, 100_000, 10_000_000])
def test_chi_cv_is_the_chi_law(d):
    with mpmath.workdps(60):
        mean = mpmath.sqrt(2) * mpmath.exp(mpmath.loggamma(mpmath.mpf(d + 1) / 2) - mpmath.loggamma(mpmath.mpf(d) / 2))
        expected = float(mpmath.sqrt(d - mean**2) / mean)
    assert chi_cv(d) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", [0, -1, np.nan, np.inf])
def test_chi_cv_refuses(d):
    with pytest.raises(InputError, match=r"d must be a finite number above 0, got .*; give the number"):
        chi_cv(d)


@pytest.mark.parametrize("d", [1, 2, 64, 512])
def test_isotropic_spectrum_gives_the_chi_law(d):
    assert spectral_norm_cv(np.full(d, 3.7)) == pytest.approx(chi_cv(d), rel=1e-8)


def test_spectral_cv_with_an_offset_along_an_axis_is_exact():
    # d = 1: |x| of N(m, s^2) is the folded normal, known in closed form (Leone, Nelson & Nottingham 1961).
    m, s = 1.3, 0.8
    mean = s * np.sqrt(2 / np.pi) * np.exp(-(m**2) / (2 * s**2)) + m * float(mpmath.erf(m / (s * np.sqrt(2))))
    expected = np.sqrt(m**2 + s**2 - mean**2) / mean
    assert spectral_norm_cv(np.array([s**2]), (m**2, m**2 * s**2, m**2 * s**4)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", [8, 64, 512])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("size", [0.0, 1.0, 10.0])
def test_spectral_cv_against_simulation(d, power, size):
    eigenvalues = np.arange(1, d + 1.0) ** -power
    offset = np.zeros(d)
    offset[0], offset[-1] = size, size / 2
    n = 20_000
    normals = np.random.default_rng(d).standard_normal((n, d), dtype=np.float32)
    norms = np.linalg.norm(normals * np.sqrt(eigenvalues) + offset, axis=1)
    moments = tuple(float((offset**2 * eigenvalues**k).sum()) for k in range(3))
    # The simulated CV itself is off by up to 1.5 % (three standard errors); the approximation may take 1 % more.
    assert spectral_norm_cv(eigenvalues, moments) == pytest.approx(norms.std() / norms.mean(), rel=0.03)


def test_cv_is_the_plain_formula():
    rng = np.random.default_rng(7)
    cloud = rng.standard_normal((200, 7)) + 1
    norms = np.linalg.norm(cloud, axis=1)
    shell = norm_concentration(cloud)
    assert shell.cv == pytest.approx(norms.std() / norms.mean(), rel=1e-12)
    assert shell.quantiles[95] == pytest.approx(np.percentile(norms, 95))
    centred = norm_concentration(cloud, center=True)
    norms = np.linalg.norm(cloud - cloud.mean(axis=0), axis=1)
    assert (centred.mean, centred.std) == (pytest.approx(norms.mean()), pytest.approx(norms.std()))


@pytest.mark.parametrize("center", [False, True])
def test_reference_matches_a_gaussian_of_few_rows(center):
    """n = d: uncorrected eigenvalues would put the reference 40 % too high."""
    rng = np.random.default_rng(3)
    ratios = [
        shell.cv_reference / shell.cv
        for shell in (norm_concentration(rng.standard_normal((128, 128)), center=center) for _ in range(20))
    ]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)


def test_reference_with_given_eigenvalues_is_the_same():
    rng = np.random.default_rng(8)
    cloud = rng.standard_normal((300, 20)) * np.arange(1, 21) + 5
    given_values = norm_concentration(cloud, eigenvalues=covariance_eigenvalues(cloud))
    assert given_values.cv_reference == pytest.approx(norm_concentration(cloud).cv_reference, rel=1e-12)


def test_two_large_coordinates_with_an_offset_move_raw_and_centred_cv_apart():
    """The CLIP-like case of the design: raw and centred each agree with their own reference."""
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((5000, 256))
    cloud[:, :2] = 10 + 4 * cloud[:, :2]
    raw, centred = norm_concentration(cloud), norm_concentration(cloud, center=True)
    assert abs(raw.cv / centred.cv - 1) > 0.3
    assert raw.cv == pytest.approx(raw.cv_reference, rel=0.05)
    assert centred.cv == pytest.approx(centred.cv_reference, rel=0.05)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("d", [32, 768])
def test_normalised_rows_are_not_applicable_in_any_dtype(dtype, d):
    cloud = np.random.default_rng(1).standard_normal((500, d))
    unit = (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).astype(dtype)
    shell = norm_concentration(unit)
    assert not shell.applicable
    assert "already normalised" in shell.reason


def test_other_reasons():
    assert norm_concentration([[1.0, 2.0]]).reason == "one row has no spread of norms"
    zero = norm_concentration(np.zeros((5, 3)))
    assert "all rows are zero" in zero.reason
    assert np.isnan(zero.cv)
    assert np.isnan(zero.cv_reference)


def test_wrong_eigenvalues_are_refused():
    with pytest.raises(InputError, match=r"eigenvalues must be 3 numbers >= 0.*got shape \(2,\); take them from"):
        norm_concentration(np.eye(3), eigenvalues=[1.0, 2.0])


def test_large_offset_in_float32():
    cloud = (np.random.default_rng(2).standard_normal((2000, 64)) + 1e3).astype(np.float32)
    assert norm_concentration(cloud, center=True).cv == pytest.approx(chi_cv(64), rel=0.05)


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-6, 1e6), n=st.integers(2, 40), d=st.integers(1, 12))
def test_cv_and_reference_ignore_the_unit(scale, n, d):
    cloud = np.random.default_rng(n * 100 + d).standard_normal((n, d)) + 1
    plain, scaled = norm_concentration(cloud), norm_concentration(cloud * scale)
    assert scaled.cv == pytest.approx(plain.cv, rel=1e-9)
    assert scaled.cv_reference == pytest.approx(plain.cv_reference, rel=1e-6)
