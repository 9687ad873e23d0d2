"""Laws of the squared distance: densities, fits, and the elliptical densities that they make."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaln

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian.radius import RADII, RadiusLaw, checked_rank


def laws(r):
    return [
        RadiusLaw.gaussian(r),
        RadiusLaw("scaled", {"shape": r / 2, "scale": 3.0}),
        RadiusLaw("gamma", {"shape": r / 3, "scale": 5.0}),
        RadiusLaw("gamma", {"shape": 2.0 * r, "scale": 0.5}),
    ]


@pytest.mark.parametrize("r", [1, 2, 3, 7])
@pytest.mark.parametrize("which", range(4))
def test_densities_integrate_to_one(r, which):
    law = laws(r)[which]
    # Over the radius, in which the singularity at the mean is mild.
    total = quad(lambda q: 2 * q * np.exp(law.logpdf([q * q])[0]), 0, np.inf, epsabs=1e-9)[0]
    assert total == pytest.approx(1, abs=1e-6)
    log_det = 0.7
    sphere = np.log(2) + r / 2 * np.log(np.pi) - gammaln(r / 2)
    density = quad(
        lambda q: np.exp(law.log_density_of([q * q], log_det, r)[0] + sphere + log_det / 2) * q ** (r - 1),
        0,
        np.inf,
        epsabs=1e-9,
    )[0]
    assert density == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("which", range(4))
def test_laws_are_scipys(which):
    law, m2 = laws(4)[which], np.array([0.1, 1.0, 9.0, 80.0])
    frozen = stats.gamma(law.shape, scale=law.scale)
    np.testing.assert_allclose(law.cdf(m2), frozen.cdf(m2), rtol=1e-12)
    np.testing.assert_allclose(law.sf(m2), frozen.sf(m2), rtol=1e-9)
    np.testing.assert_allclose(law.logpdf(m2), frozen.logpdf(m2), rtol=1e-12)


@pytest.mark.parametrize("r", [1, 5, 40])
def test_gaussian_radius_is_the_gaussian(r):
    rng = np.random.default_rng(r)
    rows, spread = rng.standard_normal((20, r)), rng.uniform(0.5, 2, r)
    exact = stats.multivariate_normal(np.zeros(r), np.diag(spread)).logpdf(rows)
    m2 = (rows**2 / spread).sum(axis=1)
    law = RadiusLaw.fit(m2, r, "gaussian")
    np.testing.assert_allclose(law.log_density_of(m2, np.log(spread).sum(), r), exact, rtol=1e-13)
    middle = law.log_density_of([0.0], 0.0, r)[0]
    assert middle == pytest.approx(-r / 2 * np.log(2 * np.pi))


def test_density_is_the_written_formula():
    law, m2, r, log_det = RadiusLaw("gamma", {"shape": 1.5, "scale": 4.0}), np.array([0.5, 3.0]), 6, -1.2
    written = law.logpdf(m2) - (r / 2 * np.log(np.pi) - gammaln(r / 2)) - (r / 2 - 1) * np.log(m2) - log_det / 2
    np.testing.assert_allclose(law.log_density_of(m2, log_det, r), written, rtol=1e-12)


def test_the_mean_and_rows_off_the_span():
    heavy = RadiusLaw("gamma", {"shape": 1.0, "scale": 4.0})
    light = RadiusLaw("gamma", {"shape": 9.0, "scale": 0.5})
    np.testing.assert_array_equal(heavy.log_density_of([0.0, np.inf], 0.0, 6), [np.inf, -np.inf])
    np.testing.assert_array_equal(light.log_density_of([0.0, np.inf], 0.0, 6), [-np.inf, -np.inf])
    np.testing.assert_array_equal(heavy.logpdf([np.inf]), [-np.inf])
    np.testing.assert_array_equal(heavy.cdf([0.0, np.inf]), [0, 1])


@pytest.mark.parametrize(("shape", "scale"), [(0.7, 3.0), (8.0, 2.0), (300.0, 1e-6), (1e5, 1e8)])
def test_gamma_fit_recovers_and_is_the_most_likely(shape, scale):
    m2 = np.random.default_rng(0).gamma(shape, scale, 50_000)
    law = RadiusLaw.fit(m2, 16)
    assert law.shape == pytest.approx(shape, rel=4 * np.sqrt(2 / 50_000))
    assert law.shape * law.scale == pytest.approx(m2.mean(), rel=1e-12)
    best = law.logpdf(m2).sum()
    for factor in (0.99, 1.01):
        other = RadiusLaw("gamma", {"shape": law.shape * factor, "scale": law.scale / factor})
        assert other.logpdf(m2).sum() < best


def test_scaled_fit_recovers_and_is_the_most_likely():
    m2 = 1.7 * np.random.default_rng(0).chisquare(12, 20_000)
    law = RadiusLaw.fit(m2, 12, "scaled")
    assert law.scale / 2 == pytest.approx(1.7, rel=0.01)
    best = law.logpdf(m2).sum()
    assert all(
        RadiusLaw("scaled", {"shape": 6.0, "scale": law.scale * f}).logpdf(m2).sum() < best for f in (0.99, 1.01)
    )


@pytest.mark.parametrize("df", [4, 8])
def test_elliptical_density_beats_the_gaussian_on_heavy_tails(df):
    rng = np.random.default_rng(df)
    r = 16
    m2 = rng.chisquare(r, 4000) / (rng.chisquare(df, 4000) / df)
    m2 *= (df - 2) / df  # as a fitted covariance would measure it
    fitted, held_out = m2[:2000], m2[2000:]
    scores = {name: RadiusLaw.fit(fitted, r, name).log_density_of(held_out, 0.0, r).mean() for name in RADII}
    assert scores["gamma"] > scores["scaled"] + 0.1
    assert scores["gamma"] > scores["gaussian"] + 0.1


def test_elliptical_density_costs_nothing_on_gaussian_rows():
    m2 = np.random.default_rng(0).chisquare(16, 4000)
    scores = [RadiusLaw.fit(m2[:2000], 16, name).log_density_of(m2[2000:], 0.0, 16).mean() for name in RADII]
    assert max(scores) - min(scores) < 0.005


def test_bad_input_is_told():
    good = [1.0, 2.0]
    for call, message in (
        (lambda: RadiusLaw.fit(good, 2, "gama"), "did you mean 'gamma'"),
        (lambda: RadiusLaw("chi", {}), "radius must be one of"),
        (lambda: RadiusLaw("gamma", {"shape": 1.0}), "shape and a scale above 0"),
        (lambda: RadiusLaw("gamma", {"shape": 1.0, "scale": -1.0}), "shape and a scale above 0"),
        (lambda: RadiusLaw.fit([1.0, -1.0], 2), "negative values"),
        (lambda: RadiusLaw.fit([1.0, np.nan], 2), "NaN"),
        (lambda: RadiusLaw.fit([1.0, np.inf], 2), "infinity for 1 of 2 rows"),
        (lambda: RadiusLaw.fit([[1.0], [2.0]], 2), "shape \\(n_samples,\\)"),
        (lambda: RadiusLaw.fit([1.0], 2), "at least 2 values"),
        (lambda: RadiusLaw.fit([0.0, 0.0], 2, "scaled"), "only zeros"),
        (lambda: RadiusLaw.fit([0.0, 1.0], 2), "lies at the mean itself"),
        (lambda: RadiusLaw.fit([2.0, 2.0], 2), "equal distances"),
        (lambda: RadiusLaw.fit(good, 0, "gaussian"), "r must be a whole number"),
        (lambda: checked_rank(1.5), "r must be a whole number"),
        (lambda: checked_rank("2"), "r must be a whole number"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(InputTypeError, match="real numbers"):
        RadiusLaw.gaussian(2).cdf(["a"])
