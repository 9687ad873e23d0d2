"""One training run from samples to a trained module."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger

from thinshell._devices import PRECISIONS, choose_device
from thinshell.errors import InputError, unknown_name
from thinshell.training.bar import TrainingBar
from thinshell.training.batches import Batches, Views, check_batch_size, describe
from thinshell.training.checkpoint import load_checkpoint
from thinshell.training.folder import claim_folder
from thinshell.training.history import History
from thinshell.training.logs import check_loggers, make_loggers
from thinshell.training.randomness import checked_seed
from thinshell.training.same_run import check_same_run
from thinshell.training.samples import Samples
from thinshell.training.saving import OutOfTime, Saver

__all__ = ["FitResult", "fit"]


# Batches, and values of their rows, that a GPU augments in one go: 128 MiB of float32 a view.
_MOST_AHEAD, _VALUES_AHEAD = 16, 2**25


@dataclass(frozen=True)
class FitResult:
    """What came of a run.

    Attributes
    ----------
    history : list of dict
        One row an epoch: epoch (from 1), step, loss, learning_rate, seconds.
    epochs, steps : int
        Done so far; an epoch that the time limit cut counts when it is complete.
    seconds : float
        Spent on complete epochs, earlier slices of a resumed run included.
    finished : bool
        False if the time limit came first; resume to go on.
    """

    history: list[dict[str, Any]]
    epochs: int
    steps: int
    seconds: float
    finished: bool


def fit(
    module: LightningModule,
    samples: Samples,
    *,
    views: Views | None = None,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    device: str = "auto",
    precision: str = "32",
    time_limit: float | None = None,
    loggers: Sequence[str] = ("csv", "jsonl"),
    every_n_steps: int | None = None,
    channels_last: bool = False,
    compile_encoder: bool = False,
    wandb: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train `module` on the rows of `samples`.

    The order of an epoch follows from (seed, epoch) and the views of a step from (seed, step): a run that was killed
    and resumed gives the numbers of one that was not, bit for bit on the same machine with the same number of threads.
    Rows that do not fill a last batch are left out of that epoch. On a GPU the views of up to 16 steps are made in one
    go, follow from (seed, first of these steps), and share what an augmentation draws once a call.

    Parameters
    ----------
    module : LightningModule
        A ``ContrastiveModule`` or ``SupervisedModule``; trained in place and left on the CPU.
    samples : Samples
        Only its training rows are used. They are moved to the device once.
    views : callable, optional
        ``views(rows, labels, generator)`` returns a tuple with one tensor a view; None takes the rows as they are.
    epochs, batch_size : int
        At least 1 and 2.
    seed : int
        Of order and views; at least 0.
    out : str or Path, optional
        Folder for checkpoints and logs; must be empty or new unless `resume`. Nothing is written without it.
    resume : bool
        Go on from the newest checkpoint in `out`; begin where there is none yet.
    callbacks : sequence of lightning Callback
        What they return from ``state_dict`` is saved with the run.
    progress : bool
        A bar on standard error, where that is a terminal.
    device : str
        ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    precision : str
        ``"32"``, or ``"bf16"``: autocast to bfloat16, weights in float32.
    time_limit : float, optional
        Seconds after which the run saves itself and stops.
    loggers : sequence of str
        Of ``"csv"``, ``"jsonl"``, ``"tensorboard"`` and ``"wandb"``; used with `out`.
    every_n_steps : int, optional
        Save this often within an epoch too.
    channels_last : bool
        Memory format of pictures and convolutions; faster on a GPU, where alone it is used: on a CPU it gains
        nothing, and with few channels the backward pass of PyTorch 2.13 then writes outside its memory.
    compile_encoder : bool
        Fuse the small steps of the encoder by ``torch.compile``: a minute at the start, then faster. For the two
        modules named above, on a GPU alone and where Triton is installed.
    wandb : mapping, optional
        Arguments for Weights & Biases (project, name, offline, ...).

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        If an argument is out of its range, `out` is not empty or not writable, the run to resume had another
        configuration, or the loss stops being finite (the sentence names the step; the last checkpoint stays).
    KeyboardInterrupt
        On Ctrl-C; the last checkpoint stays.

    Examples
    --------
    >>> from thinshell.objectives import InfoNCE
    >>> from thinshell.training import ContrastiveModule, GaussianChannel, create_encoder, laplace
    >>> module = ContrastiveModule(create_encoder("linear", n_inputs=8, n_features=4), InfoNCE(temperature=0.1))
    >>> result = fit(module, laplace(64, 8, 8), views=GaussianChannel(0.9), epochs=30, batch_size=16, progress=False)
    >>> result.epochs, result.steps, result.finished, result.history[-1]["loss"] < result.history[0]["loss"]
    (30, 120, True, True)
    """
    _check(epochs=epochs, seed=seed, precision=precision, time_limit=time_limit, every_n_steps=every_n_steps)
    check_batch_size(batch_size, len(samples.train))
    check_loggers(loggers)
    place = choose_device(device)
    folder = None if out is None else Path(out)
    steps_per_epoch = len(samples.train) // batch_size
    if hasattr(module, "total_steps"):
        module.total_steps = epochs * steps_per_epoch  # type: ignore[assignment]
    run = _identity(module, samples, views)
    config = run | {"epochs": epochs, "batch_size": batch_size, "seed": seed, "precision": precision}
    checkpoint = None if folder is None else claim_folder(folder, resume)
    state = None if checkpoint is None else load_checkpoint(checkpoint)
    if state is not None:
        check_same_run(state["config"], config, str(folder))
    history = History(seed)
    saver = Saver(
        history,
        out=folder,
        config=config,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        every_n_steps=every_n_steps,
        time_limit=time_limit,
    )
    done = 0 if state is None else state["epoch"] * steps_per_epoch + state["batch"]
    bar = [TrainingBar(done, epochs * steps_per_epoch, epochs)] if progress else []
    channels_last = channels_last and place.type == "cuda"
    _made_fast(module, channels_last, compile_encoder and place.type == "cuda")
    ahead = _batches_ahead(samples, batch_size, place)
    batches = Batches(samples, views, batch_size, seed, saver.position, place, channels_last, ahead)
    with _quiet(), torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        writers = [] if folder is None else make_loggers(loggers, folder, done, wandb)
        trainer = _trainer(place, precision, epochs, writers, [history, *callbacks, *bar, saver])
        if state is not None:
            saver.resume(state, trainer, module)
        finished = _run(trainer, module, batches, saver)
    module.to("cpu")
    return FitResult(history.rows, saver.epoch, saver.step, round(history.seconds, 3), finished)


def _made_fast(module: LightningModule, channels_last: bool, compile_encoder: bool) -> None:
    if channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if compile_encoder and find_spec("triton"):
        module.compile_encoder()  # type: ignore[operator]


def _batches_ahead(samples: Samples, batch_size: int, place: torch.device) -> int:
    """Return how many batches are augmented in one go: on a GPU several, where they are small."""
    if place.type != "cuda":
        return 1
    return max(1, min(_MOST_AHEAD, _VALUES_AHEAD // (batch_size * samples.train[0].numel())))


def _check(*, epochs: int, seed: int, precision: str, time_limit: float | None, every_n_steps: int | None) -> None:
    checked_seed(seed)
    if epochs < 1:
        raise InputError(f"epochs must be at least 1, got {epochs}")
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit must be a positive number of seconds, got {time_limit}; leave it out for none")
    if every_n_steps is not None and every_n_steps < 1:
        raise InputError(f"every_n_steps must be at least 1, got {every_n_steps}; leave it out to save each epoch only")


def _identity(module: LightningModule, samples: Samples, views: Views | None) -> dict[str, Any]:
    """Return what a run trains on what, fit for JSON: only the same may be resumed."""
    return {
        "module": module.describe() if hasattr(module, "describe") else repr(module),  # type: ignore[operator]
        "samples": {"name": samples.name, "shape": list(samples.train.shape), **samples.facts},
        "views": describe(views),
    }


def _trainer(
    device: torch.device, precision: str, epochs: int, loggers: list[Logger], callbacks: list[Callback]
) -> Trainer:
    cuda = device.type == "cuda"
    return Trainer(
        accelerator="gpu" if cuda else "cpu",
        devices=[device.index or 0] if cuda else 1,
        benchmark=cuda,  # all batches have one shape: cuDNN tries its algorithms once and keeps the fastest
        precision=PRECISIONS[precision],  # type: ignore[arg-type]
        max_epochs=epochs,
        logger=loggers or False,
        callbacks=callbacks,
        enable_checkpointing=True,  # Saver is a Checkpoint: Lightning then adds none of its own
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _run(trainer: Trainer, module: LightningModule, batches: Batches, saver: Saver) -> bool:
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, train_dataloaders=batches)
    except OutOfTime:
        return False
    except SystemExit:
        # Lightning answers Ctrl-C by ending the program and leaving it deaf to the next one.
        if not saver.interrupted:
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None
    return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice (GPUs, workers, tips) out of the output; its errors stay."""
    names = ("lightning.pytorch", "lightning.fabric")
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\.")
        try:
            for logger, _ in levels:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in levels:
                logger.setLevel(level)
