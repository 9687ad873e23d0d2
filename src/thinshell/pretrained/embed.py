"""embed(): a pretrained encoder over a data set, into a file, resumable."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thinshell._devices import choose_device
from thinshell._version import __version__
from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.batching import choose_batch_size
from thinshell.pretrained.data import Items, open_data
from thinshell.pretrained.encoder import Encoder
from thinshell.pretrained.job import EmbedResult, How, Job, Progress
from thinshell.pretrained.loading import load_pretrained
from thinshell.pretrained.partial import PartialRun
from thinshell.pretrained.writing import check_output

__all__ = ["PRECISIONS", "embed"]

PRECISIONS = ("32", "bf16", "fp16")
SCHEMA = "thinshell/embedding/1"


def embed(
    model: str | Path | Callable[[list[Any]], Any],
    data: str | Path | Sequence[Items],
    out: str | Path,
    *,
    kind: str = "auto",
    column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    split: str | None = None,
    images_dir: str | None = None,
    captions: str = "all",
    pooling: str = "auto",
    layer: int | None = None,
    normalize: bool | None = None,
    processor: str | None = None,
    batch_size: int | None = None,
    precision: str = "32",
    device: str = "auto",
    workers: int | None = None,
    limit: int | None = None,
    on_error: str = "fail",
    restart: bool = False,
    overwrite: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> EmbedResult:
    r"""Run a pretrained encoder over pictures or texts and write one row each.

    Parameters
    ----------
    model : str, Path or callable
        As for `load_pretrained`.
    data : str, Path or sequence of Items
        A folder of pictures, a file of texts (.txt, .csv, .tsv, .jsonl, .parquet, .arrow), the captions of MS-COCO
        (JSON), CIFAR-10, a folder that ``datasets`` saved, or what `open_data` returned.
    out : str or Path
        ``.parquet`` (columns ``id``, ``embedding``, and where known ``label``, ``pair``, ``side``; the facts in its
        metadata) or ``.npy`` (ids and facts in a JSON file beside it). float32.
    kind, column, id_column, label_column, split, images_dir, captions
        As for `open_data`.
    pooling, layer, normalize, processor, offline
        As for `load_pretrained`.
    batch_size : int, optional
        By default what fits into memory, at most 32 on a CPU and 512 on a GPU.
    precision : {"32", "bf16", "fp16"}
        Of the computation; mixed by autocast.
    device : {"auto", "cpu", "cuda", "cuda:N"}
    workers : int, optional
        Processes that read and preprocess; by default none on a CPU, which is busy computing, and up to 8 beside a GPU.
    limit : int, optional
        Only the first items.
    on_error : {"fail", "skip"}
        What to do about items that cannot be read: stop with a sentence, or leave them out, counted and listed.
    restart : bool
        Begin anew, although an interrupted run left something.
    overwrite : bool
        Replace an output that is there.
    progress : callable, optional
        Called with (items done, items in all) after each batch or part.

    Returns
    -------
    EmbedResult

    Raises
    ------
    InputError
        If model, data, choices or place are not as they must be; what was done is kept and taken up by the same call.

    Notes
    -----
    Work is done in parts of about 1,024 items, each written whole to ``OUT.partial``. After an interruption, of
    whatever kind, the same call goes on behind the last whole part, and the file comes out as it would have without it,
    byte for byte on the same machine. Rows are in the order of the data.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     texts = Path(folder, "texts.txt")
    ...     _ = texts.write_text("to be or\nnot to be\n")
    ...     result = embed(lambda texts: [[len(text), 1.0] for text in texts], texts, Path(folder, "rows.parquet"))
    >>> result.n_rows, result.n_features
    (2, 2)
    """
    _check(batch_size, precision, workers, limit, on_error)
    target, where = Path(out), choose_device(device)
    check_output(target, overwrite=overwrite)
    parts = _opened(data, kind, column, id_column, label_column, split, images_dir, captions)
    how: dict[str, Any] = {"pooling": pooling, "layer": layer, "normalize": normalize, "processor": processor}
    encoders = [load_pretrained(model, items.kind, offline=offline, **how) for items in parts]
    work = [min(len(items), limit) if limit else len(items) for items in parts]
    workers = workers if workers is not None else (min(8, _cpus()) if where.type == "cuda" else 0)
    run = PartialRun(target, restart=restart)
    try:
        settings = _settings(parts, encoders, work, precision, where)
        size = _agreed(run, settings, batch_size, lambda: _fitting(parts[0], encoders[0], where))
        how_run = How(where, size, precision, workers, on_error == "skip", progress or (lambda done, total: None))
        result = Job(run, parts, encoders, work, how_run).finish(target, settings | {"batch_size": size})
    except BaseException:
        run.close()
        raise
    run.remove()
    return result


def _check(batch_size: int | None, precision: str, workers: int | None, limit: int | None, on_error: str) -> None:
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if on_error not in ("fail", "skip"):
        raise unknown_name("on_error", on_error, ("fail", "skip"))
    for name, value, least in (("batch_size", batch_size, 1), ("workers", workers, 0), ("limit", limit, 1)):
        if value is not None and value < least:
            raise InputError(f"{name} must be at least {least}, got {value}")


def _opened(data: str | Path | Sequence[Items], kind: str, *rest: Any) -> list[Items]:
    if not isinstance(data, str | Path):
        return list(data)
    names = ("column", "id_column", "label_column", "split", "images_dir", "captions")
    return open_data(data, kind=kind, **dict(zip(names, rest, strict=True)))


def _cpus() -> int:
    from thinshell.statistics._threads import available_cpus

    return available_cpus()


def _settings(
    parts: Sequence[Items], encoders: Sequence[Encoder], work: Sequence[int], precision: str, device: torch.device
) -> dict[str, Any]:
    """Everything the rows depend on, but for the batch size."""
    return {
        "schema": SCHEMA,
        "models": [encoder.facts for encoder in encoders],
        "data": [items.facts | {"fingerprint": items.fingerprint} for items in parts],
        "n_items": list(work),
        "precision": precision,
        "device": device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        "versions": {
            "python": platform.python_version(),
            "thinshell": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }


def _agreed(run: PartialRun, settings: dict[str, Any], asked: int | None, choose: Callable[[], int]) -> int:
    """Return the batch size of the run that was begun, if it had the same settings, else of the one that begins."""
    begun = run.settings()
    if begun is None:
        size = asked or choose()
        run.begin(settings | {"batch_size": size})
        return size
    size = begun.pop("batch_size", None)
    plain = json.loads(json.dumps(settings))
    if differing := _difference(begun, plain) or (
        "" if asked in (None, size) else f"batch_size was {size}, now {asked}"
    ):
        raise InputError(
            f"{run.folder} holds an unfinished run with other settings ({differing}); repeat its command, or begin "
            "anew with --restart"
        )
    return int(size or 1)


def _difference(before: Any, now: Any, name: str = "") -> str:
    """Return the first thing that differs, in words; empty where nothing does."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            if words := _difference(before.get(key), now.get(key), f"{name}.{key}" if name else str(key)):
                return words
        return ""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return next((w for i, pair in enumerate(zip(before, now, strict=True)) if (w := _difference(*pair, name))), "")
    return "" if before == now else f"{name} was {before!r}, now {now!r}"


def _fitting(items: Items, encoder: Encoder, device: torch.device) -> int:
    encoder.to(device)
    examples: list[Any] = []
    for i in range(min(len(items), 16)):
        try:
            examples += encoder.examples([items.load(i)])
        except (InputError, OSError):  # told where the item's turn comes
            continue
    return choose_batch_size(encoder, examples, device)
