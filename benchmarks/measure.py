"""Timing and peak memory of one callable."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Timing:
    """Median of several runs, with the extremes, and the memory that the runs added at most."""

    seconds: float
    fastest: float
    slowest: float
    runs: int
    extra_peak_mib: float | None

    def to_dict(self) -> dict[str, float | int | None]:
        return asdict(self)

    def scaled(self, factor: float) -> Timing:
        return Timing(
            self.seconds * factor, self.fastest * factor, self.slowest * factor, self.runs, self.extra_peak_mib
        )


def _field(name: str) -> float | None:
    if not _STATUS.exists():
        return None
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _reset_peak() -> bool:
    """Ask Linux to forget the highest resident size so far."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def measure(function: Callable[[], object], runs: int = 3, warm_up: bool = True) -> Timing:
    """Run `function` several times; the first, which compiles and fills caches, does not count."""
    if warm_up:
        function()
    gc.collect()
    before, can_reset = _field("VmRSS"), _reset_peak()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    peak = _field("VmHWM")
    extra = peak - before if can_reset and peak is not None and before is not None else None
    return Timing(statistics.median(seconds), min(seconds), max(seconds), runs, extra)
