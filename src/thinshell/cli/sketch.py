"""``thinshell sketch``: keep the summary of data up to date, without the data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE
from thinshell.cli.delivery import Delivery
from thinshell.cli.progress import ProgressBar
from thinshell.cli.resources import at_hand
from thinshell.errors import InputError

if TYPE_CHECKING:
    from thinshell.sketch import EmbeddingSketch

__all__ = ["sketch"]

sketch = typer.Typer(
    name="sketch",
    help="Keep a sketch of data that grow: update it with new files, merge sketches made elsewhere.",
)


@sketch.callback(invoke_without_command=True)
def explain(context: typer.Context) -> None:
    """Keep a sketch of data that grow: update it with new files, merge sketches made elsewhere."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


@sketch.command()
def update(
    state: Annotated[
        str, typer.Argument(metavar="STATE", help="The sketch to update; it is made where there is none yet.")
    ],
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="New files, URLs, globs or sketches to take in.")],
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
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Take new rows into the sketch in STATE; old rows are not needed again."""
    where = {"column": column, "key": key, "index": index, "side": side, "dim": dim}

    def work() -> int:
        with (
            Delivery({"STATE": state}, inputs=[path for path in paths if path != state]) as delivery,
            at_hand(threads, dask) as cluster,
            ProgressBar(quiet=quiet) as progress,
        ):
            from thinshell.diagnosis import sketch_data

            before = _loaded(state) if Path(state).exists() else None
            more, notices = sketch_data(
                paths if len(paths) > 1 else paths[0],
                like=before,
                drop_nonfinite=drop_nonfinite,
                spectrum=spectrum.value,
                memory=memory,
                threads=threads,
                skip_bad_shards=skip_bad_shards,
                cluster=cluster,
                progress=progress,
                **where,
            )
            n_before, n_more = (0 if before is None else before.n_samples), more.n_samples
            whole = more if before is None else before.merge(more)
            delivery.stage("STATE", whole.save)
            delivery.commit()
        if not quiet:
            for notice in notices:
                print(f"note: {notice}")
            print(f"{n_more:,} rows taken in, {n_before + n_more:,} in all, {whole.n_features:,} features")
            print(f"next: thinshell diagnose {state}")
            print(f"wrote {state}", file=sys.stderr)
        return DONE

    return work


@sketch.command()
def merge(
    paths: Annotated[list[str], typer.Argument(metavar="SKETCH SKETCH", help="Two or more saved sketches.")],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Where to write the merged sketch.")],
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Merge sketches of parts of one data set, as if their rows had been sketched together."""

    def work() -> int:
        if len(paths) < 2:
            raise InputError(f"sketch merge needs at least two sketches, got {len(paths)}; name another")
        if len(set(paths)) < len(paths):
            raise InputError("sketch merge got the same sketch twice, which would count its rows twice; name it once")
        with Delivery({"--out": out}, inputs=paths) as delivery:
            from thinshell.sketch import merge_sketches

            merged = merge_sketches(_loaded(path) for path in paths)
            delivery.stage("--out", merged.save)
            delivery.commit()
        if not quiet:
            print(f"{merged.n_samples:,} rows of {merged.n_features:,} features from {len(paths)} sketches")
            print(f"wrote {out}", file=sys.stderr)
        return DONE

    return work


def _loaded(path: str) -> EmbeddingSketch:
    from thinshell.sketch import EmbeddingSketch

    return EmbeddingSketch.load(path)
