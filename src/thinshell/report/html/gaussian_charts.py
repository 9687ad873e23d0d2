"""The pictures of a fitted model and of scored rows, each answering one question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thinshell.report.gaussian_panels import PitPanel, batch_of, pit_panel
from thinshell.report.html.chart import Chart, axis, bins, colour_scale
from thinshell.report.html.diagnosis_charts import tooltip
from thinshell.report.numbers import count, percent, rounded

__all__ = ["calibration_chart", "pit_answer", "scored_chart"]

_BATCH_ANSWERS = {
    "farther": "No, they lie farther out",
    "nearer": "No, they lie nearer to the mean",
    "wider": "On average yes, but too many lie both near and far",
    "narrower": "On average yes, but their distances are more alike",
    "alike": "Yes",
}


def calibration_chart(result: Mapping[str, Any]) -> Chart | None:
    """Return where held-out rows lie among the model's own; None without them.

    Examples
    --------
    >>> histogram = {"edges": [0, 0.5, 1], "counts": [48, 52], "low": [37, 37], "high": [63, 63]}
    >>> chart = calibration_chart({"calibration": {"verdict": "calibrated", "histogram": histogram}})
    >>> chart.key, chart.answer
    ('calibration', 'Yes: 2 of 2 bars end inside the band, as 99 in 100 of a right model do.')
    """
    panel = pit_panel(result)
    if panel is None:
        return None
    verdict = str((result.get("calibration") or {}).get("verdict"))
    yes = {"calibrated": "Yes", "inconclusive": "Too few rows to tell"}.get(verdict, "No")
    return _chart("calibration", "Do held-out rows lie where the model says?", f"{yes}: {pit_answer(panel)}", panel)


def scored_chart(result: Mapping[str, Any]) -> Chart | None:
    """Return where scored rows lie among the model's own; None where the model gives no p-values.

    Examples
    --------
    >>> scored_chart({"pit": None}) is None
    True
    """
    panel, batch = pit_panel(result), batch_of(result)
    if panel is None:
        return None
    seen = "" if batch is None else f"{_BATCH_ANSWERS[batch.kind]}: "
    answer = seen + pit_answer(panel)
    return _chart("scored", "Do these rows lie where the model’s own lie?", answer, panel)


def pit_answer(panel: PitPanel) -> str:
    """Return how many bars are as they should be, and which is farthest off.

    Examples
    --------
    >>> panel = PitPanel([0, 0.5, 1], [30, 70], [50, 50], [37, 37], [63, 63])
    >>> pit_answer(panel)[:70]
    '0 of 2 bars end inside the band, as 99 in 100 of a right model do. The'
    """
    number = len(panel.counts)
    if panel.low is None or panel.high is None:
        return f"{count(panel.n_rows)} rows in {number} bars. Those of a right model are all about as high."
    outside = panel.outside()
    words = f"{number - len(outside)} of {number} bars end inside the band, as 99 in 100 of a right model do."
    if not outside or panel.expected is None:
        return words
    off = max(outside, key=lambda place: abs(panel.counts[place] - panel.expected[place]))  # type: ignore[index]
    ends = f"{percent(panel.edges[off])} to {percent(panel.edges[off + 1])}"
    rows = f"{count(panel.counts[off])} rows where {rounded(panel.expected[off])} are expected"
    return f"{words} The farthest off, at {ends}: {rows}."


def _chart(key: str, title: str, answer: str, panel: PitPanel) -> Chart:
    x: dict[str, Any] = {"field": "left", "type": "quantitative", "bin": "binned"}
    x["axis"] = axis("model’s own rows that lie nearer to the mean", format="%", tickCount=5)
    x["scale"] = {"domain": [panel.edges[0], panel.edges[-1]], "nice": False}
    y = {"field": "value", "type": "quantitative", "axis": axis("rows")}
    expected = "expected, with the band" if panel.low and panel.high else "expected"
    names = {"measured": "measured", **({expected.replace(" ", "_"): "expected"} if panel.expected else {})}
    colour = {"scale": colour_scale(**names), "datum": "measured"}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": _bars(panel)},
            "mark": {"type": "bar", "binSpacing": 1},
            "encoding": {"x": x, "x2": {"field": "right"}, "y": y, "color": colour, "tooltip": _tooltip(panel)},
        }
    ]
    if panel.low is not None and panel.high is not None:
        layers.append(_band(panel, x))
    if panel.expected is not None:
        # A step over each bin, the last one to its end.
        steps = [
            {"left": edge, "value": rows}
            for edge, rows in zip(panel.edges, [*panel.expected, panel.expected[-1]], strict=True)
        ]
        place = {name: value for name, value in x.items() if name != "bin"}
        layers.append(
            {
                "data": {"values": steps},
                "mark": {"type": "line", "strokeWidth": 2, "interpolate": "step-after"},
                "encoding": {"x": place, "y": y, "color": {**colour, "datum": expected}},
            }
        )
    alt = f"Histogram of {count(panel.n_rows)} rows by the share of the model’s own rows that lie nearer to the mean. "
    return Chart(key, title, answer, alt + answer, layers)


def _bars(panel: PitPanel) -> list[dict[str, Any]]:
    rows = bins(panel.edges, panel.counts)
    for name, values in (("expected", panel.expected), ("low", panel.low), ("high", panel.high)):
        if values is not None:
            rows = [{**row, name: value} for row, value in zip(rows, values, strict=True)]
    return rows


def _tooltip(panel: PitPanel) -> list[dict[str, Any]]:
    left, right, rows = tooltip("rows")
    shown = [{**left, "format": ".0%"}, {**right, "format": ".0%"}, rows]
    for name, words, values in (
        ("expected", "expected", panel.expected),
        ("low", "band from", panel.low),
        ("high", "band to", panel.high),
    ):
        if values is not None:
            shown.append({"field": name, "type": "quantitative", "title": words, "format": ",.4~g"})
    return shown


def _band(panel: PitPanel, x: Mapping[str, Any]) -> dict[str, Any]:
    """Return the band that 99 in 100 bars of a right model end in, over the bars."""
    rows = [
        {**row, "high": high} for row, high in zip(bins(panel.edges, panel.low or []), panel.high or [], strict=True)
    ]
    return {
        "data": {"values": rows},
        "mark": {"type": "rect", "color": "var(--expected)", "opacity": 0.28, "tooltip": None},
        "encoding": {
            "x": x,
            "x2": {"field": "right"},
            "y": {"field": "value", "type": "quantitative"},
            "y2": {"field": "high"},
        },
    }
