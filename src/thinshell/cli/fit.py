"""``thinshell fit``: a Gaussian for embeddings, kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thinshell.cli import gaussian_options as own
from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE
from thinshell.cli.command import command_line
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand

__all__ = ["fit"]


def fit(
    paths: own.Paths,
    out: own.ModelOut,
    covariance: own.CovarianceOption = own.Covariance.ledoit_wolf,
    shrinkage: own.Shrinkage = 0.1,
    components: own.Components = None,
    radius: own.RadiusOption = own.Radius.gaussian,
    holdout: own.Holdout = 0.1,
    labels: own.LabelColumn = None,
    untied: own.Untied = False,
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
    """Fit a Gaussian to the embeddings in PATH, calibrate it by rows held out, and keep it in a file.

    PATH may be a saved sketch. Score new rows under the model with thinshell score.
    """
    how = {
        "covariance": covariance.value,
        "shrinkage": shrinkage,
        "n_components": components,
        "radius": radius.value,
        "holdout": holdout,
        "labels": labels,
        "tied": not untied,
        "drop_nonfinite": drop_nonfinite,
        "threads": threads,
        **own.where_of(column, key, index, side, dim),
    }
    pages = Pages(html, open_, figures, figure_formats)
    return lambda: _run(paths, out, how, json, pages, quiet)


def _run(paths: list[str], out: str, how: dict[str, Any], json: str | None, pages: Pages, quiet: bool) -> int:
    targets = {"--out": out, "--json": None if json == "-" else json, "--html": pages.html}
    with Delivery(targets, inputs=paths) as delivery:
        pages.check()
        with at_hand(how["threads"], None), ProgressBar(quiet=quiet) as progress:
            model, report = own.the_room().fit_data(own.one_or_many(paths), progress=progress, **how)
        plain = {**report, "model": out, "command": command_line()}
        kept = {name: plain[name] for name in ("command", "source", "n_samples", "n_held_out")}
        delivery.stage("--out", lambda path: model.save(path, kept))
        own.hand_over(plain, "print_fit", delivery, json=json, quiet=quiet, pages=pages)
    return DONE
