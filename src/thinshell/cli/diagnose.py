"""``thinshell diagnose``: one data set, its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.command import command_line
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.cli.progress import ProgressBar

__all__ = ["diagnose"]


@dataclass(frozen=True)
class Outputs:
    """Where the result goes."""

    json: str | None
    sketch: str | None
    pages: Pages
    fail_on: opt.FailOn | None
    quiet: bool


def diagnose(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files of embeddings (.npy, .npz, .parquet, .arrow, .safetensors, .csv), globs, or a saved "
            "sketch; several make one data set.",
        ),
    ],
    protocol: opt.ProtocolOption = opt.Protocol.both,
    normalize: opt.NormalizeOption = opt.Normalize.none,
    samples_per_test: opt.SamplesPerTest = 250,
    repeats: opt.Repeats = 20,
    seed: opt.Seed = 0,
    column: opt.Column = None,
    key: opt.Key = None,
    index: opt.Index = None,
    drop_nonfinite: opt.DropNonfinite = False,
    positives: opt.Positives = None,
    positives_index: opt.PositivesIndex = None,
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    save_sketch: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep the sketch: diagnose or compare it later without the data.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    fail_on: opt.FailOnOption = None,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Tell how Gaussian the embeddings in PATH are."""
    how = {
        "protocol": protocol.value,
        "normalize": normalize.value,
        "samples_per_test": samples_per_test,
        "repeats": repeats,
        "seed": seed,
        "column": column,
        "key": key,
        "index": index,
        "drop_nonfinite": drop_nonfinite,
        "positives": positives or None,
        "positives_index": positives_index,
    }
    outputs = Outputs(json, save_sketch, Pages(html, open_, figures, figure_formats), fail_on, quiet)
    return lambda: _run(paths, how, outputs)


def _run(paths: list[str], how: dict[str, Any], outputs: Outputs) -> int:
    json_file = None if outputs.json == "-" else outputs.json
    targets = {"--json": json_file, "--html": outputs.pages.html, "--save-sketch": outputs.sketch}
    with Delivery(targets, inputs=[*paths, *(how["positives"] or ())]) as delivery:
        outputs.pages.check()
        from thinshell.diagnosis import diagnose as diagnose_data
        from thinshell.report.json import to_json

        with ProgressBar(quiet=outputs.quiet) as progress:
            # What the terminal does not show is measured only for what is kept.
            result = diagnose_data(paths, progress=progress, pictures=bool(outputs.json) or outputs.pages.wanted, **how)
        plain = {**result.to_dict(), "command": command_line()}
        text = to_json(plain) if outputs.json else ""
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        outputs.pages.stage(delivery, plain)
        delivery.stage("--save-sketch", result.sketch.save)
        delivery.commit()
        written = [*delivery.written, *outputs.pages.finish(plain)]
        if outputs.json == "-":
            sys.stdout.write(text)
        elif not outputs.quiet:
            _print(plain, written)
    return opt.status(outputs.fail_on, plain)


def _print(plain: dict[str, Any], written: list[Path]) -> None:
    from thinshell.report import print_diagnosis
    from thinshell.report.console import printable

    print_diagnosis(plain)
    for path in written:
        print(f"wrote {printable(path)}", file=sys.stderr)
