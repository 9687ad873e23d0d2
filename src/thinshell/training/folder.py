"""The folder of a run: claimed before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from thinshell.errors import InputError
from thinshell.training.checkpoint import latest_checkpoint

__all__ = ["claim_folder"]


def claim_folder(out: str | Path, resume: bool) -> Path | None:
    """Make the folder of a run and say where it is to go on from.

    Parameters
    ----------
    out : str or Path
        Made if it does not exist; must be empty unless `resume`.
    resume : bool
        Go on from the newest checkpoint; begin where there is none yet.

    Returns
    -------
    Path or None
        The newest checkpoint, with `resume`.

    Raises
    ------
    InputError
        If the folder is not empty and `resume` is False, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     claim_folder(folder + "/run", resume=False) is None
    True
    """
    folder = Path(out)
    probe = folder / f".{os.getpid()}.probe"
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"the output folder {out} is a file; name a folder")
        occupied = folder.is_dir() and any(folder.iterdir())
        if occupied and not resume:
            raise InputError(
                f"the output folder {out} is not empty; choose another, or resume the run that is in it "
                "(--resume, resume=True)"
            )
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"the output folder {out} cannot be written to ({error.strerror or error}); choose another place"
        ) from error
    return latest_checkpoint(folder) if resume else None
