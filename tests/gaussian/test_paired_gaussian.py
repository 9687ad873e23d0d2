"""A joint Gaussian of pairs: conditionals, information, and the bound on eta2."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cross_decomposition import CCA
from sklearn.exceptions import NotFittedError

from thinshell.errors import InputError
from thinshell.gaussian import PairedGaussian
from thinshell.theory import eta2_linear_bound
from thinshell.theory._mildness_functions import _leading


def pairs(n=600, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4)) @ np.random.default_rng(5).standard_normal((4, 4)) + 1.0
    y = x @ np.random.default_rng(6).standard_normal((4, 3)) + rng.standard_normal((n, 3)) - 2.0
    return x, y


def views(n, d=6, a=0.6, seed=0):
    rng = np.random.default_rng(seed)
    source = rng.standard_normal((n, d))
    return source, *(a * source + np.sqrt(1 - a * a) * rng.standard_normal((n, d)) for _ in range(2))


@pytest.mark.parametrize("covariance", ["empirical", "ledoit_wolf", "low_rank"])
def test_conditional_densities(covariance):
    x, y = pairs()
    model = PairedGaussian(covariance, n_components=3).fit(x, y)
    joint = multivariate_normal(model.joint_.location_, model.joint_.covariance_)
    first = multivariate_normal(model.joint_.location_[:4], model.joint_.covariance_[:4, :4])
    expected = joint.logpdf(np.hstack([x, y])) - first.logpdf(x)
    assert np.allclose(model.log_conditional(x, y), expected, rtol=1e-8, atol=1e-7)
    mean, left = model.conditional(x[:5])
    one = model.joint_.conditional(range(4), x[0])
    assert np.allclose(mean[0], one.location_)
    assert np.allclose(left, one.covariance_)


def test_the_mean_is_least_squares():
    x, y = pairs()
    mean, left = PairedGaussian("empirical").fit(x, y).conditional(x)
    design = np.column_stack([np.ones(len(x)), x])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert np.allclose(mean, fitted)
    assert np.allclose(left, (y - fitted).T @ (y - fitted) / len(x))


def test_information_and_correlations():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100_000, 2))
    y = x * [0.8, 0.3] + rng.standard_normal(x.shape) * np.sqrt(1 - np.square([0.8, 0.3]))
    model = PairedGaussian("empirical").fit(x, y)
    assert np.allclose(model.canonical_correlations(), [0.8, 0.3], atol=0.01)
    assert model.mutual_information() == pytest.approx(-0.5 * np.log([0.36, 0.91]).sum(), abs=0.01)
    gain = model.log_conditional(x, y) - model.joint_.marginal([2, 3]).score_samples(y)
    assert model.mutual_information() == pytest.approx(gain.mean(), abs=1e-3)
    small = PairedGaussian("empirical").fit(*pairs())
    a, b = CCA(1, max_iter=5000, tol=1e-12).fit_transform(*pairs())
    assert small.canonical_correlations()[0] == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-5)


def test_the_bound_is_that_of_theory_on_the_same_rows():
    _, first, second = views(3000)
    # Theory takes one function of both views, so their order must not matter: each pair is given both ways.
    both = PairedGaussian("empirical").fit(np.vstack([first, second]), np.vstack([second, first]))
    assert both.eta2_lower_bound() == pytest.approx(_leading(first, second, 0.0)[1], rel=1e-9)


def test_the_bound_and_theorys_estimate_agree():
    source, first, second = views(60_000)
    estimate = eta2_linear_bound(first, second)
    model = PairedGaussian("empirical").fit(first, second)
    # In sample the largest of six correlations is too large by about 6 / (2 sqrt(n)).
    assert model.eta2_lower_bound() == pytest.approx(estimate.value, abs=4 * estimate.standard_error + 0.015)
    assert model.eta2_lower_bound() == pytest.approx(0.36, abs=0.02)
    assert PairedGaussian().fit(source, first).eta2_lower_bound("source") == pytest.approx(0.36, abs=0.02)


def test_degenerate_pairs():
    x, y = pairs()
    x = np.column_stack([x, x[:, 0] * 2])
    with pytest.warns(UserWarning, match="x4 = 2 x0"):
        model = PairedGaussian("empirical").fit(x, y)
    plain = PairedGaussian("empirical").fit(*pairs())
    assert np.allclose(model.log_conditional(x, y), plain.log_conditional(*pairs()), atol=1e-7)
    assert np.allclose(model.mutual_information(), plain.mutual_information())
    with pytest.warns(UserWarning, match="copy"):
        copied = PairedGaussian("empirical").fit(x[:, :4], np.column_stack([y, 3 * x[:, 1]]))
    assert copied.mutual_information() == np.inf
    assert copied.eta2_lower_bound() == pytest.approx(1.0)
    good = np.column_stack([y, 3 * x[:, 1]])
    assert np.isfinite(copied.log_conditional(x[:, :4], good)).all()
    assert (copied.log_conditional(x[:, :4], good + np.array([0, 0, 0, 0.1])) == -np.inf).all()
    single = copied.log_conditional(x[:, :4].astype(np.float32), good.astype(np.float32))
    assert np.allclose(single, copied.log_conditional(x[:, :4], good), atol=1e-3)
    with pytest.warns(UserWarning, match="copy"):
        determined = PairedGaussian().fit(x[:, :4], 3 * x[:, 1:2])
    with pytest.raises(InputError, match="no density"):
        determined.log_conditional(x[:, :4], 3 * x[:, 1:2])
    with pytest.warns(UserWarning, match="constant"):
        flat = PairedGaussian("empirical").fit(np.ones((600, 2)), y)
    assert np.allclose(flat.conditional(np.ones((3, 2)))[0], y.mean(axis=0))


def test_float32_pairs_that_nearly_copy():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 2)).astype(np.float32)
    y = (x[:, :1] + 1e-4 * rng.standard_normal((2000, 1))).astype(np.float32)
    model = PairedGaussian("empirical").fit(x, y)
    assert model.joint_.rank_ == 3
    assert model.conditional(x)[1][0, 0] == pytest.approx(1e-8, rel=0.1)


def test_bad_pairs_are_told():
    x, y = pairs()
    model = PairedGaussian().fit(x, y)
    bad = x.copy()
    bad[0, 0] = np.nan
    for call, words in [
        (lambda: PairedGaussian().fit(x, y[:-1]), "as many rows, got 600 and 599; pair them"),
        (lambda: PairedGaussian().fit(bad, y), "NaN or infinity"),
        (lambda: PairedGaussian().fit(x[:1], y[:1]), "n_samples = 1"),
        (lambda: PairedGaussian().fit(x[0], y), r"X must have shape \(n_samples, n_features\)"),
        (lambda: PairedGaussian("cca").fit(x, y), "covariance must be one of"),
        (lambda: model.conditional(x[:, :2]), "X must have 4 columns as at fit, got 2"),
        (lambda: model.conditional(bad), "NaN or infinity"),
        (lambda: model.log_conditional(x, x), "Y must have 3 columns"),
        (lambda: model.log_conditional(x[:3], y), "as many rows"),
        (lambda: model.log_conditional(bad, y), "NaN or infinity"),
        (lambda: model.eta2_lower_bound("view"), "did you mean 'views'"),
    ]:
        with pytest.raises(InputError, match=words):
            call()
    with pytest.raises(NotFittedError):
        PairedGaussian().mutual_information()
