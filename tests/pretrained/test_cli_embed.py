"""thinshell embed on the command line: what it prints, its endings, its refusals, and CIFAR-10 from end to end."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from thinshell.cli import main

MODULE = """
import numpy as np
def rows(texts):
    return [[len(text), text.count(" "), 1.0] for text in texts]
def slow(texts):
    import time
    time.sleep(0.05)
    return rows(texts)
def pixels(pictures):
    return [np.asarray(picture.resize((4, 4)), float).ravel() for picture in pictures]
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with modules of the user's own."""
    (tmp_path / "own.py").write_text(MODULE)
    (tmp_path / "texts.txt").write_text("".join(f"text {'word ' * (i % 7)}\n" for i in range(1500)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        for name in ("own", "both"):
            sys.modules.pop(name, None)
        capsys.readouterr()
        status = main([*map(str, words)])
        return SimpleNamespace(returncode=status, **capsys.readouterr()._asdict())

    return run


def test_texts_to_a_verdict(command, tmp_path):
    done = command("embed", "python:own:rows", "texts.txt", "--out", "rows.parquet", "--json", "facts.json")
    assert (done.returncode, done.err) == (0, "wrote rows.parquet\n")
    for words in (
        "python:own:rows",
        "1,500 texts of texts.txt",
        "1,500 rows of 3 numbers",
        "next: thinshell diagnose rows.parquet",
    ):
        assert words in done.out
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert (facts["schema"], facts["n_rows"], facts["out"]) == ("thinshell/embedding/1", 1500, "rows.parquet")
    assert facts["command"].startswith("thinshell embed python:own:rows")
    assert command("diagnose", "rows.parquet").returncode == 0


def test_json_alone(command):
    done = command("embed", "python:own:rows", "texts.txt", "-o", "rows.npy", "--json", "-", "--limit", "10")
    assert json.loads(done.out)["n_items"] == [10]


def test_left_out_items_are_named(command, tmp_path):
    (tmp_path / "gaps.txt").write_text("one\n\ntwo\n \n" * 4)
    done = command("embed", "python:own:rows", "gaps.txt", "-o", "rows.parquet")
    assert done.returncode == 2
    assert done.err == (
        "thinshell: error: gaps.txt, line 2 is empty; there is nothing to embed; mend it, or leave such items out with "
        "--on-error skip; what is done is kept\n"
    )
    done = command("embed", "python:own:rows", "gaps.txt", "-o", "rows.parquet", "--on-error", "skip")
    assert done.returncode == 0
    assert done.out.count("left out:") == 6
    assert "3 more; the file lists them" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no/such model", "texts.txt"], "model must be owner/name"),
        (["python:own:nothing", "texts.txt"], "cannot be imported"),
        (["python:own:rows", "nothing.txt"], "is not there"),
        (["python:own:rows", "texts.txt", "--layer", "1"], "leave layer and pooling out"),
        (["python:own:rows", "texts.txt", "--column", "text"], "one text a line"),
        (["python:own:rows", "texts.txt", "--kind", "pictures"], "--kind"),
        (["owner/model", "texts.txt", "--offline"], "--offline keeps from fetching it"),
        (["timm:densenet121", "texts.txt"], "timm"),
    ],
)
def test_wrong_input_is_one_sentence(words, said, command, tmp_path):
    done = command("embed", *words, "--out", "rows.parquet")
    assert done.returncode == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["own.py", "texts.txt"]


def test_ctrl_c_keeps_what_is_done(command, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    line = [sys.executable, "-m", "thinshell", "embed", "python:own:slow", "texts.txt", "-o", "rows.parquet"]
    with subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        first = tmp_path / "rows.parquet.partial" / "part-000000.parquet"
        until = time.monotonic() + 60
        while not first.exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert (
        error
        == "thinshell: interrupted; 1 part is complete and kept in rows.parquet.partial: the same command goes on\n"
    )
    done = command("embed", "python:own:slow", "texts.txt", "-o", "rows.parquet")
    assert "1,500 rows of 3 numbers (1,024 of them kept from an earlier run)" in done.out
    assert not (tmp_path / "rows.parquet.partial").exists()


def test_pictures_and_captions_to_the_gap(command, tmp_path):
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    rng = np.random.default_rng(0)
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(300)]
    for image in images:
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "val2017" / image["file_name"])
    notes = [{"id": i, "image_id": i, "caption": f"picture {i}"} for i in range(300)]
    (tmp_path / "annotations" / "captions.json").write_text(json.dumps({"images": images, "annotations": notes}))
    (tmp_path / "both.py").write_text(
        "import numpy as np\n"
        "def rows(items):\n"
        "    return [np.random.default_rng([len(str(item)), i]).standard_normal(4) for i, item in enumerate(items)]\n"
    )
    done = command("embed", "python:both:rows", "annotations/captions.json", "-o", "pairs.parquet")
    assert done.returncode == 0, done.err
    assert "300 pictures of annotations/captions.json" in done.out
    done = command("diagnose", "pairs.parquet")
    assert done.returncode == 0, done.err
    assert "modality gap" in done.out
    assert "300  numbers that image and text share" in done.out


def test_cifar10_through_a_resnet_to_a_page(shared_data, command, tmp_path):
    """The test set through a ResNet in the format of transformers: embed, diagnose, report."""
    import torch
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetModel

    from thinshell.pretrained.quiet import quiet_transformers

    subprocess.run(
        [sys.executable, shared_data / "unpack_cifar10.py", tmp_path / "cifar"], check=True, capture_output=True
    )
    torch.manual_seed(0)
    with quiet_transformers():
        ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1])).save_pretrained(
            tmp_path / "net"
        )
        ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=1.0).save_pretrained(tmp_path / "net")
    done = command("embed", "./net", "cifar", "-o", "rows.parquet", "--limit", "1000")
    assert done.returncode == 0, done.err
    assert "the first 1,000 of 10,000 pictures of CIFAR-10 (test)" in done.out
    assert "1,000 rows of 32 numbers" in done.out
    done = command("diagnose", "rows.parquet", "--json", "result.json")
    assert done.returncode == 0, done.err
    done = command("report", "result.json", "--html", "page.html")
    assert done.returncode == 0, done.err
    assert "<!doctype html>" in (tmp_path / "page.html").read_text()[:100].lower()
