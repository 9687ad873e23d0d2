"""Covariances beside scikit-learn's, and what is degenerate."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sklearn.decomposition import FactorAnalysis

from thinshell.errors import InputError
from thinshell.gaussian import COVARIANCES, CovarianceSums, GaussianModel, estimate_covariance

THEIRS = {
    "empirical": EmpiricalCovariance(),
    "ledoit_wolf": LedoitWolf(),
    "oas": OAS(),
    "shrunk": ShrunkCovariance(shrinkage=0.3),
}


def rows_of(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 5.0


def estimated(rows, method, **options):
    return estimate_covariance(CovarianceSums().add(rows), method, **options)


@pytest.mark.parametrize("method", THEIRS)
@pytest.mark.parametrize(("n", "d"), [(200, 7), (30, 20), (500, 1), (12, 30), (2, 4)])
def test_equal_to_scikit_learn(method, n, d):
    rows = rows_of(n, d)
    theirs = THEIRS[method].fit(rows)
    ours = estimated(rows, method, shrinkage=0.3)
    assert np.allclose(ours.matrix(), theirs.covariance_, rtol=1e-9, atol=1e-9 * np.abs(theirs.covariance_).max())
    if hasattr(theirs, "shrinkage_"):
        assert ours.shrinkage == pytest.approx(theirs.shrinkage_, rel=1e-9, abs=1e-12)
    if n > d:
        assert np.allclose(ours.precision(), theirs.precision_, rtol=1e-7, atol=1e-9 * np.abs(theirs.precision_).max())
        assert not ours.degenerate


def test_heavy_tails_need_the_fourth_moment():
    rows = np.random.default_rng(0).standard_t(3, (300, 10)) * np.arange(1, 11)
    assert estimated(rows, "ledoit_wolf").shrinkage == pytest.approx(LedoitWolf().fit(rows).shrinkage_, rel=1e-9)


@pytest.mark.parametrize(("d", "k"), [(8, 2), (12, 4)])
def test_low_rank_is_factor_analysis(d, k):
    rng = np.random.default_rng(d)
    rows = rng.standard_normal((2000, k)) @ rng.standard_normal((k, d)) + rng.standard_normal((2000, d)) + 3.0
    theirs = FactorAnalysis(k, tol=1e-12, max_iter=20_000, svd_method="lapack").fit(rows)
    model = GaussianModel("low_rank", n_components=k).fit(rows)
    assert model.score(rows) == pytest.approx(theirs.score(rows), abs=1e-6)
    assert model.score(rows) >= theirs.score(rows) - 1e-9
    assert np.allclose(model.covariance_, theirs.get_covariance(), rtol=1e-3, atol=1e-3)
    assert np.allclose(model.score_samples(rows), theirs.score_samples(rows), atol=1e-3)


def test_low_rank_scores_by_woodbury_as_by_its_matrix():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((400, 2)) @ rng.standard_normal((2, 16)) + rng.standard_normal((400, 16)) + 5.0
    model = GaussianModel("low_rank", n_components=2).fit(rows)
    assert model._ready().woodbury() is not None
    law = multivariate_normal(model.location_, model.covariance_)
    assert np.allclose(model.score_samples(rows), law.logpdf(rows), rtol=1e-9, atol=1e-9)
    assert np.allclose(model.score_samples(rows.astype(np.float32)), law.logpdf(rows), atol=1e-2)


@pytest.mark.parametrize("method", COVARIANCES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_degenerate_columns_are_named_and_left_out(method, dtype):
    free = rows_of(300, 5)
    rows = np.column_stack(
        [free[:, 0], np.full(300, 0.1), free[:, 1:], -2 * free[:, 0] + 1, free[:, 1] + free[:, 2], free[:, 3]]
    ).astype(dtype)
    with pytest.warns(UserWarning, match="constant.*copy of column 0") as told:
        model = GaussianModel(method, n_components=2).fit(rows)
    assert len(told) == 1
    assert str(told[0].message).endswith("And 1 more, see degenerate_.")
    assert [(entry["kind"], entry["columns"]) for entry in model.degenerate_] == [
        ("constant", [1]),
        ("duplicate", [0, 6]),
        ("dependent", [2, 3, 7]),
        ("duplicate", [4, 8]),
    ]
    texts = " ".join(entry["text"] for entry in model.degenerate_)
    for words in ("Column 1 is constant", "x6 = -2 x0 + 1", "x7 = x2 + x3", "x8 = x4"):
        assert words in texts
    assert model.rank_ == 5
    assert model.covariance_.shape == (9, 9)
    # The law of the five that are free is what it is without the others' help.
    assert np.linalg.matrix_rank(model.covariance_, tol=1e-6 * model.eigenvalues_[0]) == 5
    assert np.isfinite(model.score_samples(rows)).all()
    broken = np.repeat(rows[:1], 4, axis=0)
    broken[0, 1] += 0.1
    broken[1, 6] += 0.1
    broken[2, 7] += 0.1
    broken[3, 8] += 0.1
    assert (model.score_samples(broken) == -np.inf).all()
    assert (model.mahalanobis(broken) == np.inf).all()
    assert (model.pvalues(broken) == 0).all()
    assert (model.typicality(broken) == np.inf).all()


def test_empirical_with_dependences_is_scipys_singular_normal():
    free = rows_of(100, 3)
    rows = np.column_stack([free, free[:, 0] - free[:, 1], np.full(100, 2.0)])
    with pytest.warns(UserWarning, match="linear function"):
        model = GaussianModel("empirical").fit(rows)
    law = multivariate_normal(rows.mean(axis=0), np.cov(rows.T, bias=True), allow_singular=True)
    off = rows[:3] + np.array([0, 0, 0, 0.1, 0])
    assert np.allclose(model.score_samples(rows), law.logpdf(rows), rtol=1e-9, atol=1e-9)
    assert (model.score_samples(off) == law.logpdf(off)).all()
    assert (model.score_samples(off) == -np.inf).all()


def test_a_dependence_under_noise_is_none():
    # A thousandth of a standard deviation: float32 products cannot see it, so fit goes through the rows again.
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4000, 3)).astype(np.float32)
    rows[:, 2] = rows[:, 0] + 1e-4 * rng.standard_normal(4000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = GaussianModel("empirical").fit(rows)
        assert model.rank_ == 3
        exact = GaussianModel("empirical").fit(rows.astype(np.float64))
    assert np.allclose(model.eigenvalues_, exact.eigenvalues_, rtol=1e-9)
    assert np.allclose(model.mahalanobis(rows), exact.mahalanobis(rows.astype(np.float64)), rtol=1e-6, atol=1e-6)
    streamed = GaussianModel("empirical").partial_fit(rows)
    with pytest.warns(UserWarning, match="float32"):
        assert streamed.rank_ == 2


def test_a_factor_without_noise_of_its_own():
    # Heywood case: the likelihood climbs as the noise of a column goes to 0.
    rows = rows_of(400, 16)
    model = GaussianModel("low_rank", n_components=2).fit(rows)
    assert model._ready().woodbury() is None
    law = multivariate_normal(model.location_, model.covariance_)
    assert np.allclose(model.score_samples(rows), law.logpdf(rows), atol=1e-6)


def test_columns_of_very_different_units():
    rows = np.random.default_rng(0).standard_normal((500, 4)) * [1e6, 1.0, 1e-3, 1e-6]
    rows[:, 2] += 1e-9 * rows[:, 0]
    model = GaussianModel("empirical").fit(rows)
    units = np.array([1e6, 1.0, 1e-3, 1e-6])
    law = multivariate_normal((rows / units).mean(axis=0), np.cov((rows / units).T, bias=True))
    assert np.allclose(model.score_samples(rows), law.logpdf(rows / units) - np.log(units).sum(), rtol=1e-6)


@pytest.mark.parametrize("method", COVARIANCES)
def test_fewer_rows_than_columns(method):
    rows = rows_of(10, 25)
    with pytest.warns(UserWarning, match="10 rows cannot fill 25 directions"):
        model = GaussianModel(method, n_components=2).fit(rows)
    assert [entry["kind"] for entry in model.degenerate_] == ["few_rows"]
    new = rows_of(3, 25, seed=1)
    if method == "empirical":
        assert model.rank_ == 9
        law = multivariate_normal(rows.mean(axis=0), np.cov(rows.T, bias=True), allow_singular=True)
        assert np.allclose(model.score_samples(rows), law.logpdf(rows), rtol=1e-9)
        assert (model.score_samples(new) == -np.inf).all()
    else:
        assert model.rank_ == 25
        assert np.isfinite(model.score_samples(new)).all()
        assert "made up the other 16" in model.degenerate_[0]["text"]
    if method not in ("empirical", "low_rank"):
        assert f"shrinkage {model.shrinkage_:.3g}" in model.degenerate_[0]["text"]


@pytest.mark.parametrize("method", ["empirical", "ledoit_wolf", "oas"])
def test_two_rows(method):
    rows = np.array([[0.0, 1.0, 5.0], [2.0, 1.0, 1.0]])
    with pytest.warns(UserWarning, match="constant.* 2 rows cannot fill 2 directions"):
        model = GaussianModel(method).fit(rows)
    assert [entry["kind"] for entry in model.degenerate_] == ["constant", "few_rows"]
    # All that two rows say is one direction; the Ledoit-Wolf intensity of two rows is 0.
    assert model.rank_ == (2 if method == "oas" else 1)
    assert np.allclose(model.mahalanobis(rows)[0], model.mahalanobis(rows)[1])


def test_copies_among_few_rows_are_found():
    rows = rows_of(6, 10)
    rows[:, 7] = 3 * rows[:, 2]
    with pytest.warns(UserWarning, match="x7 = 3 x2"):
        model = GaussianModel().fit(rows)
    assert model.rank_ == 9


def test_bad_choices_are_told():
    rows = rows_of(20, 4)
    for options, words in [
        ({"covariance": "ledoit"}, "did you mean 'ledoit_wolf'"),
        ({"covariance": "shrunk", "shrinkage": 0}, "above 0 and at most 1, got 0"),
        ({"covariance": "shrunk", "shrinkage": -0.1}, "above 0"),
        ({"shrinkage": 1.01}, "at most 1, got 1.01"),
        ({"shrinkage": "much"}, "got 'much'"),
        ({"covariance": "low_rank"}, "got None; give the number of factors"),
        ({"covariance": "low_rank", "n_components": 4}, "from 1 to 3"),
        ({"covariance": "low_rank", "n_components": 0}, "got 0"),
        ({"covariance": "low_rank", "n_components": True}, "got True"),
        ({"radius": "gama"}, "did you mean 'gamma'"),
    ]:
        with pytest.raises(InputError, match=words):
            GaussianModel(**options).fit(rows)
    with pytest.raises(InputError, match="below the number of rows, got 3 for 3 rows"):
        GaussianModel("low_rank", n_components=3).fit(rows[:3])
    with pytest.raises(InputError, match="n_features = 1"):
        GaussianModel("low_rank", n_components=1).fit(rows[:, :1])
    with pytest.raises(InputError, match="column that varies, got 4 constant"):
        GaussianModel().fit(np.ones((5, 4)))


def test_wholly_shrunk_is_round():
    model = GaussianModel("shrunk", shrinkage=1.0).fit(rows_of(50, 3))
    assert np.allclose(model.covariance_, model.eigenvalues_[0] * np.eye(3))
