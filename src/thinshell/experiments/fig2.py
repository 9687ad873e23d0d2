"""Figure 2: cosine similarities of positive and negative pairs against dimension and batch size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.pair_pictures import draw_cosines
from thinshell.experiments.published import paper_values
from thinshell.experiments.settings import as_plain
from thinshell.experiments.synthetic import LaplaceSettings, seconds_of
from thinshell.report.numbers import fixed

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["FIG2", "READ_OFF", "Fig2Settings", "grid_seconds"]

# A number read off a printed figure is not better than this (ours; the paper prints no digits there).
READ_OFF = 0.05


_RUN = LaplaceSettings(epochs=20, every_n_epochs=20)


@dataclass(frozen=True)
class Fig2Settings:
    """One run for each dimension and one for each batch size.

    Attributes
    ----------
    run : LaplaceSettings
        Of every run, but for what is varied.
    dimensions, batch_sizes : tuple of int
    at_batch_size, at_dimension : int
        What the other is while one of the two is varied.
    """

    run: LaplaceSettings = _RUN
    dimensions: tuple[int, ...] = (32, 64, 128, 256, 512)
    batch_sizes: tuple[int, ...] = (8, 16, 32, 64, 128)
    at_batch_size: int = 128
    at_dimension: int = 128

    def runs(self) -> dict[str, LaplaceSettings]:
        """Return the settings of each run by name; the run that both series share comes once."""
        points = [(d, self.at_batch_size) for d in self.dimensions]
        points += [(self.at_dimension, batch) for batch in self.batch_sizes]
        named = {f"d{d}-b{b}": replace(self.run, n_features=d, batch_size=b) for d, b in dict.fromkeys(points)}
        # Which views would give what the paper prints: the jitter alone, and without the dropout.
        at = {"n_features": self.at_dimension, "batch_size": self.at_batch_size}
        named["no-channel"] = replace(self.run, **at, a=1.0)
        named["no-channel-no-dropout"] = replace(self.run, **at, a=1.0, dropout=0.0)
        return named


def grid_seconds(runs: Mapping[str, LaplaceSettings]) -> dict[str, float]:
    """Return what each run is expected to take, in seconds."""
    return {
        name: seconds_of(run.epochs * (run.n_train // run.batch_size), run.batch_size, run.n_inputs, run.n_features)
        for name, run in runs.items()
    }


def _run(settings: Fig2Settings, context: Context) -> dict[str, Any]:
    from thinshell.experiments.laplace_runs import run_laplace

    runs = settings.runs()
    context.plan(grid_seconds(runs))
    measured = {
        name: context.part(name, as_plain(run), lambda part, run=run: run_laplace(run, part))
        for name, run in runs.items()
    }
    at_batch, at_dimension = settings.at_batch_size, settings.at_dimension
    return {
        "runs": measured,
        "by_dimension": [f"d{d}-b{at_batch}" for d in settings.dimensions],
        "by_batch_size": [f"d{at_dimension}-b{batch}" for batch in settings.batch_sizes],
        "other_views": ["no-channel", "no-channel-no-dropout"],
        "at_batch_size": at_batch,
        "at_dimension": at_dimension,
    }


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    paper = paper_values()["fig2"]["positive_cosine"]
    runs = [results["runs"][name] for name in results["by_dimension"]]
    return [
        Comparison(
            f"d = {run['d']}",
            "positive pairs, mean cosine",
            run["positive"]["mean"],
            paper,
            READ_OFF,
            run["untrained"]["positive_cosine"],
        )
        for run in runs
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    names = dict.fromkeys([*results["by_dimension"], *results["by_batch_size"], *results["other_views"]])
    rows = [_row(name, results["runs"][name]) for name in names]
    header = ["run", "positive", "5 % to 95 %", "expected", "negative", "std", "1/sqrt(d)"]
    notes = [
        "Expected: the squared correlation of a view's coordinate with its source, close to the most that any encoder "
        "can reach with these views (Proposition 1)",
        "no-channel leaves out A x + sqrt(1 - A^2) eps and keeps noise, dropout and scaling; only without the channel "
        "and the dropout does the positive cosine reach what the paper prints",
    ]
    return [Table("Cosine similarities of pairs of test rows", header, rows, notes)]


def _row(name: str, run: Mapping[str, Any]) -> list[str]:
    positive, negative = run["positive"], run["negative"]
    spread = f"{fixed(positive['quantiles']['5'])} to {fixed(positive['quantiles']['95'])}"
    others = [negative["mean"], negative["std"], run["d"] ** -0.5]
    cells = [fixed(positive["mean"]), spread, fixed(run["expected_positive"])]
    return [name, *cells, *(f"{value:.3f}" for value in others)]


_SETTINGS = Fig2Settings()

FIG2 = Experiment(
    name="fig2",
    summary="cosine similarities of positive and negative pairs against dimension and batch size (Laplace data)",
    place="Figure 2",
    settings=_SETTINGS,
    quick=replace(_SETTINGS, run=replace(_SETTINGS.run, n_train=5_000, n_test=2_000, epochs=4, every_n_epochs=4)),
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("cosines", (10.0, 4.4), draw_cosines),),
    choices=(
        Choice("at_batch_size", "the batch size while d is varied is not stated: the largest"),
        Choice("at_dimension", "the dimension while the batch size is varied is not stated: the middle one"),
        Choice(
            "run.epochs",
            "the paper trains 150; the cosines are settled long before, and 12 runs take a while",
        ),
        Choice("run.bias", "as in table1"),
        Choice("run.dropout", "features set to zero, the others not rescaled"),
    ),
    notes=("Both views of a pair are drawn as in training, from test rows.",),
)
