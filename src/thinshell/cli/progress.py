"""A progress bar for long input, on standard error and only for a person who watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from thinshell.cli.boundary import raise_if_interrupted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]

# Work that is over before a bar has been read needs none.
PATIENCE_SECONDS = 1.0


class ProgressBar:
    """Called with (rows_done, rows_total) after each block; shows rows, rows per second and time left.

    Nothing is drawn in the first second, when standard error is not a terminal (or a dumb one), or when
    `quiet`. `rows_total` is ``None`` where it cannot be known without reading (a CSV file, an iterator).
    """

    def __init__(self, *, quiet: bool = False, verb: str = "read") -> None:
        self._quiet = quiet
        self._verb = verb
        self._began = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._previous = 0

    def __call__(self, rows_done: int, rows_total: int | None) -> None:
        """Take note of one block; the place where a Ctrl-C that was lost is heard."""
        raise_if_interrupted()
        if self._bar is None:
            self._bar = self._open()
        if self._bar is None:
            return
        if self._task is None or rows_done < self._previous:  # the first, or the next of a comparison
            self._task = _start_over(self._bar, self._task)
        self._previous = rows_done
        words = _words(rows_done, rows_total, self._bar.tasks[-1].speed, self._verb)
        self._bar.update(self._task, completed=rows_done, total=rows_total, description=words)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _open(self) -> Progress | None:
        if self._quiet or time.monotonic() - self._began < PATIENCE_SECONDS:
            return None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if not console.is_terminal or console.is_dumb_terminal:
            self._quiet = True
            return None
        columns = (BarColumn(bar_width=24), TextColumn("{task.description}"), TimeRemainingColumn())
        bar = Progress(*columns, console=console, transient=True)
        bar.start()
        return bar


def _start_over(bar: Progress, task: TaskID | None) -> TaskID:
    if task is not None:
        bar.remove_task(task)
    return bar.add_task("reading", total=None)


def _words(rows_done: int, rows_total: int | None, speed: float | None, verb: str) -> str:
    if rows_total is not None and rows_done >= rows_total:
        return f"{rows_done:,} rows {verb}, {'computing' if verb == 'read' else 'writing'}"
    total = "" if rows_total is None else f" of {rows_total:,}"
    return f"{rows_done:,}{total} rows" + (f", {speed:,.0f} rows/s" if speed else "")
