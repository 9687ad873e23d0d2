"""Putting parts on a page: headings, hanging indents, and writing them where any terminal can show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thinshell.report.console import Glyphs, ReportConsole, printable, representable
from thinshell.report.wording import STYLES, VERDICTS

__all__ = ["hanging", "heading", "indented", "verdict_line", "write_page"]


def write_page(parts: Iterable[RenderableType], console: ReportConsole) -> None:
    """Print `parts` in one go: without trailing blanks, and escaping what the encoding does not have.

    A page is written once, whole: an error while drawing leaves nothing half-printed.
    """
    with console.capture() as page:
        for part in parts:
            console.print(part)
    text = page.get()
    if not console.is_terminal:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    console.file.write(representable(text, console.encoding))
    console.file.flush()


def heading(words: str, detail: str = "") -> Text:
    """Return a bold title after a blank line, the detail dim beside it."""
    line = Text(f"\n{words}", style="bold")
    return line.append(f"   {detail}", style="not bold dim") if detail else line


def indented(part: RenderableType, by: int = 2) -> Padding:
    """Return `part` moved right."""
    return Padding(part, (0, 0, 0, by))


def hanging(mark: str | Text, text: str | Text) -> Table:
    """Return `text` behind a mark, its further lines aligned with the first."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(mark, text)
    return grid


def verdict_line(block: Mapping[str, Any], glyphs: Glyphs, name: str | None = None) -> Table:
    """Return mark, name of the data set where there are several, verdict in words and the reason."""
    verdict = str(block.get("verdict"))
    style = f"bold {STYLES.get(verdict, '')}".strip()
    words = VERDICTS.get(verdict, printable(verdict))
    sentence = Text(f"{printable(name)}: {words}" if name else words, style=style)
    if block.get("reason"):
        sentence.append(f": {printable(block['reason'])}", style="default not bold")
    return hanging(Text(glyphs.marks.get(verdict, "?"), style=style), sentence)
