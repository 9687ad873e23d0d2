"""``thinshell report``: a result that was kept as JSON, shown again."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.errors import InputError, InputTypeError

__all__ = ["report"]

RESULT = "result.json"
SCHEMAS = ("diagnosis", "comparison", "training", "reproduction", "fit", "scores", "whitening")


def report(
    result: Annotated[
        str,
        typer.Argument(
            metavar="RESULT",
            help=f"JSON of diagnose, compare, train, reproduce, fit, score or whiten, or a folder that holds {RESULT}.",
        ),
    ],
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Show a kept result again: in the terminal, as a page, as pictures. Nothing is measured again."""
    pages = Pages(html, open_, figures, figure_formats)
    return lambda: _run(result, pages, quiet)


def _run(path: str, pages: Pages, quiet: bool) -> int:
    file = Path(path) / RESULT if Path(path).is_dir() else Path(path)
    with Delivery({"--html": pages.html}, inputs=[str(file)]) as delivery:
        pages.check()
        plain = read_result(file)
        with _damage_told(file):
            pages.stage(delivery, plain, file.parent)
            delivery.commit()
            written = [*delivery.written, *pages.finish(plain, file.parent)]
            if not quiet and not written and not pages.show:
                print_result(plain)
        if not quiet and written:
            from thinshell.report.console import printable

            for one in written:
                print(f"wrote {printable(one)}", file=sys.stderr)
    return DONE


@contextlib.contextmanager
def _damage_told(file: Path) -> Iterator[None]:
    """Say that a file somebody changed is damaged, where its parts do not fit together."""
    try:
        yield
    except (InputError, InputTypeError):
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(
            f"{file} is damaged: its numbers do not fit together ({type(error).__name__}: {error}); make it again"
        ) from error


def _not_a_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def read_result(file: Path) -> dict[str, Any]:
    """Return the result that a JSON file holds.

    Raises
    ------
    InputError
        If the file is missing, not JSON, or not a result of thinshell.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file} does not exist; give the file that --json wrote, or a folder with {RESULT}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not JSON; give the file that --json wrote") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
    try:
        result = json.loads(text, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON ({error}); give the file that --json wrote") from None
    schema = result.get("schema") if isinstance(result, dict) else None
    if not isinstance(schema, str) or schema.split("/")[:2] not in [["thinshell", name] for name in SCHEMAS]:
        raise InputError(
            f"{file} is not a result of thinshell (its schema is {schema!r}); give the file that --json wrote"
        )
    if schema.split("/")[2:] != ["1"]:
        raise InputError(f"{file} has the schema {schema}, which this version does not know; upgrade thinshell")
    return result


def print_result(plain: dict[str, Any]) -> None:
    """Print a result as the command that made it did."""
    kind = plain["schema"].split("/")[1]
    if kind == "training":
        from thinshell.cli.training_page import print_training

        print_training(plain)
    elif kind == "reproduction":
        from thinshell.experiments.terminal import print_reproduction

        print_reproduction(plain)
    else:
        from thinshell import report as shown

        printers = {
            "diagnosis": shown.print_diagnosis,
            "comparison": shown.print_comparison,
            "fit": shown.print_fit,
            "scores": shown.print_scores,
            "whitening": shown.print_whitening,
        }
        printers[kind](plain)
