"""``thinshell whiten``: embeddings without correlations, in a file of their own."""

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
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand
from thinshell.errors import InputError

__all__ = ["whiten"]

# What cannot be said of a whitener that is fitted already, by option.
_FIXED = {"method": "--method", "floor": "--floor", "n_components": "--components"}


def whiten(
    paths: own.Paths,
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE", help="Whitened rows: .npy, or .parquet with the ids.", rich_help_panel=opt.OUTPUT
        ),
    ],
    method: own.MethodOption = own.Method.pca,
    floor: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Raise variances below this share of the largest, so that noise is not blown up.",
            rich_help_panel=own.MODEL,
        ),
    ] = None,
    components: Annotated[
        int | None, typer.Option(metavar="K", help="Of --method pca: columns kept.", rich_help_panel=own.MODEL)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Use this whitener (from --save-model) instead of fitting.", rich_help_panel=own.MODEL
        ),
    ] = None,
    save_model: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Keep the whitener for rows to come.", rich_help_panel=opt.OUTPUT),
    ] = None,
    column: opt.Column = None,
    key: opt.Key = None,
    index: opt.Index = None,
    side: opt.Side = None,
    drop_nonfinite: opt.DropNonfinite = False,
    dim: opt.Dim = None,
    threads: opt.Threads = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Whiten the embeddings in PATH: columns without correlation and with variance one, written to a file."""
    chosen = {"method": method.value, "floor": floor, "n_components": components}
    how = {"drop_nonfinite": drop_nonfinite, "threads": threads, **own.where_of(column, key, index, side, dim)}
    targets = {"--out": out, "--save-model": save_model, "--json": None if json == "-" else json}
    return lambda: _run(paths, model, chosen, how, targets, json, quiet)


def _run(
    paths: list[str],
    model: str | None,
    chosen: dict[str, Any],
    how: dict[str, Any],
    targets: dict[str, str | None],
    json: str | None,
    quiet: bool,
) -> int:
    with Delivery(targets, inputs=[*paths, *([] if model is None else [model])]) as delivery:
        room, out = own.the_room(), str(targets["--out"])
        whitener = room.Whitener(**chosen) if model is None else _loaded(room, model, chosen)
        found: dict[str, Any] = {}

        def work(path: Path) -> None:
            with ProgressBar(quiet=quiet) as progress:
                _, report = room.whiten_data(
                    own.one_or_many(paths), path, whitener=whitener, name=out, progress=progress, **how
                )
            found.update(report)

        with at_hand(how["threads"], None):
            delivery.stage("--out", work)
        plain = {**found, "out": out, "model": targets["--save-model"], "command": command_line()}
        kept = {name: plain[name] for name in ("command", "source", "n_samples")}
        delivery.stage("--save-model", lambda path: whitener.save(path, kept))
        own.hand_over(plain, "print_whitening", delivery, json=json, quiet=quiet)
    return DONE


def _loaded(room: Any, model: str, chosen: dict[str, Any]) -> Any:
    for name, option in _FIXED.items():
        if chosen[name] not in (None, own.Method.pca.value):
            raise InputError(f"--model {model} is fitted already, got {option} too; leave one of them out")
    whitener = room.load_model(model)
    if not isinstance(whitener, room.Whitener):
        raise InputError(f"{model} holds a {type(whitener).__name__}, not a whitener; make one with --save-model")
    return whitener
