"""The histogram of the norms that a run keeps at each measured epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from thinshell.report.training_panels import norm_frames
from thinshell.training import run
from thinshell.training.config import checked_config

GOOD: dict[str, Any] = {
    "data": {"name": "laplace", "n_train": 120, "n_test": 300, "n_features": 16},
    "views": "gaussian_channel",
    "encoder": {"name": "linear", "n_features": 6},
    "objective": "infonce",
    "epochs": 2,
    "batch_size": 40,
    "monitor": {"samples_per_test": 100, "repeats": 2, "layers": ["representation", "projection"]},
    "head": {},
    "loggers": ["csv", "jsonl"],
    "embeddings": True,
}


def records(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "result.json").read_text())["gaussianity"]


def test_the_result_holds_it_and_the_logs_do_not(tmp_path) -> None:
    out = run(checked_config(GOOD), tmp_path, progress=False).out
    kept = records(out)
    assert len(kept) == 12
    for record in kept:
        histogram = record["norm_histogram"]
        if record["normalize"] == "l2":
            assert histogram is None
            continue
        assert (len(histogram["edges"]), len(histogram["counts"])) == (31, 30)
        assert sum(histogram["counts"]) == record["n_samples"] == 300
        assert histogram["edges"][0] < record["norm_mean"] < histogram["edges"][-1]
    norms = np.linalg.norm(np.load(out / "embeddings.npy").astype(np.float64), axis=1)
    last = next(r for r in kept if (r["epoch"], r["layer"], r["normalize"]) == (2, "representation", "none"))
    np.testing.assert_allclose(last["norm_histogram"]["edges"], np.histogram(norms, bins=30)[1], rtol=1e-5)
    assert "histogram" not in (out / "metrics.csv").read_text() + (out / "metrics.jsonl").read_text()
    frames = norm_frames({"gaussianity": kept})
    assert [(frame.layer, frame.epoch) for frame in frames] == [
        (layer, epoch) for layer in ("projection", "representation") for epoch in (0, 1, 2)
    ]


def test_a_resumed_run_has_the_same_to_the_last_digit(tmp_path) -> None:
    whole, slices = tmp_path / "whole", tmp_path / "slices"
    run(checked_config(GOOD), whole, progress=False)
    run(checked_config(GOOD), slices, progress=False, time_limit=1e-9)
    while not run(checked_config(GOOD), slices, progress=False, resume=True, time_limit=1e-9).fit.finished:
        pass
    assert json.dumps(records(slices)) == json.dumps(records(whole))
