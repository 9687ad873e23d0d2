"""What Table 1 leaves unstated, varied: density of ones, scale of the means, dimension, samples per test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.choices_pictures import draw_density, draw_mean_std
from thinshell.experiments.choices_tables import density_tables, dimension_table, mean_std_table
from thinshell.experiments.experiment import Choice, Experiment, Picture, Table
from thinshell.experiments.settings import as_plain
from thinshell.experiments.synthetic import (
    BinarySettings,
    GmmSettings,
    LaplaceSettings,
    LinearSettings,
    seconds_of,
)

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["TABLE1_CHOICES", "ChoicesSettings"]


_BINARY = BinarySettings(epochs=20, every_n_epochs=20)
_GMM = GmmSettings(epochs=20, every_n_epochs=20)
_LAPLACE = LaplaceSettings(epochs=5, every_n_epochs=5)


@dataclass(frozen=True)
class ChoicesSettings:
    """One run for each value of each unstated choice.

    Attributes
    ----------
    binary, gmm, laplace : LinearSettings
        Of the runs, but for what is varied.
    densities, mean_stds : tuple of float
    dimensions : tuple of int
    samples_per_test : tuple of int
        Every embedding is measured with each; repeats are as many as the test rows allow, 20 at most.
    """

    binary: BinarySettings = _BINARY
    gmm: GmmSettings = _GMM
    laplace: LaplaceSettings = _LAPLACE
    densities: tuple[float, ...] = (0.002, 0.003, 0.005, 0.01, 0.02, 0.04)
    mean_stds: tuple[float, ...] = (0.03, 0.06, 0.08, 0.1, 0.12, 0.2, 0.5, 1.0)
    dimensions: tuple[int, ...] = (64, 128, 256, 512)
    samples_per_test: tuple[int, ...] = (250, 1000, 5000)

    def runs(self, choice: str) -> dict[str, tuple[float, LinearSettings]]:
        """Return value and settings of each run of a choice, by name."""
        if choice == "density":
            return {f"density-{p:g}": (p, replace(self.binary, density=p)) for p in self.densities}
        if choice == "mean-std":
            return {f"mean-std-{s:g}": (s, replace(self.gmm, mean_std=s)) for s in self.mean_stds}
        return {f"dimension-{d}": (d, replace(self.laplace, n_features=d)) for d in self.dimensions}


COLUMNS = ("density", "mean-std", "dimension")


def _seconds(run: LinearSettings) -> float:
    steps = run.epochs * (run.n_train // run.batch_size)
    # Ten more for the measurements.
    return 10 + seconds_of(steps, run.batch_size, run.n_inputs, run.n_features)


def _run(settings: ChoicesSettings, context: Context) -> dict[str, Any]:
    from thinshell.experiments.choices_runs import run_choice

    runs = {name: run for choice in context.columns for name, run in settings.runs(choice).items()}
    context.plan({name: _seconds(run) for name, (_, run) in runs.items()})
    results: dict[str, Any] = {}
    for choice in context.columns:
        results[choice] = [
            context.part(
                name,
                {"run": as_plain(run), "samples_per_test": list(settings.samples_per_test)},
                lambda part, value=value, run=run: run_choice(value, run, settings.samples_per_test, part),
            )
            for name, (value, run) in settings.runs(choice).items()
        ]
    return results


def _tables(results: Mapping[str, Any]) -> list[Table]:
    makers: dict[str, Callable[[list[Any]], list[Table]]] = {
        "density": density_tables,
        "mean-std": mean_std_table,
        "dimension": dimension_table,
    }
    return [table for choice in results for table in makers[choice](results[choice])]


_SETTINGS = ChoicesSettings()
_QUICK = replace(
    _SETTINGS,
    binary=replace(_SETTINGS.binary, epochs=3, every_n_epochs=3),
    gmm=replace(_SETTINGS.gmm, epochs=3, every_n_epochs=3),
    laplace=replace(_SETTINGS.laplace, n_train=5_000, epochs=2, every_n_epochs=2),
    densities=(0.003, 0.02),
    mean_stds=(0.1, 0.5),
    dimensions=(64, 256),
)

TABLE1_CHOICES = Experiment(
    name="table1-choices",
    summary="Table 1 under other values of what the paper leaves unstated",
    place="Table 1",
    settings=_SETTINGS,
    quick=_QUICK,
    run=_run,
    tables=_tables,
    pictures=(Picture("density", (10.0, 4.2), draw_density), Picture("mean-std", (10.0, 3.8), draw_mean_std)),
    choices=(
        Choice("binary.epochs", "the paper trains 100; the numbers of a linear encoder hardly move after 10"),
        Choice("gmm.epochs", "as for the binary data"),
        Choice("laplace.epochs", "the paper trains 150; these numbers do not move at all"),
    ),
    notes=(
        "A coordinate of a linear map of independent bits has an excess kurtosis of at least 1 / (1024 p), whatever "
        "the weights: .33 at a density of p = .003, .05 at .02. The more samples per test, the more of it is seen.",
    ),
    columns=COLUMNS,
    default_columns=COLUMNS,
)
