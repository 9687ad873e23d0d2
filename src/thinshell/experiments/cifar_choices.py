"""What the paper leaves unstated about CIFAR-10, varied one thing at a time on fewer pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_columns import CIFAR_CHOICES, SMALL, run_column, seconds_of
from thinshell.experiments.cifar_pictures import draw_variants
from thinshell.experiments.cifar_settings import ResNetSettings
from thinshell.experiments.cifar_tables import GAUSSIAN_CV
from thinshell.experiments.experiment import Experiment, Picture, Table
from thinshell.experiments.published import TABLE1_NUMBERS, table1_column
from thinshell.experiments.table1 import KINDS, LABELS
from thinshell.experiments.tabulate import shown
from thinshell.report.numbers import share

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["CIFAR10_CHOICES", "VARIANTS", "Variant"]


@dataclass(frozen=True)
class Variant:
    """One run that differs from the basis in one thing.

    Attributes
    ----------
    name : str
        Of its part.
    kind : {"supervised", "contrastive"}
    words : str
        What is different.
    changes : mapping
        Settings.
    """

    name: str
    kind: str
    words: str
    changes: Mapping[str, Any]


# The same change for both columns: name, words, settings.
_BOTH = (
    ("", "as in cifar10", {}),
    ("linear", "one linear layer from h to z", {"projector": "linear"}),
    ("cifar-stem", "the stem for pictures of 32x32", {"stem": "cifar"}),
    ("group-norm", "groups of one picture normalised, not the batch", {"normalization": "group"}),
    ("no-norm", "nothing normalised", {"normalization": "none"}),
    ("no-decay", "no weight decay", {"weight_decay": 0.0}),
    ("fast", "four times the learning rate", {"learning_rate": 4e-3}),
)
_SUPERVISED = (
    ("on-z", "a linear classifier on z", {"classifier": "linear"}),
    ("relu-on-z", "a ReLU and a linear classifier on z", {"classifier": "relu_linear"}),
    ("direct", "cross-entropy on the d numbers of z", {"classifier": "none"}),
    ("as-is", "pictures as they are", {"supervised_views": "none"}),
    ("crop-flip", "a shifted crop and a flip only", {"supervised_views": "crop_flip"}),
)
_CONTRASTIVE = (
    ("head", "a ReLU and a layer between z and the loss", {"head": "relu_linear"}),
    ("mlp-bn", "both layers from h to z normalised over the batch", {"projector": "mlp_batchnorm"}),
)
VARIANTS = tuple(
    Variant(f"{kind}-{name}".removesuffix("-"), kind, words, changes)
    for kind, own in (("supervised", _SUPERVISED), ("contrastive", _CONTRASTIVE))
    for name, words, changes in _BOTH + own
)
BASIS = replace(
    SMALL,
    widths=(16, 32, 64, 128),
    blocks=(1, 1, 1, 1),
    n_train=10_000,
    n_test=5_000,
    n_scored=5_000,
    epochs=12,
    batch_size=128,
    every_n_epochs=6,
)
QUICK = replace(BASIS, n_train=2_000, n_test=1_000, n_scored=1_000, epochs=2, every_n_epochs=1)


def _run(settings: ResNetSettings, context: Context) -> dict[str, Any]:
    context.plan({one.name: seconds_of(settings, one.kind) for one in VARIANTS})
    runs = {}
    for one in VARIANTS:
        result = run_column(replace(settings, **one.changes), context, one.kind, one.name)
        runs[one.name] = {"kind": one.kind, "words": one.words, "changes": dict(one.changes), **result}
    return {"runs": runs}


def _tables(results: Mapping[str, Any]) -> list[Table]:
    return [_layer_table(results, layer, words) for layer, words in LAYERS.items()]


LAYERS = {"projection": "the projection z", "representation": "the representation h"}


def _layer_table(results: Mapping[str, Any], layer: str, words: str) -> Table:
    rows: list[Sequence[str]] = []
    for result in results["runs"].values():
        records = [one for one in result["all_records"] if (one["layer"], one["normalize"]) == (layer, "none")]
        score = [one for one in result["downstream"] if one["layer"] == layer][-1]
        numbers = [shown(records[-1][number], KINDS[number]) for number in TABLE1_NUMBERS]
        gaussian = shown(records[-1]["cv_reference"], KINDS["cv"])
        rows.append([result["kind"], result["words"], *numbers, gaussian, share(score["linear_probe"])])
    for kind in ("supervised", "contrastive"):
        paper = table1_column(f"cifar-{kind}")
        rows.append(
            [f"paper, {kind}", "", *(shown(paper[number], KINDS[number]) for number in TABLE1_NUMBERS), "-", "-"]
        )
    data = next(iter(results["runs"].values()))["data"]
    notes = [f"{data['pictures']}: {data['n_train']:,} pictures trained on, {data['n_test']:,} test pictures measured"]
    header = ["", "differs in", *(LABELS[number] for number in TABLE1_NUMBERS), GAUSSIAN_CV, "linear probe"]
    return Table(f"After training, {words}", header, rows, notes)


CIFAR10_CHOICES = Experiment(
    name="cifar10-choices",
    summary="the unstated choices behind the CIFAR-10 columns, one varied at a time",
    place="Table 1",
    settings=BASIS,
    quick=QUICK,
    run=_run,
    tables=_tables,
    pictures=(Picture("variants", (9.0, 6.0), draw_variants),),
    choices=CIFAR_CHOICES,
    notes=(
        "Fewer pictures, a smaller network and a smaller batch than in the experiment cifar10, so that all runs fit "
        "into an hour: compare them with each other.",
    ),
)
