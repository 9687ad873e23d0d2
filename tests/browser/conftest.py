"""Pages as a reader gets them: made by the command line, opened in a real Chromium."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from thinshell.cli import main

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py", "chromium.py"]

HOSTILE = "<script>alert(1)</script>"
# Those of a container: no user namespaces, no GPU, no network to talk to in the background.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TRAIN = """
seed: 0
epochs: 3
data: {name: laplace, n_train: 512, n_test: 400}
views: {name: gaussian_channel}
encoder: {name: linear, n_features: 16}
objective: {name: infonce, temperature: 0.1}
batch_size: 128
monitor: {every_n_epochs: 1}
"""


def _chromium() -> Any:
    place = Path(__file__).with_name("chromium.py")
    specification = importlib.util.spec_from_file_location("chromium_of_the_tests", place)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# Not for the whole session: other tests need no browser beside them.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = _chromium()
    path = chromium.find()
    if path is None:
        # Not a skip: `make test` gets one, and without it nothing of the pages would be tested.
        pytest.fail(chromium.HINT)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@dataclass
class Opened:
    """A page in the browser, and what it said and asked for while it was open."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def marks(self, key: str, kind: str = "*") -> int:
        """Return how many marks the live chart of `key` has drawn."""
        return self.page.locator(f"#plot-{key} .mark-{kind} > path").count()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open a page that a test may change."""
    yield from _opener(browser)


@pytest.fixture(scope="module")
def look(browser: Browser, pages: dict[str, Path]) -> Iterator[Callable[[str, str], Opened]]:
    """Open a page that tests only look at, once for each kind and colour scheme."""
    opener = _opener(browser)
    open_ = next(opener)
    opened: dict[tuple[str, str], Opened] = {}

    def look_at(kind: str, scheme: str = "light") -> Opened:
        if (kind, scheme) not in opened:
            opened[kind, scheme] = open_(pages[kind], scheme=scheme)
        return opened[kind, scheme]

    yield look_at
    next(opener, None)


def _opener(browser: Browser) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def open_(path: Path, *, width: int = 1280, scheme: str = "light", script: bool = True) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (opened.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(path.as_uri())
        if script:
            page.wait_for_function("document.body.dataset.ready === 'true'", timeout=60_000)
        return opened

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page of every kind, each made by the command that a person types."""
    folder = tmp_path_factory.mktemp("pages")
    files = _data(folder)
    commands = {
        "gaussian": ["diagnose", files["gaussian"]],
        "departing": ["diagnose", files["departing"], "--positives", files["partners"]],
        "hostile": ["diagnose", files["hostile"]],
        "comparison": ["compare", files["gaussian"], files["departing"], files["heavy"]],
        "training": ["train", files["train"], "--out", str(folder / "run")],
        "fit": ["report", files["fit"]],
        "scores": ["report", files["scores"]],
    }
    made = {}
    for name, words in commands.items():
        made[name] = folder / f"{name}.html"
        assert main([*words, "--quiet", "--html", str(made[name])]) == 0
    return made


def _data(folder: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    rows = rng.exponential(size=(900, 12)) @ np.diag(np.linspace(1, 3, 12))
    arrays = {
        "gaussian": rng.standard_normal((1500, 24)),
        "departing": rows,
        "partners": rows + 0.3 * rng.standard_normal(rows.shape),
        "heavy": rng.standard_t(3, (800, 16)),
    }
    files = {name: str(folder / f"{name}.npy") for name in arrays}
    for name, array in arrays.items():
        np.save(files[name], array)
    place = folder / f"{HOSTILE.replace('/', '_')}.csv"
    body = "\n".join(",".join(f"{value:.4f}" for value in row) for row in rng.standard_normal((300, 3)))
    place.write_text(f'"{HOSTILE}","{HOSTILE} two",plain\n{body}\n')
    files["hostile"] = str(place)
    (folder / "train.yaml").write_text(TRAIN)
    files["train"] = str(folder / "train.yaml")
    for name, result in (("fit", _fit()), ("scores", _scores())):
        (folder / f"{name}.json").write_text(json.dumps(result))
        files[name] = str(folder / f"{name}.json")
    return files


def _histogram(counts: list[int]) -> dict[str, Any]:
    edges = [round(0.05 * place, 2) for place in range(21)]
    return {"edges": edges, "counts": counts, "expected": [50.0] * 20, "low": [33.0] * 20, "high": [69.0] * 20}


def _fit() -> dict[str, Any]:
    eigenvalues = [3 * 0.9**place for place in range(24)]
    calibration = {
        "verdict": "heavier tails",
        "sentence": "The data have heavier tails than the model: 6.7 % of 1,000 rows lie beyond its 99 % radius.",
        "histogram": _histogram([120, *[45] * 18, 70]),
        "beyond": [{"quantile": 0.99, "observed": 0.067, "nominal": 0.01, "expected": 0.011}],
        "mean": {"observed": 26.0, "chi2": 24, "expected": 24.7},
        "n_samples": 1000,
        "reference": "F with 24 and 876 degrees: 900 fitted rows",
    }
    return {
        "schema": "thinshell/fit/1",
        "thinshell_version": "1.0",
        "command": "thinshell fit emb.npy --out model.safetensors",
        "source": {"name": "emb.npy", "paths": ["emb.npy"], "fingerprint": "f" * 64},
        "kind": "GaussianModel",
        "model": "model.safetensors",
        "n_samples": 900,
        "n_held_out": 1000,
        "n_features": 25,
        "rank": 24,
        "covariance": {"method": "ledoit_wolf", "shrinkage": 0.0123},
        "spectrum": {"eigenvalues": eigenvalues, "effective_rank": 17.2, "participation_ratio": 14.5},
        "degenerate": [{"kind": "constant", "columns": [5], "text": "Column 5 is constant: left out of the density."}],
        "calibration": calibration,
    }


def _scores() -> dict[str, Any]:
    ids = [HOSTILE, "a/very/long/path/" * 9 + "x.png", "img_3"]
    unit = {"unit": "standard deviations", "higher_is": "odder", "two_sided": True, "text": "Distance from the shell."}
    return {
        "schema": "thinshell/scores/1",
        "thinshell_version": "1.0",
        "command": "thinshell score model.safetensors new.npy",
        "source": {"name": "new.npy", "paths": ["new.npy"], "fingerprint": "e" * 64},
        "model": {"path": "model.safetensors", "kind": "GaussianModel", "rank": 24, "n_samples": 900},
        "n_samples": 1000,
        "n_features": 25,
        "scores": {"typicality": {**unit, "mean": 0.1, "std": 1.1, "minimum": -3.4, "maximum": 18.7}},
        "pit": _histogram([40, *[50] * 18, 60]),
        "far": {"0.05": {"n": 60, "expected": 50.0}},
        "discoveries": {"level": 0.05, "n": 3, "threshold": 1e-5},
        "near": {"z": -3.0, "n": 2, "expected": 0.7},
        "by": "pvalue",
        "top": [
            {"row": place, "id": name, "mahalanobis": 93.2, "pvalue": 1e-9, "typicality": 18.7}
            for place, name in enumerate(ids)
        ],
    }


@pytest.fixture
def real_pages(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of real embeddings: CLIP's text encoder, a supervised ResNet-56."""
    folder = tmp_path_factory.mktemp("real")
    names = {
        "clip": "clip_text_lvis_1203x512.npy",
        "resnet": "resnet56_supervised_cifar10_test_10000x64.npy",
    }
    made = {name: folder / f"{name}.html" for name in names}
    for name, file in names.items():
        words = ["diagnose", str(shared_data / "embeddings" / file), "--quiet", "--html", str(made[name])]
        assert main(words) == 0
    return made
