"""Checkpoints: one safetensors file of tensors, one JSON file of everything else, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from thinshell._files import replacing
from thinshell.errors import InputError, InputTypeError

__all__ = ["latest_checkpoint", "load_checkpoint", "save_checkpoint"]

FOLDER = "checkpoints"
TENSORS, STATE = "tensors.safetensors", "state.json"
SCHEMA = "thinshell/checkpoint/1"


def save_checkpoint(out: str | Path, step: int, state: Mapping[str, Any], keep_last: int = 1) -> Path:
    """Write a checkpoint and remove those that are older.

    Parameters
    ----------
    out : str or Path
        Folder of the run; the checkpoint becomes ``checkpoints/step-NNNNNNNNN/`` in it.
    step : int
        Steps done; part of the name, so that a new checkpoint never takes the place of an old one.
    state : mapping
        Nested mappings, lists and tuples of tensors, numbers, strings, booleans and None.
    keep_last : int
        How many of the newest stay, at least 1.

    Returns
    -------
    Path
        The folder written.

    Raises
    ------
    InputError
        If it cannot be written.
    InputTypeError
        If the state holds anything else, such as an object that would have to be pickled.

    Examples
    --------
    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as out:
    ...     path = save_checkpoint(out, 7, {"weights": torch.ones(2), "epoch": 1})
    ...     name, loaded = path.name, load_checkpoint(path)
    >>> name, loaded
    ('step-000000007', {'weights': tensor([1., 1.]), 'epoch': 1})
    """
    tensors: dict[str, Tensor] = {}
    plain = {"schema": SCHEMA, "step": step, "state": _split(state, "", tensors)}
    target = Path(out) / FOLDER / f"step-{step:09d}"
    for abandoned in target.parent.glob(".step-*"):  # by a run that was killed while it wrote
        shutil.rmtree(abandoned, ignore_errors=True)
    if not target.exists():
        with replacing(target) as temporary:
            temporary.mkdir(parents=True)
            save_file(tensors, temporary / TENSORS)
            (temporary / STATE).write_text(json.dumps(plain, indent=1), encoding="ascii")
            for name in (TENSORS, STATE):  # on the disk before the name that promises it
                _flush(temporary / name)
    for old in _steps(out)[:-keep_last]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def latest_checkpoint(out: str | Path) -> Path | None:
    """Return the newest checkpoint of a run, None where there is none.

    Parameters
    ----------
    out : str or Path
        Folder of the run.

    Returns
    -------
    Path or None

    Examples
    --------
    >>> latest_checkpoint("no-such-folder") is None
    True
    """
    steps = _steps(out)
    return steps[-1] if steps else None


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint; nothing is unpickled.

    Parameters
    ----------
    path : str or Path
        The folder that :func:`save_checkpoint` returned.

    Returns
    -------
    dict
        The state, its tensors on the CPU.

    Raises
    ------
    InputError
        If it is not a checkpoint, or damaged.

    Examples
    --------
    >>> load_checkpoint("no-such-folder")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no-such-folder is not a whole checkpoint (No such file or directory); ...
    """
    path = Path(path)
    try:
        plain = json.loads((path / STATE).read_text(encoding="ascii"))
        if plain["schema"] != SCHEMA:
            raise InputError(f"{path} has the schema {plain['schema']!r}, this version of thinshell reads {SCHEMA!r}")
        return _join(plain["state"], load_file(path / TENSORS))
    except InputError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise InputError(
            f"{path} is not a whole checkpoint ({reason}); remove that folder, or start again in another one"
        ) from error


def _steps(out: str | Path) -> list[Path]:
    return sorted(path for path in (Path(out) / FOLDER).glob("step-*") if path.is_dir())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# JSON has no tensors, tuples, NaN, and only strings as keys: each is kept as a mapping with one marked key.
def _split(value: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[place] = value.detach().cpu().contiguous().clone()
        return {"$tensor": place}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _split(item, _under(place, key), tensors) for key, item in value.items()}
        return {"$items": [[_split(k, "", {}), _split(v, _under(place, k), tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        items = [_split(item, _under(place, number), tensors) for number, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if hasattr(value, "item") and not isinstance(value, Tensor):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputTypeError(
        f"a checkpoint holds tensors, numbers, strings, lists and mappings, got {type(value).__name__} at {place!r}"
    )


def _under(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)


def _join(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_join(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$float" in value:
        return float(value["$float"])
    if "$tuple" in value:
        return tuple(_join(item, tensors) for item in value["$tuple"])
    if "$items" in value:
        return {_join(key, tensors): _join(item, tensors) for key, item in value["$items"]}
    return {key: _join(item, tensors) for key, item in value.items()}
