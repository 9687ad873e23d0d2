"""``make bench``: ratios against SciPy, statsmodels and other losses in the same run, medians, peak memory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import contenders, embedding, objectives, page, scale
from benchmarks.measure import Timing, measure
from benchmarks.whole_process import measure_processes

RESULTS = Path(__file__).parent / "results"
# Rows, columns, columns that the slow loops get (their time is then multiplied up: it is the same for every column).
CASES = {
    "small": (10_000, 128, 128),
    "medium": (100_000, 512, 64),
    "large": (1_000_000, 768, 16),
}
ALL_CASES = (*CASES, "processes", "page", "objectives", "embedding", "scale")


def _timings(name: str, runs: int) -> tuple[dict[str, Timing], dict[str, float]]:
    n, d, few = CASES[name]
    data = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    # A view: the loops get columns of the whole array, as they would from anybody's own.
    part = data[:, :few]
    timings = {
        "np.sum, one pass": measure(lambda: contenders.memory_pass(data), runs),
        "SciPy loops": measure(lambda: contenders.scipy_loops(part), 1 if few < d else runs).scaled(d / few),
        "statsmodels + SciPy loops": measure(lambda: contenders.statsmodels_loops(part), 1 if few < d else runs).scaled(
            d / few
        ),
        "thinshell, sorted": measure(lambda: contenders.exact(data), 1 if name == "large" else runs),
        "thinshell, sketch": measure(lambda: contenders.sketch(data), runs),
        "thinshell, sketch with covariance": measure(lambda: contenders.sketch(data, covariance=True), runs),
    }
    return timings, contenders.agreement(data)


def _show(name: str, timings: dict[str, Timing], console: Console) -> None:
    n, d, few = CASES[name]
    scaled = "" if few == d else f"; loops timed on {few} columns and multiplied by {d / few:g}"
    table = Table(title=f"A^2 and K^2 of every column, {n:,} x {d} float32{scaled}")
    for head in ("", "seconds", "times faster than SciPy", "passes of np.sum", "extra peak MiB"):
        table.add_column(head, justify="left" if not head else "right")
    base, floor = timings["SciPy loops"].seconds, timings["np.sum, one pass"].seconds
    for label, timing in timings.items():
        peak = "" if timing.extra_peak_mib is None else f"{timing.extra_peak_mib:,.0f}"
        passes = f"{timing.seconds / floor:,.1f}"
        table.add_row(label, f"{timing.seconds:.4g}", f"{base / timing.seconds:.3g}", passes, peak)
    console.print(table)


def _about() -> dict[str, object]:
    packages = ("numpy", "scipy", "numba", "statsmodels", "thinshell")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "commit": commit.stdout.strip() or None,
        "command": "python -m benchmarks",
    }


def main() -> None:
    """Run the cases, print a table each, and write benchmarks/results/*.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"any of {', '.join(ALL_CASES)} (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts (default: 3)")
    options = parser.parse_args()
    wanted = options.cases or ALL_CASES
    unknown = set(wanted) - set(ALL_CASES)
    if unknown:
        parser.error(f"unknown case {', '.join(sorted(unknown))}; choose from {', '.join(ALL_CASES)}")
    console, about = Console(width=120), _about()
    RESULTS.mkdir(exist_ok=True)
    for name in (case for case in CASES if case in wanted):
        timings, agreement = _timings(name, options.runs)
        _show(name, timings, console)
        console.print(f"largest relative difference from SciPy in float64, 4 columns: {agreement}\n")
        plain = {label: timing.to_dict() for label, timing in timings.items()}
        n, d, few = CASES[name]
        shape = {"n_samples": n, "n_features": d, "columns_of_the_loops": few, "seed": 0}
        text = json.dumps({**about, **shape, "agreement": agreement, "timings": plain}, indent=1)
        (RESULTS / f"{name}.json").write_text(text + "\n")
    if "processes" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            results = measure_processes(Path(folder), options.runs, large=options.runs > 1)
        for label, entry in results.items():
            console.print(
                f"thinshell {label}: {entry['seconds']:.2f} s, "
                f"{entry['peak_above_interpreter_mib']:.0f} MiB above the interpreter"
            )
        (RESULTS / "processes.json").write_text(json.dumps({**about, "results": results}, indent=1) + "\n")
    if "page" in wanted:
        measured = page.measure_page(options.runs)
        console.print(
            f"page of 1M x 768: {measured['page_mb']:.2f} MB, built in {measured['build_seconds']:.2f} s, "
            f"usable after {measured['open_seconds']:.2f} s"
        )
        (RESULTS / "page.json").write_text(json.dumps({**about, "results": measured}, indent=1) + "\n")
    if "embedding" in wanted:
        measured = embedding.measure_embedding(options.runs)
        memory = measured["memory_over_a_million_texts"]
        console.print(
            f"embed of {measured['n_texts']:,} texts: {measured['embed_seconds']:.1f} s, {measured['ratio']:.3f} "
            f"times a bare loop; over {memory['n_texts']:,} texts memory grows by {memory['growth_mib']:.0f} MiB"
        )
        (RESULTS / "embedding.json").write_text(json.dumps({**about, "results": measured}, indent=1) + "\n")
    if "scale" in wanted:
        measured = scale.measure_scale(options.runs)
        for label, seconds in measured["million"]["seconds"].items():
            console.print(f"1M x 768, {label}: {seconds:.2f} s")
        console.print({**measured["million"]["ratios"], **measured["million"]["peak_mib_above_input"]})
        console.print({name: value for name, value in measured["growth"].items() if name.startswith("slope")})
        console.print({name: entry["relative"] for name, entry in measured["accuracy"]["marginals"].items()})
        (RESULTS / "scale.json").write_text(json.dumps({**about, "results": measured}, indent=1) + "\n")
    if "objectives" in wanted:
        measured = objectives.measure_objectives(options.runs, console)
        versions = {**about["versions"], **objectives.versions()}
        text = json.dumps({**about, "versions": versions, **measured}, indent=1)
        (RESULTS / "objectives.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
