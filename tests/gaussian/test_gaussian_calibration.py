"""The verdict on a Gaussian's distances: how often it accuses Gaussian rows, what it finds, how it says it."""

import json
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.gaussian.calibration import LEVEL, VERDICTS, calibrate, in_sample_pit, pit


def distances(rows, mean, covariance):
    centred = rows - mean
    return np.einsum("ij,ij->i", centred, np.linalg.solve(covariance, centred.T).T)


def fitted(rows):
    return rows.mean(axis=0), np.atleast_2d(np.cov(rows.T, bias=True))


def held_out(draw, n_fitted, n, held=None):
    """Distances of n new rows by the mean and covariance of n_fitted others."""
    return distances((held or draw)(n), *fitted(draw(n_fitted)))


def gaussian(rng, r):
    return lambda n: rng.standard_normal((n, r))


def student(rng, r, df):
    return lambda n: rng.standard_normal((n, r)) / np.sqrt(rng.chisquare(df, (n, 1)) / df)


def mixture(rng, r):
    return lambda n: rng.standard_normal((n, r)) * np.where(rng.random((n, 1)) < 0.1, 2.0, 1.0)


def verdicts(make, repeats):
    return Counter(calibrate(*make())["verdict"] for _ in range(repeats))


# Most accusations among so many that one rate of LEVEL explains (99.9 %).
def most(repeats):
    return stats.binom.ppf(0.999, repeats, LEVEL)


NULLS = [(1, None, 1000), (32, None, 1000), (1, 300, 1000), (8, 400, 1000), (32, 200, 1000), (32, 2000, 300)]


def accused(r, n_fitted, n, repeats):
    rng = np.random.default_rng([r, n_fitted or 0, n])
    if n_fitted is None:
        found = verdicts(lambda: (rng.chisquare(r, n), r), repeats)
    else:
        found = verdicts(lambda: (held_out(gaussian(rng, r), n_fitted, n), r, n_fitted), repeats)
    return repeats - found["calibrated"]


@pytest.mark.parametrize(("r", "n_fitted", "n"), NULLS)
def test_gaussian_rows_are_rarely_accused(r, n_fitted, n):
    assert accused(r, n_fitted, n, 60) <= most(60)


@pytest.mark.slow
@pytest.mark.parametrize(("r", "n_fitted", "n"), [*NULLS, (4, 500, 20_000), (128, 1000, 20_000)])
def test_gaussian_rows_are_rarely_accused_long(r, n_fitted, n):
    assert accused(r, n_fitted, n, 1000) <= most(1000)


@pytest.mark.parametrize("df", [5, 10])
@pytest.mark.parametrize("r", [8, 64])
def test_heavy_tails_are_found(df, r):
    rng = np.random.default_rng([df, r])
    found = verdicts(lambda: (held_out(student(rng, r, df), 2000, 1000), r, 2000), 20)
    assert found["heavier tails"] >= 19


def test_heavy_tails_in_two_dimensions_need_more_rows():
    rng = np.random.default_rng(0)
    found = verdicts(lambda: (held_out(student(rng, 2, 10), 5000, 5000), 2, 5000), 20)
    assert found["heavier tails"] >= 19


def test_mixtures_of_scales_are_found():
    rng = np.random.default_rng(0)
    found = verdicts(lambda: (held_out(mixture(rng, 16), 2000, 1000), 16, 2000), 20)
    assert found["heavier tails"] >= 19


def test_a_moved_mean_is_a_shift_and_not_a_tail():
    rng = np.random.default_rng(0)
    draw = gaussian(rng, 16)
    found = verdicts(lambda: (held_out(draw, 2000, 1000, lambda n: draw(n) + 0.5), 16, 2000), 20)
    assert found["shifted"] >= 19
    assert verdicts(lambda: (1.3 * rng.chisquare(16, 1000), 16), 20)["shifted"] >= 19
    assert verdicts(lambda: (0.8 * rng.chisquare(16, 1000), 16), 20)["shifted"] >= 19


def test_a_bounded_cloud_has_lighter_tails():
    rng = np.random.default_rng(0)
    found = verdicts(lambda: (held_out(lambda n: rng.uniform(-1, 1, (n, 8)), 2000, 1000), 8, 2000), 20)
    assert found["lighter tails"] >= 19


def test_a_few_wild_rows_are_found():
    rng = np.random.default_rng(0)
    m2 = rng.chisquare(8, 2000)
    m2[:12] *= 10
    assert calibrate(m2, 8)["verdict"] == "heavier tails"


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n", "d"), [(12, 5), (50, 3)])
def test_rows_of_the_fit_follow_the_beta_law(n, d, ddof):
    rng = np.random.default_rng(0)
    first = []
    for _ in range(1500):
        rows = rng.standard_normal((n, d))
        first.append(distances(rows[:1], rows.mean(axis=0), np.cov(rows.T, ddof=ddof))[0])
    assert stats.kstest(in_sample_pit(first, d, n, ddof=ddof), "uniform").pvalue > 1e-3
    assert stats.kstest(pit(first, d), "uniform").pvalue < 1e-3 or n > 12


def test_new_rows_follow_the_f_law():
    rng = np.random.default_rng(0)
    n, d = 20, 6
    m2 = [held_out(gaussian(rng, d), n, 1)[0] for _ in range(1500)]
    law = stats.f(d, n - d, scale=d * (n + 1) / (n - d))
    assert stats.kstest(m2, law.cdf).pvalue > 1e-3
    assert calibrate(rng.chisquare(d, 300), d, n)["mean"]["expected"] == pytest.approx(law.mean())


def test_numbers_are_what_they_say():
    m2 = np.random.default_rng(0).chisquare(8, 4000)
    result = calibrate(m2, 8)
    exact = stats.kstest(m2, stats.chi2(8).cdf)
    assert (result["ks_statistic"], result["ks_pvalue"]) == pytest.approx((exact.statistic, exact.pvalue), rel=1e-6)
    assert result["mean"] == {"observed": m2.mean(), "chi2": 8, "expected": pytest.approx(8)}
    assert result["variance"] == {"observed": m2.var(), "chi2": 16, "expected": pytest.approx(16)}
    bins = result["histogram"]
    assert len(bins["edges"]) == 21
    assert sum(bins["counts"]) == 4000
    np.testing.assert_allclose(bins["expected"], 200)
    assert set(bins["low"]) == {stats.binom.ppf(0.005, 4000, 0.05)}
    assert set(bins["high"]) == {stats.binom.ppf(0.995, 4000, 0.05)}
    np.testing.assert_allclose(pit(m2, 8), stats.chi2(8).cdf(m2), rtol=1e-12)
    shares = [(part["nominal"], part["observed"]) for part in result["beyond"]]
    assert shares == [(0.01, (m2 > stats.chi2(8).ppf(0.99)).mean()), (0.001, (m2 > stats.chi2(8).ppf(0.999)).mean())]
    assert json.loads(json.dumps(result)) == result
    assert result["verdict"] in VERDICTS


def test_few_rows_are_inconclusive_unless_they_shout():
    rng = np.random.default_rng(0)
    quiet = calibrate(rng.chisquare(8, 50), 8)
    assert quiet["verdict"] == "inconclusive"
    assert "50 held-out rows are too few to tell" in quiet["sentence"]
    assert calibrate(5 * rng.chisquare(8, 50), 8)["verdict"] == "shifted"
    assert calibrate(np.zeros(50), 8)["verdict"] == "shifted"


@pytest.mark.parametrize(
    ("n_fitted", "words"),
    [
        (1800, "Give at least 200, such as by holdout=0.15."),  # of 1,850 rows
        (500, "Give at least 200, such as by holdout=0.45."),
        (300, "Give at least 200."),  # the larger part of the rows would be held out
        (None, "Give at least 200."),
    ],
)
def test_few_held_out_rows_of_many_ask_for_a_larger_share(n_fitted, words):
    quiet = calibrate(np.random.default_rng(0).chisquare(8, 50), 8, n_fitted)
    assert quiet["verdict"] == "inconclusive"
    assert words in quiet["sentence"]


def test_sentences_say_what_to_do():
    rng = np.random.default_rng(1)
    heavy = calibrate(rng.chisquare(8, 5000) / rng.gamma(4, 1 / 4, 5000), 8)["sentence"]
    assert heavy.startswith("The data have heavier tails than the model: ")
    assert "radius='gamma'" in heavy
    assert (
        "farther from the model's mean than it says, at 1.29 times"
        in calibrate(1.3 * rng.chisquare(9, 5000), 9)["sentence"]
    )
    assert "nearer to the model's mean" in calibrate(0.5 * rng.chisquare(9, 5000), 9)["sentence"]
    light = calibrate(8 + rng.uniform(-1, 1, 5000), 8)
    assert light["sentence"].startswith("The data have lighter tails")


def test_few_fitted_rows_are_allowed_for_and_told():
    rng = np.random.default_rng(0)
    m2 = held_out(gaussian(rng, 20), 60, 500)
    result = calibrate(m2, 20, 60)
    assert result["verdict"] == "calibrated"
    assert result["inflation"] == pytest.approx(61 / 38, rel=1e-6)
    assert "With 3 fitted rows a dimension even Gaussian rows lie at 1.61 times" in result["sentence"]
    assert calibrate(m2, 20)["verdict"] in ("shifted", "heavier tails")
    assert result["reference"] == "F with 20 and 40 degrees: 60 fitted rows"


def test_shrunk_and_hardly_fitted_covariances_are_held_against_chi_square():
    m2 = np.random.default_rng(0).chisquare(20, 500)
    assert calibrate(m2, 20, 60, shrunk=True)["verdict"] == "calibrated"
    assert calibrate(m2, 20, 60, shrunk=True)["inflation"] == pytest.approx(1)
    assert calibrate(m2, 20, 24)["inflation"] == pytest.approx(1)


def test_bad_input_is_told():
    for call, message in (
        (lambda: calibrate([], 2), "at least 1 values"),
        (lambda: calibrate([1.0, np.inf], 2), "outside the span"),
        (lambda: calibrate([1.0, np.nan], 2), "NaN"),
        (lambda: calibrate([1.0], 0), "r must be a whole number"),
        (lambda: calibrate([1.0], 2, 0), "n_fitted must be at least 1"),
        (lambda: pit([-1.0], 2), "negative"),
        (lambda: in_sample_pit([1.0], 4, 5), "n_fitted must be above r \\+ 1 = 5"),
        (lambda: in_sample_pit([1.0], 4, 9, ddof=2), "ddof must be 0 or 1"),
    ):
        with pytest.raises(InputError, match=message):
            call()
