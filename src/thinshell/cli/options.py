"""The options that commands share: their types, names and help."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from thinshell.cli.boundary import DEPARTURE, DONE

__all__ = [
    "Column",
    "Dask",
    "Dim",
    "DropNonfinite",
    "FailOn",
    "FailOnOption",
    "Index",
    "JsonFile",
    "Key",
    "Memory",
    "Normalize",
    "NormalizeOption",
    "Positives",
    "PositivesIndex",
    "Protocol",
    "ProtocolOption",
    "Quiet",
    "Repeats",
    "SamplesPerTest",
    "Seed",
    "Side",
    "SkipBadShards",
    "Spectrum",
    "SpectrumOption",
    "Threads",
    "status",
]


class Protocol(StrEnum):
    """Which tests are run."""

    both = "both"
    paper = "paper"
    full = "full"


class Normalize(StrEnum):
    """What is done to the rows before they are tested."""

    none = "none"
    l2 = "l2"
    zscore = "zscore"
    whiten = "whiten"


class FailOn(StrEnum):
    """Which verdict makes the exit status 1."""

    departure = "departure"


class Spectrum(StrEnum):
    """Which rows the covariance is taken from."""

    all = "all"
    sample = "sample"


TESTS, INPUT, OUTPUT, RESOURCES = "Tests", "Input", "Output", "Resources"

ProtocolOption = Annotated[
    Protocol,
    typer.Option(help="paper: small subsets, as in the paper's Table 1; full: all rows.", rich_help_panel=TESTS),
]
NormalizeOption = Annotated[
    Normalize, typer.Option(help="What to do to the rows before testing.", rich_help_panel=TESTS)
]
SamplesPerTest = Annotated[int, typer.Option(help="Rows in each test of the paper protocol.", rich_help_panel=TESTS)]
Repeats = Annotated[int, typer.Option(help="Subsets the paper protocol averages over.", rich_help_panel=TESTS)]
Seed = Annotated[int, typer.Option(help="Chooses the rows that are sampled.", rich_help_panel=TESTS)]
Column = Annotated[
    str | None,
    typer.Option(help="Column that holds the embeddings (Parquet, Arrow).", rich_help_panel=INPUT),
]
Key = Annotated[
    str | None, typer.Option(help="Array to read from an .npz or .safetensors file.", rich_help_panel=INPUT)
]
Index = Annotated[int | None, typer.Option(help="Which part of a 3-D array to read, from 0.", rich_help_panel=INPUT)]
Side = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Of a file of pairs, the side to look at alone, such as image.", rich_help_panel=INPUT
    ),
]
DropNonfinite = Annotated[
    bool,
    typer.Option("--drop-nonfinite", help="Leave out rows with NaN or infinity.", rich_help_panel=INPUT),
]
Positives = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Files or globs whose row i is the positive partner of row i of PATH; again for another.",
        rich_help_panel=INPUT,
    ),
]
PositivesIndex = Annotated[
    int | None,
    typer.Option(
        "--positives-index", help="Which part of a 3-D array of partners to read, from 0.", rich_help_panel=INPUT
    ),
]
Dim = Annotated[
    int | None,
    typer.Option(
        metavar="D", help="Of bare float32 numbers from standard input (-): how many make a row.", rich_help_panel=INPUT
    ),
]
SpectrumOption = Annotated[
    Spectrum,
    typer.Option(
        help="Rows the covariance is taken from: all (above 4,096 columns by a randomised sketch), or the row sample "
        "(several times faster for large data).",
        rich_help_panel=TESTS,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(metavar="N", help="Use at most N CPUs; all by default.", rich_help_panel=RESOURCES),
]
Memory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Stay below SIZE, such as 1GB.", rich_help_panel=RESOURCES),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Sketch files and URLs on a Dask cluster: tcp://host:8786, or local, local:4 for workers on this machine.",
        rich_help_panel=RESOURCES,
    ),
]
SkipBadShards = Annotated[
    bool,
    typer.Option("--skip-bad-shards", help="Go on without files that cannot be read.", rich_help_panel=RESOURCES),
]
JsonFile = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; - prints it alone.", rich_help_panel=OUTPUT),
]
FailOnOption = Annotated[
    FailOn | None, typer.Option(help="Exit with 1 when the verdict is this.", rich_help_panel=OUTPUT)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No report, no progress bar.", rich_help_panel=OUTPUT)]


def status(fail_on: FailOn | None, *diagnoses: Mapping[str, Any]) -> int:
    """Return the exit status that `fail_on` gives to these verdicts."""
    failed = fail_on is not None and any(diagnosis.get("verdict") == fail_on.value for diagnosis in diagnoses)
    return DEPARTURE if failed else DONE
