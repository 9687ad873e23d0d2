"""Tensors sketched where they are, beside the CPU's kernels and beside one copy on the device.

``python -m benchmarks.tensors --device cuda`` prints the numbers as JSON; on a CPU the sizes are smaller and the tensor
path is forced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Timing, measure
from thinshell.sketch import EmbeddingSketch
from thinshell.sketch.tensor_sketch import TensorSketch
from thinshell.statistics import anderson_darling
from thinshell.statistics._accelerators import tensors_everywhere

# Rows and columns of the sketch, columns of the exact A^2 of as many rows.
SIZES = {"cuda": (1_000_000, 768, 768), "cpu": (60_000, 128, 8)}


def measure_tensors(device: str, runs: int) -> dict[str, Any]:
    """Return the seconds of each way, how the two agree, and what came to the host."""
    n, d, few = SIZES.get(device.partition(":")[0], SIZES["cuda"])
    rows = torch.randn(n, d, generator=torch.Generator(device).manual_seed(0), device=device)
    host = rows.cpu().numpy()

    def timed(function: Callable[[], object]) -> Timing:
        def finished() -> None:
            function()
            if rows.is_cuda:
                torch.cuda.synchronize(rows.device)

        return measure(finished, runs)

    timings, moved = {"copy on the device": timed(rows.clone)}, {}
    for covariance in (False, True):
        name = "sketch with covariance" if covariance else "sketch"
        timings[f"{name}, on the device"] = timed(lambda c=covariance: _sketched(rows, c))
        timings[f"{name}, CPU kernels"] = timed(lambda c=covariance: EmbeddingSketch(covariance=c).update(host))
        mine, moved[name] = _sketched(rows, covariance)
    narrow, columns = rows[:, :few].contiguous(), np.ascontiguousarray(host[:, :few])
    with tensors_everywhere():
        timings["exact A^2, on the device"] = timed(lambda: anderson_darling(narrow))
        there = anderson_darling(narrow).statistic
    timings["exact A^2, CPU kernels"] = timed(lambda: anderson_darling(columns))
    copy = timings["copy on the device"].seconds
    return {
        "device": torch.cuda.get_device_name(rows.device) if rows.is_cuda else device,
        "torch": torch.__version__,
        "n_samples": n,
        "n_features": d,
        "columns_of_exact": few,
        "copy_gb_per_second": 2 * rows.nbytes / copy / 1e9,
        "bytes_of_rows": rows.nbytes,
        "bytes_to_host": moved,
        "same_fingerprint": mine.fingerprint == EmbeddingSketch().update(host).fingerprint,
        "largest_relative_difference_of_exact": float(np.abs(there / anderson_darling(columns).statistic - 1).max()),
        "copies_of_sketch": timings["sketch, on the device"].seconds / copy,
        "times_faster": {
            name: timings[f"{name}, CPU kernels"].seconds / timings[f"{name}, on the device"].seconds
            for name in ("sketch", "sketch with covariance", "exact A^2")
        },
        "timings": {name: timing.to_dict() for name, timing in timings.items()},
    }


def _sketched(rows: torch.Tensor, covariance: bool) -> tuple[EmbeddingSketch, int]:
    held = TensorSketch(rows.shape[1], covariance=covariance, device=rows.device)
    held.update(rows)
    return held.take(), held.bytes_to_host


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tensors", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(measure_tensors(options.device, options.runs), indent=1))


if __name__ == "__main__":
    main()
