"""The page of 1M x 768: how large it is, how long it is built from the JSON, how soon a reader can use it."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import thinshell as ts

N_SAMPLES, N_FEATURES, BLOCK = 1_000_000, 768, 50_000
LARGEST_MB, LONGEST_BUILD, LONGEST_OPEN = 3.0, 5.0, 2.0
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
# From the click on the file to charts that answer; a chosen coordinate is the proof.
READY = "document.body.dataset.ready === 'true'"


def measure_page(runs: int) -> dict[str, Any]:
    """Return size and times; the builder is a process of its own, imports included."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_result(folder / "result.json")
        page = folder / "page.html"
        command = [sys.executable, "-m", "thinshell", "report", str(folder / "result.json"), "--html", str(page), "-q"]
        subprocess.run(command, check=True)  # the bundle is made once on a machine
        built = [_seconds(command) for _ in range(runs)]
        opened = _open(page, runs)
        return {
            "n_samples": N_SAMPLES,
            "n_features": N_FEATURES,
            "json_mb": (folder / "result.json").stat().st_size / 1e6,
            "page_mb": page.stat().st_size / 1e6,
            "build_seconds": statistics.median(built),
            "open_seconds": statistics.median(opened),
            "runs": runs,
            "required": {"page_mb": LARGEST_MB, "build_seconds": LONGEST_BUILD, "open_seconds": LONGEST_OPEN},
        }


def _write_result(path: Path) -> None:
    rng, sketch = np.random.default_rng(0), ts.EmbeddingSketch()
    for _ in range(N_SAMPLES // BLOCK):
        sketch.update(rng.standard_normal((BLOCK, N_FEATURES), dtype=np.float32))
    path.write_text(json.dumps(ts.diagnose(sketch).to_dict()), encoding="utf-8")


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def _open(page: Path, runs: int) -> list[float]:
    """Return the seconds until the charts are live and the table has chosen a coordinate, each in a new tab."""
    from playwright.sync_api import sync_playwright

    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        for _ in range(runs + 1):
            view = browser.new_page(viewport={"width": 1280, "height": 900})
            start = time.perf_counter()
            view.goto(page.as_uri())
            view.wait_for_function(READY)
            view.locator("#coordinate-table tbody button").nth(5).dispatch_event("click")
            view.wait_for_selector("tr.chosen")
            seconds.append(time.perf_counter() - start)
            view.close()
        browser.close()
    return seconds[1:]  # the first starts the browser's own processes


def _chromium() -> str:
    place = Path(__file__).parents[1] / "tests" / "browser" / "chromium.py"
    specification = importlib.util.spec_from_file_location("chromium", place)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    if (path := module.find()) is None:
        raise SystemExit(module.HINT)
    return path
