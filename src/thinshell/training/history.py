"""The loss of a run: a row an epoch, and the end of a run whose loss is no longer a number."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.randomness import seed_global, seed_of

__all__ = ["History"]

# A look at the loss on a GPU waits for it; on a CPU it costs nothing.
STEPS_BETWEEN_LOOKS = {"cpu": 1, "cuda": 50}


class History(Callback):
    """Keeps the loss of every step and a row for every epoch; seeds each step's own randomness (dropout).

    Attributes
    ----------
    rows : list of dict
        One an epoch: epoch (from 1), step, loss (mean over the epoch's steps), learning_rate (of its last step),
        seconds.
    seconds : float
        Time spent in training steps and callbacks, earlier slices of a resumed run included.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.rows: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._losses: list[Tensor] = []
        self._looked_at = 0
        self._before = 0.0  # seconds that earlier slices spent on the current epoch
        self._began = time.monotonic()
        self._learning_rate = float("nan")

    @property
    def last_loss(self) -> Tensor | None:
        """Loss of the last step of this epoch."""
        return self._losses[-1] if self._losses else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed what draws from the global generator, so that it depends on the step alone."""
        seed_global(seed_of(self._seed, "step", trainer.global_step), pl_module.device)
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the loss, and look at it now and then."""
        self._losses.append(outputs["loss"].detach())
        if len(self._losses) - self._looked_at >= STEPS_BETWEEN_LOOKS.get(pl_module.device.type, 1):
            self.check(trainer, pl_module)

    def check(self, trainer: Trainer, pl_module: LightningModule, weights: bool = False) -> None:
        """Raise InputError, naming the step, if a loss since the last look (or a weight) is not finite."""
        fresh = torch.stack(self._losses[self._looked_at :]) if len(self._losses) > self._looked_at else torch.zeros(0)
        bad = (~torch.isfinite(fresh)).nonzero()
        if len(bad):
            first = int(bad[0])
            step = trainer.global_step - len(fresh) + first + 1
            _stop(f"the loss is {float(fresh[first])} at step {step} (epoch {trainer.current_epoch + 1})")
        self._looked_at = len(self._losses)
        if weights and not all(bool(torch.isfinite(value).all()) for value in pl_module.parameters()):
            _stop(f"a weight is no longer finite after step {trainer.global_step} (epoch {trainer.current_epoch + 1})")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the epoch: its row goes to the history and to the logs."""
        self.check(trainer, pl_module)
        seconds = self._before + time.monotonic() - self._began
        row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "loss": float(torch.stack(self._losses).double().mean()),
            "learning_rate": self._learning_rate,
            "seconds": round(seconds, 3),
        }
        self.rows.append(row)
        for logger in trainer.loggers:
            logger.log_metrics({name: value for name, value in row.items() if name != "step"}, step=row["step"])
        self._losses, self._looked_at = [], 0
        self.seconds += seconds
        self._before, self._began = 0.0, time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        losses = torch.stack(self._losses) if self._losses else torch.zeros(0)
        spent = self._before + time.monotonic() - self._began
        return {"rows": self.rows, "losses": losses, "seconds": self.seconds, "spent": spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows = list(state_dict["rows"])
        self._losses = list(state_dict["losses"])
        self._looked_at = len(self._losses)
        self.seconds, self._before = state_dict["seconds"], state_dict["spent"]


def _stop(what: str) -> None:
    raise InputError(
        f"{what}; training stops there and keeps its last good checkpoint, if there is one: begin anew with a smaller "
        "learning rate or a larger temperature"
    )
