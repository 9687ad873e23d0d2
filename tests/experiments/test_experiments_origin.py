"""Where a result comes from is told, and told right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from thinshell.experiments import provenance as origin
from thinshell.experiments.markdown import to_markdown


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_commit_and_changes_to_it(checkout: Path) -> None:
    package, head = checkout / "package", git(checkout, "rev-parse", "HEAD")
    assert origin.commit(package) == {"commit": head, "uncommitted_changes": False}
    (checkout / "notes.txt").write_text("not code")  # beside the package: does not change what runs
    assert origin.commit(package) == {"commit": head, "uncommitted_changes": False}
    (package / "code.py").write_text("a = 2\n")
    assert origin.commit(package) == {"commit": head, "uncommitted_changes": True}


def test_a_package_installed_inside_another_checkout_has_no_commit(checkout: Path) -> None:
    installed = checkout / ".venv" / "package"
    installed.mkdir(parents=True)
    (installed / "code.py").write_text("a = 1\n")
    assert origin.commit(installed)["commit"] is None


def test_without_git(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.setenv("PATH", "")
    assert origin.commit(checkout / "package") == {"commit": None, "uncommitted_changes": None}
    assert origin.commit(checkout / "nowhere")["commit"] is None


def test_versions_and_machine() -> None:
    about = origin.provenance("thinshell reproduce table1", 2.34, origin.origin("cpu"))
    assert about["command"] == "thinshell reproduce table1"
    assert about["seconds"] == 2.3
    assert set(origin.PACKAGES) < set(about["versions"])
    assert about["machine"]["cpus"] >= 1
    assert about["machine"]["device"] == "cpu"


def test_a_package_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "PACKAGES", ("no-such-package",))
    assert origin.origin("cpu")["versions"]["no-such-package"] is None


def test_a_table_tells_which_part_comes_from_elsewhere() -> None:
    about = origin.provenance("thinshell reproduce cifar10", 2.0, origin.origin("cpu"))
    parts = {"cifar-supervised": {"commit": "a" * 40, "versions": {"torch": "2.11.0"}, "machine": {"gpu": "H100"}}}
    result = {"experiment": "cifar10", "summary": "contrast", "seed": 0}
    lines = to_markdown({**result, "about": {**about, "parts": parts}}).splitlines()
    line = f"- Part cifar-supervised, where it differs: commit {'a' * 40}; torch 2.11.0; gpu H100"
    assert line in lines
    assert "where it differs" not in to_markdown({**result, "about": about})


def test_a_page_tells_it_too() -> None:
    from thinshell.report.html.provenance import provenance

    parts = {"cifar-supervised": {"uncommitted_changes": True, "versions": {"torch": "2.11.0"}}}
    facts = provenance({"provenance": {"command": "x", "parts": parts}}, "cifar10")["facts"]
    assert facts[-1]["words"] == "Part cifar-supervised, where it differs"
    assert facts[-1]["value"] == "with uncommitted changes; torch 2.11.0"
