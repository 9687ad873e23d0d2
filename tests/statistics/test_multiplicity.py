import gc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics import benjamini_hochberg, cauchy_combination, holm

PVALUES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def multitest():
    module = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    gc.freeze()  # it collects garbage at each call, which takes long in a process that holds all tests
    return module


@settings(deadline=None, max_examples=60)
@given(pvalues=PVALUES)
def test_adjustments_are_those_of_statsmodels(multitest, pvalues):
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        truth = multitest.multipletests(pvalues, method=method)[1]
        np.testing.assert_allclose(ours(pvalues), truth, rtol=1e-12, atol=1e-15)


@settings(deadline=None, max_examples=60)
@given(PVALUES)
def test_adjusted_values_keep_order_and_bounds(pvalues):
    raw = np.array(pvalues)
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(raw)
        assert (adjusted >= raw * (1 - 1e-12)).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(raw) <= holm(raw) + 1e-15).all()


def test_nan_is_left_out_and_stays():
    with_nan = np.array([0.01, np.nan, 0.04, 0.03])
    for adjust in (holm, benjamini_hochberg):
        found = adjust(with_nan)
        assert np.isnan(found[1])
        np.testing.assert_array_equal(found[[0, 2, 3]], adjust(with_nan[[0, 2, 3]]))
    assert cauchy_combination(with_nan) == cauchy_combination(with_nan[[0, 2, 3]])
    assert np.isnan(cauchy_combination([np.nan, np.nan]))


def cauchy_by_mpmath(pvalues, weights):
    with mpmath.workdps(400):
        total = mpmath.fsum(mpmath.mpf(w) for w in weights)
        scores = [
            mpmath.mpf(w) / total * mpmath.tan((0.5 - mpmath.mpf(p)) * mpmath.pi)
            for p, w in zip(pvalues, weights, strict=True)
        ]
        return mpmath.mpf(0.5) - mpmath.atan(mpmath.fsum(scores)) / mpmath.pi


@pytest.mark.parametrize(
    "pvalues",
    [[0.5], [0.3, 0.7], [1e-300, 0.5], [1e-15, 1e-8, 0.999], [0.02, 1 - 1e-12], [1e-17, 1 - 1e-15], [1e-308] * 5],
)
def test_cauchy_keeps_its_digits(pvalues):
    for weights in ([1.0] * len(pvalues), np.arange(1.0, len(pvalues) + 1)):
        truth = cauchy_by_mpmath(pvalues, weights)
        assert cauchy_combination(pvalues, weights) == pytest.approx(float(truth), rel=1e-12)


def test_cauchy_at_the_ends():
    assert cauchy_combination([0.0, 0.9]) == 0.0
    assert cauchy_combination([1.0]) == 1.0
    # Liu et al. (2019): a p-value of 1 counts as 1 - 1/d.
    assert cauchy_combination([0.01, 1.0]) == cauchy_combination([0.01, 0.5])


def test_cauchy_holds_its_level_under_any_correlation():
    rng = np.random.default_rng(0)
    for rho in (0.0, 0.5, 0.99):
        shared = np.sqrt(rho) * rng.standard_normal((4000, 1)) + np.sqrt(1 - rho) * rng.standard_normal((4000, 20))
        normal = np.sort(rng.standard_normal(400_000))
        pvalues = 1 - np.searchsorted(normal, shared) / 400_001
        combined = np.array([cauchy_combination(row) for row in np.clip(pvalues, 1e-6, 1)])
        assert (combined < 0.01).mean() < 0.016, rho


@pytest.mark.parametrize("function", [holm, benjamini_hochberg, cauchy_combination])
def test_bad_pvalues(function):
    with pytest.raises(InputError, match=r"pvalues must lie in \[0, 1\] .* got 1.5"):
        function([0.1, 1.5])
    with pytest.raises(InputTypeError, match="pvalues must hold real numbers"):
        function(["a"])


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0], "weights must have the shape"),
        ([1, -1], "not negative"),
        ([0, 0], "not all zero"),
        ([1, np.inf], "finite"),
    ],
)
def test_bad_weights(weights, sentence):
    with pytest.raises(InputError, match=sentence):
        cauchy_combination([0.1, 0.2], weights)
