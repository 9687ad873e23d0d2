"""A training run as a page of text: what was trained, the loss, Gaussianity before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from thinshell.report.console import Glyphs, ReportConsole

__all__ = ["print_training", "training_page"]

# What a record's normalisation is called at the head of a column.
ROWS = {"none": "raw", "l2": "unit"}


def print_training(plain: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print a run; nothing is computed here beyond drawing it.

    Parameters
    ----------
    plain : mapping
        What ``RunResult.to_dict()`` returns (schema ``thinshell/training/1``).
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_training({"finished": True, "epochs": 2, "steps": 8, "seconds": 1.5, "data": {"name": "laplace"},
    ...                 "config": {"encoder": {"name": "linear"}, "objective": {"name": "infonce"}, "epochs": 2},
    ...                 "history": [{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 2.25}], "gaussianity": []})
    linear encoder, infonce, laplace: 2 of 2 epochs, 8 steps, 1.5 s
      loss 2.5 after epoch 1, 2.25 after epoch 2
    """
    from thinshell.report.console import ReportConsole
    from thinshell.report.page import write_page

    console = console or ReportConsole()
    write_page(training_page(plain, console.glyphs), console)


def training_page(plain: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    from rich.text import Text

    from thinshell.report.numbers import count, rounded
    from thinshell.report.page import indented

    config, history = plain["config"], plain["history"]
    names = f"{config['encoder']['name']} encoder, {config['objective']['name']}, {plain['data']['name']}"
    done = f"{plain['epochs']} of {config['epochs']} epochs, {count(plain['steps'])} steps"
    yield Text(f"{names}: {done}, {rounded(plain['seconds'])} s", style="bold")
    if history:
        ends = [history[0], history[-1]] if len(history) > 1 else history
        losses = [f"{rounded(row['loss'], 4)} after epoch {row['epoch']}" for row in ends]
        yield indented(Text(f"loss {', '.join(losses)}"))
    layers = dict.fromkeys(record["layer"] for record in plain["gaussianity"])
    for layer in layers:
        yield from _layer(layer, [record for record in plain["gaussianity"] if record["layer"] == layer], plain, glyphs)
    if plain.get("downstream"):
        yield from _downstream(plain["downstream"], glyphs)


def _layer(
    layer: str, records: Sequence[Mapping[str, Any]], plain: Mapping[str, Any], glyphs: Glyphs
) -> Iterator[RenderableType]:
    from thinshell.report.numbers import count
    from thinshell.report.page import heading, indented

    epochs = sorted({record["epoch"] for record in records})
    chosen = [
        record
        for kind in dict.fromkeys(record["normalize"] for record in records)
        for epoch in dict.fromkeys((epochs[0], epochs[-1]))
        for record in records
        if (record["epoch"], record["normalize"]) == (epoch, kind)
    ]
    monitor = plain["config"].get("monitor") or {}
    size = min(int(monitor.get("samples_per_test") or 0), int(records[0].get("n_samples") or 0))
    tests = f"{count(size)} a test {glyphs.times} {count(monitor.get('repeats'))}"
    rows = f"{count(records[0].get('n_samples'))} test rows"
    yield heading(f"Gaussianity of the {layer}", f"{rows}, {tests}, seed {plain['config'].get('seed')}")
    kinds = [ROWS.get(record["normalize"], record["normalize"]) for record in chosen]
    heads = [f"{kind}\nepoch {record['epoch']}" for kind, record in zip(kinds, chosen, strict=True)]
    table = _table(glyphs, heads)
    for row in _rows():
        table.add_row(row.label, *(row.show(record.get(row.key)) for record in chosen))
    yield indented(table)


def _downstream(scores: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> Iterator[RenderableType]:
    from thinshell.report.numbers import share
    from thinshell.report.page import heading, indented

    yield heading(f"Labels told by the frozen {scores[0]['layer']}", "accuracy on the test rows")
    table = _table(glyphs, [f"epoch {score['epoch']}" for score in scores])
    for label, key in (("kNN (cosine, k = 20)", "knn"), ("linear probe", "linear_probe")):
        table.add_row(label, *(share(score[key]) for score in scores))
    yield indented(table)


def _table(glyphs: Glyphs, heads: Sequence[str]) -> Any:
    from rich.table import Table

    table = Table(box=glyphs.box, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column("", min_width=23, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", min_width=11, no_wrap=True)
    return table


def _rows() -> tuple[Any, ...]:
    from thinshell.report.numbers import fixed
    from thinshell.report.tables import PAPER_ROWS, Row

    three = partial(fixed, decimals=3)
    return (
        Row("CV", "cv", three),
        Row("  expected", "cv_reference", three),
        *PAPER_ROWS,
        Row("alignment", "alignment", fixed),
        Row("positive pairs, cosine", "positive_cosine", fixed),
        Row("uniformity", "uniformity", fixed),
        Row("effective rank", "effective_rank"),
    )
