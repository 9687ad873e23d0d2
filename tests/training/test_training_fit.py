"""A run: it learns, the seed decides, and it ends as it should whatever happens."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from thinshell.errors import InputError
from thinshell.training import (
    ContrastiveModule,
    GaussianChannel,
    Samples,
    SimCLRAugmentation,
    SupervisedModule,
    create_encoder,
    epoch_order,
    fit,
    gaussian_mixture,
    latest_checkpoint,
)
from thinshell.training.batches import Batches
from thinshell.training.fit import _batches_ahead

VIEWS = GaussianChannel(0.9)
SHORT = {"views": VIEWS, "epochs": 3, "batch_size": 50, "progress": False}


def weights(module: nn.Module) -> list[bytes]:
    return [value.detach().numpy().tobytes() for value in module.parameters()]


def losses(result) -> list[float]:
    return [row["loss"] for row in result.history]


def test_contrastive_training_learns(module, samples) -> None:
    result = fit(module(), samples, **SHORT | {"epochs": 15})
    assert losses(result)[-1] < 0.8 * losses(result)[0]
    assert (result.epochs, result.steps, result.finished) == (15, 60, True)
    assert [row["epoch"] for row in result.history] == list(range(1, 16))
    assert result.history[4]["step"] == 20
    assert result.history[0]["learning_rate"] == 1e-3


def test_supervised_training_learns() -> None:
    samples = gaussian_mixture(400, 100, 16, n_components=4, mean_std=2.0)
    trained = SupervisedModule(create_encoder("mlp", n_inputs=16, n_features=8, n_hidden=16), 4, learning_rate=1e-2)
    fit(trained, samples, epochs=8, batch_size=50, progress=False)
    with torch.no_grad():
        right = trained.head(trained(samples.test)).argmax(1) == samples.test_labels
    assert right.float().mean() > 0.95


def test_own_views_and_rows_with_labels(module, contrast) -> None:
    samples = gaussian_mixture(200, 100, 32, n_components=4)
    seen = []

    def views(rows, labels, generator):
        seen.append(labels)
        return rows, rows + 0.1 * torch.randn(rows.shape, generator=generator)

    fit(module(), samples, **SHORT | {"views": views, "device": "auto"})
    assert all(len(labels) == 50 for labels in seen)


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_pictures_train_with_batch_normalisation(contrast, pictures, precision) -> None:
    samples = Samples("noise", pictures, pictures[:8])
    trained = ContrastiveModule(create_encoder("small_resnet", widths=(4, 8), blocks=(1, 1)), contrast())
    result = fit(
        trained,
        samples,
        views=SimCLRAugmentation(),
        epochs=2,
        batch_size=16,
        progress=False,
        precision=precision,
        channels_last=True,
    )
    assert result.steps == 4
    assert trained.encoder.stem[0].weight.dtype == torch.float32


def test_the_seed_decides_to_the_last_bit(module, samples) -> None:
    runs = []
    for seed in (0, 0, 1):
        trained = module()
        runs.append((losses(fit(trained, samples, seed=seed, **SHORT)), weights(trained)))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


def test_global_generators_are_left_alone(module, samples) -> None:
    before = torch.random.get_rng_state()
    fit(module(), samples, **SHORT)
    assert torch.random.get_rng_state().equal(before)


def test_dropout_depends_on_the_step_alone(samples, contrast) -> None:
    def trained(disturb: int) -> list[bytes]:
        torch.manual_seed(disturb)
        encoder = nn.Sequential(create_encoder("linear", n_inputs=32, n_features=8), nn.Dropout(0.5))
        module = ContrastiveModule(encoder, contrast())
        fit(module, samples, **SHORT)
        return weights(module)

    assert trained(1) == trained(2)


def test_batches_go_through_every_row_once_an_epoch(samples) -> None:
    batches = Batches(samples, None, 60, 0, lambda: (2, 0), torch.device("cpu"))
    rows = torch.cat([views[0] for views, _ in batches])
    assert batches.steps_per_epoch == 3  # 20 of the 200 rows are left out
    assert rows.equal(samples.train[epoch_order(200, 0, 2)[:180]])
    assert not epoch_order(200, 0, 2).equal(epoch_order(200, 0, 3))
    later = Batches(samples, None, 60, 0, lambda: (2, 1), torch.device("cpu"))
    assert torch.cat([views[0] for views, _ in later]).equal(rows[60:])


@pytest.mark.parametrize("first", [0, 1, 2, 4])
def test_batches_made_ahead_are_the_same_from_wherever_an_epoch_is_resumed(samples, first) -> None:
    def batches(first: int, ahead: int) -> list[torch.Tensor]:
        made = Batches(samples, GaussianChannel(0.9), 30, 0, lambda: (2, first), torch.device("cpu"), ahead=ahead)
        return [torch.stack(views) for views, _ in made]

    whole = batches(0, ahead=4)  # six batches: a group of four and one of two
    assert [part.shape for part in whole] == [(2, 30, 32)] * 6
    assert torch.stack(batches(first, ahead=4)).equal(torch.stack(whole[first:]))
    # The rows of a batch do not depend on it, only what the views draw does.
    alone = torch.stack(batches(0, ahead=1))
    assert not alone.equal(torch.stack(whole))
    assert ((alone - torch.stack(whole)).square().mean(dim=(1, 2, 3)) < alone.square().mean(dim=(1, 2, 3))).all()


def test_a_compiled_encoder_trains_alike_and_is_not_saved_twice(module, samples) -> None:
    plain, compiled = module(), module()
    compiled.compile_encoder(backend="aot_eager")
    assert list(compiled.state_dict()) == list(plain.state_dict())
    first, second = (fit(one, samples, **SHORT) for one in (plain, compiled))
    assert losses(first) == pytest.approx(losses(second), rel=1e-6)
    assert compiled.encoder(samples.test).equal(compiled(samples.test))


def test_a_gpu_augments_many_small_batches_at_once_and_large_ones_alone(samples) -> None:
    gpu = torch.device("cuda")
    assert _batches_ahead(samples, 20, gpu) == 16
    assert _batches_ahead(samples, 20, torch.device("cpu")) == 1
    large = torch.zeros(1, 3, 224, 224).expand(300, -1, -1, -1)
    pictures = replace(samples, train=large, test=large)
    assert _batches_ahead(pictures, 256, gpu) == 1


def test_cosine_schedule_reaches_the_optimiser(module, samples) -> None:
    trained = module(schedule="cosine", warmup_steps=4, learning_rate=0.1, optimizer="sgd")
    rates = [row["learning_rate"] for row in fit(trained, samples, **SHORT).history]
    assert rates[0] == pytest.approx(0.1)
    assert rates[2] < 0.02


def test_a_lightning_trainer_of_one_s_own_works_too(module, samples) -> None:
    import lightning

    from thinshell.training.fit import _quiet

    trained = module(schedule="cosine")
    batches = torch.utils.data.DataLoader([((samples.train[:50], samples.train[50:100]), None)] * 4, batch_size=None)
    with _quiet():
        trainer = lightning.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False)
        trainer.fit(trained, batches)
    assert trainer.global_step == 4


def test_logs_hold_a_row_an_epoch(module, samples, tmp_path) -> None:
    result = fit(module(), samples, out=tmp_path / "run", loggers=("csv", "jsonl", "tensorboard"), **SHORT)
    with (tmp_path / "run" / "metrics.csv").open() as stream:
        table = list(csv.DictReader(stream))
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in lines] == losses(result)
    assert [row["step"] for row in lines] == [4, 8, 12]
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def tensorboard_steps(folder: Path) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.step for event in events.Scalars("loss")]


def test_tensorboard_reads_what_was_logged_once_after_a_resume(module, samples, tmp_path) -> None:
    how = SHORT | {"out": tmp_path, "loggers": ("tensorboard",)}
    fit(module(), samples, **how)
    fit(module(), samples, **how | {"epochs": 5, "resume": True})
    assert tensorboard_steps(tmp_path / "tensorboard") == [4, 8, 12, 16, 20]


class NanFrom(nn.Module):
    """A loss that is NaN from one call on."""

    def __init__(self, objective: nn.Module, call: int) -> None:
        super().__init__()
        self.objective, self.call, self.calls = objective, call, 0

    def forward(self, z0, z1, labels=None):
        self.calls += 1
        return self.objective(z0, z1) * (float("nan") if self.calls >= self.call else 1.0)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(module, samples, contrast, tmp_path) -> None:
    with pytest.raises(InputError, match=r"the loss is nan at step 7 \(epoch 2\); training stops there"):
        fit(module(NanFrom(contrast(), 7)), samples, out=tmp_path, **SHORT)
    kept = latest_checkpoint(tmp_path)
    assert kept is not None
    assert kept.name == "step-000000004"
    # From there it goes on once the cause is gone.
    assert fit(module(NanFrom(contrast(), 99)), samples, out=tmp_path, resume=True, **SHORT).finished


class Infinite(nn.Module):
    """A finite loss whose gradient is not."""

    def forward(self, z0, z1, labels=None):
        return (z0.sum() - z0.sum().detach()).abs().sqrt()


def test_a_gradient_that_is_no_number_is_never_saved(module, samples, tmp_path) -> None:
    with pytest.raises(InputError, match=r"the loss is nan at step 2|a weight is no longer finite after step 1"):
        fit(module(Infinite()), samples, out=tmp_path, every_n_steps=1, **SHORT)
    assert latest_checkpoint(tmp_path) is None


def test_the_time_limit_stops_within_an_epoch_and_resuming_gives_the_same(module, samples, tmp_path) -> None:
    whole = module()
    expected = fit(whole, samples, **SHORT)
    slices = 0
    result = None
    while result is None or not result.finished:
        part = module()
        result = fit(part, samples, out=tmp_path, resume=True, time_limit=1e-6, **SHORT)
        slices += 1
    assert slices == 12  # one step each
    assert losses(result) == losses(expected)
    assert weights(part) == weights(whole)
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [4, 8, 12]


def test_resuming_a_finished_run_changes_nothing(module, samples, tmp_path) -> None:
    first = fit(module(), samples, out=tmp_path, **SHORT)
    again = fit(module(), samples, out=tmp_path, resume=True, **SHORT)
    assert again.finished
    assert again.history == first.history


def test_more_epochs_continue_a_constant_schedule_only(module, samples, tmp_path) -> None:
    fit(module(), samples, out=tmp_path / "a", **SHORT)
    longer = fit(module(), samples, out=tmp_path / "a", resume=True, **SHORT | {"epochs": 5})
    assert losses(longer) == losses(fit(module(), samples, **SHORT | {"epochs": 5}))
    fit(module(schedule="cosine"), samples, out=tmp_path / "b", **SHORT)
    with pytest.raises(InputError, match="began with epochs = 3, now it is 5"):
        fit(module(schedule="cosine"), samples, out=tmp_path / "b", resume=True, **SHORT | {"epochs": 5})


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"seed": 1}, "began with seed = 0, now it is 1"),
        ({"batch_size": 40}, "began with batch_size = 50, now it is 40"),
        ({"views": GaussianChannel(0.5)}, r"began with views\.a = 0\.9, now it is 0\.5"),
        ({"precision": "bf16"}, "began with precision = '32', now it is 'bf16'"),
        ({"epochs": 2}, "began with epochs = 3, now it is 2"),
    ],
)
def test_another_configuration_is_not_resumed(module, samples, tmp_path, how, sentence) -> None:
    fit(module(), samples, out=tmp_path, **SHORT)
    with pytest.raises(InputError, match=sentence):
        fit(module(), samples, out=tmp_path, resume=True, **SHORT | how)
    with pytest.raises(InputError, match=r"began with module\.learning_rate = 0\.001, now it is 0\.5"):
        fit(module(learning_rate=0.5), samples, out=tmp_path, resume=True, **SHORT)


def test_the_folder_is_claimed_before_anything_is_computed(module, samples, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("important")
    with pytest.raises(InputError, match=r"is not empty; choose another, or resume"):
        fit(module(), samples, out=tmp_path, **SHORT)
    with pytest.raises(InputError, match="is a file; name a folder"):
        fit(module(), samples, out=tmp_path / "mine.txt", **SHORT)
    with pytest.raises(InputError, match="cannot be written to"):
        fit(module(), samples, out=tmp_path / "mine.txt" / "run", **SHORT)
    assert (tmp_path / "mine.txt").read_text() == "important"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that even root cannot write to")
def test_a_read_only_place_is_one_sentence(module, samples) -> None:
    with pytest.raises(InputError, match="the output folder /proc/run cannot be written to"):
        fit(module(), samples, out="/proc/run", **SHORT)


# In a process of its own, which listens to Ctrl-C in any case: what a shell starts in the background ignores it.
INTERRUPTED = """
import os, signal, sys
from lightning.pytorch import Callback
from thinshell.objectives import InfoNCE
from thinshell.training import ContrastiveModule, GaussianChannel, create_encoder, fit, laplace, latest_checkpoint

class Interrupt(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 6:
            os.kill(os.getpid(), signal.SIGINT)

def run(**how):
    encoder = create_encoder("linear", n_inputs=32, n_features=8, seed=0)
    samples = laplace(n_train=200, n_test=300, n_features=32)
    short = {"views": GaussianChannel(0.9), "epochs": 3, "batch_size": 50, "progress": False}
    return fit(ContrastiveModule(encoder, InfoNCE(0.5)), samples, **short, **how)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run(out=sys.argv[1], callbacks=[Interrupt()])
    except KeyboardInterrupt:
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        print(latest_checkpoint(sys.argv[1]).name, *sorted(os.listdir(sys.argv[1])))
    losses = [[row["loss"] for row in run(**how).history] for how in ({"out": sys.argv[1], "resume": True}, {})]
    assert losses[0] == losses[1] and len(losses[0]) == 3
    print("same")
"""


def test_ctrl_c_leaves_the_last_checkpoint_and_the_next_ctrl_c(tmp_path) -> None:
    script, out = tmp_path / "interrupted.py", tmp_path / "out"
    script.write_text(INTERRUPTED)
    ended = subprocess.run([sys.executable, str(script), str(out)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["step-000000004 checkpoints metrics.csv metrics.jsonl", "same"]


def test_an_exit_from_within_stays_an_exit(module, samples) -> None:
    class Leave(Callback):
        def on_train_batch_end(self, *_):
            raise SystemExit(3)

    with pytest.raises(SystemExit, match="3"):
        fit(module(), samples, callbacks=[Leave()], **SHORT)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2, got 1; a contrastive loss compares rows"),
        ({"batch_size": 500}, "batch_size must be at most the 200 training rows, got 500"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"precision": "16"}, "precision must be one of '32', 'bf16', got '16'"),
        ({"time_limit": 0}, "time_limit must be a positive number of seconds, got 0"),
        ({"every_n_steps": 0}, "every_n_steps must be at least 1, got 0"),
        ({"loggers": ("jsnl",)}, "loggers must be one of .* did you mean 'jsonl'"),
        ({"device": "gpu"}, "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there"),
        ({"views": None}, "a contrastive objective needs two views of each row, got 1"),
    ],
)
def test_bad_values_are_told(module, samples, how, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        fit(module(), samples, **SHORT | how)


def test_labels_are_asked_for(samples) -> None:
    encoder = create_encoder("linear", n_inputs=32, n_features=8)
    with pytest.raises(InputError, match="supervised training needs the class of each row"):
        fit(SupervisedModule(encoder, 3), samples, **SHORT)
    with pytest.raises(InputError, match="n_classes must be at least 2, got 1"):
        SupervisedModule(encoder, 1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Samples("x", torch.zeros(3), torch.zeros(3, 2)),
            r"train must have rows and features, got shape \(3,\)",
        ),
        (lambda: Samples("x", torch.zeros(3, 2), torch.zeros(3, 4)), "rows of the same shape"),
        (lambda: Samples("x", torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(3)), "train_labels must be int64"),
        (lambda: Samples("x", torch.zeros(1, 2), torch.zeros(3, 2), torch.tensor([-1])), "must be at least 0, got -1"),
    ],
)
def test_samples_check_themselves(make, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        make()
    with pytest.raises(TypeError, match=r"train must be a torch\.Tensor, got list"):
        Samples("x", [[1.0]], torch.zeros(1, 1))  # type: ignore[arg-type]


def test_wandb_is_asked_for_by_name_only_where_it_is_installed(module, samples, tmp_path) -> None:
    if importlib.util.find_spec("wandb") is None:
        with pytest.raises(InputError, match="'wandb', which is not installed: pip install wandb, or leave it out"):
            fit(module(), samples, out=tmp_path, loggers=("wandb",), **SHORT)
