"""What a run shows while it goes on: the bar, Weights & Biases."""

from __future__ import annotations

import importlib.util
import io
import sys

import lightning.pytorch.loggers
import pytest

from thinshell.training import GaussianChannel, fit
from thinshell.training.logs import make_loggers

SHORT = {"views": GaussianChannel(0.9), "epochs": 2, "batch_size": 50}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_epoch_and_loss_on_a_terminal(module, samples, monkeypatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    fit(module(), samples, progress=True, **SHORT)
    assert "epoch 2 of 2, loss " in screen.getvalue()


@pytest.mark.parametrize("terminal", [io.StringIO, Terminal])
def test_nothing_is_shown_without_a_terminal_or_when_it_is_dumb(module, samples, monkeypatch, terminal) -> None:
    screen = terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "dumb")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    fit(module(), samples, progress=True, **SHORT)
    assert screen.getvalue() == ""


def test_the_bar_closes_when_a_run_breaks_off(module, samples, monkeypatch, tmp_path) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    result = fit(module(), samples, out=tmp_path, progress=True, time_limit=1e-9, **SHORT)
    assert not result.finished
    assert screen.getvalue().count("\x1b[?25h") == 1  # the cursor is shown again


def test_wandb_gets_its_options_and_an_id_that_stays(monkeypatch, tmp_path) -> None:
    made = []

    class Fake:
        def __init__(self, **options: object) -> None:
            made.append(options)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(lightning.pytorch.loggers, "WandbLogger", Fake)
    for _ in range(2):
        make_loggers(["wandb"], tmp_path, wandb={"project": "mine", "offline": True})
    make_loggers(["wandb"], tmp_path / "other")
    assert made[0] == made[1]
    assert (made[0]["project"], made[0]["offline"], made[0]["resume"]) == ("mine", True, "allow")
    assert made[2]["project"] == "thinshell"
    assert made[2]["id"] != made[0]["id"]
