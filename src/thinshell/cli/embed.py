"""``thinshell embed``: a pretrained encoder over pictures or texts, into a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell.cli import embed_options as own
from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE, Interrupted, telling_interrupts
from thinshell.cli.command import command_line
from thinshell.cli.progress import ProgressBar
from thinshell.errors import InputError

if TYPE_CHECKING:
    from thinshell.pretrained import EmbedResult

__all__ = ["embed"]

# Items left out that are shown; the file lists more.
_SHOWN = 5


class EmbedInterrupted(Interrupted):
    """Ctrl-C in a run whose parts are kept."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._partial = out.with_name(out.name + ".partial")

    def __str__(self) -> str:
        parts = len(list(self._partial.glob("part-*.parquet")))
        if not parts:
            return "interrupted; no part was complete yet, the same command begins again"
        complete = "1 part is" if parts == 1 else f"{parts} parts are"
        return f"interrupted; {complete} complete and kept in {self._partial}: the same command goes on"


def embed(
    model: own.Model,
    data: own.Data,
    out: own.Out,
    pooling: own.PoolingOption = own.Pooling.auto,
    layer: own.Layer = None,
    normalize: own.Normalize = None,
    processor: own.Processor = None,
    offline: own.Offline = False,
    kind: own.KindOption = own.Kind.auto,
    column: own.Column = None,
    id_column: own.IdColumn = None,
    label_column: own.LabelColumn = None,
    split: own.Split = None,
    images_dir: own.ImagesDir = None,
    captions: own.CaptionsOption = own.Captions.all,
    limit: own.Limit = None,
    on_error: own.OnErrorOption = own.OnError.fail,
    batch_size: own.BatchSize = None,
    precision: own.PrecisionOption = own.Precision.full,
    device: own.Device = "auto",
    workers: own.Workers = None,
    restart: own.Restart = False,
    overwrite: own.Overwrite = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Embed pictures or texts with a pretrained encoder, ready for thinshell diagnose.

    A run that was cut, by Ctrl-C, a kill or a full disk, goes on where it was when the same command is given again.
    """
    how = {
        "kind": str(kind),
        "column": column,
        "id_column": id_column,
        "label_column": label_column,
        "split": split,
        "images_dir": images_dir,
        "captions": str(captions),
        "pooling": str(pooling),
        "layer": layer,
        "normalize": normalize,
        "processor": processor,
        "batch_size": batch_size,
        "precision": str(precision),
        "device": device,
        "workers": workers,
        "limit": limit,
        "on_error": str(on_error),
        "restart": restart,
        "overwrite": overwrite,
        "offline": offline,
    }
    return lambda: _run(model, data, Path(out), how, json, quiet)


def _run(model: str, data: str, out: Path, how: dict[str, Any], json: str | None, quiet: bool) -> int:
    try:
        from thinshell.pretrained import embed as embed_data
    except ModuleNotFoundError as error:
        raise InputError(
            f"thinshell embed needs the pretrained extra ({error.name} is not installed): pip install "
            "'thinshell[pretrained]'"
        ) from error
    from thinshell.cli.delivery import Delivery
    from thinshell.report.json import to_json

    delivery = Delivery({"--json": None if json == "-" else json}, inputs=[data])
    with telling_interrupts(lambda: EmbedInterrupted(out)), delivery:
        with ProgressBar(quiet=quiet, verb="embedded") as progress:
            result = embed_data(model, data, out, progress=progress, **how)
        text = to_json({**result.facts, "out": str(out), "command": command_line()}) if json else ""
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        delivery.commit()
    if json == "-":
        sys.stdout.write(text)
    elif not quiet:
        _print(result)
    return DONE


def _print(result: EmbedResult) -> None:
    from thinshell.cli.run_progress import duration
    from thinshell.report.console import printable

    facts = result.facts
    for model, source, n_items in zip(facts["models"], facts["data"], facts["n_items"], strict=True):
        layer = "output" if model["layer"] == "output" else f"layer {model['layer']}"
        print(f"{model['model']} ({model['class']}): {layer}, pooling {model['pooling']}, {_unit(model['normalized'])}")
        first = f"the first {n_items:,} of " if n_items < source["n_items"] else ""
        print(f"{first}{printable(source['name'])}")
    made = result.n_rows - result.n_resumed
    rate = f", {made / result.seconds:,.0f} rows/s" if made and result.seconds > 0 else ""
    earlier = f" ({result.n_resumed:,} of them kept from an earlier run)" if result.n_resumed else ""
    print(f"{result.n_rows:,} rows of {result.n_features:,} numbers{earlier} in {duration(result.seconds)}{rate}")
    if result.n_truncated:
        limit = facts["models"][-1]["preprocessing"].get("max_length")
        print(f"{result.n_truncated:,} texts were longer than {limit} tokens and were cut there")
    for name, reason in result.skipped[:_SHOWN]:
        print(f"left out: {printable(name)}: {printable(reason)}")
    if len(result.skipped) > _SHOWN:
        print(f"left out: {len(result.skipped) - _SHOWN:,} more; the file lists them")
    print(f"next: thinshell diagnose {printable(result.path)}")
    print(f"wrote {printable(result.path)}", file=sys.stderr)


def _unit(normalized: bool) -> str:
    return "rows of unit length" if normalized else "rows not normalised"
