"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from thinshell.errors import InputError

__all__ = ["part_of", "replacing", "safetensors_header"]

# A safetensors file starts with the length of its JSON header, at most 100 MB.
_LONGEST_HEADER = 10**8

T = TypeVar("T")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` to write to; move it into place when the block ends well.

    Parameters
    ----------
    path : str or Path
        A file, or a folder (then what is yielded must be made a folder by the block). An older file or folder of
        that name is replaced; if the block raises, it stays as it was.

    Yields
    ------
    Path
        In the same folder as `path`, hidden, marked with the process id.

    Raises
    ------
    InputError
        If the place cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "note.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     [entry.name for entry in Path(folder).iterdir()]
    ['note.txt']
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _move(temporary, target)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}); choose another place") from error
    finally:
        _remove(temporary)


def _move(temporary: Path, target: Path) -> None:
    if not target.is_dir():
        os.replace(temporary, target)
        return
    # A folder that is not empty cannot be replaced in one step: the old one is moved aside first.
    aside = target.with_name(f".{target.name}.{os.getpid()}.old")
    os.replace(target, aside)
    os.replace(temporary, target)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):  # it was never made, or its folder is none
        path.unlink()


def safetensors_header(path: str | Path) -> dict[str, Any] | None:
    """Return the JSON that this package put into the header of a safetensors file; None for any other file.

    Examples
    --------
    >>> safetensors_header("no such file") is None
    True
    """
    try:
        with open(path, "rb") as stream:
            length = struct.unpack("<Q", stream.read(8))[0]
            if length > _LONGEST_HEADER:
                return None
            header = json.loads(json.loads(stream.read(length))["__metadata__"]["thinshell"])
    except (OSError, struct.error, ValueError, KeyError, TypeError):
        return None
    return header if isinstance(header, dict) else None


def part_of(tensors: Mapping[str, T], name: str) -> dict[str, T]:
    """Return the tensors whose names start with ``name.``, without that.

    Examples
    --------
    >>> part_of({"norms.counts": 1, "gram.sums": 2}, "gram")
    {'sums': 2}
    """
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
