"""A training run as a page: every monitored number over the epochs, and the norms epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thinshell.report.html.chart import Chart, axis, bins
from thinshell.report.html.diagnosis_charts import tooltip
from thinshell.report.html.document import drawn, fill, parts, specifications, table
from thinshell.report.html.provenance import provenance
from thinshell.report.numbers import count, fixed, rounded, share
from thinshell.report.panels import density
from thinshell.report.training_panels import (
    NormFrame,
    TrainingPanel,
    norm_frames,
    training_numbers,
    training_panel,
)

__all__ = ["training_page"]

COLOURS = ("measured", "second", "departing", "muted", "ink")
WIDTH, HEIGHT = 440, 220


def training_page(result: Mapping[str, Any]) -> str:
    """Return the page of a training run (schema ``thinshell/training/1``)."""
    config, data = result.get("config") or {}, result.get("data") or {}
    encoder, objective = (config.get(part) or {} for part in ("encoder", "objective"))
    names = f"{encoder.get('name')} encoder, {objective.get('name')}, {data.get('name')}"
    found = [training_panel(result, number) for number in training_numbers(result)]
    drawings = [drawn(_lines_chart(panel), WIDTH, HEIGHT) for panel in found if panel is not None]
    order = dict.fromkeys(str(record.get("layer")) for record in result.get("gaussianity") or [])
    frames_of = sorted(norm_frames(result), key=lambda frame: (list(order).index(frame.layer), frame.epoch))
    norms, norm_drawings, frames = _norms(frames_of)
    unfinished = [] if result.get("finished", True) else ["The run was stopped before its last epoch."]
    page = {
        "kind": "training",
        "kind_words": "training run",
        "title": names,
        "heading": names,
        "data_words": (
            f"{result.get('epochs')} of {config.get('epochs')} epochs, {count(result.get('steps'))} steps, "
            f"{rounded(result.get('seconds'))} s, seed {config.get('seed')}"
        ),
        "notes": unfinished,
        "tables": [*_tables(result), _settings(config)],
        "charts": [shown for shown, _ in drawings],
        "norms": norms,
        "provenance": provenance(_origin(result), names),
        "parts": parts(
            ("verdict", "The run", True),
            ("pictures", "Over the epochs", drawings),
            ("reading", "How to read this", True),
            ("provenance", "Origin", True),
        ),
    }
    data_of_page = {"charts": specifications([*norm_drawings, *drawings]), "result": result, "norms": frames}
    return fill("training.html", data_of_page, page)


def _origin(result: Mapping[str, Any]) -> dict[str, Any]:
    environment, config = result.get("environment") or {}, result.get("config") or {}
    versions = {name: environment.get(name) for name in ("python", "torch")}
    origin = result.get("provenance") or {}
    return {
        "source": {"fingerprint": (result.get("data") or {}).get("fingerprint")},
        "seed": config.get("seed"),
        "thinshell_version": result.get("thinshell_version"),
        "provenance": {"versions": versions, **origin},
    }


def _tables(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a table a layer: every number before training and after it."""
    records = result.get("gaussianity") or []
    for layer in dict.fromkeys(record.get("layer") for record in records):
        chosen = [record for record in records if record.get("layer") == layer]
        epochs = sorted({record["epoch"] for record in chosen})
        ends = list(dict.fromkeys((epochs[0], epochs[-1])))
        kinds = list(dict.fromkeys(record.get("normalize") for record in chosen))
        columns = [
            record
            for kind in kinds
            for epoch in ends
            for record in chosen
            if (record["epoch"], record.get("normalize")) == (epoch, kind)
        ]
        words = {"none": "raw", "l2": "unit rows"}
        heads = [
            f"{words.get(str(one.get('normalize')), one.get('normalize'))}, epoch {one['epoch']}" for one in columns
        ]
        rows = [[label, *(show(record.get(key)) for record in columns)] for label, key, show in _ROWS]
        detail = f"{count(columns[0].get('n_samples'))} rows measured" if columns else ""
        yield table(f"Before and after: {layer}", ["", *heads], rows, detail)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration as a table of dotted names."""
    rows = [[name, value] for name, value in _flat("", config)]
    return table(
        "Settings", ["setting", "value"], rows, "what the configuration file says, or was left to say", text=[1]
    )


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), entry)
    elif value is not None:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _three(value: float | None) -> str:
    return fixed(value, 3)


_ROWS = (
    ("CV", "cv", _three),
    ("CV of a Gaussian of this spectrum", "cv_reference", _three),
    ("AD Avg. (< 0.752)", "ad_avg", fixed),
    ("AD Norm. Feat.", "ad_normal_share", share),
    ("DP Avg. (> 0.05)", "dp_avg", fixed),
    ("DP Norm. Feat.", "dp_normal_share", share),
    ("alignment", "alignment", fixed),
    ("positive pairs, cosine", "positive_cosine", fixed),
    ("uniformity", "uniformity", fixed),
    ("effective rank", "effective_rank", rounded),
)


def _lines_chart(panel: TrainingPanel) -> Chart:
    rows = [
        {"epoch": epoch, "value": value, "line": line.name or panel.label}
        for line in panel.lines
        for epoch, value in zip(line.epochs, line.values, strict=True)
        if value is not None
    ]
    names = [line.name or panel.label for line in panel.lines]
    last = max(1, *(epoch for line in panel.lines for epoch in line.epochs))
    x = {"field": "epoch", "type": "quantitative", "axis": axis("epochs of training", tickMinStep=1, format="d")}
    x["scale"] = {"domain": [0, last], "nice": False}
    # The title above the chart says what it is, with more room.
    value_axis = axis("", format="%") if panel.is_share else axis("")
    y = {"field": "value", "type": "quantitative", "axis": value_axis, "scale": {"zero": False}}
    colours = [f"var(--{COLOURS[place % len(COLOURS)]})" for place in range(len(names))]
    colour: dict[str, Any] = {"field": "line", "type": "nominal", "scale": {"domain": names, "range": colours}}
    if len(names) == 1:
        colour["legend"] = None
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": rows},
            "mark": {"type": "line", "point": {"size": 30}},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "tooltip": [
                    {"field": "line", "title": "of"},
                    {"field": "epoch", "format": "d"},
                    {"field": "value", "format": ".1%" if panel.is_share else ".4~g"},
                ],
            },
        }
    ]
    for line, tint in zip(panel.lines, colours, strict=True):
        expected = [
            {"epoch": epoch, "value": one} for epoch, one in zip(line.epochs, line.expected or [], strict=False)
        ]
        if expected:
            dashed = {"type": "line", "strokeDash": [2, 3], "color": tint}
            layers.append({"data": {"values": expected}, "mark": dashed, "encoding": {"x": x, "y": y}})
    if panel.limit is not None:
        at = {"values": [{"value": panel.limit[0]}]}
        layers.append({"data": at, "mark": {"type": "rule", "strokeDash": [4, 3]}, "encoding": {"y": y}})
    ends = "; ".join(_ends(line.name or panel.label, line.epochs, line.values) for line in panel.lines)
    title = panel.label if panel.label.startswith("p ") else panel.label[0].upper() + panel.label[1:]
    answer = f"Dashed: {panel.limit[1]}." if panel.limit else ""
    if any(line.expected for line in panel.lines):
        answer = "Dotted: a Gaussian of the same mean and spectrum."
    return Chart(f"line-{panel.number.replace('_', '-')}", title, answer, f"{panel.label} over epochs. {ends}.", layers)


def _ends(name: str, epochs: Sequence[int], values: Sequence[float | None]) -> str:
    known = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if value is not None]
    (first, start), (last, end) = known[0], known[-1]
    return f"{name}: {rounded(start)} at epoch {first}, {rounded(end)} at epoch {last}"


def _norms(frames: Sequence[NormFrame]) -> tuple[dict[str, Any] | None, list[Any], Any]:
    """Return the histogram with the slider, its drawing, and the bars of every epoch for the script."""
    if not frames:
        return None, [], None
    layers = {
        layer: [{"epoch": one.epoch, "bars": _bars(one), "words": _words(one)} for one in frames if one.layer == layer]
        for layer in dict.fromkeys(frame.layer for frame in frames)
    }
    first = next(iter(layers.values()))
    ends = {layer: _ends_of(steps) for layer, steps in layers.items()}
    low, high, tallest = next(iter(ends.values()))
    x = {"field": "left", "type": "quantitative", "bin": "binned", "axis": axis("norm of a row")}
    x["scale"] = {"domainMin": {"expr": "low"}, "domainMax": {"expr": "high"}, "nice": False, "zero": False}
    y = {"field": "value", "type": "quantitative", "axis": axis("share of rows per unit of norm")}
    y["scale"] = {"domainMin": 0, "domainMax": {"expr": "tallest"}}
    mark = {
        "data": {"name": "bars", "values": first[-1]["bars"]},
        "mark": {"type": "bar", "binSpacing": 0, "clip": True},
        "encoding": {"x": x, "x2": {"field": "right"}, "y": y, "tooltip": tooltip("share of rows per unit")},
    }
    answer = first[-1]["words"]
    alt = f"Histogram of the norms of the rows. {answer}"
    named = {"low": low, "high": high, "tallest": tallest}
    extra = {"params": [{"name": name, "value": value} for name, value in named.items()]}
    drawing = drawn(Chart("norms", "Does a thin shell form?", answer, alt, [mark], extra), 720, 240)
    shown = {"chart": drawing[0], "layers": list(layers), "epochs": [step["epoch"] for step in first]}
    return shown, [drawing], {"layers": layers, "ends": ends}


def _ends_of(steps: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Return lowest and highest norm and the tallest bar of one layer over all epochs."""
    bars = [bar for step in steps for bar in step["bars"]]
    low = min(bar["left"] for bar in bars)
    return min(0.0, low), max(bar["right"] for bar in bars), max(bar["value"] for bar in bars)


def _words(frame: NormFrame) -> str:
    when = f"After epoch {frame.epoch}" if frame.epoch else "Before training"
    return f"{when}: CV {fixed(frame.cv, 3)}, a Gaussian of that spectrum {fixed(frame.cv_reference, 3)}."


def _bars(frame: NormFrame) -> list[dict[str, Any]]:
    """Return densities: the bins of each epoch have their own width."""
    return bins(frame.edges, density(frame.edges, frame.counts))
