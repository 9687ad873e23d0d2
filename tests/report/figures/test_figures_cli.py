"""`--figures` of the command line: drawn beside everything else, refused before the work."""

import builtins

import numpy as np
import pytest

from thinshell.cli import main


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "emb.npy"
    np.save(path, np.random.default_rng(0).standard_normal((500, 4)))
    return str(path)


def test_every_picture_of_a_diagnosis_is_drawn(data, tmp_path, capsys):
    folder = tmp_path / "figures"
    assert main(["diagnose", data, "--figures", str(folder), "--figure-formats", "png,svg"]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert {"norms.png", "norms.svg", "coordinates.png", "sample_size.svg"} <= set(names)
    said = capsys.readouterr().err
    assert all(f"wrote {folder / name}" in said for name in names)


def test_pictures_of_a_kept_result_are_the_same(data, tmp_path):
    kept = tmp_path / "kept.json"
    words = ["--figure-formats", "svg", "-q"]
    assert main(["diagnose", data, "--json", str(kept), "--figures", str(tmp_path / "first"), *words]) == 0
    assert main(["report", str(kept), "--figures", str(tmp_path / "second"), *words]) == 0
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("first", "second"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_comparison_has_its_own(data, tmp_path):
    folder = tmp_path / "figures"
    assert main(["compare", data, data, "-q", "--figures", str(folder), "--figure-formats", "pdf"]) == 0
    assert (folder / "norms.pdf").read_bytes().startswith(b"%PDF")


def test_an_unknown_format_is_told_before_the_work(data, tmp_path, capsys):
    words = ["diagnose", data, "--figures", str(tmp_path / "figures"), "--figure-formats", "gif", "--json", "-"]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "'gif'" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "figures").exists()


def test_a_reproduction_has_no_figures_to_draw(tmp_path, capsys):
    kept = tmp_path / "result.json"
    kept.write_text('{"schema": "thinshell/reproduction/1", "experiment": "fig4", "tables": []}')
    assert main(["report", str(kept), "--figures", str(tmp_path / "figures")]) == 2
    assert "thinshell/reproduction/1" in capsys.readouterr().err


def test_without_matplotlib_the_extra_is_named(data, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["diagnose", data, "--figures", str(tmp_path / "figures"), "--json", "-"]) == 2
    said = capsys.readouterr()
    assert "pip install 'thinshell[figures]'" in said.err
    assert said.out == ""
