"""A progress bar for a person who watches: loss, epoch, time left."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["TrainingBar"]

# Steps between two drawings on a GPU: reading the loss waits for it.
STEPS_BETWEEN_DRAWINGS = {"cpu": 1, "cuda": 50}


class TrainingBar(Callback):
    """Draws on standard error, and only where that is a terminal."""

    def __init__(self, steps_done: int, total_steps: int, epochs: int) -> None:
        self._done, self._total, self._epochs = steps_done, total_steps, epochs
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar."""
        console = Console(stderr=True)
        if not console.is_terminal or console.is_dumb_terminal:
            return
        columns = (BarColumn(bar_width=24), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("first step", total=self._total, completed=self._done)
        self._bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar on."""
        self._done += 1
        if self._bar is None or self._done % STEPS_BETWEEN_DRAWINGS.get(pl_module.device.type, 1):
            return
        words = f"epoch {trainer.current_epoch + 1} of {self._epochs}, loss {float(outputs['loss']):.4f}"
        self._bar.update(self._task, completed=self._done, description=words)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the bar, however the run ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar, however the run ended."""
        self.teardown(trainer, pl_module, "fit")
