"""A configured run, from its configuration to the files it leaves."""

from __future__ import annotations

import contextlib
import json
import math
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback

from thinshell._devices import choose_device
from thinshell._files import replacing
from thinshell._version import __version__
from thinshell.errors import InputError
from thinshell.training.batches import check_batch_size
from thinshell.training.building import module_of, monitor_of, views_of
from thinshell.training.checkpoint import latest_checkpoint
from thinshell.training.config import TrainConfig
from thinshell.training.config_errors import told
from thinshell.training.data import create_samples
from thinshell.training.downstream import downstream_scores, has_classes
from thinshell.training.embedding import embed
from thinshell.training.encoders import create_encoder
from thinshell.training.fit import FitResult, fit
from thinshell.training.folder import claim_folder
from thinshell.training.portable import save_encoder
from thinshell.training.same_run import check_same_run
from thinshell.training.samples import Samples

__all__ = ["RunResult", "run"]

SCHEMA = "thinshell/training/1"
# Training rows that the downstream scores learn from at most: seconds, not minutes.
SCORED_ROWS = 10_000
# May differ when a run goes on: they change where and how it is watched, not what comes out.
FREE_KEYS = ("device", "loggers", "wandb", "every_n_steps", "embeddings")


@dataclass(frozen=True)
class RunResult:
    """What came of a configured run.

    Attributes
    ----------
    out : Path
        Folder of the run.
    config : dict
        The configuration, defaults included.
    data : dict
        Name, sizes and facts of the data set.
    fit : FitResult
        History and counters.
    records : list of dict
        Gaussianity by epoch (0 is before training), layer and normalisation.
    downstream : list of dict
        ``layer``, ``epoch``, ``knn`` and ``linear_probe`` before and after training, see :func:`downstream_scores`;
        empty without labels, and until training is complete.
    """

    out: Path
    config: dict[str, Any]
    data: dict[str, Any]
    fit: FitResult
    records: list[dict[str, Any]]
    downstream: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data (schema ``thinshell/training/1``)."""
        return {
            "schema": SCHEMA,
            "thinshell_version": __version__,
            "finished": self.fit.finished,
            "epochs": self.fit.epochs,
            "steps": self.fit.steps,
            "seconds": self.fit.seconds,
            "data": self.data,
            "config": self.config,
            "environment": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
            },
            "history": self.fit.history,
            "gaussianity": self.records,
            "downstream": self.downstream,
        }


def run(
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    progress: bool = True,
    time_limit: float | None = None,
    callbacks: Sequence[Callback] = (),
) -> RunResult:
    """Train as a configuration says and leave everything in one folder.

    The folder then holds ``config.json``, ``checkpoints/``, the logs, ``result.json`` and, once training is complete,
    ``encoder.safetensors`` (and ``embeddings.npy`` if asked for).

    Parameters
    ----------
    config : TrainConfig
        See :func:`load_config`.
    out : str or Path
        Must be empty or new unless `resume`.
    resume : bool
        Go on with the run in `out`; begin where there is none yet.
    progress : bool
        A bar on standard error, where that is a terminal.
    time_limit : float, optional
        Seconds after which the run saves itself and stops; resume to go on.
    callbacks : sequence of lightning Callback
        Called besides the run's own.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If `out` is not empty or not writable, the run in it had another configuration, the data cannot be read, or
        the loss stops being finite.

    Examples
    --------
    >>> import tempfile
    >>> config = TrainConfig(
    ...     data={"name": "laplace", "n_train": 64, "n_test": 16, "n_features": 8}, views="gaussian_channel",
    ...     encoder={"name": "linear", "n_features": 4}, objective="infonce", epochs=2, batch_size=16,
    ...     monitor=None, loggers=("csv",))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = run(config, folder + "/run", progress=False)
    ...     sorted(entry.name for entry in result.out.iterdir())
    ['checkpoints', 'config.json', 'encoder.safetensors', 'metrics.csv', 'result.json']
    """
    folder = Path(out)
    plain = config.model_dump(mode="json")
    fresh = not folder.is_dir() or not any(folder.iterdir())
    claim_folder(folder, resume)
    _check_config(folder, plain)
    samples = told("data", lambda: create_samples(config.data.name, **config.data.options))
    check_batch_size(config.batch_size, len(samples.train))
    views = views_of(config, samples)
    recipe = {"name": config.encoder.name, "n_inputs": samples.n_inputs, **config.encoder.options}
    module = module_of(config, samples, recipe)
    monitor = monitor_of(config, samples, views)
    with _leaving_no_ruins(folder if fresh else None):
        _write(folder / "config.json", plain)
        fitted = fit(
            module,
            samples,
            views=views,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=config.seed,
            out=folder,
            resume=True,  # the folder was empty, or is the one to go on with
            callbacks=[*monitor, *callbacks],
            progress=progress,
            device=config.device,
            precision=config.precision,
            time_limit=time_limit,
            loggers=config.loggers,
            every_n_steps=config.every_n_steps,
            channels_last=config.channels_last,
            wandb=config.wandb,
        )
    sizes = {"n_train": len(samples.train), "n_test": len(samples.test), "input_shape": list(samples.input_shape)}
    sizes["fingerprint"] = samples.fingerprint()
    records = [record for callback in monitor for record in callback.records]
    scores = _scores(config, samples, recipe, module) if fitted.finished and has_classes(samples) else []
    result = RunResult(folder, plain, {"name": samples.name, **sizes, **samples.facts}, fitted, records, scores)
    _leave(result, module, recipe, samples)
    return result


@contextlib.contextmanager
def _leaving_no_ruins(folder: Path | None) -> Iterator[None]:
    """Empty a folder that was empty before, if a run fails that has saved nothing: the next attempt finds it so."""
    try:
        yield
    except Exception:
        if folder is not None and latest_checkpoint(folder) is None:
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise


def _check_config(folder: Path, now: Mapping[str, Any]) -> None:
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); start a new run in another folder") from error
    then, this = ({key: value for key, value in one.items() if key not in FREE_KEYS} for one in (before, now))
    check_same_run(then, this, str(folder))


def _scores(config: TrainConfig, samples: Samples, recipe: dict[str, Any], trained: Any) -> list[dict[str, Any]]:
    device = choose_device(config.device)
    untrained = create_encoder(**recipe, seed=config.seed)
    return [
        {"layer": "representation", "epoch": epoch}
        | downstream_scores(encoder, samples, n_train=SCORED_ROWS, device=device)
        for epoch, encoder in ((0, untrained), (config.epochs, trained.encoder))
    ]


def _leave(result: RunResult, module: Any, recipe: dict[str, Any], samples: Samples) -> None:
    _write(result.out / "result.json", result.to_dict())
    if not result.fit.finished:
        return
    save_encoder(module.encoder, result.out / "encoder.safetensors", recipe)
    if result.config["embeddings"]:
        rows = embed(module.encoder, samples.test)
        with replacing(result.out / "embeddings.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, rows)


def _write(path: Path, plain: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_finite(plain), indent=2) + "\n", encoding="ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
