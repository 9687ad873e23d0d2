"""Several diagnoses side by side, one column each, and what moved between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from thinshell.report.console import Glyphs, ReportConsole, printable
from thinshell.report.drift import DRIFT_HEAD, drift_rows, drift_sentence
from thinshell.report.numbers import count, fixed, rounded
from thinshell.report.page import hanging, heading, indented, verdict_line, write_page
from thinshell.report.pairs import PAIR_TITLE, pair_rows
from thinshell.report.tables import ALL_ROWS, PAPER_ROWS, SPECTRUM_ROWS, SPHERE_ROWS, Row
from thinshell.report.wording import STYLES, normalization, paper_protocol

__all__ = ["comparison_page", "print_comparison"]

LABEL_WIDTH = 24
# A column holds "not applicable" at least; a name longer than a column loses its middle.
NARROWEST_COLUMN, WIDEST_COLUMN = 15, 24

DATA_ROWS = (Row("rows", "n_samples", count), Row("features", "n_features", count))
NORM_ROWS = (
    Row("CV", "cv", lambda value: fixed(value, 3)),
    Row("  expected", "cv_reference", lambda value: fixed(value, 3)),
)
BLOCKS: tuple[tuple[str, str | None, tuple[Row, ...]], ...] = (
    ("", None, DATA_ROWS),
    ("norms", "norms", NORM_ROWS),
    ("paper protocol", "paper", PAPER_ROWS),
    ("all rows", "full", ALL_ROWS),
    ("directions", "sphere", SPHERE_ROWS),
    ("spectrum", "spectrum", SPECTRUM_ROWS),
)


def print_comparison(comparison: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print a comparison: a column a data set, as many tables as the width asks for, then what moved.

    Parameters
    ----------
    comparison : mapping
        What ``Comparison.to_dict()`` returns (schema ``thinshell/comparison/1``).
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_comparison({"names": ["a.npy"], "diagnoses": [{"verdict": "departure", "n_samples": 900}]})
    ✗ a.npy: Departure from a Gaussian
    <BLANKLINE>
                                        a.npy
    ─────────────────────────────────────────
    verdict                       ✗ departure
    rows                                  900
    features                                -
    ...
    """
    console = console or ReportConsole()
    write_page(comparison_page(comparison, console.glyphs, console.width), console)


def comparison_page(comparison: Mapping[str, Any], glyphs: Glyphs, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    names, diagnoses = comparison.get("names") or [], comparison.get("diagnoses") or []
    for name, diagnosis in zip(names, diagnoses, strict=False):
        yield verdict_line(diagnosis, glyphs, name)
    column = min(max(NARROWEST_COLUMN, *map(len, names), 0), WIDEST_COLUMN)
    columns = max((width - LABEL_WIDTH) // (column + 2), 1)
    for start in range(0, len(diagnoses), columns):
        chosen = slice(start, start + columns)
        yield ""
        yield _side_by_side([_shortened(name, column) for name in names[chosen]], diagnoses[chosen], glyphs)
    if comparison.get("pairs"):
        yield heading(PAIR_TITLE)
        yield indented(_pair_table(comparison["pairs"]))
    if diagnoses:
        yield Text(f"\n{_protocol(diagnoses[0], glyphs)}", style="dim")
    for difference in comparison.get("differences") or []:
        yield from _moved(difference, glyphs)


def _pair_table(pairs: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for row in pair_rows(pairs):
        table.add_row(*map(printable, row))
    return table


def _side_by_side(names: Sequence[str], diagnoses: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> RenderableType:
    table = Table(box=glyphs.box, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column("", min_width=LABEL_WIDTH, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", min_width=NARROWEST_COLUMN, no_wrap=True)
    table.add_row("verdict", *(_mark(diagnosis.get("verdict"), glyphs) for diagnosis in diagnoses))
    if any(diagnosis.get("paper") and diagnosis.get("full") for diagnosis in diagnoses):
        full = [(diagnosis.get("full") or {}).get("verdict") for diagnosis in diagnoses]
        table.add_row("verdict, all rows", *(_mark(verdict, glyphs) for verdict in full))
    for words, key, rows in BLOCKS:
        _add_block(table, words, rows, [_block(d, key) for d in diagnoses])
    return table


def _add_block(table: Table, words: str, rows: tuple[Row, ...], blocks: Sequence[Mapping[str, Any]]) -> None:
    if not any(blocks):
        return
    if words:
        table.add_row(Text(words, style="dim"))
    for row in rows:
        indent = "  " if words else ""
        table.add_row(indent + row.label, *(row.show(block.get(row.key)) for block in blocks))


def _block(diagnosis: Mapping[str, Any], key: str | None) -> Mapping[str, Any]:
    return diagnosis if key is None else diagnosis.get(key) or {}


def _mark(verdict: str | None, glyphs: Glyphs) -> Text:
    if verdict is None:
        return Text("-")
    word = verdict.replace("_", " ")
    return Text(f"{glyphs.marks.get(verdict, '?')} {word}", style=STYLES.get(verdict, ""))


def _protocol(diagnosis: Mapping[str, Any], glyphs: Glyphs) -> str:
    if diagnosis.get("paper"):
        return f"paper protocol: {paper_protocol(diagnosis, glyphs)}"
    return f"seed {diagnosis.get('seed')}, {normalization(diagnosis)}"


def _moved(difference: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    name, versus = printable(difference.get("name")), printable(difference.get("versus"))
    yield heading(f"What moved from {versus} to {name}")
    moved = difference.get("moved") or []
    if not moved:
        yield indented("nothing beyond its interval")
    for change in moved:
        yield indented(hanging(glyphs.arrow, Text(_sentence(change, glyphs))))
    if difference.get("drift"):
        yield heading(f"Drift from {versus} to {name}")
        yield indented(Text(printable(drift_sentence(difference["drift"]))))
        yield indented(_drift_table(difference["drift"]))


def _drift_table(drift: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, head in enumerate(DRIFT_HEAD):
        table.add_column(head, justify="left" if number < 2 else "right")
    for row in drift_rows(drift):
        table.add_row(*map(printable, row))
    return table


def _sentence(change: Mapping[str, Any], glyphs: Glyphs) -> str:
    if change.get("message"):
        return printable(change["message"])
    before, after = rounded(change.get("before")), rounded(change.get("after"))
    return f"{printable(change.get('field'))}: {before} {glyphs.arrow} {after}"


def _shortened(name: str, width: int) -> str:
    name = printable(name)
    if len(name) <= width:
        return name
    kept = width - 2
    return f"{name[: kept // 2]}..{name[-(kept - kept // 2) :]}"
