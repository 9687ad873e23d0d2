"""The CIFAR-10 columns of Table 1 side by side: what labels and what views do to the same encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_columns import CIFAR_CHOICES, PAPER_SIZE, QUICK, SMALL, run_column, seconds_of
from thinshell.experiments.cifar_pictures import draw_layers
from thinshell.experiments.cifar_settings import ResNetSettings
from thinshell.experiments.cifar_tables import contrast_table, layer_table, pairing_table, score_table
from thinshell.experiments.experiment import Comparison, Experiment, Picture, Table
from thinshell.experiments.published import TABLE1_NUMBERS, table1_column
from thinshell.experiments.table1 import KINDS, LABELS
from thinshell.experiments.table1_pictures import draw_curves, draw_numbers

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["CIFAR10", "CIFAR10_RESNET18"]

KINDS_OF_TRAINING = ("supervised", "contrastive")
_READING = (
    "With classifier=representation labels act on h, and z of the supervised column is what the projector, at its "
    "first weights, makes of h; with classifier=linear they act on z. The paper does not say which."
)


def _run(settings: ResNetSettings, context: Context) -> dict[str, Any]:
    context.plan({f"cifar-{kind}": seconds_of(settings, kind) for kind in KINDS_OF_TRAINING})
    return {"columns": {f"cifar-{kind}": run_column(settings, context, kind) for kind in KINDS_OF_TRAINING}}


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    """Each number beside the paper's; only to look at where the encoder is not the paper's."""
    return [
        Comparison(
            f"{result['data']['pictures']}: {name.removeprefix('cifar-')}",
            LABELS[number],
            result["columns"][name][number],
            table1_column(name)[number],
            None,
            result["baseline"][number],
            KINDS[number],
        )
        for name, result in results["columns"].items()
        for number in TABLE1_NUMBERS
    ]


def _tables(results: Mapping[str, Any]) -> list[Table]:
    return [contrast_table(results), pairing_table(results), layer_table(results), score_table(results)]


_SHARED: dict[str, Any] = {
    "place": "Table 1",
    "run": _run,
    "comparisons": _comparisons,
    "tables": _tables,
    "pictures": (
        Picture("numbers", (9.0, 6.0), draw_numbers),
        Picture("epochs", (9.0, 5.0), draw_curves),
        Picture("layers", (9.0, 5.0), draw_layers),
    ),
    "choices": CIFAR_CHOICES,
}

CIFAR10 = Experiment(
    name="cifar10",
    summary="supervised against contrastive, a ResNet-18 of half the width that two cores can train",
    settings=SMALL,
    quick=QUICK,
    notes=(
        "The network is half as wide as the paper's ResNet-18: what is compared is the contrast between the columns. "
        "For the paper's run see the experiment cifar10-resnet18.",
        _READING,
    ),
    **_SHARED,
)
CIFAR10_RESNET18 = Experiment(
    name="cifar10-resnet18",
    summary="supervised against contrastive, the paper's ResNet-18 and 100 epochs, for a GPU",
    settings=PAPER_SIZE,
    quick=QUICK,
    notes=(
        "Pictures and augmentation stay on the GPU, numbers are bfloat16 under autocast, memory is channels-last. "
        "With --time-limit 540 the run saves itself in time; --resume goes on.",
        _READING,
    ),
    **_SHARED,
)
