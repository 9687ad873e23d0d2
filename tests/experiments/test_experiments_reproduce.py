"""Asking for an experiment: mistakes told before any work, interrupted runs gone on with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from thinshell.errors import InputError
from thinshell.experiments import EXPERIMENTS, Unfinished, outputs, reproduce, reproduction
from thinshell.experiments.context import Context


@pytest.fixture
def never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the work began although the question was wrong")

    monkeypatch.setattr(Context, "part", never)


@pytest.mark.parametrize(
    ("name", "how", "sentence"),
    [
        ("tabel1", {}, "experiment must be one of .*'fig11'.*got 'tabel1'; did you mean 'table1'"),
        ("table1", {"columns": ["laplcae"]}, "column must be one of .*; did you mean 'laplace'"),
        ("table1", {"columns": []}, "columns must name at least one of laplace, gmm, binary"),
        ("fig11", {"columns": ["laplace"]}, "fig11 has no columns to choose from; leave --columns out"),
        ("table1", {"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ("table1", {"seed": True}, "seed must be a whole number of at least 0, got True"),
        ("table1", {"settings": {"gmm.epoch": 1}}, "did you mean 'epochs'"),
        ("fig2", {"settings": {"run.epochs": "1"}}, "run.epochs must be a whole number, got '1'"),
    ],
)
def test_mistakes_are_told_before_a_folder_is_made(never_run, tmp_path, name, how, sentence) -> None:
    with pytest.raises((InputError, TypeError), match=sentence):
        reproduce(name, out=tmp_path, **how)
    assert not list(tmp_path.iterdir())


def test_a_data_folder_that_is_missing(never_run, tmp_path) -> None:
    with pytest.raises(InputError, match=r"data_dir must be a folder, got .*nowhere, which does not exist"):
        reproduce("table1", out=tmp_path, data_dir=tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [0, -3.0])
def test_a_time_limit_of_nothing(never_run, tmp_path, value) -> None:
    with pytest.raises(InputError, match="time_limit must be a positive number of seconds"):
        reproduce("table1", out=tmp_path, time_limit=value)


def test_a_folder_with_something_in_it_is_refused(never_run, tmp_path) -> None:
    (tmp_path / "table1").mkdir()
    (tmp_path / "table1" / "result.json").write_text("precious")
    with pytest.raises(InputError, match=r"table1 is not empty; choose another --out, or go on .* by --resume"):
        reproduce("table1", out=tmp_path)
    assert (tmp_path / "table1" / "result.json").read_text() == "precious"


def test_a_file_in_place_of_the_folder(never_run, tmp_path) -> None:
    (tmp_path / "table1").write_text("")
    with pytest.raises(InputError, match="table1 is a file; name another --out"):
        reproduce("table1", out=tmp_path)


def test_no_permission_to_write(never_run, tmp_path, monkeypatch) -> None:
    # Not by chmod: root, who runs the tests in many containers, may write anywhere.
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match=r"table1 cannot be written to \(Permission denied\); choose another --out"):
        reproduce("table1", out=tmp_path)


def test_a_missing_package_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(reproduction, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"reproduce needs torch, .* pip install 'thinshell\[train\]'"):
        reproduce("table1", out=tmp_path)


def test_a_column_that_needs_data_says_so_first(monkeypatch, tmp_path) -> None:
    from dataclasses import replace

    from thinshell.experiments import table1

    monkeypatch.setitem(table1.ALL, "laplace", replace(table1.ALL["laplace"], needs_data=True))
    with pytest.raises(
        InputError, match="column laplace reads a data set; give the folder that holds it by --data-dir"
    ):
        reproduce("table1", out=tmp_path)


def run_table1(small: dict[str, Any], out: Path, **how: Any) -> dict[str, Any]:
    return reproduce("table1", out=out, columns=["laplace", "gmm"], settings=small["table1"], **how)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if "seconds" not in key}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory) -> dict[str, Any]:
    return run_table1(small, tmp_path_factory.mktemp("whole"))


class Stop:
    """Progress that presses Ctrl-C once the work has come so far."""

    def __init__(self, word: str, share: float) -> None:
        self.word, self.share, self.first = word, share, None

    def __call__(self, done: float, total: float, words: str) -> None:
        if not words.startswith(self.word):
            return
        self.first = done if self.first is None else self.first
        if done - self.first > self.share:
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_to_the_same_numbers(small, whole, tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_table1(small, tmp_path, progress=Stop("gmm", 0.01))
    folder = tmp_path / "table1"
    assert (folder / "runs" / "laplace.json").exists()
    assert not (folder / "runs" / "gmm.json").exists()
    assert not (folder / "result.json").exists()
    with pytest.raises(InputError, match="not empty"):
        run_table1(small, tmp_path)
    resumed = run_table1(small, tmp_path, resume=True)
    assert without_times(resumed["results"]) == without_times(whole["results"])
    assert not list(folder.glob("runs/*.training"))


def test_a_time_limit_cuts_a_run_into_slices(small, whole, tmp_path) -> None:
    with pytest.raises(Unfinished, match="of 2 parts are complete"):
        run_table1(small, tmp_path, time_limit=1e-6)
    resumed = run_table1(small, tmp_path, resume=True)
    assert without_times(resumed["results"]) == without_times(whole["results"])


def test_resuming_a_complete_run_computes_nothing(small, tmp_path, monkeypatch) -> None:
    first = run_table1(small, tmp_path)
    monkeypatch.setattr(Context, "_compute", lambda *_: pytest.fail("a complete part was computed again"))
    again = run_table1(small, tmp_path, resume=True)
    assert again["results"] == first["results"]
    assert again["about"]["seconds"] == first["about"]["seconds"]


def test_resuming_with_other_settings_is_refused(small, tmp_path) -> None:
    run_table1(small, tmp_path)
    with pytest.raises(InputError, match=r"gmm\.json was made with settings\.mean_std = 0\.1, now it is 0\.5"):
        reproduce(
            "table1",
            out=tmp_path,
            columns=["gmm"],
            settings=small["table1"] | {"gmm.mean_std": 0.5},
            resume=True,
        )


def test_a_drawing_that_fails_leaves_the_old_result(small, tmp_path, monkeypatch) -> None:
    run_table1(small, tmp_path)
    folder = tmp_path / "table1"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}

    def fails(*_: Any) -> None:
        raise InputError("no ink")

    monkeypatch.setattr(outputs, "save_picture", fails)
    with pytest.raises(InputError, match="no ink"):
        run_table1(small, tmp_path, resume=True)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()} == before


def test_without_matplotlib_there_are_numbers_and_no_pictures(small, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(outputs, "can_draw", lambda: False)
    result = reproduce("table1", out=tmp_path, columns=["laplace"], settings=small["table1"])
    assert result["pictures"] == []
    assert sorted(path.name for path in (tmp_path / "table1").iterdir()) == ["result.json", "runs", "table.md"]


def test_a_folder_left_empty_by_a_mistake_may_be_used(tmp_path) -> None:
    (tmp_path / "table1" / "runs").mkdir(parents=True)
    assert outputs.claim_output(tmp_path / "table1", resume=False).is_dir()
    assert os.listdir(tmp_path / "table1") == ["runs"]


def test_the_registry_lists_without_loading() -> None:
    assert list(EXPERIMENTS)[:2] == ["table1", "table1-choices"]
    assert "nonsense" not in EXPERIMENTS
    assert len(EXPERIMENTS) == len(list(EXPERIMENTS))
    for name in EXPERIMENTS:
        assert EXPERIMENTS[name].name == name
        assert EXPERIMENTS[name].summary
        assert type(EXPERIMENTS[name].settings) is type(EXPERIMENTS[name].quick)
