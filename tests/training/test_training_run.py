"""A configured run: what it leaves in its folder, how it goes on, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thinshell.errors import InputError
from thinshell.monitoring import measure
from thinshell.training import embed, load_encoder, run
from thinshell.training.config import checked_config

GOOD: dict[str, Any] = {
    "data": {"name": "sparse_binary", "n_train": 200, "n_test": 300, "n_features": 32, "density": 0.1},
    "views": {"name": "bit_flips", "probability": 0.02},
    "encoder": {"name": "linear", "n_features": 6},
    "objective": {"name": "infonce", "temperature": 0.2},
    "epochs": 2,
    "batch_size": 40,
    "monitor": {"samples_per_test": 100, "repeats": 2},
    "loggers": ["csv", "jsonl"],
}


def trained(out: Path, how: dict[str, Any] | None = None, **more: Any):
    return run(checked_config(GOOD | (how or {})), out, progress=False, **more)


def test_the_folder_holds_everything(tmp_path) -> None:
    result = trained(tmp_path / "run", {"embeddings": True})
    names = {entry.name for entry in result.out.iterdir()}
    files = {"config.json", "embeddings.npy", "encoder.safetensors", "metrics.csv", "metrics.jsonl", "result.json"}
    assert names == files | {"checkpoints"}
    plain = json.loads((result.out / "result.json").read_text())
    assert plain["schema"] == "thinshell/training/1"
    assert plain["finished"] is True
    assert plain["data"]["density"] == 0.1
    assert plain["config"]["optimizer"]["learning_rate"] == 1e-3
    assert [row["epoch"] for row in plain["history"]] == [1, 2]
    assert {(r["epoch"], r["normalize"]) for r in plain["gaussianity"]} == {
        (e, n) for e in (0, 1, 2) for n in ("none", "l2")
    }
    assert plain["environment"]["threads"] >= 1
    assert json.loads((result.out / "config.json").read_text()) == plain["config"]


def test_the_encoder_it_leaves_gives_the_numbers_it_printed(tmp_path) -> None:
    result = trained(tmp_path / "run", {"embeddings": True})
    rows = np.load(result.out / "embeddings.npy")
    numbers = measure(rows, samples_per_test=100, repeats=2)
    last = next(r for r in result.records if (r["epoch"], r["normalize"]) == (2, "none"))
    for name in ("cv", "ad_avg", "dp_normal_share", "effective_rank"):
        assert numbers[name] == pytest.approx(last[name], rel=1e-4)
    assert last["alignment"] > 0
    from thinshell.training import create_samples

    again = embed(load_encoder(result.out / "encoder.safetensors"), create_samples(**GOOD["data"]).test)
    assert np.array_equal(again, rows)


def test_gaussianity_stands_in_the_logs_beside_the_loss(tmp_path) -> None:
    out = trained(tmp_path / "run").out
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 5, 10]
    assert "gaussianity/representation/none/cv" in lines[0]
    assert {"loss", "gaussianity/representation/l2/ad_avg"} <= set(lines[1])
    header = (out / "metrics.csv").read_text().splitlines()[0].split(",")
    assert header[:5] == ["step", "epoch", "loss", "learning_rate", "seconds"]


def test_slices_end_where_one_run_ends(tmp_path) -> None:
    whole = trained(tmp_path / "whole")
    first = trained(tmp_path / "slices", time_limit=1e-9)
    assert (first.fit.finished, first.fit.steps) == (False, 1)
    assert not (tmp_path / "slices" / "encoder.safetensors").exists()
    last = trained(tmp_path / "slices", resume=True)
    assert [row["loss"] for row in last.fit.history] == [row["loss"] for row in whole.fit.history]
    assert last.records[-2:] == whole.records[-2:]
    files = [tmp_path / name / "encoder.safetensors" for name in ("whole", "slices")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_another_configuration_is_not_resumed(tmp_path) -> None:
    trained(tmp_path, time_limit=1e-9)
    with pytest.raises(InputError, match=r"began with objective\.temperature = 0\.2, now it is 0\.5; set it back"):
        trained(tmp_path, {"objective": {"name": "infonce", "temperature": 0.5}}, resume=True)
    with pytest.raises(InputError, match=r"began with encoder\.n_features = 6, now it is 7"):
        trained(tmp_path, {"encoder": {"name": "linear", "n_features": 7}}, resume=True)
    # Where and how it is watched may change, and a constant schedule may go on longer.
    assert trained(tmp_path, {"device": "cpu", "loggers": ["csv"], "epochs": 3}, resume=True).fit.epochs == 3
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        trained(tmp_path, resume=True)


def test_an_occupied_folder_is_left_alone(tmp_path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty"):
        trained(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"data": {"name": "laplace", "n_train": 0}}, "data: n_train must be at least 1, got 0"),
        ({"data": {"name": "cifar10", "data_dir": "nowhere"}}, "data: no CIFAR-10 in nowhere"),
        ({"data": {"name": "array", "path": "nowhere.npy"}}, "data: nowhere.npy"),
        ({"batch_size": 5000}, "batch_size must be at most the 200 training rows, got 5000"),
        ({"views": "component_draws"}, "views: component_draws needs the components of gaussian_mixture"),
        ({"objective": "supcon"}, "objective: supcon needs labels, which the data set 'sparse_binary' does not have"),
        ({"objective": "cross_entropy"}, "objective: cross_entropy needs labels"),
    ],
)
def test_a_run_that_cannot_begin_leaves_its_folder_free(tmp_path, how, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        trained(tmp_path / "run", how)
    assert trained(tmp_path / "run").fit.finished


LAYERS = ["representation", "projection"]
MIXTURE = {"name": "gaussian_mixture", "n_train": 200, "n_test": 100, "n_features": 16, "n_components": 4}


@pytest.mark.parametrize(
    "how",
    [
        {"data": MIXTURE, "views": "component_draws", "objective": "supcon"},
        {"data": MIXTURE, "views": None, "objective": "cross_entropy"},
        {"objective": "vicreg", "head": {"n_hidden": 8, "n_outputs": 5}, "monitor": {"layers": LAYERS}},
        {"regularizer": {"beta": 0.1, "lambda_": 0.5}},
        {"optimizer": {"name": "sgd", "schedule": "cosine", "warmup_epochs": 1}},
        {"objective": {"name": "infonce", "learnable_temperature": True}},
    ],
    ids=["supcon", "supervised", "head", "regularizer", "sgd", "learnable"],
)  # fmt: skip
def test_combinations_train(tmp_path, how) -> None:
    result = trained(tmp_path, how)
    assert result.fit.finished
    assert all(np.isfinite(row["loss"]) for row in result.fit.history)
    layers = {record["layer"] for record in result.records}
    assert layers == set((how.get("monitor") or {}).get("layers", ["representation"]))


def test_one_s_own_pictures(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        place = tmp_path / "pictures" / ("a" if number % 2 else "b")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(place / f"{number}.png")
    how = {
        "data": {"name": "images", "path": str(tmp_path / "pictures"), "size": 16, "test_share": 0.25},
        "views": {"name": "simclr", "size": 16},
        "encoder": {"name": "small_resnet", "widths": [4, 8], "blocks": [1, 1], "n_features": 4},
        "batch_size": 10,
        "monitor": None,
    }
    result = trained(tmp_path / "run", how)
    assert result.data["classes"] == ["a", "b"]
    assert load_encoder(result.out / "encoder.safetensors").n_features == 4
