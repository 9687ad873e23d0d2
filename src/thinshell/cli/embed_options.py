"""The options of ``thinshell embed``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from thinshell.cli import options as opt

__all__ = [
    "BatchSize",
    "Captions",
    "CaptionsOption",
    "Column",
    "Data",
    "Device",
    "IdColumn",
    "ImagesDir",
    "Kind",
    "KindOption",
    "LabelColumn",
    "Layer",
    "Limit",
    "Model",
    "Normalize",
    "Offline",
    "OnError",
    "OnErrorOption",
    "Out",
    "Overwrite",
    "Pooling",
    "PoolingOption",
    "Precision",
    "PrecisionOption",
    "Processor",
    "Restart",
    "Split",
    "Workers",
]

MODEL, DATA, RUN = "Model", "Data", "Run"


class Kind(StrEnum):
    """What DATA holds."""

    auto = "auto"
    images = "images"
    texts = "texts"
    coco = "coco"
    cifar10 = "cifar10"
    dataset = "dataset"


class Pooling(StrEnum):
    """How the activations become one row."""

    auto = "auto"
    projection = "projection"
    pooler = "pooler"
    cls = "cls"
    mean = "mean"
    last = "last"


class Precision(StrEnum):
    """Bits of the computation."""

    full = "32"
    bf16 = "bf16"
    fp16 = "fp16"


class OnError(StrEnum):
    """What happens to items that cannot be read."""

    fail = "fail"
    skip = "skip"


class Captions(StrEnum):
    """Which captions of a picture."""

    all = "all"
    first = "first"


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A name on the Hugging Face hub (owner/name), a model's folder or file, or timm:NAME, open_clip:NAME, "
        "python:MODULE:FUNCTION.",
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder of pictures, a file of texts (.txt, .csv, .jsonl, .parquet), COCO captions (.json), "
        "CIFAR-10, or a folder that datasets saved.",
    ),
]
Out = Annotated[
    str,
    typer.Option("--out", "-o", metavar="FILE", help="Written here: .parquet or .npy.", rich_help_panel=opt.OUTPUT),
]
PoolingOption = Annotated[
    Pooling, typer.Option(help="auto does what the model's own files or its kind call for.", rich_help_panel=MODEL)
]
Layer = Annotated[
    int | None,
    typer.Option(metavar="N", help="Hidden states after block N instead of the output.", rich_help_panel=MODEL),
]
Normalize = Annotated[
    bool | None,
    typer.Option(
        "--normalize/--no-normalize", help="Rows of unit length; else as the model says.", rich_help_panel=MODEL
    ),
]
Processor = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Whose preprocessing, where MODEL has none.", rich_help_panel=MODEL),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.", rich_help_panel=MODEL)]
KindOption = Annotated[Kind, typer.Option(help="What DATA holds.", rich_help_panel=DATA)]
Column = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Column or field with the texts or pictures.", rich_help_panel=DATA),
]
IdColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with an id of each row.", rich_help_panel=DATA)
]
LabelColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with a label of each row.", rich_help_panel=DATA)
]
Split = Annotated[
    str | None, typer.Option(metavar="NAME", help="Part of the data set, such as test.", rich_help_panel=DATA)
]
ImagesDir = Annotated[
    str | None, typer.Option(metavar="DIR", help="Where the pictures of COCO captions lie.", rich_help_panel=DATA)
]
CaptionsOption = Annotated[Captions, typer.Option(help="Captions of each COCO picture.", rich_help_panel=DATA)]
Limit = Annotated[int | None, typer.Option(metavar="N", help="Only the first N items.", rich_help_panel=DATA)]
OnErrorOption = Annotated[
    OnError,
    typer.Option(help="Broken pictures and empty texts: stop, or leave out and list.", rich_help_panel=DATA),
]
BatchSize = Annotated[
    int | None, typer.Option(metavar="N", help="Items a batch; else what fits into memory.", rich_help_panel=RUN)
]
PrecisionOption = Annotated[
    Precision, typer.Option(help="Bits of the computation; rows are float32.", rich_help_panel=RUN)
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel=RUN)]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", help="Processes that read; else 0 on a CPU, up to 8 beside a GPU.", rich_help_panel=RUN),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin anew, not where an earlier run was cut.", rich_help_panel=RUN)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace FILE if it is there.", rich_help_panel=opt.OUTPUT)
]
