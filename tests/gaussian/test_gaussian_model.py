"""The model: scikit-learn's rules, scipy's numbers, closed forms beside Monte Carlo."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.covariance import EmpiricalCovariance
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian import GaussianModel, RadiusLaw


def rows_of(n, d, seed=0, mix=None):
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).standard_normal((d, d)) if mix is None else mix
    return rng.standard_normal((n, d)) @ mix + 2.0


def given_model(d=5, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((d, d))
    return GaussianModel.from_parameters(rng.standard_normal(d), a @ a.T + 0.2 * np.eye(d))


@pytest.mark.parametrize("covariance", ["ledoit_wolf", "empirical", "oas", "shrunk"])
def test_scikit_learns_rules(covariance):
    results = check_estimator(GaussianModel(covariance), on_fail=None, on_skip=None)
    assert len(results) > 30
    failed = [(result["check_name"], result["exception"]) for result in results if result["status"] == "failed"]
    assert not failed


@pytest.mark.parametrize("covariance", ["ledoit_wolf", "empirical", "oas", "shrunk", "low_rank"])
def test_log_density_is_scipys(covariance):
    rows, new = rows_of(300, 6), rows_of(50, 6, seed=1)
    model = GaussianModel(covariance, n_components=2).fit(rows)
    law = stats.multivariate_normal(model.location_, model.covariance_)
    assert np.allclose(model.score_samples(new), law.logpdf(new), rtol=1e-9, atol=1e-9)
    assert model.score(new) == pytest.approx(law.logpdf(new).mean(), rel=1e-9)
    assert np.allclose(model.bits_per_dimension(new), -law.logpdf(new) / np.log(2) / 6, rtol=1e-9)
    assert model.entropy() == pytest.approx(law.entropy(), rel=1e-9)


def test_distances_are_scikit_learns_and_pvalues_chi_squares():
    rows, new = rows_of(300, 6), rows_of(50, 6, seed=1)
    model, theirs = GaussianModel("empirical").fit(rows), EmpiricalCovariance().fit(rows)
    m2 = model.mahalanobis(new)
    assert np.allclose(m2, theirs.mahalanobis(new), rtol=1e-9)
    assert np.allclose(model.precision_, theirs.precision_, rtol=1e-9)
    assert np.allclose(model.pvalues(new), stats.chi2.sf(m2, 6), rtol=1e-9)
    radius = stats.chi(6)
    assert np.allclose(model.typicality(new), (np.sqrt(m2) - radius.mean()) / radius.std(), rtol=1e-8, atol=1e-8)
    assert np.allclose(model.components_ @ model.components_.T, np.eye(6))
    assert np.allclose(model.covariance_ @ model.precision_, np.eye(6))


@pytest.mark.parametrize("d", [1, 50, 19_000, 21_000])
def test_typicality_in_high_dimension(d):
    # The mean and spread of the radius come from a difference that loses its digits at large d.
    model = GaussianModel.from_parameters([0.0], [[1.0]])
    model._law, radius = RadiusLaw.gaussian(d), stats.norm(np.sqrt(d - 0.5), np.sqrt(0.5))
    exact = stats.chi(1) if d == 1 else radius
    assert model.typicality([[np.sqrt(d)]])[0] == pytest.approx((np.sqrt(d) - exact.mean()) / exact.std(), abs=0.02)


@settings(max_examples=25, deadline=None)
@given(
    covariance=st.sampled_from(["ledoit_wolf", "empirical", "oas", "shrunk"]),
    cuts=st.lists(st.integers(1, 199), max_size=4, unique=True),
    merged=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_parts_are_the_whole(covariance, cuts, merged, seed):
    rows = rows_of(200, 5, seed)
    whole = GaussianModel(covariance).fit(rows)
    parts = np.split(rows, sorted(cuts))
    model = GaussianModel(covariance).partial_fit(parts[0])
    for part in parts[1:]:
        if merged:
            model.merge(GaussianModel(covariance).partial_fit(part))
        else:
            model.partial_fit(part)
    assert model.n_samples_seen_ == 200
    for name in ("location_", "covariance_", "shrinkage_"):
        mine, its = getattr(model, name), getattr(whole, name)
        assert (mine is None and its is None) or np.allclose(mine, its, rtol=1e-10, atol=1e-10)
    assert np.allclose(model.score_samples(rows), whole.score_samples(rows), rtol=1e-10, atol=1e-9)


def test_float32_rows_to_their_tolerance():
    rows = rows_of(3000, 40)
    exact = GaussianModel().fit(rows)
    single = GaussianModel().fit(rows.astype(np.float32))
    parts = GaussianModel().partial_fit(rows[:1111].astype(np.float32)).partial_fit(rows[1111:].astype(np.float32))
    scale = np.abs(exact.covariance_).max()
    for model in (single, parts):
        assert np.abs(model.covariance_ - exact.covariance_).max() < 2e-6 * scale
        difference = model.score_samples(rows.astype(np.float32)) - exact.score_samples(rows)
        assert np.abs(difference).max() < 1e-3 * exact.score_samples(rows).std()
    assert np.abs(single.score_samples(rows[:5]) - exact.score_samples(rows[:5])).max() < 1e-3


def test_rows_far_from_zero_and_ill_conditioned_in_float32():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((2000, 6)) * [1e3, 1, 1, 1, 1, 1e-3] + 1e3).astype(np.float32)
    single = GaussianModel("empirical").fit(rows)
    double = GaussianModel("empirical").fit(rows.astype(np.float64))
    assert np.allclose(single.mahalanobis(rows), double.mahalanobis(rows.astype(np.float64)), rtol=1e-4)
    huge = np.full((1, 6), 1e30, np.float32)
    assert single.mahalanobis(huge)[0] == pytest.approx(double.mahalanobis(huge.astype(np.float64))[0], rel=1e-3)


def test_partial_fit_is_lazy_and_tells_once():
    rows = rows_of(4, 8)
    model = GaussianModel().partial_fit(rows[:1])
    assert model.n_samples_seen_ == 1
    with pytest.raises(InputError, match="n_samples = 1"):
        model.location_  # noqa: B018
    model.partial_fit(rows[1:])
    with pytest.warns(UserWarning, match="4 rows cannot fill"):
        model.score_samples(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.score_samples(rows)
        assert model.rank_ == 8
    assert GaussianModel().fit(rows_of(50, 3)).fit(rows_of(60, 2)).n_samples_seen_ == 60


def test_bad_rows_are_told():
    rows = rows_of(40, 4)
    model = GaussianModel().fit(rows)
    bad = rows.copy()
    bad[7, 1] = np.nan
    for call, words in [
        (lambda: GaussianModel().fit(rows[:1]), "at least 2 rows, got n_samples = 1"),
        (lambda: GaussianModel().fit(bad), r"NaN or infinity in 1 rows \(first: row 7\)"),
        (lambda: model.partial_fit(bad), "NaN or infinity"),
        (lambda: model.score_samples(bad), "NaN or infinity in 1 of 40 rows"),
        (lambda: model.score_samples(rows[:, :3]), "X has 3 features, but GaussianModel is expecting 4.*; give"),
        (lambda: model.partial_fit(rows[:, :3]), "expecting 4 features"),
        (lambda: model.score_samples(rows[0]), r"must have shape \(n_samples, n_features\)"),
        (lambda: GaussianModel().fit(rows[None]), "dim 3"),
        (lambda: GaussianModel().fit([["a", "b"]]), "array of numbers"),
        (lambda: model.sample(0), "n_samples must be a whole number of at least 1, got 0"),
        (lambda: model.merge(GaussianModel("oas").fit(rows)), "must have the same covariance"),
        (lambda: model.merge(GaussianModel().fit(rows[:, :2])), "same number of features"),
        (lambda: model.merge(model), "these very ones"),
        (lambda: given_model().partial_fit(rows_of(9, 5)), "made from parameters"),
        (lambda: model.merge(GaussianModel.from_parameters([0.0], [[1.0]])), "same covariance"),
    ]:
        with pytest.raises(InputError, match=words):
            call()
    assert model.n_samples_seen_ == 40
    assert np.allclose(model.location_, rows.mean(axis=0))
    with pytest.raises(InputTypeError, match="GaussianModel, got ndarray"):
        model.merge(rows)
    for name in ("mahalanobis", "score_samples", "typicality"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(GaussianModel(), name)(rows)
    assert not hasattr(GaussianModel(), "location_")
    with pytest.raises(NotFittedError):
        GaussianModel().merge(model)


def test_given_parameters():
    for mean, matrix, words in [
        ([0.0, 0.0], np.eye(3), "one of each"),
        ([0.0, np.nan], np.eye(2), "finite"),
        ([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]], "symmetric"),
        ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], "positive semi-definite"),
        ([0.0, 0.0], np.zeros((2, 2)), "positive variance"),
    ]:
        with pytest.raises(InputError, match=words):
            GaussianModel.from_parameters(mean, matrix)
    model = GaussianModel.from_parameters([1.0, 2.0], [[1.0, 2.0], [2.0, 4.0]], n_samples=30)
    assert (model.rank_, model.n_samples_seen_, model.degenerate_[0]["kind"]) == (1, 30, "duplicate")
    law = stats.multivariate_normal([1, 2], [[1, 2], [2, 4]], allow_singular=True)
    points = np.array([[2.0, 4.0], [2.0, 4.1]])
    assert np.allclose(model.score_samples(points), law.logpdf(points))


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows_of(40, 3), columns=["a", "b", "c"])
    model = GaussianModel().fit(frame)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert list(model.conditional([1], [2.0]).feature_names_in_) == ["a", "c"]
    with pytest.raises(InputError, match="feature names"):
        model.score_samples(frame[["b", "a", "c"]])


def test_a_copy_and_a_pickle():
    model = GaussianModel("shrunk", shrinkage=0.3).fit(rows_of(40, 3))
    assert clone(model).get_params() == model.get_params()
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.score_samples(rows_of(5, 3)), model.score_samples(rows_of(5, 3)))


def test_samples_have_the_law():
    model = given_model()
    rows = model.sample(200_000, random_state=1)
    assert np.allclose(rows.mean(axis=0), model.location_, atol=0.03)
    assert np.allclose(np.cov(rows.T), model.covariance_, atol=0.15)
    assert np.array_equal(model.sample(3, random_state=1), model.sample(3, random_state=1))
    assert np.array_equal(model.sample(3, np.random.RandomState(0)), model.sample(3, np.random.RandomState(0)))
    assert stats.kstest(model.pvalues(rows[:5000]), "uniform").pvalue > 1e-3


def test_entropy_and_divergence_beside_monte_carlo():
    here, there = given_model(seed=0), given_model(seed=1)
    rows = here.sample(200_000, random_state=0)
    mine = here.score_samples(rows)
    error = 5 * mine.std() / np.sqrt(len(rows))
    assert here.entropy() == pytest.approx(-mine.mean(), abs=error)
    gain = mine - there.score_samples(rows)
    assert here.kl_divergence(there) == pytest.approx(gain.mean(), abs=5 * gain.std() / np.sqrt(len(rows)))
    assert here.kl_divergence(here) == pytest.approx(0, abs=1e-10)
    assert here.frechet_distance(here) == pytest.approx(0, abs=1e-5)
    shifted = GaussianModel.from_parameters(here.location_ + 3.0, here.covariance_)
    assert here.frechet_distance(shifted) == pytest.approx(3 * np.sqrt(5), rel=1e-9)
    with pytest.raises(InputError, match="must have 5 features"):
        here.kl_divergence(GaussianModel.from_parameters([0.0], [[1.0]]))
    with pytest.raises(InputTypeError, match="got int"):
        here.frechet_distance(3)


def test_an_impossible_model_is_infinitely_far():
    flat = GaussianModel.from_parameters([0.0, 0.0], np.diag([1.0, 0.0]))
    assert given_model(2).kl_divergence(flat) == np.inf


@pytest.mark.parametrize("known", [[0], [4, 1], [0, 1, 2, 3]])
def test_conditionals(known):
    model = given_model()
    rest = [j for j in range(5) if j not in known]
    values = model.location_[known] + 0.5
    conditional, marginal = model.conditional(known, values), model.marginal(known)
    rows = np.empty((20, 5))
    rows[:, known] = values
    rows[:, rest] = np.random.default_rng(0).standard_normal((20, len(rest)))
    joint = model.score_samples(rows)
    assert np.allclose(
        conditional.score_samples(rows[:, rest]) + marginal.score_samples(rows[:, known]), joint, rtol=1e-9
    )
    with pytest.raises(InputError, match="made from parameters"):
        conditional.partial_fit(rows[:, rest])


def test_conditionals_of_singular_models():
    copies = GaussianModel.from_parameters([1.0, 2.0, 0.0], [[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.5, 1.0, 1.0]])
    after = copies.conditional([0], [2.0])
    assert np.allclose(after.location_, [4.0, 0.5])
    assert np.allclose(after.covariance_, [[0.0, 0.0], [0.0, 0.75]], atol=1e-12)
    assert after.degenerate_[0]["kind"] == "constant"
    both = copies.conditional([0, 1], [2.0, 4.0])
    assert np.allclose([both.location_[0], both.covariance_[0, 0]], [0.5, 0.75])
    with pytest.raises(InputError, match="off its support"):
        copies.conditional([0, 1], [2.0, 5.0])
    flat = GaussianModel.from_parameters([3.0, 0.0], np.diag([0.0, 1.0]))
    assert np.allclose(flat.conditional([0], [3.0]).covariance_, [[1.0]])
    with pytest.raises(InputError, match="off its support"):
        flat.conditional([0], [3.5])


def test_bad_columns_are_told():
    model = given_model()
    for call, words in [
        (lambda: model.marginal([5]), "from 0 to 4"),
        (lambda: model.marginal([1, 1]), "different numbers"),
        (lambda: model.marginal([]), "whole numbers"),
        (lambda: model.marginal([0.5]), "whole numbers"),
        (lambda: model.conditional([0], [1.0, 2.0]), "1 finite numbers"),
        (lambda: model.conditional([0], [np.inf]), "finite"),
        (lambda: model.conditional(range(5), np.zeros(5)), "leave a column open"),
    ]:
        with pytest.raises(InputError, match=words):
            call()


@pytest.mark.parametrize("radius", ["scaled", "gamma"])
def test_elliptical_models(radius):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((6000, 8)) / np.sqrt(rng.gamma(4, 1 / 4, (6000, 1)))
    model = GaussianModel(radius=radius).fit(rows[:3000])
    with pytest.raises(InputError, match="call calibrate"):
        model.score_samples(rows)
    model.calibrate(rows[3000:])
    plain = GaussianModel().fit(rows[:3000]).calibrate(rows[3000:])
    assert plain.calibration_["verdict"] == "heavier tails"
    assert model.score(rows[3000:]) > plain.score(rows[3000:])
    drawn = model.sample(100_000, random_state=0)
    scores = model.score_samples(drawn)
    assert model.entropy() == pytest.approx(-scores.mean(), abs=5 * scores.std() / np.sqrt(len(scores)))
    assert stats.kstest(model.pvalues(drawn[:5000]), "uniform").pvalue > 1e-3
    typical = model.typicality(drawn)
    assert (typical.mean(), typical.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    for closed in (
        lambda: model.kl_divergence(plain),
        lambda: plain.frechet_distance(model),
        lambda: model.marginal([0]),
    ):
        with pytest.raises(InputError, match="must be 'gaussian'"):
            closed()
    model.partial_fit(rows)
    assert model.calibration_ is None


def test_calibrated_rows_and_refits():
    rows = rows_of(6000, 10)
    model = GaussianModel("empirical").fit(rows[:3000]).calibrate(rows[3000:])
    assert model.calibration_["verdict"] == "calibrated"
    assert model.fit(rows).calibration_ is None


def test_a_memory_map_is_streamed(tmp_path):
    rows = rows_of(500, 6).astype(np.float16)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    model = GaussianModel().fit(mapped)
    assert np.allclose(model.location_, rows.mean(axis=0, dtype=np.float64), rtol=1e-6)
    assert np.allclose(model.score_samples(mapped), model.score_samples(rows.astype(np.float64)), atol=1e-2)
