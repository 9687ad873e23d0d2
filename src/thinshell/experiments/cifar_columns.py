"""The two CIFAR-10 columns of Table 1: the same encoder with the same first weights, with labels and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_settings import ResNetSettings, layer_words
from thinshell.experiments.columns import Column
from thinshell.experiments.experiment import Choice

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = [
    "CIFAR_CHOICES",
    "CONTRASTIVE",
    "PAPER_SIZE",
    "QUICK",
    "SMALL",
    "SUPERVISED",
    "run_column",
    "seconds_of",
]

# What the paper leaves unstated, as in the SimCLR code whose output width, weight decay, batch and jitter it has.
_AS_SIMCLR: dict[str, Any] = {
    "stem": "imagenet",
    "projector": "mlp",
    "classifier": "representation",
    "supervised_views": "simclr",
}
# What two cores train in half an hour: a ResNet-18 of half the width, 2.9 million weights.
SMALL = ResNetSettings(widths=(32, 64, 128, 256), blocks=(2, 2, 2, 2), epochs=15, every_n_epochs=3, **_AS_SIMCLR)
# For a first look: minutes.
QUICK = replace(SMALL, n_train=4_000, n_test=2_000, n_scored=2_000, epochs=4, every_n_epochs=2, batch_size=128)
# The paper's run, for a GPU.
PAPER_SIZE = ResNetSettings(
    encoder="resnet18", epochs=100, every_n_epochs=10, n_scored=50_000, precision="bf16", **_AS_SIMCLR
)
# Seconds of one core for one view, forward and back; of "resnet18" on a GPU. Only for the progress bar.
_SECONDS = {("small_resnet", "cifar"): 1.2e-3, ("small_resnet", "imagenet"): 8e-4}
_SECONDS_ON_A_GPU = 2e-4


def seconds_of(settings: ResNetSettings, kind: str) -> float:
    """Return roughly how long a column takes, for the progress bar.

    Examples
    --------
    >>> seconds_of(SMALL, "contrastive") == 2 * seconds_of(SMALL, "supervised")
    True
    """
    views = 2 if kind == "contrastive" else 1
    seconds = _SECONDS.get((settings.encoder, settings.stem), _SECONDS_ON_A_GPU)
    return settings.of(kind).epochs * settings.n_train * views * seconds


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
    words = layer_words(settings)
    return {
        **result,
        "layer": words[settings.layer],
        "layers": words,
        "all_records": every,
        "records": records,
        "baseline": records[0],
        "columns": {name: records[-1]},
    }


CIFAR_CHOICES = (
    Choice("n_features", "every percentage that the paper prints for CIFAR-10 is a multiple of 1/128"),
    Choice("stem", "torchvision's ResNet-18, which the widespread SimCLR code trains on CIFAR-10, has this one"),
    Choice("normalization", "a ResNet's own"),
    Choice("projector", "SimCLR's two layers from h to z"),
    Choice("classifier", "labels act on h, as is usual; SimCLR's projector is not part of a classifier"),
    Choice("head", "InfoNCE sees z itself, as in the paper's theory"),
    Choice("layer", "the same layer in both columns; the other stands in the table of layers"),
    Choice("supervised_views", "the paper lists SimCLR's augmentations and no others for CIFAR-10"),
    Choice("samples_per_test", "what the same group states in later work; see the experiment table1-choices"),
    Choice("repeats", "averages of about 20 tests give the shares of 100 % that the paper prints"),
)
_NOTE = (
    "The paper trains a ResNet-18 for 100 epochs on all 50,000 pictures (experiment cifar10-resnet18, for a GPU); the "
    "same network at half the width stands for it where there is none."
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
