"""What each picture of a training run shows, taken from its plain result: no drawing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thinshell.report.panels import AD_LIMIT

__all__ = ["Line", "NormFrame", "TrainingPanel", "norm_frames", "training_numbers", "training_panel"]

# What is drawn besides what is measured of the embeddings: it stands in the history, by epoch.
LOSS = "loss"
# In the order of a report; {tests} and {rows} are the protocol.
LABELS = {
    "loss": "loss, mean over the epoch",
    "cv": "CV of the norms",
    "norm_mean": "mean norm",
    "ad_avg": "A², mean of {tests}",
    "ad_normal_share": "coordinates normal by AD",
    "dp_avg": "p of D'Agostino–Pearson, mean of {tests}",
    "dp_normal_share": "coordinates normal by DP",
    "alignment": "alignment of positive pairs",
    "positive_cosine": "cosine of positive pairs, mean",
    "uniformity": "uniformity, t = 2",
    "mean_direction_norm": "length of the mean direction",
    "effective_rank": "effective rank",
    "participation_ratio": "participation ratio",
}
SHARES = ("ad_normal_share", "dp_normal_share")
# Of directions: the same whatever was done to the lengths, so that one line says it.
DIRECTIONS = ("alignment", "positive_cosine", "uniformity", "mean_direction_norm")
# Of lengths: unit rows have nothing to tell.
LENGTHS = ("norm_mean", "cv")
# The paper's thresholds (Betser, Gofer, Levi and Gilboa 2026, Table 1).
LIMITS = {"ad_avg": (AD_LIMIT, "A² = 0.752, 5 % point"), "dp_avg": (0.05, "p = 0.05")}
ROWS = {"none": "raw", "l2": "unit rows"}


@dataclass(frozen=True)
class Line:
    """One number of one layer over the epochs.

    Attributes
    ----------
    name : str
        Layer and what was done to the rows; empty for the loss.
    layer, normalize : str or None
    epochs : sequence of int
        Epochs of training behind each value; 0 is before training.
    values : sequence of float or None
        None where the number did not apply.
    expected : sequence of float or None
        What a Gaussian of the same mean and spectrum would have, where that is known.
    """

    name: str
    layer: str | None
    normalize: str | None
    epochs: Sequence[int]
    values: Sequence[float | None]
    expected: Sequence[float | None] | None


@dataclass(frozen=True)
class TrainingPanel:
    """One monitored number over the epochs.

    Attributes
    ----------
    number : str
        Key of the records.
    label : str
        In words, with the protocol.
    is_share : bool
        Whether it is to be read in per cent.
    lines : sequence of Line
    limit : tuple of float and str, or None
        Threshold and its words.
    """

    number: str
    label: str
    is_share: bool
    lines: Sequence[Line]
    limit: tuple[float, str] | None


@dataclass(frozen=True)
class NormFrame:
    """The norms of one layer at one epoch, in bins of their own."""

    epoch: int
    layer: str
    edges: Sequence[float]
    counts: Sequence[int]
    cv: float | None
    cv_reference: float | None


def training_numbers(result: Mapping[str, Any]) -> list[str]:
    """Return the names of the numbers that a run has, in the order of a report.

    Examples
    --------
    >>> training_numbers({"history": [{"epoch": 1, "loss": 2.5}],
    ...                   "gaussianity": [{"epoch": 0, "cv": 0.1, "ad_avg": None}]})
    ['loss', 'cv']
    """
    return [number for number in LABELS if any(_is_number(v) for line in _lines(result, number) for v in line.values)]


def training_panel(result: Mapping[str, Any], number: str) -> TrainingPanel | None:
    """Return one number over the epochs, epoch 0 first; None where it was not measured.

    Examples
    --------
    >>> panel = training_panel({"gaussianity": [
    ...     {"epoch": 0, "layer": "representation", "normalize": "none", "ad_avg": 0.9},
    ...     {"epoch": 1, "layer": "representation", "normalize": "none", "ad_avg": 0.4}]}, "ad_avg")
    >>> panel.lines[0].epochs, panel.lines[0].values, panel.limit[0]
    ([0, 1], [0.9, 0.4], 0.752)
    """
    if number not in training_numbers(result):
        return None
    lines = [line for line in _lines(result, number) if any(_is_number(value) for value in line.values)]
    return TrainingPanel(
        number=number,
        label=LABELS[number].format(tests=_tests(result)),
        is_share=number in SHARES,
        lines=lines,
        limit=LIMITS.get(number),
    )


def norm_frames(result: Mapping[str, Any]) -> list[NormFrame]:
    """Return the histograms of the norms that a run kept, by layer and epoch.

    Examples
    --------
    >>> norm_frames({"gaussianity": [{"epoch": 0, "normalize": "l2", "norm_histogram": None}]})
    []
    """
    kept = [record for record in result.get("gaussianity") or [] if (record.get("norm_histogram") or {}).get("counts")]
    frames = [
        NormFrame(
            epoch=record["epoch"],
            layer=str(record.get("layer")),
            edges=record["norm_histogram"]["edges"],
            counts=record["norm_histogram"]["counts"],
            cv=record.get("cv"),
            cv_reference=record.get("cv_reference"),
        )
        for record in kept
    ]
    return sorted(frames, key=lambda frame: (frame.layer, frame.epoch))


def _lines(result: Mapping[str, Any], number: str) -> Iterator[Line]:
    if number == LOSS:
        rows = result.get("history") or []
        if rows:
            yield Line("", None, None, [row["epoch"] for row in rows], [row.get(LOSS) for row in rows], None)
        return
    records = result.get("gaussianity") or []
    kinds = dict.fromkeys((record.get("layer"), record.get("normalize")) for record in records)
    seen: set[Any] = set()
    for layer, normalize in kinds:
        if (number in LENGTHS and normalize == "l2") or (number in DIRECTIONS and layer in seen):
            continue
        seen.add(layer)
        chosen = [one for one in records if (one.get("layer"), one.get("normalize")) == (layer, normalize)]
        chosen.sort(key=lambda record: record["epoch"])
        yield Line(
            name=str(layer) if number in DIRECTIONS else f"{layer}, {ROWS.get(str(normalize), normalize)}",
            layer=layer,
            normalize=normalize,
            epochs=[record["epoch"] for record in chosen],
            values=[record.get(number) for record in chosen],
            expected=[record.get("cv_reference") for record in chosen] if number == "cv" else None,
        )


def _tests(result: Mapping[str, Any]) -> str:
    monitor = (result.get("config") or {}).get("monitor") or {}
    asked, repeats = monitor.get("samples_per_test"), monitor.get("repeats")
    if not asked or not repeats:
        return "its tests"
    measured = max((record.get("n_samples") or 0 for record in result.get("gaussianity") or []), default=asked)
    # With no more rows than one test takes there is one test, of all of them.
    return f"1 test of {measured:,} rows" if measured <= asked else f"{repeats} tests of {asked:,} rows"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
