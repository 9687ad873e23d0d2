"""The work of one run: what is left of each data set, part by part, and the output at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thinshell.errors import InputError
from thinshell.pretrained.batching import Batcher, groups
from thinshell.pretrained.data import Items
from thinshell.pretrained.encoder import Encoder
from thinshell.pretrained.partial import PartialRun
from thinshell.pretrained.writing import part_table, write_output

__all__ = ["EmbedResult", "How", "Job", "Progress"]

# Items of one part: what a kill costs at most. Texts of like length are put together within one.
_PART_ITEMS = 1024
# Items left out that are listed by name in the output; all are counted.
_LISTED = 1000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EmbedResult:
    """What `embed` wrote.

    Attributes
    ----------
    path : Path
    n_rows, n_features : int
    skipped : list of (str, str)
        Ids of items left out, and why.
    n_truncated : int
        Texts that were longer than the model takes.
    n_resumed : int
        Rows that an earlier, interrupted run had made.
    seconds : float
        Of this run, loading excluded.
    facts : dict
        What is written into the file: schema, models, data, settings, versions.
    """

    path: Path
    n_rows: int
    n_features: int
    skipped: list[tuple[str, str]] = field(default_factory=list)
    n_truncated: int = 0
    n_resumed: int = 0
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class How:
    """How a run computes.

    Attributes
    ----------
    device : torch.device
    batch_size : int
    precision : str
    workers : int
        Processes that read and preprocess.
    skip : bool
        Leave out what cannot be used, instead of stopping.
    progress : callable
        Called with (items done, items in all).
    """

    device: torch.device
    batch_size: int
    precision: str
    workers: int
    skip: bool
    progress: Progress


@dataclass
class _Part:
    """What has come together of a part."""

    numbers: list[int] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    n_truncated: int = 0


class Job:
    """One run over one data set, or over the two sides of pairs.

    Parameters
    ----------
    run : PartialRun
    data : sequence of Items
    encoders : sequence of Encoder
        One for each.
    n_items : sequence of int
        How many of each are embedded, from the first.
    how : How
    """

    def __init__(
        self, run: PartialRun, data: Sequence[Items], encoders: Sequence[Encoder], n_items: Sequence[int], how: How
    ) -> None:
        self.run, self.data, self.encoders, self.n_items, self.how = run, data, encoders, n_items, how
        # A whole number of batches, so that parts do not break them.
        self._part_items = how.batch_size * max(1, round(_PART_ITEMS / how.batch_size))
        self._n_features: int | None = None
        self._columns = [
            name
            for name, there in (
                ("label", any(len(items) and items.label(0) is not None for items in data)),
                ("pair", data[0].side is not None),
                ("side", data[0].side is not None),
            )
            if there
        ]

    def finish(self, out: Path, facts: dict[str, Any]) -> EmbedResult:
        """Do what is left and put everything together."""
        began, kept = time.perf_counter(), self.run.n_parts()
        before = [self.run.note(number) for number in range(kept)]
        self._n_features = next((note["n_features"] for note in before if note["n_rows"]), None)
        first = 0
        for side, n_items in enumerate(self.n_items):
            n_parts = -(-n_items // self._part_items)
            if kept < first + n_parts:
                self._embed(side, first, max(kept - first, 0))
            first += n_parts
        notes = [self.run.note(number) for number in range(first)]
        skipped = [(str(name), str(reason)) for note in notes for name, reason in note["skipped"]]
        n_rows = sum(note["n_rows"] for note in notes)
        if not n_rows:
            raise InputError(f"no item could be embedded; the first: {skipped[0][1] if skipped else 'there is none'}")
        assert self._n_features is not None
        n_truncated = sum(note["n_truncated"] for note in notes)
        facts |= {
            "n_rows": n_rows,
            "n_features": self._n_features,
            "n_skipped": len(skipped),
            "skipped": skipped[:_LISTED],
            "n_truncated": n_truncated,
        }
        write_output(out, self.run, first, facts)
        n_resumed, seconds = sum(note["n_rows"] for note in before), time.perf_counter() - began
        return EmbedResult(out, n_rows, self._n_features, skipped, n_truncated, n_resumed, seconds, facts)

    def _embed(self, side: int, first: int, kept: int) -> None:
        """Embed the parts from number `kept` on of one data set, whose parts begin at number `first`."""
        items, encoder, n_items = self.data[side], self.encoders[side], self.n_items[side]
        encoder.to(self.how.device)
        batcher = Batcher(encoder, self.how.device, self.how.batch_size, self.how.precision)
        # Texts travel as tokens, a part at a time; pictures are large, and go a batch at a time.
        size = self._part_items if items.kind == "text" else self.how.batch_size
        earlier, done = sum(self.n_items[:side]), kept * self._part_items
        self.how.progress(earlier + done, sum(self.n_items))
        part = _Part()
        for group in groups(items, encoder, start=done, stop=n_items, size=size, workers=self.how.workers):
            part.numbers += group.numbers
            self._leave_out(part, items, group.broken)
            if group.examples:
                part.rows.append(batcher.rows(group.examples))
                part.n_truncated += sum(map(encoder.truncated, group.examples))
            done = min(done + size, n_items)
            if done % self._part_items == 0 or done == n_items:
                self._write(first + -(-done // self._part_items) - 1, items, part)
                part = _Part()
            self.how.progress(earlier + done, sum(self.n_items))

    def _leave_out(self, part: _Part, items: Items, broken: Sequence[tuple[int, str]]) -> None:
        if broken and not self.how.skip:
            raise InputError(
                f"{broken[0][1].rstrip('.')}; mend it, or leave such items out with --on-error skip; what is done is "
                "kept"
            )
        part.skipped += [(items.id(i), reason) for i, reason in broken]

    def _write(self, number: int, items: Items, part: _Part) -> None:
        rows = np.concatenate(part.rows) if part.rows else np.empty((0, self._n_features or 1), np.float32)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            at = "" if self.how.precision == "32" else f" at --precision {self.how.precision}"
            lost = [part.numbers[row] for row in np.flatnonzero(~finite).tolist()]
            self._leave_out(
                part, items, [(i, f"{items.id(i)}: the model gives NaN or infinity for it{at}") for i in lost]
            )
            part.numbers, rows = [part.numbers[row] for row in np.flatnonzero(finite).tolist()], rows[finite]
        if len(rows):
            self._check_width(rows.shape[1])
        getters: dict[str, Callable[[int], Any]] = {
            "label": items.label,
            "pair": items.pair,
            "side": lambda _: items.side,
        }
        columns = {name: [getters[name](i) for i in part.numbers] for name in self._columns}
        note = {
            "n_rows": len(rows),
            "n_features": rows.shape[1],
            "skipped": part.skipped,
            "n_truncated": part.n_truncated,
        }
        self.run.write(number, part_table(rows, [items.id(i) for i in part.numbers], columns), note)

    def _check_width(self, width: int) -> None:
        if self._n_features is None:
            needed, free = 2 * 4 * width * sum(self.n_items), self.run.free_bytes()
            if needed > free:
                raise InputError(
                    f"the output needs {_size(needed)} while it is made, and {_size(free)} are free on its disk; make "
                    "room or choose another --out"
                )
        elif self._n_features != width:
            raise InputError(
                f"rows must all have the same length, got {self._n_features} and {width}; two towers of different "
                "widths meet in their projection"
            )
        self._n_features = width


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"
