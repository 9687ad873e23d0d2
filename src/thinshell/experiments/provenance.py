"""Where a result comes from: command, commit, versions, machine; and where its parts do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import thinshell
from thinshell._version import __version__

__all__ = ["commit", "origin", "other_origins", "provenance"]

# What the numbers may depend on.
PACKAGES = ("torch", "lightning", "numpy", "scipy", "numba", "kornia", "matplotlib")
GIT_SECONDS = 10


def origin(device: str) -> dict[str, Any]:
    """Return which code runs where.

    Parameters
    ----------
    device : str
        As asked for.

    Returns
    -------
    dict
        `commit` (None outside a checkout), `uncommitted_changes`, `versions`, `machine`.

    Examples
    --------
    >>> about = origin("cpu")
    >>> about["versions"]["thinshell"] == __version__, about["machine"]["device"]
    (True, 'cpu')
    """
    return {
        **commit(Path(thinshell.__file__).parent),
        "versions": {"thinshell": __version__, "python": platform.python_version(), **_versions()},
        "machine": {**_machine(), "device": device},
    }


def provenance(command: str, seconds: float, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is needed to make a result again.

    Parameters
    ----------
    command : str
        As it was typed, or the call.
    seconds : float
        What the computation took, parts kept from earlier slices included.
    about : mapping
        What `origin` returns.

    Returns
    -------
    dict
        `command`, what `origin` returns, `seconds`.

    Examples
    --------
    >>> provenance("thinshell reproduce table1", 1.52, origin("cpu"))["seconds"]
    1.5
    """
    return {"command": command, **about, "seconds": round(seconds, 1)}


def other_origins(parts: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what differs between the origin of each part and that of the whole; parts from the same are left out.

    Parameters
    ----------
    parts : mapping of str to mapping
        What `origin` returned when the part was computed.
    about : mapping
        What it returned for the whole.

    Returns
    -------
    dict
        By part: those of `commit`, `uncommitted_changes`, `versions` and `machine` that differ; of versions and machine
        only the entries that do.

    Examples
    --------
    >>> about = {"commit": "a", "versions": {"torch": "2.13.0", "numpy": "2.4.6"}}
    >>> other_origins({"one": about, "two": {"commit": "a", "versions": {"torch": "2.11.0", "numpy": "2.4.6"}}}, about)
    {'two': {'versions': {'torch': '2.11.0'}}}
    """
    found = {name: _different(part, about) for name, part in parts.items()}
    return {name: part for name, part in found.items() if part}


def _different(part: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    other = {}
    for name, value in part.items():
        if isinstance(value, Mapping):
            value = _different(value, about.get(name) or {})
        if value != about.get(name) and value != {}:
            other[name] = value
    return other


def commit(folder: Path) -> dict[str, Any]:
    """Return the commit of the checkout that `folder` lies in, and whether files differ from it.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        `commit`: 40 hexadecimal digits, or None where `folder` is not part of a checkout; `uncommitted_changes`: bool
        or None.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     commit(Path(folder))
    {'commit': None, 'uncommitted_changes': None}
    """
    # An installed package may lie in the checkout of another project (its .venv): that commit is not ours.
    if _git(folder, "ls-files", "--error-unmatch", "--", ".") is None:
        return {"commit": None, "uncommitted_changes": None}
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return {
        "commit": _git(folder, "rev-parse", "HEAD"),
        "uncommitted_changes": None if changes is None else bool(changes),
    }


def _git(folder: Path, *words: str) -> str | None:
    if not folder.is_dir():
        return None
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):  # no git, or it hangs: the result is worth more than its origin
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _versions() -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _machine() -> dict[str, Any]:
    about: dict[str, Any] = {
        "system": platform.system(),
        "processor": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        about["threads"] = torch.get_num_threads()
        about["gpu"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return about
