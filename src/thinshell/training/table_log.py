"""Metrics as rows: ``metrics.csv`` for a spreadsheet, ``metrics.jsonl`` for a program."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger

from thinshell._files import replacing

__all__ = ["TableLog"]


class TableLog(Logger):
    """A Lightning logger that keeps one row a step and writes the rows whole.

    What is logged at one step becomes one row. The rows are part of a run's checkpoint: a resumed run writes the
    file from there on, without a row twice or missing.

    Parameters
    ----------
    out : str or Path
        Folder of the files.
    formats : iterable of str
        ``"csv"`` and ``"jsonl"``, either or both.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     log = TableLog(out, ["csv"])
    ...     log.log_metrics({"loss": 2.5}, step=10)
    ...     log.log_metrics({"cv": 0.1}, step=10)
    ...     log.save()
    ...     print(Path(out, "metrics.csv").read_text())
    step,loss,cv
    10,2.5,0.1
    <BLANKLINE>
    """

    def __init__(self, out: str | Path, formats: Iterable[str] = ("csv", "jsonl")) -> None:
        super().__init__()
        self._out, self._formats = Path(out), tuple(formats)
        self.rows: list[dict[str, Any]] = []

    @property
    def name(self) -> str:
        """Return what Lightning calls this log."""
        return "table"

    @property
    def version(self) -> str:
        """There is one version: that of the run's folder."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the configuration has a file of its own."""

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add numbers (or words) to the row of `step`."""
        plain = {name: _plain(value) for name, value in metrics.items()}
        if self.rows and self.rows[-1]["step"] == step:
            self.rows[-1].update(plain)
        else:
            self.rows.append({"step": step, **plain})

    def save(self) -> None:
        """Write the files; each appears whole."""
        writers = {"csv": _as_csv, "jsonl": _as_json_lines}
        for kind in self._formats:
            with replacing(self._out / f"metrics.{kind}") as temporary:
                temporary.write_text(writers[kind](self.rows), encoding="utf-8", newline="")

    def finalize(self, status: str) -> None:
        """Write what is left when the run ends."""
        if self.rows:
            self.save()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _as_csv(rows: list[dict[str, Any]]) -> str:
    names = dict.fromkeys(name for row in rows for name in row)
    # What belongs to training itself stands first; measured numbers are named area/layer/...
    columns = sorted(names, key=lambda name: "/" in name)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _as_json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps({name: _finite(value) for name, value in row.items()}) + "\n" for row in rows)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
