"""The logs of a run by name."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from thinshell.errors import InputError, unknown_name
from thinshell.training.table_log import TableLog

__all__ = ["LOGGERS", "check_loggers", "make_loggers"]

LOGGERS = ("csv", "jsonl", "tensorboard", "wandb")
PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}


def make_loggers(
    names: Sequence[str], out: Path, steps_done: int = 0, wandb: Mapping[str, Any] | None = None
) -> list[Logger]:
    """Return Lightning loggers that write below `out`.

    Parameters
    ----------
    names : sequence of str
        Of ``"csv"``, ``"jsonl"``, ``"tensorboard"`` and ``"wandb"``.
    out : Path
        Folder of the run.
    steps_done : int
        Steps of a resumed run; TensorBoard drops what was logged after them.
    wandb : mapping, optional
        Arguments for Lightning's ``WandbLogger`` (project, name, offline, ...).

    Returns
    -------
    list of lightning.pytorch.loggers.Logger

    Raises
    ------
    InputError
        For an unknown name (with the nearest one) or a package that is not installed.

    Examples
    --------
    >>> [logger.name for logger in make_loggers(["csv", "jsonl"], Path("run"))]
    ['table']
    """
    check_loggers(names)
    tables = [name for name in names if name in ("csv", "jsonl")]
    loggers: list[Logger] = [TableLog(out, tables)] if tables else []
    if "tensorboard" in names:
        from lightning.pytorch.loggers import TensorBoardLogger

        purge_step = steps_done + 1 if steps_done else None
        loggers.append(TensorBoardLogger(out, name="tensorboard", version="", purge_step=purge_step))
    if "wandb" in names:
        loggers.append(_wandb(out, dict(wandb or {})))
    return loggers


def check_loggers(names: Sequence[str]) -> None:
    """Say what is wrong with the names of logs, if anything is."""
    for name in names:
        if name not in LOGGERS:
            raise unknown_name("loggers", name, LOGGERS)
        if name in PACKAGES and importlib.util.find_spec(PACKAGES[name]) is None:
            raise InputError(
                f"loggers has {name!r}, which is not installed: pip install {PACKAGES[name]}, or leave it out"
            )


def _wandb(out: Path, options: dict[str, Any]) -> Logger:
    from lightning.pytorch.loggers import WandbLogger

    # A resumed run goes on under the same id, which follows from its folder.
    identity = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]
    return WandbLogger(**{"project": "thinshell", "id": identity, "save_dir": out, "resume": "allow", **options})
