"""What watching costs, beside the training that it watches."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["AFFORDABLE", "CostLedger"]

# A share of training time that nobody minds; the promise of the callback.
AFFORDABLE = 0.03
# Seconds of measuring in all, below which it is not worth a word whatever its share.
NOTICED = 2.0
_logger = logging.getLogger("thinshell.monitoring")


class CostLedger:
    """Seconds spent on measuring beside the seconds between measurements.

    Parameters
    ----------
    advice : str
        What can be done where it is too much, for the one sentence that is logged then.

    Attributes
    ----------
    entries : list of dict
        One a measurement: ``epoch``, ``seconds``, ``training_seconds`` (since the measurement before, None for the
        first of a run) and ``cost_share`` (their ratio, None where there is none).
    """

    def __init__(self, advice: str) -> None:
        self.entries: list[dict[str, float | int | None]] = []
        self._advice = advice
        self._advised = False
        self._mark: float | None = None

    def start(self) -> None:
        """Training begins or goes on now."""
        self._mark = time.perf_counter()

    @contextmanager
    def measuring(self, epoch: int) -> Iterator[None]:
        """Time a measurement; what came since the one before was training."""
        begin = time.perf_counter()
        training = None if self._mark is None else begin - self._mark
        yield
        self.start()
        seconds = time.perf_counter() - begin
        share = seconds / training if training else None
        self.entries = [entry for entry in self.entries if entry["epoch"] != epoch]
        self.entries.append({"epoch": epoch, "seconds": seconds, "training_seconds": training, "cost_share": share})
        self._advise()

    @property
    def share(self) -> float | None:
        """Seconds of measuring over seconds of training, None before there was any training."""
        counted = [entry for entry in self.entries if entry["training_seconds"]]
        training = sum(float(entry["training_seconds"] or 0) for entry in counted)
        return sum(float(entry["seconds"] or 0) for entry in counted) / training if training else None

    def _advise(self) -> None:
        share = self.share
        spent = sum(float(entry["seconds"] or 0) for entry in self.entries)
        if share is None or share <= AFFORDABLE or spent < NOTICED or self._advised:
            return
        self._advised = True
        _logger.warning(
            "measuring Gaussianity takes %.1f %% of the time of training, more than %.0f %%: %s",
            100 * share,
            100 * AFFORDABLE,
            self._advice.format(times=math.ceil(share / AFFORDABLE)),
        )
