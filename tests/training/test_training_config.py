"""Configurations: what is taken, and one clear sentence for everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from thinshell.errors import InputError
from thinshell.training import TrainConfig, load_config
from thinshell.training.config import checked_config

GOOD: dict[str, Any] = {
    "data": {"name": "laplace", "n_train": 100, "n_test": 50, "n_features": 8},
    "views": {"name": "gaussian_channel", "a": 0.8},
    "encoder": {"name": "linear", "n_features": 4},
    "objective": {"name": "infonce", "temperature": 0.2},
    "epochs": 3,
    "batch_size": 20,
}


def changed(**sections: Any) -> dict[str, Any]:
    """Return GOOD with sections changed; those changed to `None` are left out."""
    return {key: value for key, value in (GOOD | sections).items() if value is not None}


def test_defaults_are_the_paper_s() -> None:
    config = checked_config(GOOD)
    assert (config.optimizer.name, config.optimizer.learning_rate, config.optimizer.schedule) == (
        "adam",
        1e-3,
        "constant",
    )
    assert (config.seed, config.precision, config.device, config.head) == (0, "32", "auto", None)
    assert config.monitor is not None
    assert (config.monitor.samples_per_test, config.monitor.repeats) == (250, 20)


def test_a_bare_name_stands_for_one_without_options() -> None:
    config = checked_config(changed(data="laplace", views="bit_flips", objective="vicreg"))
    assert (config.data.name, config.data.options) == ("laplace", {})
    assert config.views is not None
    assert config.views.name == "bit_flips"
    assert config.objective.name == "vicreg"


def test_values_take_the_types_of_what_they_are_for() -> None:
    # YAML 1.1 reads 1e-3 as a word, and people write bits as numbers.
    given = yaml.safe_load("{n: 1e-3, bits: 32}")
    assert given == {"n": "1e-3", "bits": 32}
    config = checked_config(changed(optimizer={"learning_rate": given["n"]}, precision=given["bits"]))
    assert (config.optimizer.learning_rate, config.precision) == (1e-3, "32")
    assert checked_config(changed(views={"name": "bit_flips", "probability": "1e-3"})).views.options == {  # type: ignore[union-attr]
        "probability": 1e-3
    }


def test_it_survives_json() -> None:
    config = checked_config(
        changed(head={"n_outputs": 4}, regularizer={"beta": 0.1}, monitor={"layers": ["projection"]})
    )
    assert checked_config(config.model_dump(mode="json")) == config


def test_no_monitor() -> None:
    assert TrainConfig.model_validate(GOOD | {"monitor": None}).monitor is None


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"epoch": 5, "epochs": None}, "epoch is not a key; did you mean 'epochs'?"),
        ({"epochs": None}, "epochs is missing; give it a value"),
        ({"epochs": 0}, "epochs must be greater than or equal to 1, got 0"),
        ({"epochs": "many"}, "epochs must be a whole number.*got 'many'"),
        ({"batch_size": 1}, "batch_size must be greater than or equal to 2, got 1"),
        ({"seed": -3}, "seed must be greater than or equal to 0, got -3"),
        ({"data": {"name": "laplase"}}, "data.name must be one of 'array', .*'laplase'; did you mean 'laplace'?"),
        ({"data": {"name": "laplace", "n_trian": 3}}, "data.n_trian is not a key; did you mean 'n_train'?"),
        ({"data": {"name": "laplace", "n_train": "x"}}, "data.n_train must be a whole number.*got 'x'"),
        ({"data": {"name": "cifar10"}}, "data.data_dir is missing"),
        ({"data": {}}, "data.name is missing"),
        ({"data": 5}, "data must be .*, got 5"),
        ({"views": None}, "views is missing; the objective 'infonce' compares two views of each row"),
        ({"views": {"name": "bit_flips", "probability": 2}}, r"views: probability must be in \[0, 1\], got 2"),
        ({"views": {"name": "simclr", "scale": [0.5]}}, "views.scale"),
        ({"encoder": {"name": "resnet81"}}, "encoder.name must be one of .*'resnet81'; did you mean 'resnet18'?"),
        ({"encoder": {"name": "linear"}}, "encoder.n_features is missing"),
        ({"encoder": {"name": "linear", "n_features": 0}}, "encoder: n_features must be at least 1, got 0"),
        ({"encoder": {"name": "linear", "n_hidden": 4, "n_features": 2}}, "encoder.n_hidden is not a key"),
        ({"objective": "infonec"}, "objective.name must be one of .*'infonec'; did you mean 'infonce'?"),
        ({"objective": {"name": "infonce", "temperature": 0}}, "objective: temperature .*got 0"),
        ({"objective": {"name": "infonce", "temperature": -0.1}}, "objective: temperature .*got -0.1"),
        ({"objective": {"name": "infonce", "temprature": 1}}, "objective.temprature is not a key; .*'temperature'?"),
        ({"objective": {"name": "infonce", "temperature": float("nan")}}, "objective.temperature .*finite"),
        ({"regularizer": {"beta": -1}}, "regularizer: beta .*-1"),
        ({"regularizer": {"betta": 1}}, "regularizer.betta is not a key; did you mean 'beta'?"),
        ({"regularizer": {"entropy": "knm"}}, "regularizer.entropy must be .*'knm'; did you mean 'knn'?"),
        ({"head": {"n_hiden": 3}}, "head.n_hiden is not a key; did you mean 'n_hidden'?"),
        ({"head": {"n_layers": 0}}, "head.n_layers must be greater than or equal to 1, got 0"),
        ({"optimizer": {"name": "adm"}}, "optimizer.name must be 'adam', 'adamw' or 'sgd', got 'adm'; did you"),
        ({"optimizer": {"learning_rate": 0}}, "optimizer.learning_rate must be greater than 0, got 0"),
        ({"optimizer": {"schedule": "cosinus"}}, "optimizer.schedule must be .*; did you mean 'cosine'?"),
        ({"monitor": {"every": 5}}, "monitor.every is not a key; did you mean 'every_n_epochs'?"),
        ({"monitor": {"layers": ["reprsentation"]}}, "monitor.layers.0 must be .*; did you mean 'representation'?"),
        ({"monitor": {"layers": []}}, "monitor.layers"),
        ({"precision": "16"}, "precision must be '32' or 'bf16', got '16'"),
        ({"device": "gpu"}, "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'"),
        ({"loggers": ["cvs"]}, "loggers must be one of .*'cvs'; did you mean 'csv'?"),
        ({"objective": "cross_entropy", "head": {}}, "head goes with a contrastive objective, not with cross_entropy"),
        ({"objective": {"name": "cross_entropy", "temperature": 1}}, "objective.temperature is not a key"),
    ],
)  # fmt: skip
def test_every_error_is_one_sentence_with_the_key(sections, sentence) -> None:
    with pytest.raises(InputError, match=rf"^run\.yaml: {sentence}") as caught:
        checked_config(changed(**sections), "run.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"is empty; a configuration has keys such as data"),
        (b"- 1\n- 2\n", "holds a list; a configuration has keys"),
        (b"data: [laplace\n", "is not YAML: while parsing .* line 1"),
        (b"data: \xff\xfe", "is not a text file in UTF-8"),
        (b"!!python/object/apply:os.system [ls]", "is not YAML: could not determine a constructor"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "run.yaml").write_bytes(content)
    with pytest.raises(InputError, match=rf"run\.yaml {sentence}"):
        load_config(tmp_path / "run.yaml")


def test_the_example_is_a_configuration_that_shows_every_key() -> None:
    path = Path(__file__).parents[2] / "examples" / "train.yaml"
    config = load_config(path)
    text = path.read_text()
    for key in TrainConfig.model_fields:
        assert f"{key}:" in text, key
    for section in (config.optimizer, config.monitor):
        for key in type(section).model_fields:
            assert f"{key}:" in text, key
