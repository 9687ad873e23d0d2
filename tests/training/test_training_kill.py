"""A run that is killed with SIGKILL goes on to the very numbers of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from thinshell.monitoring import GaussianityCallback
from thinshell.objectives import InfoNCE
from thinshell.training import (
    ContrastiveModule,
    FitResult,
    GaussianChannel,
    create_encoder,
    fit,
    laplace,
    latest_checkpoint,
    load_checkpoint,
    projection_head,
)

# The same run, slowed down so that it can be killed anywhere; times are the only thing that it changes.
PROGRAM = """
import sys, time
from lightning.pytorch import Callback
sys.path.insert(0, {folder!r})
import {module} as run

class Slow(Callback):
    def on_train_batch_end(self, *_):
        time.sleep(0.02)

run.train({out!r}, [Slow()])
"""


def train(out: str | Path | None, more: list | None = None) -> tuple[FitResult, ContrastiveModule, list]:
    """Train a little; every part that keeps a state is in it."""
    samples = laplace(n_train=300, n_test=300, n_features=24)
    encoder = create_encoder("mlp", n_inputs=24, n_features=8, n_hidden=16)
    module = ContrastiveModule(
        encoder, InfoNCE(learnable_temperature=True), head=projection_head(8, 8, 4), schedule="cosine", warmup_steps=5
    )
    monitor = GaussianityCallback(samples.test, every_n_epochs=2, normalize=("none",), samples_per_test=100, repeats=2)
    result = fit(
        module,
        samples,
        views=GaussianChannel(0.9),
        epochs=6,
        batch_size=30,
        out=out,
        resume=True,
        callbacks=[monitor, *(more or [])],
        progress=False,
        every_n_steps=3,
        device="cpu",
    )
    return result, module, monitor.records


def killed_at(out: Path, step: int) -> int:
    """Start the run in a process of its own and kill it once it has saved `step`; return what it had saved."""
    here = Path(__file__)
    program = PROGRAM.format(folder=str(here.parent), module=here.stem, out=str(out))
    # As many threads as here: sums over threads are what could differ.
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while (saved := latest_checkpoint(out)) is None or int(saved.name[5:]) < step:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.stderr.read().decode()  # type: ignore[union-attr]
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    return int(latest_checkpoint(out).name[5:])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "step", [pytest.param(6, marks=pytest.mark.slow), 13, pytest.param(40, marks=pytest.mark.slow)]
)
def test_killed_and_resumed_gives_the_same_bytes(tmp_path: Path, step: int) -> None:
    expected, whole, records = train(tmp_path / "whole")
    saved = killed_at(tmp_path / "killed", step)
    assert step <= saved < 60
    result, module, again = train(tmp_path / "killed")
    assert result.finished

    def without_seconds(history: list) -> list:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in history]

    assert without_seconds(result.history) == without_seconds(expected.history)
    assert again == records
    for name, value in whole.state_dict().items():
        assert module.state_dict()[name].numpy().tobytes() == value.numpy().tobytes(), name
    # The checkpoints hold the same tensors too, those of the optimiser included.
    files = [latest_checkpoint(tmp_path / run) / "tensors.safetensors" for run in ("whole", "killed")]  # type: ignore[operator]
    assert files[0].read_bytes() == files[1].read_bytes()
    tables = [(tmp_path / run / "metrics.csv").read_text().splitlines() for run in ("whole", "killed")]
    assert [row.split(",")[0] for row in tables[0]] == [row.split(",")[0] for row in tables[1]]
    assert load_checkpoint(latest_checkpoint(tmp_path / "killed"))["epoch"] == 6  # type: ignore[arg-type]
