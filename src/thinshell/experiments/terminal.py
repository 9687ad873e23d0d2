"""A result in the terminal: the verdict, the tables, where the files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from thinshell.experiments.markdown import holds_numbers
from thinshell.report.console import Glyphs, ReportConsole, printable
from thinshell.report.page import hanging, heading, indented, write_page

__all__ = ["print_experiments", "print_reproduction"]

STYLES = {"within": "green", "outside": "red"}
MARKS = {"within": "consistent", "outside": "departure"}


def print_reproduction(result: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print the result of an experiment; nothing is computed here beyond drawing it.

    Parameters
    ----------
    result : mapping
        What ``reproduce`` returns.
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_reproduction({"experiment": "table1", "summary": "norms", "comparisons": [{"within": True}]})
    ✓ table1: 1 of 1 numbers within what is allowed
      norms
    """
    console = console or ReportConsole()
    write_page(_page(result, console.glyphs, console.width), console)


def print_experiments(experiments: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print the names of the experiments, what each shows, and the columns it has.

    Parameters
    ----------
    experiments : mapping of str to Experiment
    console : ReportConsole, optional

    Examples
    --------
    >>> from thinshell.experiments import EXPERIMENTS
    >>> print_experiments({"fig11": EXPERIMENTS["fig11"]})
    fig11  Figure 11  ...
    """
    console = console or ReportConsole()
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column()
    for name, experiment in experiments.items():
        columns = f"; columns {', '.join(experiment.columns)}" if experiment.columns else ""
        table.add_row(Text(name, style="bold"), Text(experiment.place or "ours"), Text(experiment.summary + columns))
    write_page([table], console)


def _page(result: Mapping[str, Any], glyphs: Glyphs, width: int) -> Iterator[RenderableType]:
    yield _opening(result, glyphs)
    yield indented(Text(printable(result.get("summary")), style="dim"))
    if result.get("quick"):
        yield indented(hanging("note:", Text("quick settings: for a first look, not for a verdict on the paper")))
    for table in result.get("tables") or []:
        yield heading(printable(table["title"]))
        yield from (indented(part) for part in _tables(table, glyphs, width))
        yield from (indented(Text(printable(note), style="dim")) for note in table["notes"])
    for note in result.get("notes") or []:
        yield ""
        yield indented(hanging("note:", Text(printable(note))))


def _opening(result: Mapping[str, Any], glyphs: Glyphs) -> RenderableType:
    judged = [one["within"] for one in result.get("comparisons") or [] if one.get("within") is not None]
    name = printable(result.get("experiment"))
    if not judged:
        return Text(name, style="bold")
    style, mark = ("green", "consistent") if all(judged) else ("yellow", "inconclusive")
    sentence = f"{name}: {sum(judged)} of {len(judged)} numbers within what is allowed"
    return hanging(Text(glyphs.marks[mark], style=f"bold {style}"), Text(sentence, style=f"bold {style}"))


def _tables(table: Mapping[str, Any], glyphs: Glyphs, width: int) -> Iterator[Table]:
    """Yield the table; where it is too wide, several tables with the first column before each."""
    header, rows = [printable(cell) for cell in table["header"]], table["rows"]
    # Two blanks between columns; a verdict gets a mark of two before it.
    extra = [4 if any(str(row[place]) in STYLES for row in rows) else 2 for place in range(len(header))]
    widths = [max(len(str(row[place])) for row in [header, *rows]) + extra[place] for place in range(len(header))]
    chosen: list[int] = []
    for place in range(1, len(header)):
        if chosen and widths[0] + sum(widths[other] for other in chosen) + widths[place] > width:
            yield _drawn(header, rows, [0, *chosen], glyphs)
            chosen = []
        chosen.append(place)
    yield _drawn(header, rows, [0, *chosen], glyphs)


def _drawn(header: list[str], rows: Any, places: list[int], glyphs: Glyphs) -> Table:
    drawn = Table(box=glyphs.box, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    for place in places:
        right = place > 0 and holds_numbers([str(row[place]) for row in rows])
        drawn.add_column(header[place], justify="right" if right else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(_cell(str(row[place]), glyphs) for place in places))
    return drawn


def _cell(text: str, glyphs: Glyphs) -> Text:
    if text in STYLES:
        return Text(f"{glyphs.marks[MARKS[text]]} {text}", style=STYLES[text])
    return Text(printable(text))
