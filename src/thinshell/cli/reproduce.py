"""``thinshell reproduce``: a table or a figure of the paper, ours beside it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE, UNFINISHED, Interrupted, telling_interrupts
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import Html, Open, Pages
from thinshell.cli.run_progress import RunProgress
from thinshell.errors import InputError

__all__ = ["reproduce"]

RUN = "Run"


class InterruptedRun(Interrupted):
    """Ctrl-C in an experiment whose completed parts are kept."""

    def __init__(self, parts: Path) -> None:
        super().__init__()
        self._parts = parts

    def __str__(self) -> str:
        complete = len(list(self._parts.glob("*.json")))
        kept = "no part is complete" if not complete else "1 part is" if complete == 1 else f"{complete} parts are"
        kept += f" complete and kept in {self._parts}" if complete else f", what was begun is kept in {self._parts}"
        return f"interrupted; {kept}: go on by the same command with --resume"


def reproduce(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which experiment, see --list.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the experiments.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few epochs: for a first look, not for a verdict.", rich_help_panel=RUN)
    ] = False,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns to run, separated by commas.", rich_help_panel=RUN)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Another value for a setting of the result's JSON: gmm.mean_std=0.2, 'dimensions=[32,64]', ...",
            rich_help_panel=RUN,
        ),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of data sets that are not drawn.", rich_help_panel=RUN)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", rich_help_panel=RUN)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel=RUN)] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the completed parts in DIR/NAME.", rich_help_panel=RUN)
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help=f"Save and stop after this long, with exit status {UNFINISHED}; --resume goes on.",
            rich_help_panel=RUN,
        ),
    ] = None,
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Files go to DIR/NAME.", rich_help_panel=opt.OUTPUT)
    ] = "reproduced",
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Run an experiment of the paper and show our numbers beside the printed ones."""
    words = None if columns is None else [word.strip() for word in columns.split(",") if word.strip()]
    typed = {"--columns": columns, "--set": set_, "--data-dir": data_dir, "--seed": seed or None, "--device": device}
    how = {
        "quick": quick,
        "columns": words,
        "settings": _settings(set_ or []),
        "data_dir": data_dir,
        "seed": seed,
        "device": device,
        "resume": resume,
        "time_limit": time_limit,
        "out": out,
        "command": _command(name, quick, typed),
    }
    if list_:
        return _list
    pages = Pages(html, open_)
    return lambda: _run(name, how, json, pages, quiet)


def _list() -> int:
    from thinshell.experiments.registry import EXPERIMENTS
    from thinshell.experiments.terminal import print_experiments

    print_experiments(EXPERIMENTS)
    return DONE


def _run(name: str | None, how: dict[str, Any], json: str | None, pages: Pages, quiet: bool) -> int:
    from thinshell.experiments.context import Unfinished
    from thinshell.experiments.registry import EXPERIMENTS

    if name is None:
        raise InputError(
            f"name an experiment: {', '.join(EXPERIMENTS)}; thinshell reproduce --list tells what they are"
        )
    from thinshell.report.json import to_json

    delivery = Delivery({"--json": None if json == "-" else json, "--html": pages.html})
    pages.check()
    try:
        with telling_interrupts(lambda: InterruptedRun(Path(how["out"]) / name / "runs")):
            result = _reproduced(name, how, quiet)
    except Unfinished as stop:
        print(f"thinshell: {stop}", file=sys.stderr)
        return UNFINISHED
    text, folder = to_json(result) if json else "", Path(how["out"]) / name
    with delivery:
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        pages.stage(delivery, result, folder)
        delivery.commit()
    pages.finish(result, folder)
    if json == "-":
        sys.stdout.write(text)
    elif not quiet:
        _print(result, folder, delivery.written)
    return DONE


def _reproduced(name: str, how: dict[str, Any], quiet: bool) -> dict[str, Any]:
    from thinshell.experiments.reproduction import reproduce as reproduce_experiment

    with RunProgress(quiet=quiet) as progress:
        return reproduce_experiment(name, progress=progress, **how)


def _command(name: str | None, quick: bool, typed: dict[str, Any]) -> str:
    """Return the command with what its numbers depend on."""
    words = ["thinshell", "reproduce", str(name), *(["--quick"] if quick else [])]
    for option, given in typed.items():
        for value in given if isinstance(given, list) else [given]:
            words += [] if value in (None, "auto") else [option, str(value)]
    return shlex.join(words)


def _settings(words: list[str]) -> dict[str, Any]:
    """Return the changes that NAME=VALUE words ask for; a value is read as JSON, or else taken as it is."""
    changes = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"--set must be NAME=VALUE, got {word!r}; for example --set epochs=100")
        try:
            changes[name] = loads(text)
        except ValueError:
            changes[name] = text
    return changes


def _print(result: dict[str, Any], folder: Path, written: list[Path]) -> None:
    from thinshell.experiments.outputs import RESULT
    from thinshell.experiments.terminal import print_reproduction
    from thinshell.report.console import printable

    print_reproduction(result)
    if not result["pictures"]:
        print("thinshell: no pictures, matplotlib is not installed: pip install 'thinshell[figures]'", file=sys.stderr)
    for path in [folder / RESULT, folder / "table.md", *(folder / name for name in result["pictures"]), *written]:
        print(f"wrote {printable(path)}", file=sys.stderr)
