import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from thinshell.errors import InputError
from thinshell.experiments import cifar_choices, cifar_data
from thinshell.experiments.cifar10 import CIFAR10, CIFAR10_RESNET18
from thinshell.experiments.cifar_choices import CIFAR10_CHOICES
from thinshell.experiments.cifar_columns import CONTRASTIVE, SUPERVISED
from thinshell.experiments.cifar_settings import CifarSettings, MLPSettings, ResNetSettings
from thinshell.experiments.cifar_tables import contrast
from thinshell.experiments.cifar_training import train_resnet
from thinshell.experiments.context import Context, Part, Unfinished
from thinshell.experiments.drawing import save_picture
from thinshell.experiments.experiment import Experiment
from thinshell.experiments.fig4 import FIG4, trend
from thinshell.experiments.published import TABLE1_NUMBERS, paper_values, table1_column
from thinshell.report.json import to_json
from thinshell.training import Samples

TINY: dict[str, Any] = {"n_train": 96, "n_test": 64, "n_scored": 64, "batch_size": 32, "epochs": 2, "every_n_epochs": 1}
RESNET = ResNetSettings(widths=(4, 8), blocks=(1, 1), n_features=16, **TINY)
MLP = MLPSettings(n_hidden=8, n_features=16, **TINY)


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


def run(experiment: Experiment, settings: CifarSettings, folder: Path, **options: Any) -> dict[str, Any]:
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    context = Context(folder, device="cpu", data_dir=folder, **options)
    return json.loads(to_json(experiment.run(settings, context)))


def shown(experiment: Experiment, results: dict[str, Any], folder: Path) -> list[str]:
    pytest.importorskip("matplotlib")
    for table in experiment.tables(results):
        assert all(len(row) == len(table.header) for row in table.rows)
    names = [name for picture in experiment.pictures for name in save_picture(picture, results, folder)]
    assert all((folder / name).stat().st_size > 1000 for name in names)
    return [table.title for table in experiment.tables(results)]


def test_figure_4_is_measured_before_and_after_every_epoch(tmp_path: Path) -> None:
    results = run(FIG4, MLP, tmp_path)
    curve = results["curve"]
    raw = [record for record in curve["records"] if record["normalize"] == "none"]
    assert [record["epoch"] for record in raw] == [0, 1, 2]
    assert {record["n_samples"] for record in raw} == {64}
    assert curve["data"]["pictures"] == "CIFAR-10, re-encoded"
    assert [score["epoch"] for score in curve["downstream"]] == [0, 2]
    assert shown(FIG4, results, tmp_path)[0] == "Which way the numbers go"
    [last] = FIG4.comparisons(results)
    assert (last.reference, last.ours, last.tolerance) == (paper_values()["fig4"]["cv"]["last"], raw[-1]["cv"], None)


def test_the_papers_points_stand_beside_the_same_epochs(tmp_path: Path) -> None:
    results = run(FIG4, replace(MLP, epochs=10, every_n_epochs=5), tmp_path)
    at_ten = FIG4.comparisons(results)[0]
    assert at_ten.what == "AD Avg. (< 0.752), epoch 10"
    assert at_ten.reference == 0.81


def test_trends_are_told_from_epoch_0_and_from_the_first_measurement_after_it() -> None:
    numbers = ("cv", "ad_avg", "dp_normal_share")
    records = [dict(zip(numbers, values, strict=True)) for values in [(0.3, 0.8, 0.9), (0.5, 3, 0.2), (0.4, 0.7, 0.8)]]
    told = {row["number"]: (row["as_the_paper"], row["from_untrained"]) for row in trend(records)}
    assert told == {"cv": (True, False), "ad_avg": (True, True), "dp_normal_share": (True, False)}


def test_the_two_columns_side_by_side(tmp_path: Path) -> None:
    results = run(CIFAR10, RESNET, tmp_path)
    supervised, contrastive = (results["columns"][f"cifar-{kind}"] for kind in ("supervised", "contrastive"))
    assert supervised["initial_weights"] == contrastive["initial_weights"]
    assert supervised["baseline"] == contrastive["baseline"]
    assert supervised["records"][-1] != contrastive["records"][-1]
    assert {(one["layer"], one["normalize"]) for one in supervised["all_records"]} == {
        (layer, rows) for layer in ("representation", "projection") for rows in ("none", "l2")
    }
    assert {one["layer"] for one in supervised["records"]} == {"projection"}
    assert [(one["layer"], one["epoch"]) for one in contrastive["downstream"]] == [
        ("representation", 0),
        ("projection", 0),
        ("representation", 2),
        ("projection", 2),
    ]
    assert shown(CIFAR10, results, tmp_path)[:2] == ["The contrast", "The contrast by layer"]
    compared = CIFAR10.comparisons(results)
    assert [one.where for one in compared[::5]] == [f"CIFAR-10, re-encoded: {kind}" for kind in TRAINED]
    assert {one.reference for one in compared} >= {3.3, 0.43, 0.961}


TRAINED = ("supervised", "contrastive")


def test_one_column_may_be_trained_for_longer_and_is_kept_as_a_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    longer = replace(RESNET, epochs=1, every_n_epochs=1, supervised_epochs=2)
    results = CIFAR10.run(longer, Context(tmp_path, device="cpu", data_dir=tmp_path))
    assert "after 2 supervised and 1 contrastive epochs" in CIFAR10.tables(results)[0].notes[2]
    # The same parts serve a run that asks for each number of epochs by itself.
    alone = SUPERVISED.run(replace(RESNET, epochs=2, every_n_epochs=1), Context(tmp_path, data_dir=tmp_path))
    assert alone == results["columns"]["cifar-supervised"]


def test_supervised_training_learns_the_classes(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    settings = replace(RESNET, epochs=12, every_n_epochs=12, supervised_views="none", learning_rate=1e-2)
    result = SUPERVISED.run(settings, Context(tmp_path, device="cpu", data_dir=tmp_path))
    assert result["history"][-1]["loss"] < 0.5 * result["history"][0]["loss"]
    assert result["downstream"][-1]["linear_probe"] > 0.9


def test_the_columns_fit_into_table_1(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    context = Context(tmp_path, device="cpu", data_dir=tmp_path)
    for column in (SUPERVISED, CONTRASTIVE):
        result = column.run(replace(RESNET, epochs=1, layer="representation"), context)
        assert list(result["columns"]) == [column.name]
        assert set(TABLE1_NUMBERS) <= set(result["columns"][column.name])
        assert result["records"][0] == result["baseline"]
        assert {one["layer"] for one in result["records"]} == {"representation"}
        assert {one.setting for one in column.choices} <= set(vars(column.settings))
        assert column.needs_data
        assert column.units(column.settings) > 0


def test_a_run_that_was_cut_ends_with_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(CIFAR10, RESNET, tmp_path / "whole")
    # Reading and starting take longer than this: each slice ends after its first step.
    monkeypatch.setattr("thinshell.experiments.context.SHORTEST_SLICE", 0.001)
    for _ in range(4):
        with pytest.raises(Unfinished):
            run(CIFAR10, RESNET, tmp_path / "cut", time_limit=0.05)
    assert list((tmp_path / "cut" / "runs" / "cifar-supervised.training").iterdir())
    cut = run(CIFAR10, RESNET, tmp_path / "cut")
    for name, column in whole["columns"].items():
        again = cut["columns"][name]
        assert again["all_records"] == column["all_records"]
        assert [row["loss"] for row in again["history"]] == [row["loss"] for row in column["history"]]
        assert again["downstream"] == column["downstream"]


def test_the_contrast_of_the_paper_has_its_own_sign_and_size() -> None:
    paper = [table1_column(f"cifar-{kind}") for kind in TRAINED]
    assert [row["verdict"] for row in contrast(*paper)] == ["sign and size"] * 5
    assert [row["verdict"] for row in contrast(*reversed(paper))] == ["neither"] * 5
    half_way = {number: 0.7 * paper[0][number] + 0.3 * paper[1][number] for number in TABLE1_NUMBERS}
    assert [round(row["ratio"], 9) for row in contrast(half_way, paper[1])] == [0.7] * 5
    weak = {number: 0.3 * paper[0][number] + 0.7 * paper[1][number] for number in TABLE1_NUMBERS}
    assert {row["verdict"] for row in contrast(weak, paper[1])} == {"sign, smaller"}
    strong = {number: 2.5 * paper[0][number] - 1.5 * paper[1][number] for number in TABLE1_NUMBERS}
    assert {row["verdict"] for row in contrast(strong, paper[1])} == {"sign, larger"}


def test_the_choices_are_varied_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tuple(one for one in cifar_choices.VARIANTS if one.name in ("supervised-on-z", "contrastive-head"))
    monkeypatch.setattr(cifar_choices, "VARIANTS", chosen)
    results = run(CIFAR10_CHOICES, replace(RESNET, epochs=1), tmp_path)
    assert list(results["runs"]) == ["supervised-on-z", "contrastive-head"]
    assert results["runs"]["supervised-on-z"]["changes"] == {"classifier": "linear"}
    assert len(shown(CIFAR10_CHOICES, results, tmp_path)) == 2


def test_every_variant_changes_at_most_one_setting_and_has_a_name_of_its_own() -> None:
    names = [one.name for one in cifar_choices.VARIANTS]
    assert len(set(names)) == len(names)
    for one in cifar_choices.VARIANTS:
        assert len(one.changes) <= 1
        replace(cifar_choices.BASIS, **one.changes)


def test_an_unknown_layer_is_refused(tmp_path: Path) -> None:
    part = Part(Context(tmp_path, data_dir=tmp_path), "part", {})
    with pytest.raises(InputError, match=r"layer must be one of .*did you mean 'projection'"):
        train_resnet(replace(RESNET, layer="projektion"), "supervised", part)


def test_the_gpu_run_takes_what_the_paper_states() -> None:
    stated, settings = paper_values()["stated"]["cifar10"], CIFAR10_RESNET18.settings
    for name in ("n_train", "n_test", "temperature", "learning_rate", "weight_decay", "batch_size", "epochs"):
        assert getattr(settings, name) == stated[name]
    assert (settings.encoder, settings.precision, settings.channels_last) == ("resnet18", "bf16", True)


@pytest.mark.parametrize("experiment", [FIG4, CIFAR10, CIFAR10_RESNET18, CIFAR10_CHOICES])
def test_every_choice_names_a_setting(experiment: Experiment) -> None:
    assert {choice.setting for choice in experiment.choices} <= set(vars(experiment.settings))
    assert type(experiment.quick) is type(experiment.settings)
    described: Callable[[], Any] = lambda: (experiment.name, experiment.summary, experiment.place)  # noqa: E731
    assert all(described())
