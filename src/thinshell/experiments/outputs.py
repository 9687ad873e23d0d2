"""The files of an experiment: its folder claimed before the work, everything written together after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thinshell._files import replacing
from thinshell.errors import InputError
from thinshell.experiments.drawing import can_draw, save_picture
from thinshell.experiments.experiment import Picture
from thinshell.experiments.markdown import to_markdown
from thinshell.report.json import to_json

__all__ = ["RESULT", "claim_output", "write_outputs"]

RESULT, TABLE = "result.json", "table.md"


def claim_output(folder: Path, resume: bool) -> Path:
    """Make the folder of an experiment, or say why it cannot be used.

    Parameters
    ----------
    folder : Path
        New or empty unless `resume`.
    resume : bool
        Whether parts in it are to be used.

    Returns
    -------
    Path
        `folder`, with a subfolder ``runs``.

    Raises
    ------
    InputError
        If it is not empty and `resume` is False, is a file, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     claim_output(Path(place) / "table1", resume=False).name
    'table1'
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the output folder {folder} is a file; name another --out")
    # Empty folders, as a run leaves that was stopped at once, hold nothing.
    if not resume and any(path.is_file() for path in folder.rglob("*")):
        raise InputError(
            f"the output folder {folder} is not empty; choose another --out, or go on with what is in it by --resume"
        )
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"the output folder {folder} cannot be written to ({error.strerror or error}); choose another --out"
        ) from error
    return folder


def write_outputs(folder: Path, result: dict[str, Any], pictures: Sequence[Picture]) -> None:
    """Draw and write everything beside the folder's parts; `result` is told the names of the pictures.

    All files are made before the first is moved into place, and ``result.json`` is moved last: where it stands, the
    others belong to it.

    Raises
    ------
    InputError
        If something cannot be written.
    """
    with replacing(folder / ".outputs") as staged:
        staged.mkdir()
        result["pictures"] = _draw(result["results"], pictures, staged)
        (staged / TABLE).write_text(to_markdown(result), encoding="utf-8")
        (staged / RESULT).write_text(to_json(result), encoding="ascii")
        for name in [*result["pictures"], TABLE, RESULT]:
            os.replace(staged / name, folder / name)
    shutil.rmtree(folder / ".outputs", ignore_errors=True)


def _draw(results: Mapping[str, Any], pictures: Sequence[Picture], folder: Path) -> list[str]:
    if not can_draw():
        return []
    return [name for picture in pictures for name in save_picture(picture, results, folder)]
