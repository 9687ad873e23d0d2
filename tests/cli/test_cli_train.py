"""``thinshell train``: the page, the files, and every way it can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

CONFIG = """
data: {name: laplace, n_train: 200, n_test: 300, n_features: 16}
views: {name: gaussian_channel, a: 0.9}
encoder: {name: linear, n_features: 6}
objective: {name: infonce, temperature: 0.2}
epochs: 2
batch_size: 40
monitor: {samples_per_test: 100, repeats: 2}
loggers: [csv, jsonl]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG)
    return path


def test_a_run_prints_before_and_after(run, config, tmp_path) -> None:
    ended = run("train", config, "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("linear encoder, infonce, laplace: 2 of 2 epochs, 10 steps, ")
    assert "after epoch 1," in lines[1]
    assert "Gaussianity of the representation   300 test rows, 100 a test × 2, seed 0" in ended.out
    heads = [line.split() for line in lines if line.split()[:1] in (["raw"], ["epoch"])]
    assert heads == [["raw", "raw", "unit", "unit"], ["epoch", "0", "epoch", "2", "epoch", "0", "epoch", "2"]]
    for label in ("CV", "AD Avg. (< 0.752)", "DP Norm. Feat.", "positive pairs, cosine", "effective rank"):
        assert label in ended.out
    assert max(map(len, lines)) <= 80
    assert ended.err.splitlines()[-1] == f"wrote {tmp_path / 'out'}"


def test_json_and_quiet(run, config, tmp_path) -> None:
    ended = run("train", config, "--out", tmp_path / "a", "--json", "-")
    assert json.loads(ended.out)["schema"] == "thinshell/training/1"
    ended = run("train", config, "--out", tmp_path / "b", "--json", tmp_path / "b.json", "--quiet")
    assert (ended.status, ended.out) == (0, "")
    assert json.loads((tmp_path / "b.json").read_text())["finished"] is True


def test_a_time_limit_says_how_to_go_on_and_going_on_works(run, config, tmp_path) -> None:
    ended = run("train", config, "--out", tmp_path / "out", "--time-limit", "0.000001")
    assert ended.status == 0
    assert f"not finished; go on with: thinshell train {config} --out {tmp_path / 'out'} --resume" in ended.err
    assert "0 of 2 epochs, 1 steps" in ended.out
    ended = run("train", config, "--out", tmp_path / "out", "--resume")
    assert "2 of 2 epochs, 10 steps" in ended.out


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("infonce", "infonec", "objective.name must be one of"),
        ("linear", "lineer", "did you mean 'linear'?"),
        ("batch_size: 40", "batch_size: 1", "batch_size must be greater than or equal to 2, got 1"),
        ("temperature: 0.2", "temperature: 0", "objective: temperature"),
        ("infonce, temperature: 0.2", "supcon", "supcon needs labels"),
        ("epochs: 2", "epoch: 2", "epoch is not a key; did you mean 'epochs'?"),
        ("epochs: 2", "epochs: 2\noptimizer: {learning_rate: 1, weight_decay: 1.0e+30, name: sgd}", "at step"),
        ("laplace, n_train: 200, n_test: 300, n_features: 16", "cifar10, data_dir: nowhere", "no CIFAR-10 in nowhere"),
    ],
)
def test_bad_configurations_are_one_sentence_and_2(run, config, tmp_path, before, after, sentence) -> None:
    assert before in CONFIG
    config.write_text(CONFIG.replace(before, after))
    ended = run("train", config, "--out", tmp_path / "out", "--quiet")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("thinshell: error: ")
    assert ended.err.count("\n") == 1
    assert sentence in ended.err


def test_a_corrupt_cifar_file_is_named(run, config, tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_bytes(b"short")
    text = CONFIG.replace("laplace, n_train: 200, n_test: 300, n_features: 16", f"cifar10, data_dir: {tmp_path}")
    config.write_text(text)
    ended = run("train", config, "--out", tmp_path / "out")
    assert ended.status == 2
    assert "data_batch_1.bin has 5 bytes, expected 30,730,000: it is damaged" in ended.err


def test_places_that_cannot_be_written_to(run, config, tmp_path) -> None:
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "thesis.tex").touch()
    for out, sentence in (
        (occupied, "is not empty; choose another, or resume"),
        (config, "is a file; name a folder"),
        (config / "below", "cannot be written to"),
    ):
        ended = run("train", config, "--out", out)
        assert ended.status == 2
        assert sentence in ended.err
        assert ended.err.count("\n") == 1
    ended = run("train", config, "--out", tmp_path / "out", "--json", tmp_path / "nowhere" / "x.json")
    assert ended.status == 2
    assert not (tmp_path / "out").exists()  # found out before anything was computed
    assert run("train", tmp_path / "no.yaml", "--out", tmp_path / "out").status == 2
    assert "Missing option '--out'" in run("train", config).err


def test_without_the_extra_it_says_what_to_install(run, config, tmp_path, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("thinshell.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    ended = run("train", config, "--out", tmp_path / "out")
    assert ended.status == 2
    assert "thinshell train needs the train extra (lightning" in ended.err
    assert "pip install 'thinshell[train]'" in ended.err


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(config, tmp_path) -> None:
    config.write_text(CONFIG.replace("epochs: 2", "epochs: 100000"))
    out = tmp_path / "out"
    words = [sys.executable, "-m", "thinshell", "train", str(config), "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(out.glob("checkpoints/step-*")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    last = errors.splitlines()[-1]
    assert last.startswith(f"thinshell: interrupted; {out}/checkpoints/step-")
    assert last.endswith(f"is whole, go on with: thinshell train {config} --out {out} --resume")
    assert not list(out.glob("**/.*"))  # nothing half-written


def test_ctrl_c_before_the_first_checkpoint(run, config, tmp_path, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("thinshell.training.run", interrupted)
    ended = run("train", config, "--out", tmp_path / "out", "--time-limit", "60")
    assert ended.status == 130
    assert "interrupted before the first checkpoint; begin again with: thinshell train" in ended.err
    assert ended.err.rstrip().endswith("--resume --time-limit 60")
    (tmp_path / "out" / "checkpoints" / "step-000000005").mkdir(parents=True)
    assert "step-000000005 is whole, go on with: " in run("train", config, "--out", tmp_path / "out").err


def test_help_names_the_options(run) -> None:
    ended = run("train", "--help")
    assert ended.status == 0
    for word in ("--out", "--resume", "--time-limit", "--json", "--quiet", "CONFIG"):
        assert word in ended.out
