"""Figure 4: a two-layer network learns CIFAR-10 by InfoNCE, and becomes more Gaussian as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_pictures import draw_curve
from thinshell.experiments.cifar_settings import MLPSettings
from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.published import paper_values
from thinshell.experiments.settings import as_plain
from thinshell.experiments.table1 import KINDS, LABELS
from thinshell.experiments.tabulate import shown
from thinshell.report.numbers import share

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["FIG4", "trend"]

# Seconds of one core for one pair of views with 512 hidden units, forward and back; only for the progress bar.
_SECONDS = 7e-4
# What the figure shows, and the way it goes.
TRENDS = {"cv": -1, "ad_avg": -1, "dp_normal_share": 1}


def _run(settings: MLPSettings, context: Context) -> dict[str, Any]:
    from thinshell.experiments.cifar_training import train_mlp

    context.plan({"mlp": settings.epochs * settings.n_train * _SECONDS})

    def work(part: Any) -> Mapping[str, Any]:
        return train_mlp(settings, part)

    return {"curve": context.part("mlp", as_plain(settings), work)}


def _raw(results: Mapping[str, Any]) -> list[Any]:
    return [record for record in results["curve"]["records"] if record["normalize"] == "none"]


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    """Return the paper's points at the epochs that we measured, too; without tolerance, for our run is shorter."""
    records, paper = _raw(results), paper_values()["fig4"]
    by_epoch = {record["epoch"]: record for record in records}
    where = results["curve"]["data"]["pictures"]
    first, last = records[0], records[-1]
    found = [
        Comparison(where, f"{LABELS['ad_avg']}, epoch {epoch}", by_epoch[epoch]["ad_avg"], value, None, first["ad_avg"])
        for epoch, value in paper["ad_avg"]
        if epoch in by_epoch
    ]
    words = f"CV, epoch {last['epoch']} (the paper's after 100)"
    return [*found, Comparison(where, words, last["cv"], paper["cv"]["last"], None, first["cv"], "cv")]


def trend(records: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how the numbers of the figure move while the network learns.

    Parameters
    ----------
    records : list of mapping
        Measurements of one layer, in the order of epochs, the first one before training.

    Returns
    -------
    list of dict
        `number`; its values `untrained`, `early` (first measurement after training began) and `last`; `as_the_paper`
        and `from_untrained`: whether it moved the paper's way from `early` and from `untrained`.

    Examples
    --------
    >>> cloud = [{"cv": cv, "ad_avg": 0.5, "dp_normal_share": 0.9} for cv in (0.25, 0.3, 0.2)]
    >>> row = trend(cloud)[0]
    >>> row["as_the_paper"], row["from_untrained"]
    (True, True)
    """
    untrained, early, last = records[0], records[min(1, len(records) - 1)], records[-1]
    return [
        {
            "number": number,
            "untrained": untrained[number],
            "early": early[number],
            "last": last[number],
            "as_the_paper": way * (last[number] - early[number]) > 0,
            "from_untrained": way * (last[number] - untrained[number]) > 0,
        }
        for number, way in TRENDS.items()
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    return [_trend_table(results), _epoch_table(results), _score_table(results)]


def _trend_table(results: Mapping[str, Any]) -> Table:
    records = _raw(results)
    rows = [
        [
            LABELS[row["number"]],
            *(shown(row[when], KINDS[row["number"]]) for when in ("untrained", "early", "last")),
            "falls" if TRENDS[row["number"]] < 0 else "rises",
            *("yes" if row[which] else "no" for which in ("as_the_paper", "from_untrained")),
        ]
        for row in trend(records)
    ]
    epochs = [f"epoch {record['epoch']}" for record in (records[0], records[min(1, len(records) - 1)], records[-1])]
    header = ["", *epochs, "in the paper", f"so from {epochs[1]}", f"so from {epochs[0]}"]
    return Table("Which way the numbers go", header, rows, [_pictures(results), f"layer: {results['curve']['layer']}"])


def _epoch_table(results: Mapping[str, Any]) -> Table:
    numbers = {name: LABELS[name] for name in KINDS}
    extras = {"norm_mean": "mean norm", "alignment": "alignment", "uniformity": "uniformity"}
    rows = [
        [
            str(record["epoch"]),
            *(shown(record[name], KINDS[name]) for name in numbers),
            *(shown(record[name], "number") for name in extras),
        ]
        for record in _raw(results)
    ]
    return Table("Over the epochs", ["epoch", *numbers.values(), *extras.values()], rows, [_pictures(results)])


def _score_table(results: Mapping[str, Any]) -> Table:
    rows = [
        [score["layer"], str(score["epoch"]), share(score["knn"]), share(score["linear_probe"])]
        for score in results["curve"]["downstream"]
    ]
    header = ["layer", "epoch", "kNN (cosine, k = 20)", "linear probe"]
    return Table("What the classes say: frozen features judged on the test set", header, rows, [_pictures(results)])


def _pictures(results: Mapping[str, Any]) -> str:
    data = results["curve"]["data"]
    return f"{data['pictures']}: {data['n_train']:,} pictures trained on, {data['n_test']:,} test pictures measured"


SETTINGS = MLPSettings(epochs=30, every_n_epochs=2)

FIG4 = Experiment(
    name="fig4",
    summary="a two-layer network on CIFAR-10 over the epochs",
    place="Figure 4",
    settings=SETTINGS,
    quick=replace(SETTINGS, n_train=5_000, n_test=2_000, n_scored=2_000, epochs=6, every_n_epochs=1, n_hidden=256),
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("curve", (9.0, 4.5), draw_curve),),
    choices=(
        Choice("n_features", "every percentage that the paper prints for CIFAR-10 is a multiple of 1/128"),
        Choice("n_hidden", "the width that two cores train in minutes"),
        Choice("pixels", "the usual normalisation of CIFAR-10"),
        Choice("samples_per_test", "what the same group states in later work; see the experiment table1-choices"),
        Choice("repeats", "averages of about 20 tests give the shares of 100 % that the paper prints"),
    ),
    notes=(
        "The paper trains 100 epochs, this run 30: --set epochs=100 trains as many.",
        "The figure of the paper begins after training has begun: look at epoch 0, too.",
    ),
)
