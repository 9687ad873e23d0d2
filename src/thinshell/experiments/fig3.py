"""Figure 3: thin shell and Gaussian coordinates against batch size and dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.fig2 import grid_seconds
from thinshell.experiments.fig3_pictures import draw_grid, draw_histograms
from thinshell.experiments.published import paper_values
from thinshell.experiments.settings import as_plain
from thinshell.experiments.synthetic import LaplaceSettings
from thinshell.report.numbers import fixed

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["FIG3", "Fig3Settings"]


_RUN = LaplaceSettings(epochs=6, every_n_epochs=6)


@dataclass(frozen=True)
class Fig3Settings:
    """A run for every dimension and batch size.

    Attributes
    ----------
    run : LaplaceSettings
        Of every run, but for what is varied.
    dimensions, batch_sizes : tuple of int
    """

    run: LaplaceSettings = _RUN
    dimensions: tuple[int, ...] = (32, 64, 128, 256, 512)
    batch_sizes: tuple[int, ...] = (8, 16, 32, 48, 64, 96, 128)

    def runs(self) -> dict[str, LaplaceSettings]:
        """Return the settings of each run by name."""
        return {
            f"d{d}-b{b}": replace(self.run, n_features=d, batch_size=b)
            for d in self.dimensions
            for b in self.batch_sizes
        }


def _run(settings: Fig3Settings, context: Context) -> dict[str, Any]:
    from thinshell.experiments.laplace_runs import run_laplace

    runs = settings.runs()
    context.plan(grid_seconds(runs))
    measured = {
        name: context.part(name, as_plain(run), lambda part, run=run: _without_pairs(run_laplace(run, part)))
        for name, run in runs.items()
    }
    return {
        "runs": measured,
        "dimensions": list(settings.dimensions),
        "batch_sizes": list(settings.batch_sizes),
        "epochs": settings.run.epochs,
    }


def _without_pairs(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out the histograms of cosines, which this figure does not show."""
    return {name: value for name, value in result.items() if name not in ("positive", "negative", "expected_positive")}


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    paper = paper_values()["fig3"]
    d = paper["d_of_histograms"]
    return [
        # No tolerance: the length of an embedding grows with the number of steps, of which ours are fewer.
        Comparison(
            f"d = {d}",
            f"mean norm, batch size {batch}",
            run["trained"]["norm_mean"],
            norm,
            None,
            run["untrained"]["norm_mean"],
        )
        for batch, norm in paper["norm_mean"].items()
        if (run := results["runs"].get(f"d{d}-b{batch}")) is not None
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    return [_grid(results, "cv", "CV of the norms", 3), _grid(results, "norm_mean", "Mean norm", 2), *_bands(results)]


def _grid(results: Mapping[str, Any], key: str, title: str, decimals: int) -> Table:
    batches = results["batch_sizes"]
    rows = []
    for d in results["dimensions"]:
        runs = [results["runs"][f"d{d}-b{batch}"] for batch in batches]
        beside = [runs[0]["cv_chi"]] if key == "cv" else []
        values = [*beside, runs[0]["untrained"][key], *(run["trained"][key] for run in runs)]
        rows.append([f"d = {d}", *(fixed(value, decimals) for value in values)])
    header = ["", *(["chi_d"] if key == "cv" else []), "epoch 0", *(f"b = {batch}" for batch in batches)]
    return Table(f"{title} against batch size b, {results['epochs']} epochs", header, rows)


def _bands(results: Mapping[str, Any]) -> list[Table]:
    thresholds = paper_values()["stated"]["thresholds"]
    runs = results["runs"].values()
    ad, dp = ([run["trained"][key] for run in runs] for key in ("ad_avg", "dp_avg"))
    inside = sum(a < thresholds["ad"] and p > thresholds["dp_p"] for a, p in zip(ad, dp, strict=True))
    rows = [
        ["AD Avg.", fixed(min(ad)), fixed(max(ad)), f"< {thresholds['ad']:g}"],
        ["DP Avg.", fixed(min(dp)), fixed(max(dp)), f"> {thresholds['dp_p']:g}"],
    ]
    note = f"{inside} of {len(ad)} runs lie inside the paper's acceptance band in both"
    return [Table("Coordinates over all runs", ["", "smallest", "largest", "paper's band"], rows, [note])]


_SETTINGS = Fig3Settings()

FIG3 = Experiment(
    name="fig3",
    summary="CV, norms and coordinates against batch size and dimension (Laplace data)",
    place="Figure 3",
    settings=_SETTINGS,
    quick=replace(
        _SETTINGS,
        run=replace(_SETTINGS.run, n_train=4_000, n_test=2_000, epochs=2, every_n_epochs=2),
        dimensions=(32, 128, 512),
        batch_sizes=(8, 32, 128),
    ),
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("grid", (10.0, 3.8), draw_grid), Picture("norms", (9.0, 3.8), draw_histograms)),
    choices=(
        Choice("run.epochs", "the paper trains 50 to 250; 35 runs have to fit in 25 minutes on two cores"),
        Choice("run.bias", "as in table1"),
        Choice("run.dropout", "features set to zero, the others not rescaled"),
        Choice("run.samples_per_test", "as in table1"),
        Choice("run.repeats", "as in table1"),
    ),
    notes=(
        "InfoNCE does not see the length of an embedding: norms grow with the number of steps Adam takes, and a small "
        "batch means more steps an epoch. That, and not the batch itself, is why norms fall with the batch size.",
    ),
)
