"""The progress bar: only for long work, only on a terminal that can show it, never on standard output."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from thinshell.cli import progress


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Return a function that puts a terminal in place of standard error.

    To be called in the test: between a fixture and its test pytest puts its own standard error back.
    """
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")

    def watch() -> Terminal:
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return watch


def test_shows_rows_done_and_total(watch) -> None:
    terminal = watch()
    with progress.ProgressBar() as bar:
        bar(1000, 4000)
        bar(2000, 4000)
        bar._bar.refresh()
    assert "2,000 of 4,000 rows" in terminal.getvalue()


def test_unknown_total_and_second_data_set(watch) -> None:
    terminal = watch()
    with progress.ProgressBar() as bar:
        bar(1000, None)
        bar(2000, None)
        bar._bar.refresh()
        bar(500, 600)
        bar._bar.refresh()
        bar(600, 600)
        bar._bar.refresh()
        assert len(bar._bar.tasks) == 1
    shown = terminal.getvalue()
    assert "2,000 rows" in shown
    assert "500 of 600 rows" in shown
    assert "600 rows read, computing" in shown


def test_quick_work_shows_nothing(watch, monkeypatch) -> None:
    terminal = watch()
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 60.0)
    with progress.ProgressBar() as bar:
        bar(1000, 4000)
    assert terminal.getvalue() == ""


def test_quiet_shows_nothing(watch) -> None:
    terminal = watch()
    with progress.ProgressBar(quiet=True) as bar:
        bar(1000, 4000)
    assert terminal.getvalue() == ""


def test_a_dumb_terminal_and_a_pipe_show_nothing(watch, monkeypatch) -> None:
    terminal = watch()
    monkeypatch.setenv("TERM", "dumb")
    with progress.ProgressBar() as bar:
        bar(1000, 4000)
    assert terminal.getvalue() == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with progress.ProgressBar() as bar:
        bar(1000, 4000)
    assert pipe.getvalue() == ""


def test_the_cursor_comes_back_after_ctrl_c(watch) -> None:
    terminal = watch()

    def interrupted() -> None:
        with progress.ProgressBar() as bar:
            bar(1000, 4000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    shown = terminal.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
