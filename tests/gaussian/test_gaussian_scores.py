"""The registry of scores, all of a model's scores in one pass, and which end of each is odd."""

import numpy as np
import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian.class_conditional import ClassConditionalGaussian
from thinshell.gaussian.detection import detection_metrics
from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.scores import BASELINES, SCORES, oddness, score_table, scores_of
from thinshell.gaussian.whitener import Whitener


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=900)
    means = 4 * rng.standard_normal((3, 5))
    return means[labels] + rng.standard_normal((900, 5)), labels


def test_the_registry_is_filled_in():
    assert list(SCORES) == [
        "log_density",
        "bits_per_dimension",
        "mahalanobis",
        "pvalue",
        "typicality",
        "relative_mahalanobis",
        "class_mahalanobis",
    ]
    for name, score in (SCORES | BASELINES).items():
        assert score.name == name
        assert score.higher_is in ("odder", "more typical")
        assert score.unit
        assert score.text.endswith(".")
    assert SCORES["typicality"].two_sided


def test_one_gaussian(data):
    rows = data[0]
    model = GaussianModel().fit(rows)
    table = score_table(model, rows)
    assert tuple(table) == scores_of(model) == tuple(name for name in SCORES if name in table)
    exact = {
        "log_density": model.score_samples(rows),
        "bits_per_dimension": model.bits_per_dimension(rows),
        "mahalanobis": model.mahalanobis(rows),
        "pvalue": model.pvalues(rows),
        "typicality": model.typicality(rows),
    }
    assert set(table) == set(exact)
    for name, values in exact.items():
        np.testing.assert_array_equal(table[name], values)
        assert table[name].shape == (900,)
    assert "mahalanobis" not in vars(model)


def test_distances_are_worked_out_once(data, monkeypatch):
    model, calls = GaussianModel().fit(data[0]), []
    whole = GaussianModel.mahalanobis
    monkeypatch.setattr(GaussianModel, "mahalanobis", lambda self, X: calls.append(1) or whole(self, X))
    score_table(model, data[0])
    assert len(calls) == 1


@pytest.mark.parametrize("tied", [True, False])
def test_distances_from_classes_are_worked_out_once(data, monkeypatch, tied):
    rows, labels = data
    model, calls = ClassConditionalGaussian(tied=tied).fit(rows, labels), []
    alone = {"log_density": model.score_samples(rows), "relative_mahalanobis": model.relative_mahalanobis(rows)}
    whole = ClassConditionalGaussian.class_mahalanobis
    monkeypatch.setattr(
        ClassConditionalGaussian, "class_mahalanobis", lambda self, X: calls.append(1) or whole(self, X)
    )
    table = score_table(model, rows)
    assert len(calls) == 1
    for name, values in alone.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-12)
    assert "_by_class" not in vars(model)


def test_an_elliptical_model(data):
    rows = data[0]
    model = GaussianModel(radius="gamma").fit(rows[:500]).calibrate(rows[500:])
    table = score_table(model, rows, ["pvalue", "log_density"])
    assert list(table) == ["pvalue", "log_density"]
    np.testing.assert_array_equal(table["log_density"], model.score_samples(rows))


def test_classes(data):
    rows, labels = data
    model = ClassConditionalGaussian().fit(rows, labels)
    table = score_table(model, rows)
    assert tuple(table) == scores_of(model) == ("log_density", "relative_mahalanobis", "class_mahalanobis")
    np.testing.assert_allclose(table["class_mahalanobis"], model.class_mahalanobis(rows).min(axis=1), rtol=1e-9)
    np.testing.assert_allclose(table["relative_mahalanobis"], model.relative_mahalanobis(rows), rtol=1e-9)
    np.testing.assert_allclose(table["log_density"], model.score_samples(rows), rtol=1e-12)


def test_every_score_finds_rows_from_elsewhere(data):
    rows, labels = data
    far = np.random.default_rng(1).standard_normal((300, 5)) * 3 + 12
    models = GaussianModel().fit(rows), ClassConditionalGaussian().fit(rows, labels)
    for model in models:
        inside, outside = score_table(model, rows), score_table(model, far)
        for name in inside:
            found = detection_metrics(oddness(name, inside[name]), oddness(name, outside[name]), n_bootstrap=0)
            assert found["auroc"]["value"] > 0.9, name


def test_oddness_points_one_way():
    np.testing.assert_array_equal(oddness("typicality", [-3.0, 2.0]), [3, 2])
    np.testing.assert_array_equal(oddness("log_density", [-3.0, -np.inf]), [3, np.inf])
    np.testing.assert_array_equal(oddness("mahalanobis", [3, 2]), [3, 2])
    np.testing.assert_array_equal(oddness("norm", [3, 2]), [-3, -2])


def test_bad_input_is_told(data):
    model = GaussianModel().fit(data[0])
    with pytest.raises(InputError, match="did you mean 'typicality'"):
        score_table(model, data[0], ["tipicality"])
    with pytest.raises(InputError, match="score must be one of"):
        score_table(model, data[0], ["class_mahalanobis"])
    with pytest.raises(InputTypeError, match="names must be a list of scores, got the text 'pvalue'"):
        score_table(model, data[0], "pvalue")
    with pytest.raises(
        InputTypeError, match="model must be a GaussianModel or a ClassConditionalGaussian, got Whitener"
    ):
        score_table(Whitener(), data[0])
    with pytest.raises(InputError, match="score must be one of"):
        oddness("odd", [1.0])
    with pytest.raises(InputError, match="no NaN, got 1"):
        oddness("norm", [np.nan])
    with pytest.raises(InputError, match="expecting 5 features"):
        score_table(model, np.eye(4))
