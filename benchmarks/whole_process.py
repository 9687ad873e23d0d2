"""What a person waits for: start-up, a warm diagnosis of a small file, a 3 GB file in bounded memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

_BLOCK = 10_000


# ru_maxrss of a child starts at what its parent held when it forked; VmHWM belongs to the new program alone.
_PEAK = """
import sys
from pathlib import Path
{body}
status = Path("/proc/self/status").read_text()
print("\\n" + status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""
_COMMAND = _PEAK.format(body="from thinshell.cli import entry\nassert entry() == 0")
_IMPORTS = _PEAK.format(body="import thinshell.diagnosis, thinshell.cli.app, thinshell.report")


def _child(code: str, *arguments: str) -> tuple[float, float]:
    """Return seconds and peak resident MiB of a new interpreter that runs `code`."""
    start = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - start, int(ended.stderr.split()[-1]) / 1024


def _median(runs: int, *arguments: str) -> dict[str, float]:
    _child(_COMMAND, *arguments)
    seconds, peaks = zip(*(_child(_COMMAND, *arguments) for _ in range(runs)), strict=True)
    return {"seconds": statistics.median(seconds), "peak_mib": max(peaks), "runs": runs}


def _write(path: Path, n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, d))
    for top in range(0, n, _BLOCK):
        target[top : top + _BLOCK] = rng.standard_normal((min(_BLOCK, n - top), d), dtype=np.float32)
    target.flush()


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
    # What an interpreter that has imported everything, and done nothing, holds.
    base = _child(_IMPORTS)[1]
    for entry in results.values():
        entry["peak_above_interpreter_mib"] = max(0.0, entry["peak_mib"] - base)
    return results
