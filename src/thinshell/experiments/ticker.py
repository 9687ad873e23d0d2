"""Progress of a training run, told to whoever watches the experiment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

__all__ = ["Ticker"]


class Ticker(Callback):
    """Calls ``tell(share)`` about two hundred times in a run.

    Parameters
    ----------
    steps : int
        Of the whole run.
    tell : callable
        Given the share of the run that is done, in [0, 1].

    Examples
    --------
    >>> Ticker(1000, print).every
    5
    """

    def __init__(self, steps: int, tell: Callable[[float], None]) -> None:
        self._steps, self._tell = steps, tell
        self.every = max(steps // 200, 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell now and then."""
        if trainer.global_step % self.every == 0:
            self._tell(min(trainer.global_step / self._steps, 1.0))
