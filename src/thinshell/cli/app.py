"""The commands under one name, with ``--version``."""

from __future__ import annotations

from typing import Annotated

import typer

from thinshell._version import __version__
from thinshell.cli.compare import compare
from thinshell.cli.diagnose import diagnose
from thinshell.cli.embed import embed
from thinshell.cli.fit import fit
from thinshell.cli.report import report
from thinshell.cli.reproduce import reproduce
from thinshell.cli.score import score
from thinshell.cli.sketch import sketch
from thinshell.cli.train import train
from thinshell.cli.whiten import whiten

__all__ = ["app"]

app = typer.Typer(name="thinshell", context_settings={"help_option_names": ["-h", "--help"]})


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"thinshell {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def thinshell(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Tell how Gaussian embeddings are, train encoders while that structure forms, reproduce the paper."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


app.command()(diagnose)
app.command()(compare)
app.command()(fit)
app.command()(score)
app.command()(whiten)
app.command()(embed)
app.command()(train)
app.command()(reproduce)
app.command()(report)
app.add_typer(sketch)
