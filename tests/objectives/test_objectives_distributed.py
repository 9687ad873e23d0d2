"""Two processes over gloo against the full batch in one: values, gradients of embeddings, of parameters under DDP."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# In one process: the two that compute are started once.
pytestmark = pytest.mark.xdist_group("gloo")
WORLD = 2
NAMES = [
    "infonce",
    "infonce_tiles",
    "infonce_learnt",
    "infonce_symmetric",
    "ntxent",
    "ntxent_tiles",
    "supcon",
    "supcon_tiles",
    "decoupled",
    "barlow_twins",
    "vicreg",
    "sigreg",
    "sigreg_unbiased",
    "alignment_uniformity",
    "prior_polar",
    "prior_knn",
    "prior_gaussian",
    "regularized",
]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gloo")
    outputs = [folder / f"{rank}.npz" for rank in range(WORLD)]
    worker = str(Path(__file__).with_name("gloo_worker.py"))
    processes = [
        subprocess.Popen(
            [sys.executable, worker, str(rank), str(WORLD), str(folder / "meeting"), str(output)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank, output in enumerate(outputs)
    ]
    try:
        for process in processes:
            text = process.communicate(timeout=120)[0]
            assert process.returncode == 0, text
    finally:
        for process in processes:
            process.kill()
    results = []
    for output in outputs:
        with np.load(output, allow_pickle=False) as file:
            results.append(dict(file))
    return results


def test_every_case_was_run(ranks):
    assert {key.split(".")[0] for key in ranks[0]} == {*NAMES, "refusal"}


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_equal_one(ranks, name):
    full = {key.removeprefix(f"{name}.full."): ranks[0][key] for key in ranks[0] if key.startswith(f"{name}.full.")}
    assert {"value", "z0", "z1", "encoder.weight", "encoder.bias"} <= set(full)
    parts = [{key: rank[f"{name}.{key}"] for key in full} for rank in ranks]
    close = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(np.mean([part["value"] for part in parts]), full["value"], **close)
    for key in ("z0", "z1"):
        # The mean over ranks that is taken later divides by their number.
        np.testing.assert_allclose(np.concatenate([part[key] for part in parts]) / WORLD, full[key], **close)
        assert np.abs(full[key]).max() > 1e-4
    for key in set(full) - {"value", "z0", "z1"}:
        for part in parts:
            np.testing.assert_allclose(part[key], full[key], **close)


def test_batches_of_different_sizes_are_refused_on_every_rank(ranks):
    for rank in ranks:
        text = str(rank["refusal"])
        assert text.startswith("every rank must hold a batch of the same shape, got (4, 3), (5, 3) on ranks 0 to 1")
