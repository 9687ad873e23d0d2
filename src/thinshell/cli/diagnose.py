"""``thinshell diagnose``: one data set, its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.command import command_line
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand
from thinshell.errors import InputError

if TYPE_CHECKING:
    from thinshell.diagnosis import Comparison, Diagnosis

__all__ = ["diagnose"]


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files of embeddings (.npy, .npz, .parquet, .arrow, .safetensors, .csv, .h5, .zarr, .lance, .tar, "
        ".faiss), globs, URLs (s3://, https://, postgresql://…), - for standard input, or a saved sketch; several "
        "make one data set.",
    ),
]
SaveSketch = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Keep the sketch: diagnose or compare it later without the data.",
        rich_help_panel=opt.OUTPUT,
    ),
]


@dataclass(frozen=True)
class Outputs:
    """Where the result goes."""

    json: str | None
    sketch: str | None
    pages: Pages
    fail_on: opt.FailOn | None
    quiet: bool


def diagnose(
    paths: Paths,
    protocol: opt.ProtocolOption = opt.Protocol.both,
    normalize: opt.NormalizeOption = opt.Normalize.none,
    samples_per_test: opt.SamplesPerTest = 250,
    repeats: opt.Repeats = 20,
    seed: opt.Seed = 0,
    column: opt.Column = None,
    key: opt.Key = None,
    index: opt.Index = None,
    side: opt.Side = None,
    drop_nonfinite: opt.DropNonfinite = False,
    dim: opt.Dim = None,
    spectrum: opt.SpectrumOption = opt.Spectrum.all,
    threads: opt.Threads = None,
    memory: opt.Memory = None,
    dask: opt.Dask = None,
    skip_bad_shards: opt.SkipBadShards = False,
    positives: opt.Positives = None,
    positives_index: opt.PositivesIndex = None,
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    save_sketch: SaveSketch = None,
    fail_on: opt.FailOnOption = None,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Tell how Gaussian the embeddings in PATH are; of pairs, each side on its own and the gap between them."""
    how = {
        "protocol": protocol.value,
        "normalize": normalize.value,
        "samples_per_test": samples_per_test,
        "repeats": repeats,
        "seed": seed,
        "column": column,
        "key": key,
        "index": index,
        "side": side,
        "drop_nonfinite": drop_nonfinite,
        "dim": dim,
        "spectrum": spectrum.value,
        "threads": threads,
        "memory": memory,
        "skip_bad_shards": skip_bad_shards,
        "positives": positives or None,
        "positives_index": positives_index,
    }
    outputs = Outputs(json, save_sketch, Pages(html, open_, figures, figure_formats), fail_on, quiet)
    return lambda: _run(paths, how, outputs, dask)


def _run(paths: list[str], how: dict[str, Any], outputs: Outputs, dask: str | None) -> int:
    json_file = None if outputs.json == "-" else outputs.json
    targets = {"--json": json_file, "--html": outputs.pages.html, "--save-sketch": outputs.sketch}
    with Delivery(targets, inputs=[*paths, *(how["positives"] or ())]) as delivery:
        outputs.pages.check()
        with at_hand(how["threads"], dask) as cluster, ProgressBar(quiet=outputs.quiet) as progress:
            # What the terminal does not show is measured only for what is kept.
            wanted = {"cluster": cluster, "progress": progress, "pictures": bool(outputs.json) or outputs.pages.wanted}
            result = _diagnosed(paths, how | wanted, outputs)
        from thinshell.report.json import to_json

        plain = {**result.to_dict(), "command": command_line()}
        text = to_json(plain) if outputs.json else ""
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        outputs.pages.stage(delivery, plain)
        delivery.stage("--save-sketch", lambda path: result.sketch.save(path))  # type: ignore[union-attr] - of one cloud
        delivery.commit()
        written = [*delivery.written, *outputs.pages.finish(plain)]
        if outputs.json == "-":
            sys.stdout.write(text)
        elif not outputs.quiet:
            _print(plain, written)
    return opt.status(outputs.fail_on, *plain.get("diagnoses", [plain]))


def _diagnosed(paths: list[str], how: dict[str, Any], outputs: Outputs) -> Diagnosis | Comparison:
    """Diagnose the data, or both sides where they are pairs and nobody chose one."""
    from thinshell.diagnosis import diagnose as diagnose_data
    from thinshell.diagnosis import diagnose_pairs, pair_sides

    sides = pair_sides(paths[0]) if len(paths) == 1 and how["side"] is None else None
    if sides is None:
        return diagnose_data(paths if len(paths) > 1 else paths[0], **how)
    if how["positives"] is not None:
        raise InputError(f"{paths[0]} holds its pairs itself; leave --positives out, or choose a --side")
    if outputs.sketch is not None:
        raise InputError(f"{paths[0]} holds two sides of pairs, a sketch is of one; choose it with --side {sides[0]}")
    for option in ("key", "index", "positives_index"):
        if how[option] is not None:
            raise InputError(f"{paths[0]} is a table; --{option.replace('_', '-')} is not for these: leave it out")
    kept = {
        name: value
        for name, value in how.items()
        if name not in ("key", "index", "side", "dim", "positives", "positives_index")
    }
    return diagnose_pairs(paths[0], **kept)


def _print(plain: dict[str, Any], written: list[Path]) -> None:
    from thinshell.report import print_comparison, print_diagnosis
    from thinshell.report.console import printable

    (print_comparison if "diagnoses" in plain else print_diagnosis)(plain)
    for path in written:
        print(f"wrote {printable(path)}", file=sys.stderr)
