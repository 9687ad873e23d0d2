"""The experiment `ood` with a few pictures: what is kept, what is measured, what is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from thinshell.errors import InputError
from thinshell.experiments import cifar_data, needs
from thinshell.experiments.cifar_settings import ResNetSettings
from thinshell.experiments.context import Context, Unfinished
from thinshell.experiments.drawing import save_picture
from thinshell.experiments.markdown import to_markdown
from thinshell.experiments.ood import OOD, OodSettings
from thinshell.experiments.ood_encoders import KINDS_OF_TRAINING, encoder_part, trained_module
from thinshell.experiments.ood_scores import ALL_SCORES, detected
from thinshell.experiments.ood_sets import blurred, cifar100_pictures, noise_pictures, out_sets, set_names
from thinshell.experiments.ood_tables import LABELS
from thinshell.gaussian.scores import BASELINES, SCORES
from thinshell.report.json import to_json
from thinshell.training import Samples

RESNET = ResNetSettings(
    widths=(4, 8), blocks=(1, 1), n_features=8, n_train=96, n_test=64, batch_size=32, epochs=2, every_n_epochs=1
)
TINY = OodSettings(training=RESNET, n_out=40, blur_sigmas=(1.0,), n_neighbours=5, n_bootstrap=20)
# The Gaussian of 3,072 pixels takes seconds; one thread here looks at 8 of them.
FEW_PIXELS = 8


@pytest.fixture(autouse=True)
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small set of pictures whose classes differ in colour, in place of 60,000."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(160) % 10
    noise = torch.randint(100, (160, 3, 32, 32), generator=generator)
    colours = torch.randint(150, (10, 3, 1, 1), generator=generator)
    every = (noise + colours[labels]).to(torch.uint8)
    whole = Samples("cifar10", every[:96], every[96:], labels[:96], labels[96:], {"sha256": "0"})
    monkeypatch.setattr(cifar_data, "cifar10", lambda data_dir: whole)


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from thinshell.experiments import ood_runs

    whole = ood_runs._rows

    def rows(module: Any, layer: str, pictures: np.ndarray) -> np.ndarray:
        found = whole(module, layer, pictures)
        return found if module is not None else np.ascontiguousarray(found[:, :: found.shape[1] // FEW_PIXELS])

    monkeypatch.setattr(ood_runs, "_rows", rows)


def context(folder: Path, **options: Any) -> Context:
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    return Context(folder, device="cpu", data_dir=folder, **options)


def run(folder: Path, settings: OodSettings = TINY, **options: Any) -> dict[str, Any]:
    return json.loads(to_json(OOD.run(settings, context(folder, **options))))


def sheet(path: Path, rng: np.random.Generator) -> np.ndarray:
    """Write 2,500 pictures as one; Pillow looks at what is in a file, not at its name."""
    grid = rng.integers(0, 256, size=(1600, 1600, 3), dtype=np.uint8)
    Image.fromarray(grid).save(path, format="PNG")
    return grid


@pytest.mark.filterwarnings("ignore")  # 8 features of a network that has seen 96 pictures may be constant
def test_every_score_in_every_space(tmp_path: Path) -> None:
    results = run(tmp_path)
    spaces = results["spaces"]
    layered = [f"{kind}-{layer}" for kind in KINDS_OF_TRAINING for layer in ("projection", "representation")]
    assert list(spaces) == [*layered, "pixels"]
    assert len({one["initial_weights"] for one in results["encoders"].values()}) == 1
    assert len({one["weights_sha256"] for one in results["encoders"].values()}) == 2
    for name, space in spaces.items():
        assert set(space["metrics"]) == set(ALL_SCORES) - (set() if "supervised" in name else {"max_softmax"})
        assert list(space["sets"]) == set_names((1.0,))[1:]
        assert [one["n"] for one in space["sets"].values()] == [40, 40, 40]
        for by_set in space["metrics"].values():
            for numbers in by_set.values():
                one = numbers["auroc"]
                assert 0 <= one["low"] <= one["value"] <= one["high"] <= 1
        signed, near = space["metrics"]["typicality_far"], space["metrics"]["typicality_near"]
        assert signed["blur 1"]["auroc"]["value"] == pytest.approx(1 - near["blur 1"]["auroc"]["value"])
    assert 0 <= spaces["supervised-projection"]["accuracy"] <= 1
    assert spaces["pixels"]["accuracy"] is None
    # A second run takes up what is kept, to the last digit.
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    assert run(tmp_path) == results
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == kept
    read_by_people(results, tmp_path)


def read_by_people(results: dict[str, Any], folder: Path) -> None:
    pytest.importorskip("matplotlib")
    tables = [table.to_dict() for table in OOD.tables(results)]
    for table in tables:
        assert all(len(row) == len(table["header"]) for row in table["rows"])
    page = to_markdown({"experiment": OOD.name, "summary": OOD.summary, "tables": tables})
    assert "CIFAR-100 is left out: no folder" in page
    assert "Both encoders began with the same weights: yes; contrastive 2 epochs, supervised 2 epochs" in page
    assert "known are 64 test pictures" in page
    names = [name for picture in OOD.pictures for name in save_picture(picture, results, folder)]
    assert all((folder / name).stat().st_size > 1000 for name in names)


def test_every_score_of_the_room_has_a_line() -> None:
    assert set(SCORES) | set(BASELINES) <= set(ALL_SCORES)
    assert set(LABELS) == set(ALL_SCORES)


def test_weights_are_kept_beside_the_part_and_checked(tmp_path: Path) -> None:
    where = context(tmp_path)
    kept = encoder_part(RESNET, where, "supervised")
    module = trained_module(RESNET, where, "supervised", kept)
    assert not module.training
    path = tmp_path / "runs" / "encoder-supervised.safetensors"
    whole = path.read_bytes()
    assert not list((tmp_path / "runs").glob("*.training"))
    path.write_bytes(whole[:-1] + b"!")
    with pytest.raises(InputError, match=r"are not those that the run beside them wrote; delete .*supervised\.json"):
        trained_module(RESNET, where, "supervised", kept)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        trained_module(RESNET, where, "supervised", kept)


def test_an_unknown_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kind must be one of"):
        encoder_part(RESNET, context(tmp_path), "contrastiv")


def test_a_training_that_was_cut_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder_part(RESNET, context(tmp_path / "whole"), "contrastive")
    monkeypatch.setattr("thinshell.experiments.context.SHORTEST_SLICE", 0.001)
    for _ in range(3):
        with pytest.raises(Unfinished):
            encoder_part(RESNET, context(tmp_path / "cut", time_limit=0.05), "contrastive")
    cut = encoder_part(RESNET, context(tmp_path / "cut"), "contrastive")
    assert cut["weights_sha256"] == whole["weights_sha256"]


def test_other_settings_are_refused_where_parts_are_kept(tmp_path: Path) -> None:
    encoder_part(RESNET, context(tmp_path), "supervised")
    with pytest.raises(InputError, match=r"was made with settings\.epochs = 2, now it is 3"):
        encoder_part(replace(RESNET, epochs=3), context(tmp_path), "supervised")


def test_scores_that_order_rows_alike_get_the_same_numbers() -> None:
    rng = np.random.default_rng(0)
    parts = {name: rng.standard_normal(50) + shift for name, shift in (("test", 0.0), ("far", 1.0))}
    values = {
        name: {"log_density": -part, "mahalanobis": np.exp(part), "typicality": part, "norm": part}
        | {"pvalue": np.minimum(-part, -0.5)}
        for name, part in parts.items()
    }
    found = detected(values, n_bootstrap=50, seed=0)
    assert found["log_density"] == found["mahalanobis"]
    assert found["pvalue"] != found["log_density"]
    assert found["log_density"]["far"]["auroc"]["value"] > 0.6 > 0.4 > found["norm"]["far"]["auroc"]["value"]


def test_cifar100_is_read_from_its_binary_version_and_from_sheets(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, size=(3, 2 + 3072), dtype=np.uint8)
    (tmp_path / "cifar-100-binary").mkdir()
    records.tofile(tmp_path / "cifar-100-binary" / "test.bin")
    read = cifar100_pictures(tmp_path / "cifar-100-binary")
    np.testing.assert_array_equal(read.reshape(3, -1), records[:, 2:])
    (tmp_path / "cifar100_ood").mkdir()
    grid = sheet(tmp_path / "cifar100_ood" / "ood_00.avif", rng)
    read = cifar100_pictures(tmp_path / "cifar100_ood")
    assert read.shape == (2500, 3, 32, 32)
    np.testing.assert_array_equal(read[51], grid[32:64, 32:64].transpose(2, 0, 1))
    how = {"n": 30, "blur_sigmas": (1.0,), "seed": 0}
    test = read[:40]
    sets, missing = out_sets(test, data_dir=tmp_path, cifar100_dir="", **how)
    assert (missing, [one.name for one in sets]) == ([], set_names((1.0,)))
    np.testing.assert_array_equal(sets[0].pictures, read[:30])
    named, _ = out_sets(test, data_dir=None, cifar100_dir=str(tmp_path / "cifar-100-binary"), **how)
    assert named[0].words == "the first 3 pictures of cifar-100-binary"


def test_folders_that_are_not_cifar100_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cifar100_dir must hold test\.bin or ood_\*\.avif"):
        cifar100_pictures(tmp_path)
    (tmp_path / "ood_00.avif").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as 50 x 50 pictures"):
        cifar100_pictures(tmp_path)
    (tmp_path / "test.bin").write_bytes(b"short")
    with pytest.raises(InputError, match="is not whole records of 3,074 bytes"):
        cifar100_pictures(tmp_path)


def test_noise_has_the_law_it_claims_and_depends_on_the_seed_alone() -> None:
    like = np.random.default_rng(0).integers(90, 110, size=(50, 3, 32, 32), dtype=np.uint8)
    uniform, gaussian = (noise_pictures(kind, 50, like, seed=1) for kind in ("uniform", "gaussian"))
    assert abs(uniform.mean() - 127.5) < 1
    assert abs(uniform.std() - np.sqrt((256**2 - 1) / 12)) < 1
    np.testing.assert_allclose(gaussian.mean(axis=(0, 2, 3)), like.mean(axis=(0, 2, 3)), atol=0.2)
    np.testing.assert_allclose(gaussian.std(axis=(0, 2, 3)), like.std(axis=(0, 2, 3)), atol=0.2)
    np.testing.assert_array_equal(uniform, noise_pictures("uniform", 50, like, seed=1))
    assert (uniform != noise_pictures("uniform", 50, like, seed=2)).any()


def test_blurring_keeps_the_mean_and_takes_the_spread() -> None:
    noise = np.random.default_rng(0).integers(0, 256, size=(4, 3, 32, 32), dtype=np.uint8)
    soft = blurred(noise, 1.0)
    assert abs(soft.mean() - noise.mean()) < 0.5
    # White noise keeps 1 / (4 pi sigma^2) of its variance.
    assert soft.var() / noise.var() == pytest.approx(1 / (4 * np.pi), rel=0.15)


def test_without_scikit_learn_it_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"ood needs scikit-learn, .* pip install 'thinshell\[train,gaussian\]'"):
        run(tmp_path)
    assert not list((tmp_path / "runs").iterdir())
