"""``thinshell train``: the page, the files, and every way it can end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

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


def refused(ended) -> str:
    """Return the one sentence of a run that was refused."""
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("thinshell: error: ")
    assert ended.err.count("\n") == 1
    return ended.err


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
    assert ended.status == 75
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
    damaged = folder / "data_batch_1.bin"
    text = CONFIG.replace("laplace, n_train: 200, n_test: 300, n_features: 16", f"cifar10, data_dir: {tmp_path}")
    config.write_text(text)
    damaged.write_bytes(b"short")
    said = refused(run("train", config, "--out", tmp_path / "out"))
    assert "data_batch_1.bin has 5 bytes, expected 30,730,000: it is damaged; unpack" in said
    with damaged.open("wb") as stream:  # of the right size, black, but for one label
        stream.seek(5 * 3073)
        stream.write(b"\x0a")
        stream.truncate(10_000 * 3073)
    said = refused(run("train", config, "--out", tmp_path / "out"))
    assert "data_batch_1.bin has the label 10 in record 5, expected 0 to 9: it is damaged; unpack" in said
    damaged.unlink()
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"half of it")
    said = refused(run("train", config, "--out", tmp_path / "out"))
    assert "cifar-10-binary.tar.gz is not the official archive (MD5 " in said
    assert "; remove it and fetch it again from https://" in said


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


DATA = "{name: laplace, n_train: 200, n_test: 300, n_features: 16}"


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        ("infonce", "infonec", ["objective.name must be one of ", "got 'infonec'; did you mean 'infonce'?"]),
        ("infonce", "nothing", ["'infonce', 'ntxent', ", "got 'nothing'; choose one of them"]),
        ("linear", "resnet81", ["encoder.name must be one of 'linear', ", "got 'resnet81'; did you mean 'resnet18'?"]),
        ("name: laplace", "name: lapalce", ["data.name must be one of ", "got 'lapalce'; did you mean 'laplace'?"]),
        ("temperature: 0.2", "temperature: -0.1", ["temperature must be a positive number, got -0.1"]),
        ("temperature: 0.2", "temperature: .nan", ["objective.temperature must be a finite number, got nan"]),
        ("temperature: 0.2", "temperature: hot", ["objective.temperature must be a valid number, ", "got 'hot'"]),
        ("temperature", "temprature", ["objective.temprature is not a key; did you mean 'temperature'?"]),
        ("infonce, temperature: 0.2", "cross_entropy", ["cross_entropy needs labels, which the data set 'laplace'"]),
        ("epochs: 2", "epochs: 0", ["epochs must be greater than or equal to 1, got 0"]),
        ("epochs: 2", "epochs: yes", ["epochs must be a whole number, got True"]),
        ("n_features: 6", "n_features: 100000000000000", ["'linear' of this size does not fit into memory; make it"]),
        ("linear, n_features: 6", "resnet18", ["encoder: a residual network takes pictures of shape (n, 3, height, "]),
        ("gaussian_channel, a: 0.9", "simclr", ["views: pictures must have the shape (n, 3, height, width), got (2,"]),
        ("epochs: 2", "epochs: 2\noptimizer: {learning_rate: 1.0e+300}", ["less than or equal to 1000, got 1e+300"]),
        ("epochs: 2", "epochs: 2.5", ["epochs must be a whole number, got 2.5"]),
        ("epochs: 2\n", "", ["epochs is missing; give it a value"]),
        ("batch_size: 40", "batch_size: 201", ["at most the 200 training rows, got 201; make it smaller or give more"]),
        ("epochs: 2", "epochs: 2\ndevice: gpu", ["device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'"]),
        ("epochs: 2", "epochs: 2\ndevice: cuda:99", ["device 'cuda:99' is not there: ", "; use 'auto' or 'cpu'"]),
        ("epochs: 2", "epochs: 2\nseed: -1", ["seed must be greater than or equal to 0, got -1"]),
        ("epochs: 2", "epochs: 2\noptimizer: {learning_rate: -1}", ["learning_rate must be greater than 0, got -1"]),
        ("epochs: 2", "epochs: 2\noptimizer: {learning_rate: .nan}", ["learning_rate must be a finite number, got"]),
        ("epochs: 2", "epochs: 2\noptimizer: {name: adm}", ["'adamw' or 'sgd', got 'adm'; did you mean 'adam'?"]),
        ("a: 0.9", "a: 2", ["views: a must be in [0, 1], got 2"]),
        ("gaussian_channel, a: 0.9", "component_draws", ["needs the components of gaussian_mixture, got the data set"]),
        ("per_test: 100", "per_test: 3", ["monitor.samples_per_test must be greater than or equal to 8, got 3"]),
        ("[csv, jsonl]", "[cvs]", ["loggers must be one of ", "got 'cvs'; did you mean 'csv'?"]),
        (DATA, "{name: cifar10}", ["data.data_dir is missing; give it a value"]),
        (DATA, "{name: array, path: nowhere.npy}", ["data: nowhere.npy does not exist; check the path"]),
        (DATA, "{name: images, path: nowhere}", ["data: nowhere is not a folder; name a folder of pictures"]),
    ],
)  # fmt: skip
def test_every_bad_value_is_told_with_its_key(run, config, tmp_path, before, after, sentences) -> None:
    assert before in CONFIG
    config.write_text(CONFIG.replace(before, after))
    said = refused(run("train", config, "--out", tmp_path / "out"))
    for sentence in sentences:
        assert sentence in said
    assert not list(tmp_path.glob("out/checkpoints"))


def test_a_gpu_on_a_machine_without_one(run, config, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    config.write_text(CONFIG + "device: cuda\n")
    said = refused(run("train", config, "--out", tmp_path / "out"))
    assert "device 'cuda' is not there: PyTorch sees 0 GPUs; use 'auto' or 'cpu'" in said


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ("path: ROWS, labels: SHORT", "short.npy must be whole numbers of shape (300,), one a row, got int64 of shape"),
        ("path: ROWS, labels: BELOW", "train_labels must be at least 0, got -1; number the classes from 0"),
        ("path: ROWS, labels: HUGE", "_labels must be below 1,000,000, got 1000000000000; number the classes 0, 1, 2"),
        ("path: ROWS, labels: nowhere.npy", "the labels nowhere.npy cannot be read (No such file or directory); save"),
        ("path: BAD", "bad.npy has NaN or infinity in row 17; remove such rows first"),
        ("path: ROWS, test_share: 1.5", "test_share must be a number between 0 and 1, got 1.5"),
    ],
)
def test_rows_and_labels_that_do_not_fit(run, config, tmp_path, files, sentence) -> None:
    rows = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    bad = rows.copy()
    bad[17, 2] = np.nan
    arrays = {"ROWS": rows, "BAD": bad, "SHORT": np.arange(299) % 3, "BELOW": np.arange(300) % 3 - 1}
    arrays["HUGE"] = np.arange(300) % 3 * 10**12 // 2
    for name, array in arrays.items():
        np.save(tmp_path / f"{name.lower()}.npy", array)
        files = files.replace(name, str(tmp_path / f"{name.lower()}.npy"))
    config.write_text(CONFIG.replace(DATA, f"{{name: array, {files}}}"))
    assert sentence in refused(run("train", config, "--out", tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())  # free for the next attempt


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "run.yaml is empty; a configuration has keys such as data, encoder, objective, epochs"),
        (b"- 1\n- 2\n", "run.yaml holds a list; a configuration has keys such as data"),
        (b"laplace", "run.yaml holds a str; a configuration has keys such as data"),
        (b"data: [laplace\n", "run.yaml is not YAML: while parsing a flow sequence"),
        (b"data:\n\tname: laplace\n", "run.yaml is not YAML: while scanning for the next token"),
        (b"\xff\xfe\x00", "run.yaml is not a text file in UTF-8"),
        ("missing", "run.yaml cannot be read (No such file or directory"),
        ("a folder", "run.yaml cannot be read (Is a directory"),
    ],
)
def test_files_that_are_no_configuration(run, tmp_path, content, sentence) -> None:
    config = tmp_path / "run.yaml"
    if content == "a folder":
        config.mkdir()
    elif content != "missing":
        config.write_bytes(content)
    assert sentence in refused(run("train", config, "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_limit_must_be_positive(run, config, tmp_path, seconds) -> None:
    said = refused(run("train", config, "--out", tmp_path / "out", "--time-limit", seconds))
    assert f"time_limit must be a positive number of seconds, got {float(seconds)}; leave it out for none" in said
    assert content(tmp_path / "out") == {}  # so that the corrected command finds it empty
    assert run("train", config, "--out", tmp_path / "out", "--quiet").status == 0


def test_a_time_limit_must_be_a_number(run, config, tmp_path) -> None:
    said = refused(run("train", config, "--out", tmp_path / "out", "--time-limit", "soon"))
    assert "'--time-limit'" in said
    assert not (tmp_path / "out").exists()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_resuming_with_another_configuration_is_refused(run, config, tmp_path) -> None:
    out = tmp_path / "out"
    assert run("train", config, "--out", out, "--time-limit", "0.000001", "--quiet").status == 75
    before = content(out)
    for was, now, key in (
        ("temperature: 0.2", "temperature: 0.5", "objective.temperature = 0.2, now it is 0.5"),
        ("epochs: 2", "epochs: 2\nseed: 1", "seed = 0, now it is 1"),
        ("epochs: 2", "epochs: 1", "epochs = 2, now it is 1"),
        ("repeats: 2", "repeats: 3", "monitor.repeats = 2, now it is 3"),
    ):
        config.write_text(CONFIG.replace(was, now))
        said = refused(run("train", config, "--out", out, "--resume"))
        assert f"the run in {out} began with {key}; set it back to resume, or start a new run in another" in said
        assert content(out) == before


@pytest.mark.parametrize("made", [True, False])
def test_resuming_where_nothing_is_begins(run, config, tmp_path, made) -> None:
    if made:
        (tmp_path / "out").mkdir()
    ended = run("train", config, "--out", tmp_path / "out", "--resume")
    assert ended.status == 0
    assert "2 of 2 epochs, 10 steps" in ended.out


def test_an_existing_run_is_left_as_it_is(run, config, tmp_path) -> None:
    out = tmp_path / "out"
    assert run("train", config, "--out", out, "--quiet") == (0, "", "")
    before = content(out)
    said = refused(run("train", config, "--out", out))
    assert f"the output folder {out} is not empty; choose another, or resume the run that is in it (--resume" in said
    assert content(out) == before


def test_no_permission_to_write(run, config, tmp_path, monkeypatch) -> None:
    # Not by chmod: root, who runs the tests in many containers, may write anywhere.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    said = refused(run("train", config, "--out", tmp_path / "out"))
    assert "out cannot be written to (Permission denied); choose another place" in said


def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(run, config, tmp_path) -> None:
    # Weights grow a thousandfold a step, until their squares are beyond float32.
    sgd = "epochs: 4\noptimizer: {name: sgd, learning_rate: 1, weight_decay: 1000, momentum: 0}"
    config.write_text(CONFIG.replace("epochs: 2", sgd))
    out = tmp_path / "out"
    said = refused(run("train", config, "--out", out, "--quiet"))
    found = re.search(r"the loss is (nan|inf) at step (\d+) \(epoch (\d+)\); training stops there and keeps its", said)
    assert found is not None, said
    epoch = int(found[3])
    assert epoch > 1
    assert (epoch - 1) * 5 < int(found[2]) <= epoch * 5
    [kept] = out.glob("checkpoints/*")
    assert kept.name == f"step-{(epoch - 1) * 5:09d}"
    tensors = load_file(kept / "tensors.safetensors")
    assert tensors
    assert all(np.isfinite(values).all() for values in tensors.values())
    assert not (out / "encoder.safetensors").exists()
    assert not list(out.glob("**/.*"))
    assert refused(run("train", config, "--out", out, "--resume", "--quiet")) == said
