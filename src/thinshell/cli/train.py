"""``thinshell train``: one training run from a configuration file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thinshell.cli import options as opt
from thinshell.cli.boundary import DONE, UNFINISHED, Interrupted, raise_if_interrupted, telling_interrupts
from thinshell.cli.delivery import Delivery
from thinshell.cli.pages import FORMATS, FigureFormats, Figures, Html, Open, Pages
from thinshell.errors import InputError

if TYPE_CHECKING:
    from lightning.pytorch import Callback

    from thinshell.training import RunResult

__all__ = ["TrainingInterrupted", "train"]


class TrainingInterrupted(Interrupted):
    """Ctrl-C during training: what is kept, and how to go on."""

    def __init__(self, command: str, kept: str | None) -> None:
        super().__init__()
        self._command, self._kept = command, kept

    def __str__(self) -> str:
        if self._kept is None:
            return f"interrupted before the first checkpoint; begin again with: {self._command}"
        return f"interrupted; {self._kept} is whole, go on with: {self._command}"


@dataclass(frozen=True)
class _Choices:
    """What was typed besides the configuration."""

    out: Path
    resume: bool
    time_limit: float | None
    json: str | None
    pages: Pages
    quiet: bool


def train(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file; examples/train.yaml shows every key.")],
    out: Annotated[
        str,
        typer.Option(
            metavar="DIR",
            help="Folder for checkpoints, logs and results; must be empty or new.",
            rich_help_panel=opt.OUTPUT,
        ),
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in DIR, from its last checkpoint.")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help=f"Save and stop after this long, with exit status {UNFINISHED}; --resume goes on.",
        ),
    ] = None,
    json: opt.JsonFile = None,
    html: Html = None,
    open_: Open = False,
    figures: Figures = None,
    figure_formats: FigureFormats = FORMATS,
    quiet: opt.Quiet = False,
) -> Callable[[], int]:
    """Train an encoder as CONFIG says, and watch how Gaussian its representation becomes."""
    pages = Pages(html, open_, figures, figure_formats)
    choices = _Choices(Path(out), resume, time_limit, json, pages, quiet)
    return lambda: _work(config, choices)


def _work(config: str, choices: _Choices) -> int:
    def told() -> TrainingInterrupted:
        saved = sorted(choices.out.glob("checkpoints/step-*"))
        return TrainingInterrupted(_command(config, choices), str(saved[-1]) if saved else None)

    with telling_interrupts(told):
        return _run(config, choices)


def _run(config: str, choices: _Choices) -> int:
    json_file = None if choices.json == "-" else choices.json
    with Delivery({"--json": json_file, "--html": choices.pages.html}, inputs=[config]) as delivery:
        choices.pages.check()
        result = _trained(config, choices)
        from thinshell.report.json import to_json

        plain = result.to_dict()
        text = to_json(plain) if choices.json else ""
        delivery.stage("--json", lambda path: path.write_text(text, encoding="ascii"))
        choices.pages.stage(delivery, plain)
        delivery.commit()
        written = [*delivery.written, *choices.pages.finish(plain)]
        if choices.json == "-":
            sys.stdout.write(text)
        elif not choices.quiet:
            _print(plain, _command(config, choices), [choices.out, *written])
    return DONE if result.fit.finished else UNFINISHED


def _trained(config: str, choices: _Choices) -> RunResult:
    try:
        from thinshell.training import load_config, run
    except ModuleNotFoundError as error:
        raise InputError(
            f"thinshell train needs the train extra ({error.name} is not installed): pip install 'thinshell[train]'"
        ) from error
    return run(
        load_config(config),
        choices.out,
        resume=choices.resume,
        progress=not choices.quiet,
        time_limit=choices.time_limit,
        callbacks=[_listener()],
    )


def _listener() -> Callback:
    """Return what hears a Ctrl-C that was swallowed, after every step."""
    from lightning.pytorch import Callback

    class Listener(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            raise_if_interrupted()

    return Listener()


def _command(config: str, choices: _Choices) -> str:
    limit = [] if choices.time_limit is None else ["--time-limit", f"{choices.time_limit:g}"]
    return shlex.join(["thinshell", "train", config, "--out", str(choices.out), "--resume", *limit])


def _print(plain: dict[str, Any], command: str, written: Sequence[Path]) -> None:
    from thinshell.cli.training_page import print_training
    from thinshell.report.console import printable

    print_training(plain)
    for path in written:
        print(f"wrote {printable(path)}", file=sys.stderr)
    if not plain["finished"]:
        print(f"not finished; go on with: {printable(command)}", file=sys.stderr)
