"""The options that ``fit``, ``score`` and ``whiten`` share."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

    from thinshell.cli.delivery import Delivery
    from thinshell.cli.pages import Pages

__all__ = [
    "MODEL",
    "Components",
    "Covariance",
    "CovarianceOption",
    "Holdout",
    "LabelColumn",
    "Method",
    "MethodOption",
    "ModelFile",
    "ModelOut",
    "Paths",
    "Radius",
    "RadiusOption",
    "Shrinkage",
    "Untied",
    "hand_over",
    "one_or_many",
    "the_room",
    "where_of",
]

MODEL = "Model"


class Covariance(StrEnum):
    """How the covariance is estimated."""

    ledoit_wolf = "ledoit_wolf"
    empirical = "empirical"
    oas = "oas"
    shrunk = "shrunk"
    low_rank = "low_rank"


class Radius(StrEnum):
    """Law of the distance from the mean."""

    gaussian = "gaussian"
    scaled = "scaled"
    gamma = "gamma"


class Method(StrEnum):
    """Which linear map whitens."""

    pca = "pca"
    zca = "zca"
    cholesky = "cholesky"


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files of embeddings, globs, URLs, a database, or - for standard input, as diagnose takes them; several "
        "make one data set.",
    ),
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A model that thinshell fit wrote.")]
CovarianceOption = Annotated[
    Covariance,
    typer.Option(
        help="Estimator of the covariance; low_rank: --components factors and a variance for each column.",
        rich_help_panel=MODEL,
    ),
]
Shrinkage = Annotated[
    float, typer.Option(help="Of --covariance shrunk: share of the mean variance mixed in.", rich_help_panel=MODEL)
]
RadiusOption = Annotated[
    Radius,
    typer.Option(
        help="Law of the distances: gaussian, or scaled or gamma as the held-out rows show it.", rich_help_panel=MODEL
    ),
]
Holdout = Annotated[
    float,
    typer.Option(
        metavar="SHARE", help="Rows held out to calibrate the model, 0 for none; at most 16,384.", rich_help_panel=MODEL
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--labels", metavar="COLUMN", help="Column of classes: a Gaussian for each of them.", rich_help_panel=MODEL
    ),
]
Components = Annotated[
    int | None, typer.Option(metavar="K", help="Of --covariance low_rank: factors.", rich_help_panel=MODEL)
]
Untied = Annotated[
    bool, typer.Option("--untied", help="With --labels: a covariance for each class.", rich_help_panel=MODEL)
]
ModelOut = Annotated[
    str,
    typer.Option("--out", metavar="FILE", help="Where to keep the model (.safetensors).", rich_help_panel=opt.OUTPUT),
]
MethodOption = Annotated[
    Method,
    typer.Option(
        help="pca: principal axes; zca: nearest to the columns as they are; cholesky: one column after the other.",
        rich_help_panel=MODEL,
    ),
]


def the_room() -> ModuleType:
    """Return ``thinshell.gaussian``, or say what to install."""
    try:
        from thinshell import gaussian
    except ModuleNotFoundError as error:
        raise InputError(
            f"this needs the gaussian extra ({error.name} is not installed): pip install 'thinshell[gaussian]'"
        ) from error
    return gaussian


def hand_over(
    plain: dict[str, Any],
    show: str,
    delivery: Delivery,
    *,
    json: str | None,
    quiet: bool,
    pages: Pages | None = None,
) -> None:
    """Write the JSON and the page of a result and print it by the function of `thinshell.report` called `show`."""
    from thinshell import report
    from thinshell.report.console import printable
    from thinshell.report.json import to_json

    text = to_json(plain) if json else ""
    delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
    if pages is not None:
        pages.stage(delivery, plain)
    delivery.commit()
    written = [*delivery.written, *([] if pages is None else pages.finish(plain))]
    if json == "-":
        sys.stdout.write(text)
    elif not quiet:
        getattr(report, show)(plain)
        for path in written:
            print(f"wrote {printable(path)}", file=sys.stderr)


def where_of(
    column: str | None, key: str | None, index: int | None, side: str | None, dim: int | None
) -> dict[str, Any]:
    """Return where in the files the embeddings are, as `thinshell.gaussian.fit_data` takes it."""
    return {"column": column, "key": key, "index": index, "side": side, "dim": dim}


def one_or_many(paths: list[str]) -> str | list[str]:
    """Return a single path by itself: only then may it be a sketch."""
    return paths[0] if len(paths) == 1 else paths
