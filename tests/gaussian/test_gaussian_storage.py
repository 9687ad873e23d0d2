"""Models on disk: what goes in comes out, and what is no model is told."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.exceptions import NotFittedError

from thinshell.errors import InputError
from thinshell.gaussian import (
    COVARIANCES,
    ClassConditionalGaussian,
    GaussianModel,
    PairedGaussian,
    Whitener,
    is_model_file,
    load_model,
    provenance_of,
)
from thinshell.sketch import EmbeddingSketch

ROWS = np.random.default_rng(0).standard_normal((300, 6)) @ np.random.default_rng(1).standard_normal((6, 6)) + 1.0
LABELS = np.random.default_rng(2).integers(3, size=300)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_model_comes_back(tmp_path, covariance):
    path = tmp_path / "model.safetensors"
    model = GaussianModel(covariance, n_components=1, radius="gamma").fit(ROWS).calibrate(ROWS[:250] * 1.1)
    model.save(path, {"rows": ["a.npy"], "seed": 3})
    twin = load_model(path)
    assert twin.get_params() == model.get_params()
    assert np.array_equal(twin.score_samples(ROWS), model.score_samples(ROWS))
    assert twin.calibration_ == model.calibration_
    assert twin.shrinkage_ == model.shrinkage_
    assert provenance_of(path)["provenance"] == {"rows": ["a.npy"], "seed": 3}
    assert provenance_of(path)["kind"] == "GaussianModel"
    assert is_model_file(path)
    # The sums came along: rows can be added, and models of two machines merged.
    assert np.allclose(twin.partial_fit(ROWS + 1).covariance_, model.partial_fit(ROWS + 1).covariance_, rtol=1e-12)
    assert twin.n_samples_seen_ == 600


def test_degenerate_models_come_back(tmp_path):
    rows = np.column_stack([ROWS, ROWS[:, 0], np.full(300, 0.1)])
    with pytest.warns(UserWarning, match="copy"):
        model = GaussianModel().fit(rows)
    model.save(tmp_path / "m")
    twin = GaussianModel.load(tmp_path / "m")
    off = rows[:2] + np.eye(8)[[6, 7]]
    assert twin.degenerate_ == model.degenerate_
    assert (twin.score_samples(off) == -np.inf).all()
    assert np.array_equal(twin.score_samples(rows), model.score_samples(rows))


def test_models_without_sums_come_back(tmp_path):
    GaussianModel.from_parameters([0.0, 1.0], np.eye(2)).save(tmp_path / "m")
    twin = GaussianModel.load(tmp_path / "m")
    assert twin.n_samples_seen_ is None
    with pytest.raises(InputError, match="made from parameters"):
        twin.partial_fit(np.ones((3, 2)))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("names", [[0, 1, 2], ["cat", "dog", "eel"], [False, True, True]])
def test_models_of_classes_come_back(tmp_path, tied, names):
    labels = np.array(names)[LABELS]
    model = ClassConditionalGaussian(tied=tied).fit(ROWS, labels)
    model.save(tmp_path / "m")
    twin = load_model(tmp_path / "m")
    assert twin.classes_.dtype == model.classes_.dtype
    assert np.array_equal(twin.predict(ROWS), model.predict(ROWS))
    for name in ("class_mahalanobis", "relative_mahalanobis", "score_samples"):
        assert np.array_equal(getattr(twin, name)(ROWS), getattr(model, name)(ROWS))


def test_pairs_and_whiteners_come_back(tmp_path):
    pair = PairedGaussian().fit(ROWS[:, :2], ROWS[:, 2:])
    pair.save(tmp_path / "pair")
    twin = PairedGaussian.load(tmp_path / "pair")
    assert np.array_equal(
        twin.log_conditional(ROWS[:, :2], ROWS[:, 2:]), pair.log_conditional(ROWS[:, :2], ROWS[:, 2:])
    )
    whitener = Whitener().fit(ROWS)
    whitener.save(tmp_path / "white")
    assert np.allclose(load_model(tmp_path / "white").transform(ROWS), whitener.transform(ROWS))


def test_the_wrong_kind_is_told(tmp_path):
    GaussianModel().fit(ROWS).save(tmp_path / "m")
    for kind in (ClassConditionalGaussian, PairedGaussian, Whitener):
        with pytest.raises(InputError, match=f"holds a GaussianModel, not a {kind.__name__}"):
            kind.load(tmp_path / "m")


def test_what_cannot_be_saved_is_told(tmp_path):
    model = GaussianModel().fit(ROWS)
    with pytest.raises(InputError, match="must be what JSON takes"):
        model.save(tmp_path / "m", {"rows": ROWS})
    with pytest.raises(InputError, match="could not be written"):
        model.save(tmp_path / "no folder" / "m")
    with pytest.raises(NotFittedError):
        GaussianModel().save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def with_header(path, header):
    save_file({"location": np.zeros(2)}, path, metadata={"thinshell": json.dumps(header)})


def test_files_that_are_none_are_told(tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "m"
    GaussianModel().fit(ROWS).save(whole)
    content = whole.read_bytes()
    with pytest.raises(InputError, match="is not a file; name a model"):
        load_model(path)
    for length in (0, 5, 200):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="is not a Gaussian model; make one"):
            load_model(path)
    path.write_bytes(content[:-100])
    with pytest.raises(InputError, match="is a damaged model"):
        load_model(path)
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(InputError, match="is not a Gaussian model"):
        load_model(path)
    save_file({"weights": np.zeros(2)}, path)
    with pytest.raises(InputError, match="is not a Gaussian model; make one"):
        load_model(path)
    assert not is_model_file(path)
    EmbeddingSketch().update(ROWS).save(path)
    with pytest.raises(InputError, match="has schema 'thinshell/sketch/1'"):
        load_model(path)
    for header, words in [
        ({"schema": "thinshell/gaussian/2", "kind": "GaussianModel"}, "has schema .* update thinshell"),
        ({"schema": "thinshell/gaussian/1", "kind": "StudentModel"}, "holds a 'StudentModel', which .* update"),
        ({"schema": "thinshell/gaussian/1", "kind": "GaussianModel"}, "is a damaged model"),
        ({"schema": "thinshell/gaussian/1", "kind": "GaussianModel", "params": {"n": 1}}, "is a damaged model"),
    ]:
        with_header(path, header)
        with pytest.raises(InputError, match=words):
            load_model(path)


@pytest.mark.parametrize(
    "name", ["location", "covariance.eigenvalues", "covariance.constraints", "sums.shift", "sums.sums"]
)
def test_tensors_that_do_not_fit_are_told(tmp_path, name):
    from safetensors import safe_open

    GaussianModel().fit(ROWS).save(tmp_path / "m")
    with safe_open(tmp_path / "m", "np") as stream:
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
        metadata = stream.metadata()
    tensors[name] = np.ones(3)
    save_file(tensors, tmp_path / "m", metadata=metadata)
    with pytest.raises(InputError, match="is a damaged model"):
        load_model(tmp_path / "m")
