"""Files that appear whole or not at all."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from thinshell.cli.boundary import Interrupted, was_interrupted
from thinshell.errors import InputError

__all__ = ["Delivery"]


class Delivery:
    """Writes files under temporary names beside their targets and moves them into place together.

    Parameters
    ----------
    targets : mapping of option name to path
        What will be written; a target of ``None`` is left out. Checked at once, so that a mistyped folder is
        found before the long computation and not after it.
    inputs : iterable of str
        Paths and globs that are read; none of them may be a target.

    Raises
    ------
    InputError
        When a target's folder is missing or read-only, the target is a folder, an input, or named twice.
    Interrupted
        On leaving the ``with`` block by Ctrl-C, naming what was complete by then.
    """

    def __init__(self, targets: dict[str, str | None], inputs: Iterable[str] = ()) -> None:
        self._targets = {option: Path(path) for option, path in targets.items() if path is not None}
        self._staged: list[tuple[Path, Path]] = []
        self.written: list[Path] = []
        sources = [found for path in inputs for found in (glob.glob(path) or [path])]
        for option, target in self._targets.items():
            _check(option, target)
            _check_not_read(option, target, sources)
        self._check_distinct()

    def stage(self, option: str, save: Callable[[Path], object]) -> None:
        """Let `save` write the file of `option`, if that option was given."""
        target = self._targets.get(option)
        if target is None:
            return
        place = _place(target)
        try:
            if place.exists() and not place.is_file():  # /dev/null or a named pipe: nothing to replace
                save(place)
                self.written.append(target)
                return
            temporary = place.with_name(f".{os.getpid()}-{place.name}")
            self._staged.append((temporary, target))
            save(temporary)
        except OSError as error:
            raise _not_written(option, target, error) from error

    def commit(self) -> None:
        """Move everything staged into place."""
        while self._staged:
            temporary, target = self._staged[0]
            try:
                os.replace(temporary, _place(target))
            except OSError as error:
                raise InputError(f"{target} cannot be written: {error.strerror or error}") from error
            self._staged.pop(0)
            self.written.append(target)

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for temporary, _ in self._staged:
            temporary.unlink(missing_ok=True)
        if was_interrupted(error):
            raise Interrupted(self.written) from error

    def _check_distinct(self) -> None:
        places: dict[Path, str] = {}
        for option, target in self._targets.items():
            if (other := places.setdefault(_place(target), option)) != option:
                raise InputError(f"{option} and {other} both name {target}; give each a file of its own")


def _place(target: Path) -> Path:
    # Follows symbolic links: the link stays, the file it points to is replaced.
    return Path(os.path.realpath(target))


def _check(option: str, target: Path) -> None:
    folder = _place(target).parent
    if target.is_dir():
        raise InputError(f"{option} must name a file, got the folder {target}; add a file name")
    if not folder.is_dir():
        raise InputError(f"{option} {target}: the folder {target.parent} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{option} {target}: the folder {target.parent} is not writable; choose another")


def _check_not_read(option: str, target: Path, sources: Iterable[str]) -> None:
    if any(_place(target) == _place(Path(source)) for source in sources):
        raise InputError(f"{option} {target} is one of the files to read; write to another file")


def _not_written(option: str, target: Path, error: OSError) -> InputError:
    return InputError(f"{option} {target} cannot be written: {error.strerror or error}; choose another place")
