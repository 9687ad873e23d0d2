"""Running the command line, inside this process or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from thinshell.cli import main

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py"]

# What makes output depend on who runs the tests.
TERMINAL_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "THINSHELL_TRACEBACK", "PYTHONIOENCODING")


class Ended(NamedTuple):
    """How a run ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TERMINAL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return a function that runs the given words in this process."""

    def run(*words: object) -> Ended:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def shell() -> Callable[..., Ended]:
    """Return a function that runs the given words as a process of its own."""

    def shell(*words: object, **variables: str) -> Ended:
        process = subprocess.run(
            [sys.executable, "-m", "thinshell", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=os.environ | variables,
            timeout=120,
            check=False,
        )
        return Ended(process.returncode, process.stdout, process.stderr)

    return shell


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    """Return 600 Gaussian rows of 8 features."""
    return np.random.default_rng(0).standard_normal((600, 8)).astype(np.float32)


@pytest.fixture
def gaussian(tmp_path: Path, rows: np.ndarray) -> Path:
    np.save(tmp_path / "gaussian.npy", rows)
    return tmp_path / "gaussian.npy"


@pytest.fixture
def exponential(tmp_path: Path) -> Path:
    """Return a file that no test takes for Gaussian."""
    rows = np.random.default_rng(1).exponential(size=(600, 8)).astype(np.float32)
    np.save(tmp_path / "exponential.npy", rows)
    return tmp_path / "exponential.npy"


class StandIn:
    """In place of a diagnosis, where only what the command line does with it matters."""

    def __init__(self, verdict: str = "consistent") -> None:
        self.verdict = verdict
        self.sketch = self

    def to_dict(self) -> dict[str, Any]:
        return {"schema": "thinshell/diagnosis/1", "verdict": self.verdict, "cv": float("nan")}

    def save(self, path: Path) -> None:
        Path(path).write_bytes(b"sketch")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that puts something in place of the computation."""

    def stand_in(work: Callable[..., Any] = lambda *_, **__: StandIn()) -> None:
        monkeypatch.setattr("thinshell.diagnosis.diagnose", work, raising=False)

    stand_in.StandIn = StandIn
    return stand_in
