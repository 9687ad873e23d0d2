"""Figure 11: the log-density of a Laplace input against the Gaussian log-density of its embedding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.density_pictures import draw_densities, draw_dimensions
from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.fig2 import grid_seconds
from thinshell.experiments.published import paper_values
from thinshell.experiments.settings import as_plain
from thinshell.experiments.synthetic import LaplaceSettings
from thinshell.report.numbers import fixed

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["FIG11", "Fig11Settings", "projection_correlation"]

# As for the CV of Table 1: two printed decimals and the spread between seeds.
TOLERANCE = 0.03


_RUN = LaplaceSettings(n_features=1024, epochs=10, every_n_epochs=10)


@dataclass(frozen=True)
class Fig11Settings:
    """A run for each strength of the channel, and some at other dimensions.

    Attributes
    ----------
    run : LaplaceSettings
        Of every run, but for what is varied.
    strengths : tuple of float
        A of the channel.
    dimensions : tuple of int
        Further output dimensions, at `at_strength`.
    at_strength : float
    """

    run: LaplaceSettings = _RUN
    strengths: tuple[float, ...] = (0.2, 0.5, 0.8)
    dimensions: tuple[int, ...] = (128, 256, 512, 768)
    at_strength: float = 0.5

    def runs(self) -> dict[str, LaplaceSettings]:
        """Return the settings of each run by name."""
        named = {f"a{a:g}-d{self.run.n_features}": replace(self.run, a=a) for a in self.strengths}
        further = {
            f"a{self.at_strength:g}-d{d}": replace(self.run, a=self.at_strength, n_features=d) for d in self.dimensions
        }
        return named | further


def projection_correlation(d: int, n_inputs: int) -> float:
    """Return the correlation of ``|x|_1`` and ``|P x|^2`` for Laplace x and P a projection on a spread-out subspace.

    ``4 / sqrt(8 D / d + 12)``: x_i^2 has variance 20 and covariance 4 with |x_i|, whose variance is 1; a diagonal
    entry of P is about d/D. A Gaussian fitted to W x with its full covariance gives log-densities that depend on x
    through ``|P x|^2`` alone, P the projection on the row space of W, however W was trained.

    Parameters
    ----------
    d, n_inputs : int
        Dimensions of the subspace and of the space, D.

    Returns
    -------
    float
        At most ``4 / sqrt(20) = .894``, for d = D.

    Examples
    --------
    >>> round(projection_correlation(1024, 1024), 3), round(projection_correlation(256, 1024), 3)
    (0.894, 0.603)
    """
    return 4 / math.sqrt(8 * n_inputs / d + 12)


def _run(settings: Fig11Settings, context: Context) -> dict[str, Any]:
    from thinshell.experiments.densities import run_densities

    runs = settings.runs()
    context.plan(grid_seconds(runs))
    measured = {
        name: context.part(name, as_plain(run), lambda part, run=run: run_densities(run, part))
        for name, run in runs.items()
    }
    by_dimension = {run.n_features: name for name, run in runs.items() if run.a == settings.at_strength}
    return {
        "runs": measured,
        "by_strength": [f"a{a:g}-d{settings.run.n_features}" for a in settings.strengths],
        "by_dimension": [by_dimension[d] for d in sorted(by_dimension)],
        "at_strength": settings.at_strength,
        "n_inputs": settings.run.n_inputs,
    }


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    paper = paper_values()["fig11"]["pearson"]
    runs = [results["runs"][name] for name in results["by_strength"]]
    return [
        Comparison(
            f"A = {run['a']:g}",
            "Pearson correlation",
            run["trained"]["full"],
            paper.get(f"{run['a']:g}"),
            TOLERANCE,
            run["untrained"]["full"],
        )
        for run in runs
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    rows = []
    for name in dict.fromkeys([*results["by_strength"], *results["by_dimension"]]):
        run = results["runs"][name]
        theory = projection_correlation(run["d"], results["n_inputs"])
        cells = [run["trained"]["full"], run["trained"]["isotropic"], run["untrained"]["full"], theory]
        rows.append([f"{run['a']:g}", str(run["d"]), *(fixed(cell, 3) for cell in cells)])
    header = ["A", "d", "full covariance", "isotropic", "epoch 0, full", "projection"]
    notes = [
        "Full and isotropic: which Gaussian is fitted to the embeddings of the training rows. Projection: "
        "4 / sqrt(8 D/d + 12), the value for any linear map onto d of D dimensions, trained or not",
    ]
    return [Table("Correlation of log-densities on the test rows", header, rows, notes)]


_SETTINGS = Fig11Settings()

FIG11 = Experiment(
    name="fig11",
    summary="log-density of the Laplace input against the Gaussian log-density of its embedding",
    place="Figure 11",
    settings=_SETTINGS,
    quick=replace(_SETTINGS, run=replace(_SETTINGS.run, epochs=1, every_n_epochs=1), dimensions=(256,)),
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("densities", (10.0, 3.8), draw_densities), Picture("dimensions", (5.5, 4.0), draw_dimensions)),
    choices=(
        Choice(
            "run.n_features",
            "the correlation of |x|_1 and |P x|^2 falls from .894 at d = 1024 to .60 at d = 256, so that the printed "
            ".87 needs about as many outputs as inputs",
        ),
        Choice("run.epochs", "the number does not depend on training, see the column of epoch 0"),
        Choice("run.batch_size", "as in table1"),
        Choice("run.bias", "as in table1"),
        Choice("run.dropout", "features set to zero, the others not rescaled"),
    ),
    notes=(
        "The Gaussian is fitted (mean and full covariance) to embeddings of training rows and read at the test rows.",
    ),
)
