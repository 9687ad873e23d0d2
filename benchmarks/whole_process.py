"""What a person waits for: start-up, a warm diagnosis of a small file, a 3 GB file in bounded memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

_BLOCK = 10_000


def _run(*arguments: str) -> tuple[float, float]:
    """Return seconds and peak resident MiB of a child process."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "thinshell", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"thinshell {' '.join(arguments)} failed with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def _median(runs: int, *arguments: str) -> dict[str, float]:
    _run(*arguments)
    seconds, peaks = zip(*(_run(*arguments) for _ in range(runs)), strict=True)
    return {"seconds": statistics.median(seconds), "peak_mib": max(peaks), "runs": runs}


def _write(path: Path, n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, d))
    for top in range(0, n, _BLOCK):
        target[top : top + _BLOCK] = rng.standard_normal((min(_BLOCK, n - top), d), dtype=np.float32)
    target.flush()


def interpreter_peak() -> float:
    """Return the peak resident MiB of an interpreter that has imported what a diagnosis imports."""
    code = "import thinshell.diagnosis, thinshell.cli.app, thinshell.report"
    child = subprocess.Popen([sys.executable, "-c", code])
    _, _, usage = os.wait4(child.pid, 0)
    return usage.ru_maxrss / 1024


def measure_processes(folder: Path, runs: int, large: bool) -> dict[str, dict[str, float]]:
    """Time whole processes; `large` adds the 3 GB file."""
    results = {"--help": _median(runs, "--help")}
    small = folder / "small.npy"
    _write(small, 10_000, 128)
    results["diagnose 10k x 128"] = _median(runs, "diagnose", str(small))
    if large:
        big = folder / "big.npy"
        _write(big, 1_000_000, 768)
        results["diagnose 1M x 768 (3 GB file)"] = _median(1, "diagnose", str(big))
        big.unlink()
    base = interpreter_peak()
    for entry in results.values():
        entry["peak_above_interpreter_mib"] = max(0.0, entry["peak_mib"] - base)
    return results
