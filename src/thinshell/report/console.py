"""Where a report is drawn: width, colour and characters that the other side can show."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import IO, NoReturn

from rich import box
from rich.console import Console

__all__ = ["ASCII", "UNICODE", "Glyphs", "ReportConsole", "printable", "representable"]

# Under 60 columns no table of three numbers fits; beyond 120 a line of prose is no longer read with ease.
NARROWEST, WIDEST = 60, 120
# How the signs in our own sentences are written where only ASCII is understood.
PLAIN_SIGNS = str.maketrans({"…": "...", "–": "-", "—": "-", "×": "x", "²": "^2", "→": "->", "‖": "|", "’": "'"})


@dataclass(frozen=True)
class Glyphs:
    """The characters a report may use.

    Attributes
    ----------
    marks : dict of str to str
        One mark for each verdict; the word always stands beside it.
    bars : str
        Rising bars of a histogram; the first is empty.
    arrow, times : str
        Point to what to do next; stand between numbers of rows and columns.
    box : rich.box.Box
        How tables are ruled.
    """

    marks: dict[str, str]
    bars: str
    arrow: str
    times: str
    box: box.Box


UNICODE = Glyphs(
    marks={"consistent": "✓", "departure": "✗", "inconclusive": "?", "not_applicable": "–"},
    bars=" ▁▂▃▄▅▆▇█",
    arrow="→",
    times="×",
    box=box.SIMPLE_HEAD,
)
ASCII = Glyphs(
    marks={"consistent": "+", "departure": "x", "inconclusive": "?", "not_applicable": "-"},
    bars=" .:-=+*#@",
    arrow="->",
    times="x",
    box=box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True),
)


class ReportConsole(Console):
    """A Rich console that takes all text as it is.

    Markup, emoji codes and automatic highlighting are off: a file called ``[red]x`` prints as ``[red]x``.
    Colour follows Rich's rules (a terminal, ``NO_COLOR``, ``TERM=dumb``, ``FORCE_COLOR``); width follows the
    terminal or ``COLUMNS`` and is kept between 60 and 120 columns.

    Parameters
    ----------
    file : file-like, optional
        Where to write; standard output when not given.
    width : int, optional
        Columns to use instead of those found.
    record : bool
        Keep what is printed, for ``export_svg``.
    """

    def __init__(self, file: IO[str] | None = None, *, width: int | None = None, record: bool = False) -> None:
        super().__init__(
            file=file or sys.stdout, width=width, record=record, markup=False, emoji=False, highlight=False
        )
        self.width = min(max(self.width, NARROWEST), WIDEST)

    @property
    def glyphs(self) -> Glyphs:
        """Block characters and marks where the encoding has them, else ASCII."""
        return ASCII if self.options.ascii_only else UNICODE

    def on_broken_pipe(self) -> NoReturn:
        """Leave a closed pipe (``| head``) to the caller; Rich would end the process with status 1."""
        raise BrokenPipeError


def representable(text: str, encoding: str) -> str:
    r"""Return `text` in characters that `encoding` has: our own signs in words, all others escaped.

    Examples
    --------
    >>> representable("A² of größe.npy …", "ascii")
    'A^2 of gr\\xf6\\xdfe.npy ...'
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN_SIGNS).encode(encoding, "backslashreplace").decode(encoding)
    return text


def printable(text: object) -> str:
    r"""Return text from a file or a path with control characters escaped, so it cannot drive the terminal.

    Examples
    --------
    >>> print(printable("emb\x1b[31m.npy"))
    emb\x1b[31m.npy
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )
