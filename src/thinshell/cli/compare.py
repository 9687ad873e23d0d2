"""``thinshell compare``: several data sets side by side, and what moved."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.command import command_line
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand
from thinshell.errors import InputError

__all__ = ["column_names", "compare"]

# As the help and the README name saved sketches; any other name does as well.
SKETCH_SUFFIX = ".sketch.safetensors"


@dataclass(frozen=True)
class Outputs:
    """Where the result goes."""

    json: str | None
    pages: Pages
    fail_on: opt.FailOn | None
    quiet: bool


def compare(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH PATH",
            help="Two or more files, globs or saved sketches; each is one data set, the first is what the "
            "others are compared with.",
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
    side: opt.Side = None,
    drop_nonfinite: opt.DropNonfinite = False,
    spectrum: opt.SpectrumOption = opt.Spectrum.all,
    threads: opt.Threads = None,
    memory: opt.Memory = None,
    dask: opt.Dask = None,
    skip_bad_shards: opt.SkipBadShards = False,
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    fail_on: opt.FailOnOption = None,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Show data sets side by side, one column each, and what moved between them."""
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
        "spectrum": spectrum.value,
        "threads": threads,
        "memory": memory,
        "skip_bad_shards": skip_bad_shards,
    }
    outputs = Outputs(json, Pages(html, open_, figures, figure_formats), fail_on, quiet)
    return lambda: _run(paths, how, outputs, dask)


def _run(paths: Sequence[str], how: dict[str, Any], outputs: Outputs, dask: str | None) -> int:
    if len(paths) < 2:
        raise InputError(
            f"compare needs at least two data sets, got {len(paths)}; for a single one use thinshell diagnose"
        )
    json, pages = outputs.json, outputs.pages
    with Delivery({"--json": None if json == "-" else json, "--html": pages.html}, inputs=paths) as delivery:
        pages.check()
        with at_hand(how["threads"], dask) as cluster, ProgressBar(quiet=outputs.quiet) as progress:
            from thinshell.diagnosis import compare as compare_data
            from thinshell.report import print_comparison, to_json
            from thinshell.report.console import printable

            wanted = bool(json) or pages.wanted
            named = dict(zip(column_names(paths), paths, strict=True))
            plain = {
                **compare_data(named, progress=progress, pictures=wanted, cluster=cluster, **how).to_dict(),
                "command": command_line(),
            }
        text = to_json(plain) if json else ""
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        pages.stage(delivery, plain)
        delivery.commit()
        written = [*delivery.written, *pages.finish(plain)]
        if json == "-":
            sys.stdout.write(text)
        elif not outputs.quiet:
            print_comparison(plain)
            for path in written:
                print(f"wrote {printable(path)}", file=sys.stderr)
    return opt.status(outputs.fail_on, *plain["diagnoses"])


def column_names(paths: Sequence[str]) -> list[str]:
    """Return a distinct name for each path: the file's name without its suffix, the path where that is shared.

    Examples
    --------
    >>> column_names(["before.npy", "runs/after.sketch.safetensors", "shards/*.parquet"])
    ['before', 'after', 'shards/*.parquet']
    >>> column_names(["run1/emb.npy", "run2/emb.npy", "run2/emb.npy"])
    ['run1/emb.npy', 'run2/emb.npy', 'run2/emb.npy (2)']
    """
    stems = [_stem(path) for path in paths]
    names = [path if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)]
    turns = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if turn == 1 else f"{name} ({turn})" for name, turn in zip(names, turns, strict=True)]


def _stem(path: str) -> str:
    name = os.path.basename(path)
    stem = name.removesuffix(SKETCH_SUFFIX) if name.endswith(SKETCH_SUFFIX) else os.path.splitext(name)[0]
    return path if not stem or glob.has_magic(stem) else stem
