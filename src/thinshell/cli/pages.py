"""The options ``--html``, ``--open`` and ``--figures``: what they are called, and what they write."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.delivery import Delivery
from thinshell.errors import InputError

__all__ = ["FORMATS", "FigureFormats", "Figures", "Html", "Open", "Pages"]

# What the figures can be, as it is typed; report.figures knows them too, but is not loaded for --help.
FORMATS = "pdf,svg,png"

Html = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write the page that shows it, one file.", rich_help_panel=opt.OUTPUT),
]
Open = Annotated[bool, typer.Option("--open", help="Show the page in the browser.", rich_help_panel=opt.OUTPUT)]
Figures = Annotated[
    str | None,
    typer.Option(
        "--figures", metavar="DIR", help="Draw every picture into DIR, for papers.", rich_help_panel=opt.OUTPUT
    ),
]
FigureFormats = Annotated[
    str,
    typer.Option(
        "--figure-formats",
        metavar="A,B",
        help=f"Of --figures, any of {FORMATS.replace(',', ', ')}.",
        rich_help_panel=opt.OUTPUT,
    ),
]


@dataclass(frozen=True)
class Pages:
    """What was asked for besides numbers.

    Parameters
    ----------
    html : str, optional
        File of the page.
    show : bool
        Open it; without `html` it is written to a temporary folder.
    figures : str, optional
        Folder of the pictures.
    formats : str
        Of the pictures, separated by commas.
    """

    html: str | None = None
    show: bool = False
    figures: str | None = None
    formats: str = FORMATS

    @property
    def wanted(self) -> bool:
        """Whether anything but the terminal shows the result."""
        return self.html is not None or self.show or self.figures is not None

    def check(self) -> None:
        """Find mistakes before the work and not after it.

        Raises
        ------
        InputError
            For an unknown format, pictures without matplotlib, or a page that is to be printed.
        """
        if self.html == "-":
            raise InputError("--html must name a file, got -; a page is not for a terminal")
        if self.html == "":
            raise InputError("--html must name a file, got nothing; give it a name such as report.html")
        if self.figures is not None:
            if not self.figures or (self.html and Path(self.figures).absolute() == Path(self.html).absolute()):
                raise InputError(f"--figures must name a folder of its own, got {self.figures!r}; name another")
            from thinshell.report.figures import check_figures

            check_figures(Path(self.figures), self.chosen_formats)

    @property
    def chosen_formats(self) -> tuple[str, ...]:
        """The formats as a tuple."""
        return tuple(word.strip() for word in self.formats.split(",") if word.strip())

    def stage(self, delivery: Delivery, result: Mapping[str, Any], folder: Path | None = None) -> None:
        """Build the page and let `delivery` keep it until everything is complete."""
        if self.html is None:
            return
        from thinshell.report.html import html_page

        text = html_page(result, folder=folder)
        delivery.stage("--html", lambda path: path.write_text(text, encoding="utf-8"))

    def finish(self, result: Mapping[str, Any], folder: Path | None = None) -> list[Path]:
        """Draw the pictures and show the page; return what was written."""
        written: list[Path] = []
        if self.figures is not None:
            from thinshell.report.figures import save_figures

            written += save_figures(result, self.figures, formats=self.chosen_formats)
        if self.show:
            self._open(result, folder)
        return written

    def _open(self, result: Mapping[str, Any], folder: Path | None) -> None:
        if self.html is not None:
            page = Path(self.html).resolve()
        else:
            from thinshell.report.html import html_page

            page = Path(tempfile.mkdtemp(prefix="thinshell-")) / "report.html"
            page.write_text(html_page(result, folder=folder), encoding="utf-8")
        if not webbrowser.open(page.as_uri()):
            print(f"thinshell: no browser was found; open {page} yourself", file=sys.stderr)
