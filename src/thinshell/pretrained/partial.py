"""The folder beside the output in which an unfinished run keeps what it has."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thinshell._files import replacing
from thinshell.errors import InputError

__all__ = ["PARTIAL_SUFFIX", "PartialRun"]

PARTIAL_SUFFIX = ".partial"
_RUN, _LOCK, _NOTE = "run.json", "lock", b"thinshell.part"


class DamagedPart(InputError):
    """A part of an earlier run that cannot be read."""


class PartialRun:
    """Parts of an output, each written whole, with the settings they were made with.

    Parameters
    ----------
    out : Path
        The file that will be.
    restart : bool
        Throw away what an earlier run left.

    Raises
    ------
    InputError
        If another process is at work on the same output, or the place cannot be written to.
    """

    def __init__(self, out: Path, *, restart: bool = False) -> None:
        self.folder = out.with_name(out.name + PARTIAL_SUFFIX)
        self._out = out
        with self.writing():
            self.folder.mkdir(exist_ok=True)
            self._lock = open(self.folder / _LOCK, "a")  # noqa: SIM115 - held until `close`
        self._take_lock()
        if restart:
            for part in [*self._parts(), self.folder / _RUN]:
                part.unlink(missing_ok=True)

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two runs at once are not told
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise InputError(f"another run is writing {self._out}; wait for it, or choose another --out") from error

    def settings(self) -> dict[str, Any] | None:
        """Return the settings of the run that began here, if one did."""
        try:
            return json.loads((self.folder / _RUN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.folder / _RUN} cannot be read ({error}); begin again with --restart") from error

    def begin(self, settings: dict[str, Any]) -> None:
        """Write the settings down."""
        with self.writing(), replacing(self.folder / _RUN) as temporary:
            temporary.write_text(json.dumps(settings, indent=1), encoding="utf-8")

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def n_parts(self) -> int:
        """Return how many parts there are, from the first without a gap."""
        names = {part.name for part in self._parts()}
        return next(number for number in range(len(names) + 1) if _name(number) not in names)

    def write(self, number: int, table: pa.Table, note: dict[str, Any]) -> None:
        """Add a part, whole or not at all."""
        told = table.replace_schema_metadata({_NOTE: json.dumps(note)})
        with self.writing(), replacing(self.folder / _name(number)) as temporary:
            pq.write_table(told, temporary, compression="none", use_dictionary=False, write_statistics=False)

    def read(self, number: int) -> tuple[pa.Table, dict[str, Any]]:
        """Return a part and its note."""
        path = self.folder / _name(number)
        try:
            table = pq.read_table(path, memory_map=True)
            return table.replace_schema_metadata(None), json.loads((table.schema.metadata or {})[_NOTE])
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise DamagedPart(f"{path} cannot be read ({error}); remove it and run again, or --restart") from error

    def note(self, number: int) -> dict[str, Any]:
        """Return the note of a part alone."""
        path = self.folder / _name(number)
        try:
            return json.loads((pq.read_schema(path).metadata or {})[_NOTE])
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise DamagedPart(f"{path} cannot be read ({error}); remove it and run again, or --restart") from error

    def remove(self) -> None:
        """Throw the folder away: the output is there."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the lock; an empty folder goes, too."""
        self._lock.close()
        if not (self.folder / _RUN).exists() and not self._parts():
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def writing(self, place: Path | None = None) -> Iterator[None]:
        """Say what failed while `place` (a part, if not given) is written, and that nothing is lost."""
        try:
            yield
        except DamagedPart:
            raise
        except (OSError, pa.ArrowException, InputError) as error:
            cause = error.__cause__ if isinstance(error, InputError) else error
            reason = getattr(cause, "strerror", None) or " ".join(str(cause).split())
            raise InputError(
                f"{place or self.folder} cannot be written to ({reason}); what was done before is kept: make room or "
                "choose another --out, and run the same command again"
            ) from error

    def free_bytes(self) -> int:
        """Return the room on the disk of the output."""
        return shutil.disk_usage(os.path.dirname(os.path.abspath(self._out))).free


def _name(number: int) -> str:
    return f"part-{number:06d}.parquet"
