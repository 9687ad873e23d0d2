"""A Gaussian for each class, beside loops written from the papers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from thinshell.errors import InputError
from thinshell.gaussian import ClassConditionalGaussian, GaussianModel

MIX = np.random.default_rng(9).standard_normal((5, 5))


def labelled(n=400, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    centres = np.random.default_rng(8).standard_normal((n_classes, 5)) * 3
    return centres[labels] + rng.standard_normal((n, 5)) @ MIX, labels


ROWS, LABELS = labelled()
NEW = labelled(60, seed=1)[0]


def lee(rows, labels, new):
    """Class-conditional Mahalanobis distances as in Lee et al. (2018), Equations 1 and 2, row by row."""
    classes = np.unique(labels)
    means = [rows[labels == c].mean(axis=0) for c in classes]
    tied = sum(
        np.outer(row - mean, row - mean) for c, mean in zip(classes, means, strict=True) for row in rows[labels == c]
    ) / len(rows)
    inverse = np.linalg.inv(tied)
    return np.array([[(row - mean) @ inverse @ (row - mean) for mean in means] for row in new]), tied


@pytest.mark.parametrize("tied", [True, False])
def test_scikit_learns_rules(tied):
    results = check_estimator(ClassConditionalGaussian(tied=tied), on_fail=None, on_skip=None)
    assert not [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]


def test_distances_are_those_of_lee_et_al():
    naive, tied = lee(ROWS, LABELS, NEW)
    model = ClassConditionalGaussian("empirical").fit(ROWS, LABELS)
    assert np.allclose(model.covariance_, tied, rtol=1e-10)
    assert np.allclose(model.class_mahalanobis(NEW), naive, rtol=1e-9)
    assert np.allclose(model.mahalanobis(NEW), naive.min(axis=1), rtol=1e-9)
    centred = NEW - ROWS.mean(axis=0)
    whole = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(ROWS.T, bias=True)), centred)
    assert np.allclose(model.relative_mahalanobis(NEW), naive.min(axis=1) - whole, rtol=1e-8, atol=1e-8)


def test_distances_are_pytorch_oods():
    # pytorch-ood needs torchvision, so it is no dependency: these are what its 0.4.0 gave,
    # Mahalanobis(None).fit_features(rows, labels).predict_features(new). Its covariance is not divided by the number
    # of rows and its score is half of the smallest squared distance.
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=60)
    rows = (rng.standard_normal((60, 4)) + labels[:, None]).astype(np.float32)
    new = rng.standard_normal((5, 4)).astype(np.float32)
    theirs = np.array([0.11351664, 0.0107708, 0.03074603, 0.09511898, 0.01765341])
    distances = ClassConditionalGaussian("empirical").fit(rows, labels).mahalanobis(new)
    assert np.allclose(distances, 2 * 60 * theirs, rtol=1e-6)


def test_tied_shrinkage_is_that_of_the_centred_rows():
    means = np.array([ROWS[c == LABELS].mean(axis=0) for c in range(3)])
    theirs = LedoitWolf().fit(ROWS - means[LABELS])
    model = ClassConditionalGaussian().fit(ROWS, LABELS)
    assert np.allclose(model.covariance_, theirs.covariance_, rtol=1e-9)
    assert np.allclose(model.means_, means)
    assert np.allclose(model.priors_, np.bincount(LABELS) / len(LABELS))
    assert model.n_samples_seen_ == len(ROWS)


def test_own_covariances():
    model = ClassConditionalGaussian("empirical", tied=False).fit(ROWS, LABELS)
    laws = [
        multivariate_normal(ROWS[c == LABELS].mean(axis=0), np.cov(ROWS[c == LABELS].T, bias=True)) for c in range(3)
    ]
    joint = np.stack([law.logpdf(NEW) + np.log((c == LABELS).mean()) for c, law in enumerate(laws)], axis=1)
    assert np.allclose(model.score_samples(NEW), logsumexp(joint, axis=1), rtol=1e-9)
    assert (model.predict(NEW) == joint.argmax(axis=1)).all()
    assert np.allclose(model.predict_proba(NEW), np.exp(joint - logsumexp(joint, axis=1)[:, None]))
    assert model.covariance_.shape == (3, 5, 5)
    one = GaussianModel("empirical").fit(ROWS[LABELS == 1])
    assert np.allclose(model.class_mahalanobis(NEW)[:, 1], one.mahalanobis(NEW), rtol=1e-9)


def test_classes_are_those_of_discriminant_analysis():
    tied, own = (ClassConditionalGaussian("empirical", tied=tied).fit(ROWS, LABELS) for tied in (True, False))
    assert (tied.predict(NEW) == LinearDiscriminantAnalysis(solver="lsqr").fit(ROWS, LABELS).predict(NEW)).all()
    assert (own.predict(NEW) == QuadraticDiscriminantAnalysis().fit(ROWS, LABELS).predict(NEW)).mean() > 0.95
    law = multivariate_normal(np.zeros(5), tied.covariance_)
    joint = np.stack([law.logpdf(NEW - m) + np.log(p) for m, p in zip(tied.means_, tied.priors_, strict=True)], axis=1)
    assert np.allclose(tied.score_samples(NEW), logsumexp(joint, axis=1), rtol=1e-9)


@pytest.mark.parametrize("tied", [True, False])
def test_float32_and_names(tied):
    names = np.array(["cat", "dog", "eel"])[LABELS]
    exact = ClassConditionalGaussian(tied=tied).fit(ROWS, names)
    single = ClassConditionalGaussian(tied=tied).fit(ROWS.astype(np.float32), names)
    assert np.allclose(
        single.class_mahalanobis(NEW.astype(np.float32)), exact.class_mahalanobis(NEW), rtol=1e-3, atol=1e-3
    )
    assert set(exact.predict(NEW)) <= {"cat", "dog", "eel"}
    huge = np.full((1, 5), 1e30)
    assert np.allclose(single.mahalanobis(huge.astype(np.float32)), single.mahalanobis(huge), rtol=1e-3)
    assert exact.class_mahalanobis(NEW[:0]).shape == (0, 3)


def test_many_small_steps(monkeypatch):
    model = ClassConditionalGaussian().fit(ROWS, LABELS)
    monkeypatch.setattr("thinshell.gaussian.class_sums._STEP_VALUES", 5 * 30)
    monkeypatch.setattr("thinshell.gaussian.distances._PIECE_VALUES", 5 * 16)
    twin = ClassConditionalGaussian().fit(ROWS, LABELS)
    assert np.allclose(twin.covariance_, model.covariance_, rtol=1e-12)
    assert np.allclose(twin.class_mahalanobis(NEW), model.class_mahalanobis(NEW), rtol=1e-10)


@pytest.mark.parametrize("tied", [True, False])
def test_columns_that_tell_the_class_exactly(tied):
    rows = np.column_stack([ROWS, LABELS])
    with pytest.warns(UserWarning, match="Column 5 is|column 5 is"):
        model = ClassConditionalGaussian(tied=tied).fit(rows, LABELS)
    assert {entry["kind"] for entry in model.degenerate_} == {"constant"}
    distances = model.class_mahalanobis(rows)
    assert (np.isfinite(distances) == (LABELS[:, None] == np.arange(3))).all()
    assert (model.predict(rows) == LABELS).all()
    nowhere = np.r_[ROWS[0], 0.5][None]
    assert model.mahalanobis(nowhere)[0] == np.inf
    assert model.relative_mahalanobis(nowhere)[0] == np.inf
    assert model.score_samples(nowhere)[0] == -np.inf
    assert np.allclose(model.predict_proba(nowhere)[0], model.priors_)


def test_few_rows_of_a_class_are_told():
    rows, labels = ROWS[:13], np.repeat([0, 1], [10, 3])
    with pytest.warns(UserWarning, match="Class 1: 3 rows cannot fill 5 directions"):
        ClassConditionalGaussian(tied=False).fit(rows, labels)


def test_bad_labels_are_told():
    model = ClassConditionalGaussian().fit(ROWS, LABELS)
    lonely = LABELS.copy()
    lonely[0] = 7
    bad = ROWS.copy()
    bad[3, 3] = np.inf
    for call, words in [
        (lambda: model.fit(ROWS, LABELS[:-1]), "each of the 400 rows of X, got 399; pair them"),
        (lambda: model.fit(ROWS, lonely), "at least 2 rows, got 1 of class 7"),
        (lambda: model.fit(ROWS, None), "y must hold one label a row"),
        (lambda: model.fit(ROWS, ROWS), "one label for each"),
        (lambda: model.fit(ROWS, ROWS[:, 0]), "Unknown label type: continuous"),
        (lambda: model.fit(ROWS[:1], LABELS[:1]), "at least 2 rows"),
        (lambda: model.fit(bad, LABELS), "NaN or infinity"),
        (lambda: model.class_mahalanobis(bad), "NaN or infinity in 1 of"),
        (lambda: model.predict(ROWS[:, :4]), "expecting 5 features"),
        (lambda: ClassConditionalGaussian("lee").fit(ROWS, LABELS), "covariance must be one of"),
    ]:
        with pytest.raises(InputError, match=words):
            call()
    with pytest.raises(NotFittedError):
        ClassConditionalGaussian().mahalanobis(ROWS)


@pytest.mark.parametrize("tied", [True, False])
def test_float32_that_leaves_the_rank_open_is_worked_out_again_in_float64(tied):
    rng = np.random.default_rng(1)
    labels = rng.integers(2, size=2000)
    rows = rng.standard_normal((2000, 20)) * np.geomspace(1, 1e-5, 20) + labels[:, None]
    rows = (rows @ np.linalg.qr(rng.standard_normal((20, 20)))[0]).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ClassConditionalGaussian("empirical", tied=tied).fit(rows, labels)
    exact = ClassConditionalGaussian("empirical", tied=tied).fit(rows.astype(np.float64), labels)
    assert not model.degenerate_
    assert np.allclose(model.class_mahalanobis(rows[:50]), exact.class_mahalanobis(rows[:50]), rtol=1e-6)
