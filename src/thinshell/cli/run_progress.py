"""Progress of a long experiment on standard error: a bar for a person who watches, a line a part for a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from thinshell.cli.boundary import raise_if_interrupted

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["RunProgress", "duration"]

# Of the whole time, so much must have passed before its rest is estimated.
EARLIEST_ESTIMATE = 0.02


class RunProgress:
    """Called with (units done, units in all, what is being done).

    In a terminal it is a bar with the time left. Elsewhere (a log file, a CI job) a line is written when a part
    begins, with the time passed and an estimate of what is left. Nothing when `quiet`.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._began = time.monotonic()
        self._first: float | None = None
        self._words = ""
        self._bar: Progress | None = None

    def __call__(self, done: float, total: float, words: str) -> None:
        """Take note; the place where a Ctrl-C that was lost is heard."""
        raise_if_interrupted()
        if self._quiet or total <= 0:
            return
        if self._first is None:
            self._first = done  # parts kept from an earlier run took no time now
            self._bar = _open(total)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=words)
        elif words != self._words:
            print(f"thinshell: {words}{self._times(done, total)}", file=sys.stderr, flush=True)
        self._words = words

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _times(self, done: float, total: float) -> str:
        passed = time.monotonic() - self._began
        fresh = done - (self._first or 0.0)
        if fresh < EARLIEST_ESTIMATE * total:
            return f", {duration(passed)} so far"
        return f", {duration(passed)} so far, about {duration((total - done) * passed / fresh)} left"


def duration(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> duration(4.2), duration(130), duration(7300)
    ('4 s', '2 min 10 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _open(total: float) -> Progress | None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Ten minutes of memory: steps of different parts take different times.
    bar = Progress(*columns, console=console, transient=True, speed_estimate_period=600)
    bar.add_task("starting", total=total)
    bar.start()
    return bar
