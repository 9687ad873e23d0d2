"""When a run saves itself, and how it goes on from there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from thinshell.training.checkpoint import save_checkpoint
from thinshell.training.history import History
from thinshell.training.table_log import TableLog

__all__ = ["OutOfTime", "Saver"]


class OutOfTime(Exception):
    """The time limit of this slice of a run has passed; everything is saved."""


class Saver(Checkpoint):
    """Saves after every epoch, every so many steps and when the time is up.

    Being a ``Checkpoint``, Lightning calls it after all other callbacks: what they measured at the end of an epoch is
    saved with that epoch.

    Attributes
    ----------
    epoch, batch : int
        Where the run stands: epochs completed and batches done of the next one.
    interrupted : bool
        Whether Ctrl-C ended the run.
    """

    def __init__(
        self,
        history: History,
        *,
        out: Path | None,
        config: Mapping[str, Any],
        steps_per_epoch: int,
        epochs: int,
        every_n_steps: int | None,
        time_limit: float | None,
    ) -> None:
        self._history, self._out, self._config = history, out, config
        self._steps_per_epoch, self._epochs = steps_per_epoch, epochs
        self._every_n_steps, self._time_limit = every_n_steps, time_limit
        self._began = time.monotonic()
        self._loaded: dict[str, Any] | None = None
        self.epoch, self.batch = 0, 0
        self.interrupted = False

    @property
    def step(self) -> int:
        """Steps done."""
        return self.epoch * self._steps_per_epoch + self.batch

    def position(self) -> tuple[int, int]:
        """Return where the next iteration over the data begins."""
        return self.epoch, self.batch

    def resume(self, state: dict[str, Any], trainer: Trainer, module: LightningModule) -> None:
        """Put a run back to where it was saved; optimiser and callbacks follow once they exist."""
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._loaded = state
        module.load_state_dict(state["module"])
        loop = trainer.fit_loop
        for counts in (loop.epoch_progress.total, loop.epoch_progress.current):
            counts.ready = counts.completed = self.epoch
            counts.started = counts.processed = self.epoch  # type: ignore[attr-defined]
        loop.epoch_loop._batches_that_stepped = self.step
        progress = loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step
        progress.total.ready = progress.total.completed = self.step

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Load what could not be loaded before the optimiser was made."""
        if self._loaded is None:
            return
        for optimizer, state in zip(trainer.optimizers, self._loaded["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        for config, state in zip(trainer.lr_scheduler_configs, self._loaded["schedulers"], strict=True):
            config.scheduler.load_state_dict(state)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if (state := self._loaded["callbacks"].get(callback.state_key)) is not None:
                callback.load_state_dict(state)
        for log in _tables(trainer):
            log.rows = list(self._loaded["log"])
        self._loaded = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save within an epoch if it is time; at its last batch the end of the epoch will."""
        self.batch += 1
        if self.batch == self._steps_per_epoch:
            return
        if self._every_n_steps and self.step % self._every_n_steps == 0:
            self._save(trainer, pl_module)
        self._stop_in_time(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the epoch."""
        self.epoch, self.batch = self.epoch + 1, 0
        self._save(trainer, pl_module)
        if self.epoch < self._epochs:
            self._stop_in_time(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remember Ctrl-C, which Lightning turns into an exit of the program."""
        self.interrupted = isinstance(exception, KeyboardInterrupt)

    def _stop_in_time(self, trainer: Trainer, module: LightningModule) -> None:
        if self._time_limit is None or time.monotonic() - self._began < self._time_limit:
            return
        self._save(trainer, module)
        raise OutOfTime

    def _save(self, trainer: Trainer, module: LightningModule) -> None:
        self._history.check(trainer, module, weights=True)  # a checkpoint is always a good one
        for log in _tables(trainer):
            log.save()
        if self._out is None:
            return
        state = {
            "epoch": self.epoch,
            "batch": self.batch,
            "config": self._config,
            "module": module.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
            "schedulers": [_plain_schedule(config.scheduler) for config in trainer.lr_scheduler_configs],
            "callbacks": {c.state_key: s for c in trainer.callbacks if (s := c.state_dict())},  # type: ignore[attr-defined]
            "log": next((log.rows for log in _tables(trainer)), []),
        }
        save_checkpoint(self._out, self.step, state)


def _tables(trainer: Trainer) -> list[TableLog]:
    return [log for log in trainer.loggers if isinstance(log, TableLog)]


def _plain_schedule(scheduler: Any) -> dict[str, Any]:
    return scheduler.state_dict()
