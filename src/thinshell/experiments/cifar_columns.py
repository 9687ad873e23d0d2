"""The two CIFAR-10 columns of Table 1: the same encoder with the same first weights, with labels and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_settings import ResNetSettings
from thinshell.experiments.columns import Column
from thinshell.experiments.experiment import Choice

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["CIFAR_CHOICES", "CONTRASTIVE", "PAPER_SIZE", "QUICK", "SMALL", "SUPERVISED", "run_column", "seconds_of"]

# What two cores train in half an hour: 80 thousand weights.
SMALL = ResNetSettings(epochs=15, every_n_epochs=3)
# For a first look: minutes.
QUICK = replace(SMALL, n_train=4_000, n_test=2_000, n_scored=2_000, epochs=4, every_n_epochs=2, batch_size=128)
# The paper's run, for a GPU.
PAPER_SIZE = ResNetSettings(encoder="resnet18", epochs=100, every_n_epochs=10, n_scored=50_000, precision="bf16")
# Seconds of one core for one view, forward and back; of "resnet18" on a GPU. Only for the progress bar.
_SECONDS = {"small_resnet": 1.2e-3, "resnet18": 2e-4}


def seconds_of(settings: ResNetSettings, kind: str) -> float:
    """Return roughly how long a column takes, for the progress bar.

    Examples
    --------
    >>> seconds_of(SMALL, "contrastive") == 2 * seconds_of(SMALL, "supervised")
    True
    """
    views = 2 if kind == "contrastive" else 1
    return settings.of(kind).epochs * settings.n_train * views * _SECONDS.get(settings.encoder, _SECONDS["resnet18"])


def run_column(settings: ResNetSettings, context: Context, kind: str, part_name: str = "") -> dict[str, Any]:
    """Run one column, "supervised" or "contrastive", as a part of an experiment.

    Returns
    -------
    dict
        As `Column.run` returns it; further `all_records`: both layers, raw and normalised.
    """
    from thinshell.experiments.cifar_training import train_resnet

    def work(part: Any) -> Mapping[str, Any]:
        return train_resnet(settings.of(kind), kind, part)

    name = f"cifar-{kind}"
    result = context.part(part_name or name, settings.plain_of(kind), work)
    every = result.pop("records")
    records = [record for record in every if record["layer"] == settings.layer and record["normalize"] == "none"]
    return {
        **result,
        "all_records": every,
        "records": records,
        "baseline": records[0],
        "columns": {name: records[-1]},
    }


CIFAR_CHOICES = (
    Choice("n_features", "every percentage that the paper prints for CIFAR-10 is a multiple of 1/128"),
    Choice("layer", "what the loss or the classifier sees; the other layer stands in the table of layers"),
    Choice("stem", "the usual one for pictures of 32x32; the paper names the network, not its stem"),
    Choice("projector", "one linear layer; the others stand in the experiment cifar10-choices"),
    Choice("classifier", "one linear layer from z to the ten classes"),
    Choice("head", "InfoNCE sees z itself, as in the paper's theory"),
    Choice("supervised_views", "the usual augmentation of supervised CIFAR-10; the paper gives that of SimCLR only"),
    Choice("samples_per_test", "what the same group states in later work; see the experiment table1-choices"),
    Choice("repeats", "averages of about 20 tests give the shares of 100 % that the paper prints"),
)
_NOTE = (
    "The paper trains a ResNet-18 for 100 epochs on all 50,000 pictures (experiment cifar10-resnet18, for a GPU); the "
    "small network stands for it where there is none."
)

SUPERVISED = Column(
    name="cifar-supervised",
    settings=SMALL,
    quick=QUICK,
    units=lambda settings: seconds_of(settings, "supervised"),
    run=lambda settings, context: run_column(settings, context, "supervised"),
    choices=tuple(choice for choice in CIFAR_CHOICES if choice.setting != "head"),
    notes=(_NOTE,),
    needs_data=True,
)
CONTRASTIVE = Column(
    name="cifar-contrastive",
    settings=SMALL,
    quick=QUICK,
    units=lambda settings: seconds_of(settings, "contrastive"),
    run=lambda settings, context: run_column(settings, context, "contrastive"),
    choices=tuple(choice for choice in CIFAR_CHOICES if choice.setting not in ("classifier", "supervised_views")),
    notes=(_NOTE,),
    needs_data=True,
)
