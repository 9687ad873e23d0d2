"""``thinshell score``: how likely, how far and how odd rows are under a fitted model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from thinshell.cli import gaussian_options as own
from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE
from thinshell.cli.command import command_line
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand
from thinshell.errors import InputError

__all__ = ["score"]

_SEEN = "the model was fitted on rows of these files, which lie nearer to its mean than rows that it has not seen"


def score(
    model: own.ModelFile,
    paths: own.Paths,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", help="Scores of every row, as Parquet, with its id.", rich_help_panel=opt.OUTPUT
        ),
    ] = None,
    top: Annotated[int, typer.Option(help="How many of the oddest rows to show.", rich_help_panel=opt.OUTPUT)] = 20,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="SCORE",
            help="What they are the oddest by: mahalanobis, typicality (too near the mean is odd, too), log_density, …",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    ids: Annotated[
        str | None,
        typer.Option(
            "--id-column",
            metavar="NAME",
            help="Column that names the rows; id where there is one.",
            rich_help_panel=opt.INPUT,
        ),
    ] = None,
    column: opt.Column = None,
    key: opt.Key = None,
    index: opt.Index = None,
    side: opt.Side = None,
    drop_nonfinite: opt.DropNonfinite = False,
    dim: opt.Dim = None,
    threads: opt.Threads = None,
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Score the embeddings in PATH under MODEL: likelihood, distance, p-value, and which rows are odd."""
    how = {
        "top": top,
        "by": by,
        "ids": ids,
        "drop_nonfinite": drop_nonfinite,
        "threads": threads,
        **own.where_of(column, key, index, side, dim),
    }
    pages = Pages(html, open_, figures, figure_formats)
    return lambda: _run(model, paths, out, how, json, pages, quiet)


def _run(
    model: str, paths: list[str], out: str | None, how: dict[str, Any], json: str | None, pages: Pages, quiet: bool
) -> int:
    if out is not None and Path(out).suffix.lower() not in (".parquet", ".pq"):
        raise InputError(f"--out must end in .parquet, got {out!r}; scores are a table")
    targets = {"--out": out, "--json": None if json == "-" else json, "--html": pages.html}
    with Delivery(targets, inputs=[model, *paths]) as delivery:
        pages.check()
        with at_hand(how["threads"], None), ProgressBar(quiet=quiet) as progress:
            plain = _scored(model, paths, delivery if out is not None else None, {**how, "progress": progress})
        plain["out"] = out
        own.hand_over(plain, "print_scores", delivery, json=json, quiet=quiet, pages=pages)
    return DONE


def _scored(model: str, paths: list[str], delivery: Delivery | None, how: dict[str, Any]) -> dict[str, Any]:
    room = own.the_room()
    fitted, provenance = room.load_model(model), room.provenance_of(model)
    origin = provenance["provenance"]
    facts = {"command": command_line(), "model": provenance}
    found: dict[str, Any] = {}

    def work(path: Path | None) -> None:
        found.update(room.score_data(fitted, own.one_or_many(paths), out=path, facts=facts, **how))

    if delivery is None:
        work(None)
    else:
        delivery.stage("--out", work)
    fitted_on = (origin.get("source") or {}).get("paths") or []
    if set(fitted_on) & set(found["source"]["paths"]):
        found["source"]["notices"].append(_SEEN)
    found["model"] = {"path": model, **found["model"], "provenance": origin}
    return {**found, "command": command_line()}
