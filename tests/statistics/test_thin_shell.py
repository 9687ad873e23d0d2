"""The norm test against its formula spelled out, and its blind spots and strengths."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics.thin_shell import spectrum_norm_test


def formula(cloud):
    n = len(cloud)
    z = (cloud - cloud.mean(axis=0)) / cloud.std(axis=0)
    q = (z**2).sum(axis=1)
    s = z.T @ z / (n - 1)
    nu = n - 1
    t2 = nu**2 / ((nu - 1) * (nu + 2)) * (np.trace(s @ s) - np.trace(s) ** 2 / nu)
    return q.var(ddof=1) / (2 * (1 - 2 / n) * t2)


@pytest.mark.parametrize("shape", [(300, 8), (60, 100)])
def test_ratio_is_the_formula(shape):
    mix = np.random.default_rng(1).standard_normal((shape[1], shape[1]))
    cloud = np.random.default_rng(0).standard_normal(shape) @ mix + 5
    assert spectrum_norm_test(cloud).ratio == pytest.approx(formula(cloud), rel=1e-9)


def test_statistic_and_pvalue_fit_together():
    result = spectrum_norm_test(np.random.default_rng(2).standard_normal((500, 16)))
    assert result.pvalue == pytest.approx(2 * stats.norm.sf(abs(result.statistic)))
    # An isotropic spectrum: tr S^4 / (tr S^2)^2 is a little above 1/16.
    assert result.statistic == pytest.approx((np.log(result.ratio) + 2.5 / 500) / np.sqrt((2 + 4 / 16) / 500), rel=0.02)


def test_scale_offset_and_dtype_do_not_matter():
    cloud = np.random.default_rng(3).standard_normal((400, 12))
    expected = spectrum_norm_test(cloud)
    moved = spectrum_norm_test(cloud * np.logspace(-3, 3, 12) + 1e3)
    assert moved.statistic == pytest.approx(expected.statistic, rel=1e-6)
    single = spectrum_norm_test(cloud.astype(np.float32))
    assert single.statistic == pytest.approx(expected.statistic, abs=1e-4)


def test_constant_columns_are_left_out():
    cloud = np.random.default_rng(4).standard_normal((100, 5))
    padded = np.column_stack([cloud, np.full(100, 3.0), np.zeros(100)])
    assert spectrum_norm_test(padded).statistic == pytest.approx(spectrum_norm_test(cloud).statistic)
    assert np.isnan(spectrum_norm_test(np.ones((20, 3))).pvalue)


def shared_magnitudes(rng, n, d):
    cloud = rng.standard_normal((n, d))
    cloud[:, 1::2] = cloud[:, ::2] * rng.choice([-1, 1], size=(n, d // 2))
    return cloud


def sphere(rng, n, d):
    cloud = rng.standard_normal((n, d))
    return cloud / np.linalg.norm(cloud, axis=1, keepdims=True)


def t_copula(rng, n, d):
    shared = rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(30, size=(n, 1)) / 30)
    return stats.norm.ppf(stats.t(30).cdf(shared))


@pytest.mark.parametrize(
    ("cloud", "sign"), [(sphere, -1), (t_copula, 1), (shared_magnitudes, 1)], ids=lambda c: getattr(c, "__name__", c)
)
def test_power_is_one(cloud, sign):
    """Table of the design at n = 1000, d = 64: every one of 20 clouds is found at 1 %, with the right sign."""
    rng = np.random.default_rng(5)
    results = [spectrum_norm_test(cloud(rng, 1000, 64)) for _ in range(20)]
    assert all(result.pvalue < 0.01 for result in results)
    assert all(np.sign(result.statistic) == sign for result in results)


def test_an_exact_shell_has_pvalue_zero_without_a_warning():
    # Antipodal unit axes: after centring every row has exactly the same norm.
    result = spectrum_norm_test(np.concatenate([np.eye(8), -np.eye(8)]))
    assert (result.ratio, result.pvalue) == (pytest.approx(0.0, abs=1e-20), pytest.approx(0.0, abs=1e-20))


def test_too_few_rows():
    with pytest.raises(InputError, match="embeddings must have at least 8 rows, got 7"):
        spectrum_norm_test(np.zeros((7, 2)))
