"""What the terminal pages of a fitted model, of scored rows and of whitened rows are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thinshell.report.console import Glyphs
from thinshell.report.gaussian_words import Opening
from thinshell.report.page import hanging, indented
from thinshell.report.wording import STYLES

__all__ = ["grid", "opening", "shortened"]


def opening(first: Opening, described: Iterable[str], notes: Iterable[str], glyphs: Glyphs) -> Iterator[RenderableType]:
    """Yield the outcome behind its mark, then what was read and made, then the notes."""
    style = f"bold {STYLES.get(first.verdict, '')}".strip()
    sentence = Text(first.head, style=style)
    if first.rest:
        # A sentence of its own after a full stop, the rest of one after a colon.
        sentence.append(f"{'. ' if first.rest[0].isupper() else ': '}{first.rest}", style="default not bold")
    yield hanging(Text(glyphs.marks.get(first.verdict, "?"), style=style), sentence)
    for line in described:
        yield indented(Text(line, style="dim"))
    for note in notes:
        yield indented(hanging("note:", Text(note)))


def grid(
    head: Sequence[str] | None, lines: Iterable[Sequence[str]], glyphs: Glyphs, left: Sequence[int] = ()
) -> Padding:
    """Return an indented table of texts taken as they are; numbers stand right, the columns of `left` left.

    Without `head` the second column stands left too: labels and what they are.
    """
    table = Table(
        box=glyphs.box if head else None, show_edge=False, pad_edge=False, padding=(0, 1 if head else 2, 0, 0)
    )
    table.show_header, table.header_style = head is not None, "bold"
    rows = [list(line) for line in lines]
    width = len(head or rows[0]) if head or rows else 0
    for place in range(width):
        right = head is not None and place > 0 and place not in left
        words = Text(head[place]) if head else ""
        # Numbers and labels are never cut: what gives way is the columns of words.
        table.add_column(words, justify="right" if right else "left", no_wrap=right or place == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return indented(table)


def shortened(name: str, width: int) -> str:
    """Return a name without its middle where it is longer than a column.

    Examples
    --------
    >>> shortened("a/very/long/path.png", 12)
    'a/ver..h.png'
    """
    if len(name) <= width:
        return name
    kept = width - 2
    return f"{name[: kept // 2]}..{name[-(kept - kept // 2) :]}"
