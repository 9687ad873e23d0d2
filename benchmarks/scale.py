"""``python -m benchmarks scale``: a million rows from memory, a file and Parquet; growth with n and d; A^2 at 1e7."""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import thinshell
from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.statistics.anderson_darling import anderson_darling

_ROWS, _COLUMNS = 1_000_000, 768
_BLOCK = 43_690  # 128 MiB of 768 float32

# The child holds the input, if any; what it needs above that is VmHWM less what it held before the diagnosis.
_PEAK = """
import sys, json
from pathlib import Path
import numpy as np
import thinshell.diagnosis
def field(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024
kind, path = sys.argv[1:3]
data = np.load(path) if kind == "memory" else path
before = field("VmRSS:")
Path("/proc/self/clear_refs").write_text("5")
thinshell.diagnosis.diagnose(data, pictures=False)
print(json.dumps(field("VmHWM:") - before))
"""


def _seconds(function: Callable[[], Any], runs: int) -> float:
    function()
    taken = []
    for _ in range(runs):
        gc.collect()
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _peak(kind: str, path: Path) -> float:
    done = subprocess.run([sys.executable, "-c", _PEAK, kind, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def _write_parquet(path: Path, rows: np.ndarray) -> None:
    kind = pa.list_(pa.float32(), rows.shape[1])
    with pq.ParquetWriter(path, pa.schema([("embedding", kind)])) as writer:
        for top in range(0, len(rows), _BLOCK):
            values = pa.array(rows[top : top + _BLOCK].reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(values, rows.shape[1])
            writer.write_table(pa.table({"embedding": column}))


def _bare_read(path: Path) -> None:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            del batch


def _diagnosis(data: object, spectrum: str = "sample") -> Callable[[], Any]:
    return lambda: thinshell.diagnose(data, spectrum=spectrum, pictures=False)


def _sketching(rows: np.ndarray) -> Callable[[], Any]:
    return lambda: summarize(EmbeddingSketch(covariance=False).update(rows))


def measure_million(runs: int) -> dict[str, Any]:
    """Time and memory of 1M x 768 float32, everything that a diagnosis reports."""
    rows = np.random.default_rng(0).standard_normal((_ROWS, _COLUMNS), dtype=np.float32)
    seconds = {
        "np.sum, one pass": _seconds(rows.sum, runs),
        "diagnose, in memory, spectrum of the row sample": _seconds(_diagnosis(rows), runs),
        "diagnose, in memory, spectrum of all rows": _seconds(_diagnosis(rows, "all"), runs),
        "sketch, in memory": _seconds(_sketching(rows), runs),
    }
    with tempfile.TemporaryDirectory() as folder:
        npy, parquet = Path(folder, "rows.npy"), Path(folder, "rows.parquet")
        np.save(npy, rows)
        _write_parquet(parquet, rows)
        del rows
        mapped = np.load(npy, mmap_mode="r")
        seconds["diagnose, .npy file, cached"] = _seconds(_diagnosis(str(npy)), runs)
        seconds["diagnose, memory map, cached"] = _seconds(_diagnosis(mapped), runs)
        del mapped
        seconds["pyarrow, bare read"] = _seconds(lambda: _bare_read(parquet), runs)
        seconds["diagnose, Parquet"] = _seconds(_diagnosis(str(parquet)), runs)
        memory = {"in memory": _peak("memory", npy), ".npy file": _peak("file", npy), "Parquet": _peak("file", parquet)}
    one = seconds["diagnose, in memory, spectrum of the row sample"]
    ratios = {
        "passes of np.sum": one / seconds["np.sum, one pass"],
        "file over memory": seconds["diagnose, .npy file, cached"] / one,
        "memory map over memory": seconds["diagnose, memory map, cached"] / one,
        "Parquet over bare read": seconds["diagnose, Parquet"] / seconds["pyarrow, bare read"],
    }
    return {"seconds": seconds, "ratios": ratios, "peak_mib_above_input": memory, "runs": runs}


def _generated(n: int, d: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for top in range(0, n, 50_000):
        yield rng.standard_normal((min(50_000, n - top), d), dtype=np.float32)


def _sketch_seconds(n: int, d: int) -> float:
    sketch, taken = EmbeddingSketch(covariance=False), 0.0
    for block in _generated(n, d):
        start = time.perf_counter()
        sketch.update(block)
        taken += time.perf_counter() - start
    return taken


def _slope(sizes: list[int], seconds: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measure_growth(runs: int) -> dict[str, Any]:
    """Seconds of the pass (making the rows left out) against n and d, and the slopes on a log-log scale."""
    _sketch_seconds(100_000, 128)
    n_sizes, d_sizes = [100_000, 316_000, 1_000_000, 3_160_000, 10_000_000], [64, 128, 256, 512, 1024]
    # Small ones take a tenth of a second, which the machine's other work disturbs: more runs of them.
    by_n = [statistics.median(_sketch_seconds(n, 128) for _ in range(max(1, 3 * 10**6 // n))) for n in n_sizes]
    by_d = [statistics.median(_sketch_seconds(400_000, d) for _ in range(runs)) for d in d_sizes]
    return {
        "n": n_sizes,
        "seconds_by_n_at_d_128": by_n,
        "slope_n": _slope(n_sizes, by_n),
        "d": d_sizes,
        "seconds_by_d_at_n_400000": by_d,
        "slope_d": _slope(d_sizes, by_d),
    }


def marginal(name: str, rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw one of the design's marginals."""
    draws = {
        "normal": lambda: rng.standard_normal(n),
        "t": lambda: rng.standard_t(5, n),
        "Laplace": lambda: rng.laplace(size=n),
        "uniform": lambda: rng.uniform(-1, 1, n),
        "two-point": lambda: rng.choice([-1.0, 1.0], n),
        "sphere": lambda: np.sqrt(rng.beta(0.5, 31.5, n)) * rng.choice([-1.0, 1.0], n),  # one coordinate, d = 64
    }
    return draws[name]()


MARGINALS = ("normal", "t", "Laplace", "uniform", "two-point", "sphere")


def measure_accuracy(n: int = 10_000_000) -> dict[str, Any]:
    """A^2 from counts against A^2 of the sorted values."""
    rows = {}
    for name in MARGINALS:
        column = marginal(name, np.random.default_rng(0), n)[:, None]
        sketch = EmbeddingSketch(covariance=False)
        for top in range(0, n, 1_000_000):
            sketch.update(column[top : top + 1_000_000])
        exact, counted = float(anderson_darling(column).statistic[0]), float(summarize(sketch).ad[0])
        rows[name] = {"exact": exact, "sketch": counted, "relative": counted / exact - 1}
    return {"n_samples": n, "marginals": rows}


def measure_scale(runs: int) -> dict[str, Any]:
    """Everything above."""
    return {"million": measure_million(runs), "growth": measure_growth(runs), "accuracy": measure_accuracy()}


if __name__ == "__main__":
    print(json.dumps(measure_scale(3), indent=1))
