"""``thinshell reproduce``: mistakes told at once, the report and the files, runs that stop and go on."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from thinshell.cli import main
from thinshell.experiments import table1
from thinshell.experiments.experiment import Experiment
from thinshell.experiments.registry import EXPERIMENTS
from thinshell.experiments.settings import changed

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs the train extra")

# Two columns of Table 1 at a size with which they end within a second.
TINY = {"n_train": 160, "n_test": 200, "n_inputs": 32, "n_features": 8, "batch_size": 32, "epochs": 2}
WATCH = {"every_n_epochs": 1, "samples_per_test": 100, "repeats": 2}
SMALL: dict[str, Any] = {
    **{f"{column}.{name}": value for column in ("laplace", "gmm") for name, value in (TINY | WATCH).items()},
    "gmm.n_components": 4,
}
WORDS = ("reproduce", "table1", "--columns", "laplace,gmm")
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}
# The same experiment in a process of its own, with a second part that never ends.
CHILD = """
import json, sys
from dataclasses import replace
from thinshell.cli import main
from thinshell.experiments import table1
from thinshell.experiments.settings import changed
settings = changed(table1.TABLE1.settings, json.loads(sys.argv[1]))
table1.TABLE1 = replace(table1.TABLE1, settings=settings)
sys.exit(main(sys.argv[2:]))
"""


def smaller() -> Experiment:
    settings = changed(table1.TABLE1.settings, SMALL)
    return replace(table1.TABLE1, settings=settings, quick=changed(settings, {"laplace.epochs": 1}))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Table 1 small and leave out its pictures, which take longer than the rest."""
    monkeypatch.setattr(table1, "TABLE1", smaller())
    monkeypatch.setattr("thinshell.experiments.outputs.can_draw", lambda: False)


class Whole(NamedTuple):
    """A run from beginning to end."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "result.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Run it once, with pictures; what is in the folder is copied by tests that change it."""
    place = tmp_path_factory.mktemp("whole")
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(table1, "TABLE1", smaller())
        patch.setenv("COLUMNS", "80")
        status = main([*WORDS, "--seed", "3", "--out", str(place), "--json", str(place / "copy.json")])
    return Whole(status, out.getvalue(), err.getvalue(), place / "table1")


@pytest.fixture
def copied(whole: Whole, tmp_path: Path) -> Path:
    """Return a folder for --out that holds the whole run."""
    shutil.copytree(whole.folder, tmp_path / "results" / "table1")
    return tmp_path / "results"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def numbers(result: dict[str, Any]) -> str:
    """Return every number of a result as text, but for how long things took."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if "seconds" not in key}
        return [timeless(item) for item in value] if isinstance(value, list) else value

    return json.dumps([timeless(result[key]) for key in ("results", "comparisons", "tables", "settings")])


def refused(ended: Any) -> str:
    """Return the one sentence of a run that was refused."""
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("thinshell: error: ")
    assert ended.err.count("\n") == 1
    return ended.err


def test_the_list_names_every_experiment(run) -> None:
    ended = run("reproduce", "--list")
    assert (ended.status, ended.err) == (0, "")
    for name in EXPERIMENTS:
        assert any(line.startswith(f"{name} ") for line in ended.out.splitlines())
    for words in ("Table 1", "Figure 11", "columns laplace, gmm, binary,"):
        assert words in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_list_is_plain_and_quick_in_a_pipe(shell) -> None:
    ended = shell("reproduce", "--list")
    assert (ended.status, ended.err) == (0, "")
    assert "\x1b" not in ended.out


def test_help_names_the_options(run) -> None:
    ended = run("reproduce", "--help")
    assert ended.status == 0
    for word in ("--list", "--quick", "--columns", "--data-dir", "--seed", "--device", "--resume", "--time-limit"):
        assert word in ended.out
    assert "exit status 75" in " ".join(ended.out.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name an experiment: table1, table1-choices, table2, fig2, "),
        (["tabel1"], "got 'tabel1'; did you mean 'table1'?"),
        (["fig-11"], "got 'fig-11'; did you mean 'fig11'?"),
        (["nonsense"], "got 'nonsense'; choose one of them"),
        (["table1", "--columns", "gmm,laplcae"], "got 'laplcae'; did you mean 'laplace'?"),
        (["table1", "--columns", " , "], "columns must name at least one of laplace, gmm, binary, "),
        (["fig11", "--columns", "laplace"], "fig11 has no columns to choose from; leave --columns out"),
        (["table1", "--seed", "-1"], "seed must be a whole number of at least 0, got -1"),
        (["table1", "--seed", "one"], "'--seed'"),
        (["table1", "--time-limit", "soon"], "'--time-limit'"),
        (["table1", "fig2"], "unexpected extra argument"),
        (["table1", "--quik"], "No such option: --quik"),
    ],
)
def test_mistakes_in_the_words(run, tmp_path, monkeypatch, words, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(run("reproduce", *words))
    assert not list(tmp_path.iterdir())  # not even the default folder


def test_without_the_extra_it_says_what_to_install(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("thinshell.experiments.reproduction.find_spec", lambda name: None)
    said = refused(run("reproduce", "fig11", "--out", tmp_path / "results"))
    assert "reproduce needs torch, which is not installed; run pip install 'thinshell[train]'" in said
    assert not list(tmp_path.iterdir())


@needs_torch
@pytest.mark.parametrize("seconds", ["0", "-3", "nan"])
def test_a_time_limit_must_be_positive(run, tmp_path, seconds) -> None:
    ended = run("reproduce", "table1", "--time-limit", seconds, "--out", tmp_path / "results")
    assert f"time_limit must be a positive number of seconds, got {float(seconds)}; leave it out" in refused(ended)
    assert not list(tmp_path.iterdir())


@needs_torch
@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("gpu", "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'"),
        ("cuda:99", "device 'cuda:99' is not there: PyTorch sees "),
    ],
)
def test_a_device_that_is_not_there(run, small, tmp_path, device, sentence) -> None:
    assert sentence in refused(run(*WORDS, "--device", device, "--out", tmp_path, "--quiet"))
    assert content(tmp_path) == {}


CIFAR = (
    ["fig4"],
    ["cifar10"],
    ["cifar10-resnet18"],
    ["cifar10-choices"],
    ["ood"],
    ["table1", "--columns", "cifar-contrastive"],
)


@needs_torch
@pytest.mark.parametrize("words", CIFAR, ids=lambda words: words[0])
def test_pictures_without_a_folder_or_in_a_wrong_one(run, tmp_path, words) -> None:
    (tmp_path / "empty").mkdir()
    how = [*words, "--out", tmp_path / "results", "--quiet"]
    assert "--data-dir" in refused(run("reproduce", *how))
    said = refused(run("reproduce", *how, "--data-dir", tmp_path / "nowhere"))
    assert "data_dir must be a folder, got " in said
    assert "nowhere, which does not exist; give the one with the data" in said
    (tmp_path / "afile").touch()
    assert "afile, which is a file; " in refused(run("reproduce", *how, "--data-dir", tmp_path / "afile"))
    (tmp_path / "afile").unlink()
    said = refused(run("reproduce", *how, "--data-dir", tmp_path / "empty"))
    assert "no CIFAR-10 in " in said
    assert "expected cifar-10-batches-bin/ of the binary version or cifar-10-binary.tar.gz" in said
    assert content(tmp_path) == {}


@needs_torch
def test_wrong_pictures_are_told_before_anything_trains(run, small, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    words = ["table1", "--columns", "laplace,cifar-contrastive", "--data-dir", tmp_path / "empty"]
    ended = run("reproduce", *words, "--out", tmp_path / "results")
    assert "no CIFAR-10 in " in refused(ended)
    assert "laplace" not in ended.err
    assert content(tmp_path) == {}


@needs_torch
def test_damaged_pictures_are_named(run, tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    damaged = folder / "data_batch_1.bin"
    how = ["--data-dir", tmp_path, "--out", tmp_path / "results", "--quiet"]
    damaged.write_bytes(b"short")
    assert "data_batch_1.bin has 5 bytes, expected 30,730,000: it is damaged" in refused(run("reproduce", "fig4", *how))
    with damaged.open("wb") as stream:  # of the right size, black, but for one label
        stream.seek(5 * 3073)
        stream.write(b"\x0a")
        stream.truncate(10_000 * 3073)
    said = refused(run("reproduce", "cifar10", *how))
    assert "data_batch_1.bin has the label 10 in record 5, expected 0 to 9: it is damaged" in said
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


@needs_torch
def test_places_that_cannot_be_written_to(run, small, tmp_path) -> None:
    (tmp_path / "table1").write_text("a file")
    assert "table1 is a file; name another --out" in refused(run(*WORDS, "--out", tmp_path))
    ended = run(*WORDS, "--out", tmp_path / "table1")
    assert "cannot be written to (Not a directory); choose another --out" in refused(ended)
    ended = run(*WORDS, "--out", tmp_path / "results", "--json", tmp_path / "nowhere" / "x.json")
    assert "nowhere does not exist; create it first" in refused(ended)
    assert content(tmp_path) == {"table1": b"a file"}


@needs_torch
def test_the_report_has_the_papers_numbers_beside_ours(whole) -> None:
    assert whole.status == 0, whole.err
    lines = whole.out.splitlines()
    assert "\x1b" not in whole.out + whole.err
    assert max(map(len, lines)) <= 80
    assert "of 10 numbers within what is allowed" in lines[0]
    header = next(line for line in lines if "paper" in line and "ours" in line and "verdict" in line)
    assert header.split() == ["ours", "paper", "epoch", "0", "allowed", "verdict"]
    [cv] = [one for one in whole.result["comparisons"] if (one["where"], one["what"]) == ("GMM", "CV")]
    assert cv["reference"] == 0.08  # Table 1 of the paper
    assert any(
        line.split()[:4] == ["GMM", "CV", f"{cv['ours']:.3f}", "0.08"] and line.endswith(("within", "outside"))
        for line in lines
    )


@needs_torch
def test_the_files_say_where_the_numbers_come_from(whole) -> None:
    files = {path.name for path in whole.folder.iterdir()}
    pictures = {f"{name}.{kind}" for name in ("numbers", "epochs") for kind in ("png", "svg")}
    assert files == {"result.json", "table.md", "runs"} | (pictures if find_spec("matplotlib") else set())
    result = whole.result
    assert (result["schema"], result["seed"], result["quick"]) == ("thinshell/reproduction/1", 3, False)
    assert result["settings"]["gmm"]["samples_per_test"] == 100
    assert result["columns"] == ["laplace", "gmm"]
    about = result["about"]
    assert about["command"] == "thinshell reproduce table1 --columns laplace,gmm --seed 3"
    assert about["commit"] is None or len(about["commit"]) == 40
    table = (whole.folder / "table.md").read_text()
    for words in (about["command"], "samples_per_test", "seed", "Betser", about["commit"] or ""):
        assert words in table
    for name in result["pictures"]:
        start = {"png": b"\x89PNG\r\n", "svg": b"<?xml"}[name.rpartition(".")[2]]
        assert (whole.folder / name).read_bytes().startswith(start)


@needs_torch
def test_what_was_done_and_written_is_told_on_standard_error(whole) -> None:
    lines = whole.err.splitlines()
    assert lines[0].startswith("thinshell: laplace (1 of 2), ")
    assert lines[1].startswith("thinshell: gmm (2 of 2), ")
    written = [Path(line.removeprefix("wrote ")) for line in lines if line.startswith("wrote ")]
    assert written[0] == whole.folder / "result.json"
    assert written[-1] == whole.folder.parent / "copy.json"
    assert {path.name for path in written} >= {"table.md", *whole.result["pictures"]}
    assert all(path.is_file() for path in written)


@needs_torch
def test_json_in_a_file_in_a_pipe_and_nothing_at_all(run, small, whole, copied) -> None:
    assert (whole.folder.parent / "copy.json").read_bytes() == (whole.folder / "result.json").read_bytes()
    how = [*WORDS, "--seed", 3, "--out", copied, "--resume"]
    ended = run(*how, "--json", "-")
    assert ended.status == 0
    assert json.loads(ended.out)["schema"] == "thinshell/reproduction/1"
    assert numbers(json.loads(ended.out)) == numbers(whole.result)
    assert "wrote" not in ended.err
    assert run(*how, "--quiet") == (0, "", "")


@needs_torch
def test_settings_can_be_changed_by_name(run, small, tmp_path) -> None:
    words = ["reproduce", "table1", "--columns", "laplace", "--out", tmp_path, "--json", "-"]
    ended = run(*words, "--set", "laplace.epochs=1", "--set", "laplace.dropout=0.2")
    assert ended.status == 0, ended.err
    result = json.loads(ended.out)
    assert result["changed_settings"]["laplace.dropout"] == 0.2
    assert result["settings"]["laplace"]["epochs"] == 1
    assert result["about"]["command"].endswith("--set laplace.epochs=1 --set laplace.dropout=0.2")


@needs_torch
@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("epochs", "--set must be NAME=VALUE, got 'epochs'; for example --set epochs=100"),
        ("laplace.epoch=3", "got 'epoch'; did you mean 'epochs'?"),
        ("laplace.epochs=many", "setting laplace.epochs must be a whole number, got 'many'"),
        ("laplace=3", "setting laplace is a group of settings; name one of them"),
    ],
)
def test_settings_that_cannot_be_changed(run, tmp_path, word, sentence) -> None:
    assert sentence in refused(run("reproduce", "table1", "--set", word, "--out", tmp_path / "results"))
    assert content(tmp_path) == {}


@needs_torch
def test_a_folder_that_is_not_empty_is_left_as_it_is(run, small, whole, copied) -> None:
    before = content(copied)
    said = refused(run(*WORDS, "--out", copied))
    assert "table1 is not empty; choose another --out, or go on with what is in it by --resume" in said
    assert content(copied) == before


@needs_torch
@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (["--seed", "4"], "laplace.json was made with seed = 3, now it is 4; set it back, or choose another --out"),
        (["--seed", "3", "--quick"], "laplace.json was made with settings.epochs = 2, now it is 1; set it back"),
    ],
)
def test_resuming_with_other_settings_is_refused(run, small, copied, other, sentence) -> None:
    before = content(copied)
    assert sentence in refused(run(*WORDS, *other, "--out", copied, "--resume"))
    assert content(copied) == before


@needs_torch
def test_a_part_that_was_damaged_is_named(run, small, copied) -> None:
    (copied / "table1" / "runs" / "gmm.json").write_text('{"settings"')
    said = refused(run(*WORDS, "--seed", 3, "--out", copied, "--resume", "--quiet"))
    assert "gmm.json cannot be read as a part of this run" in said
    assert said.endswith("; delete it and run again\n")


@needs_torch
def test_a_time_limit_is_75_and_resuming_ends_with_the_same_numbers(run, small, whole, tmp_path, monkeypatch) -> None:
    how = [*WORDS, "--seed", 3, "--out", tmp_path, "--quiet"]
    ended = run(*how, "--time-limit", "1e-6", "--json", "-")
    assert (ended.status, ended.out) == (75, "")
    assert ended.err == (
        f"thinshell: the time limit came first: 0 of 2 parts are complete and kept in {tmp_path}/table1/runs; "
        "run the same command with --resume to go on\n"
    )
    # Cut within a part: the work begins, and then ends after a step.
    monkeypatch.setattr("thinshell.experiments.context.SHORTEST_SLICE", 0.001)
    assert run(*how, "--time-limit", "0.05", "--resume").status == 75
    assert not (tmp_path / "table1" / "result.json").exists()
    # Begun with these settings, it does not go on with others.
    said = refused(run(*how, "--quick", "--resume"))
    assert "asked.json was made with settings.epochs = 2, now it is 1; set it back" in said
    assert run(*how[:-1], "--resume").status == 0
    resumed = json.loads((tmp_path / "table1" / "result.json").read_text())
    assert numbers(resumed) == numbers(whole.result)


@needs_torch
def test_ctrl_c_keeps_complete_parts_and_says_how_to_go_on(run, small, whole, tmp_path) -> None:
    endless = json.dumps(SMALL | {"gmm.epochs": 1_000_000, "gmm.every_n_epochs": 1_000_000})
    words = [*WORDS, "--seed", "3", "--out", str(tmp_path)]
    runs = tmp_path / "table1" / "runs"
    command = [sys.executable, "-c", CHILD, endless, *words]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env=os.environ | ENVIRONMENT) as process:
        deadline = time.monotonic() + 120
        while not list(runs.glob("gmm.training/checkpoints/step-*")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    last = errors.splitlines()[-1]
    assert last.startswith("thinshell: interrupted; 1 part is complete")
    assert last.endswith(f"kept in {runs}: go on by the same command with --resume")
    assert "Traceback" not in errors
    assert "\x1b" not in errors
    assert sorted(path.name for path in runs.iterdir()) == ["gmm.training", "laplace.json"]
    assert not list(tmp_path.glob("**/.*"))  # nothing half-written
    assert not (tmp_path / "table1" / "result.json").exists()
    assert run("reproduce", "table1", "--columns", "laplace", *words[4:], "--resume").status == 0
    kept, asked = (json.loads((place / "result.json").read_text()) for place in (tmp_path / "table1", whole.folder))
    assert kept["results"]["columns"]["laplace"]["records"] == asked["results"]["columns"]["laplace"]["records"]


@needs_torch
def test_ctrl_c_at_once(run, small, tmp_path, monkeypatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Callable[..., Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr("thinshell.experiments.context.Context.part", interrupted)
    ended = run(*WORDS, "--out", tmp_path, "--json", tmp_path / "x.json")
    assert (ended.status, ended.out) == (130, "")
    assert ended.err.startswith("thinshell: interrupted; no part is complete, what was begun is kept in ")
    assert ended.err.endswith("--resume\n")
    assert content(tmp_path) == {}
