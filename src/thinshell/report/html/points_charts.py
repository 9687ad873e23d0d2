"""Every coordinate or direction as a point, and the shape of the one that is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.report.html.chart import Chart, axis, bins, colour_scale
from thinshell.report.numbers import fixed, share
from thinshell.report.panels import PointsPanel, Shape

__all__ = ["histogram_chart", "points_chart", "points_rows", "quantile_chart", "shape_data"]

# Points drawn alone, and beside others; beyond, the most departing ones and every k-th other.
MOST_POINTS, MOST_BESIDE = 1024, 384
# Excess kurtosis beyond which the axis is logarithmic.
FAR = 6.0
_TITLES = {
    "coordinate": ("coordinates", "Which coordinates are odd?", "coordinates"),
    "direction": ("directions", "Is it only the axes?", "random directions"),
}


def points_rows(panel: PointsPanel) -> list[dict[str, Any]]:
    """Return what is drawn of each point: position, name, both statistics, and whether it looks normal.

    Examples
    --------
    >>> panel = PointsPanel("coordinate", ["0"], [0.4], [0.1], [0.0], "A²", 0.752, (-0.6, 0.6), 250, {})
    >>> points_rows(panel)
    [{'id': 0, 'name': '0', 'ad': 0.4, 'kurtosis': 0.1, 'skewness': 0.0, 'inside': True}]
    """
    low, high = panel.kurtosis_limits
    rows = []
    for place, (name, ad, kurtosis, skewness) in enumerate(
        zip(panel.names, panel.ad, panel.excess_kurtosis, panel.skewness, strict=True)
    ):
        if ad is None or kurtosis is None or not ad > 0:
            continue
        inside = ad < panel.ad_limit and low <= kurtosis <= high
        rows.append({"id": place, "name": name, "ad": ad, "kurtosis": kurtosis, "skewness": skewness, "inside": inside})
    return rows


def _thinned(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the rows that are drawn: the largest A² and every k-th other, where there are very many."""
    if len(rows) <= most:
        return rows
    ranked = sorted(rows, key=lambda row: -row["ad"])
    half = most // 2
    rest = ranked[half:]
    return sorted(ranked[:half] + rest[:: math.ceil(len(rest) / half)], key=lambda row: row["id"])


def points_chart(panel: PointsPanel, x_domain: Sequence[float] | None = None, y_domain: Any = None) -> Chart:
    """Return A^2 against excess kurtosis, the region where both look normal shaded."""
    key, title, noun = _TITLES[panel.kind]
    rows = points_rows(panel)
    alone = x_domain is None
    shown = _thinned(rows, MOST_POINTS if alone else MOST_BESIDE)
    x_ends, y_ends = x_domain or point_domains([panel])[0], y_domain or point_domains([panel])[1]
    along = axis("excess kurtosis (0 for a Gaussian)", **_ticks(x_ends))
    x = {"type": "quantitative", "axis": along, "scale": _symmetric(x_ends)}
    y = {
        "type": "quantitative",
        "axis": axis(panel.ad_words, format="~g", tickCount=5),
        "scale": {"type": "log", "domain": y_ends},
    }
    layers = _layers(panel, shown, {"x": x, "y": y}, (y_ends[0], panel.ad_limit), alone)
    inside = sum(row["inside"] for row in rows)
    words = (
        f"{inside:,} of {len(rows):,} {noun} ({share(inside / len(rows) if rows else None)}) lie in the shaded region: "
        f"A² below {panel.ad_limit:g} and tails that a test of {panel.n_limits:,} rows finds normal."
    )
    if panel.kind == "direction":
        words += " Of a Gaussian about nine in ten do."
    if len(shown) < len(rows):
        words += f" {len(shown):,} are drawn, the largest A² among them."
    alt = f"A squared against excess kurtosis of {len(rows):,} {noun}. {words}"
    start = panel.worst() if panel.kind == "coordinate" and alone else None
    extra = {"params": [{"name": "chosen", "value": start}]}
    return Chart(key, title, words, alt, layers, extra)


def _layers(
    panel: PointsPanel,
    shown: list[dict[str, Any]],
    position: dict[str, dict[str, Any]],
    heights: tuple[float, float],
    alone: bool,
) -> list[dict[str, Any]]:
    """Return the shaded region and the points."""
    x, y, (low, high) = position["x"], position["y"], panel.kurtosis_limits
    region = [{"low": low, "high": high, "bottom": heights[0], "top": heights[1]}]
    colour = {"field": "inside", "type": "nominal", "legend": None}
    colour["scale"] = {"domain": [True, False], "range": ["var(--measured)", "var(--departing)"]}
    tooltip = [
        {"field": "name", "type": "nominal", "title": panel.kind},
        {"field": "ad", "type": "quantitative", "title": "A²", "format": ".4~g"},
        {"field": "kurtosis", "type": "quantitative", "title": "excess kurtosis", "format": ".3~f"},
        {"field": "skewness", "type": "quantitative", "title": "skewness", "format": ".3~f"},
    ]
    chosen = {"test": "datum.id === chosen", "value": 140}
    return [
        {
            "data": {"values": region},
            "mark": {"type": "rect", "color": "var(--region)", "clip": True},
            "encoding": {
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "y": {**y, "field": "bottom"},
                "y2": {"field": "top"},
            },
        },
        {
            "data": {"values": shown},
            "mark": {
                "type": "point",
                "filled": True,
                "clip": True,
                "aria": False,
                **({"cursor": "pointer"} if alone else {}),
            },
            "encoding": {
                "x": {**x, "field": "kurtosis"},
                "y": {**y, "field": "ad"},
                "color": colour,
                "size": {"condition": chosen, "value": 26},
                "stroke": {"condition": {**chosen, "value": "var(--ink)"}, "value": None},
                "opacity": {"value": 0.8},
                "tooltip": tooltip,
            },
        },
    ]


def point_domains(several: Sequence[PointsPanel]) -> tuple[list[float], list[float]]:
    """Return ends of both axes that hold the points and the regions of all panels."""
    rows = [row for panel in several for row in points_rows(panel)]
    kurtoses = [row["kurtosis"] for row in rows] + [limit for panel in several for limit in panel.kurtosis_limits]
    heights = [row["ad"] for row in rows] + [0.3, 1.0]
    # The margin is even in what the axis shows: logarithmic far out.
    ends = [math.asinh(min(kurtoses) / 2), math.asinh(max(kurtoses) / 2)]
    margin = 0.04 * (ends[1] - ends[0])
    x = [2 * math.sinh(ends[0] - margin), 2 * math.sinh(ends[1] + margin)]
    return x, [0.85 * min(heights), 1.25 * max(heights)]


def _symmetric(ends: Sequence[float]) -> dict[str, Any]:
    """Return a scale that is linear about 0 and logarithmic far out, where kurtoses reach far."""
    scale: dict[str, Any] = {"domain": list(ends), "nice": False, "zero": False}
    return {**scale, "type": "symlog", "constant": 1} if _reach_far(ends) else scale


def _reach_far(ends: Sequence[float]) -> bool:
    return max(map(abs, ends)) > FAR


def _ticks(ends: Sequence[float]) -> dict[str, Any]:
    """Return the ticks of a symmetric logarithmic axis, which Vega sets far out only."""
    if not _reach_far(ends):
        return {}
    powers = [10.0**k for k in range(math.ceil(math.log10(max(map(abs, ends)))) + 1)]
    marks = [-power for power in reversed(powers)] + [0.0] + powers
    return {"values": [mark for mark in marks if ends[0] <= mark <= ends[1]]}


def shape_data(shape: Shape) -> dict[str, Any]:
    """Return the rows of both pictures of one coordinate, as page.js makes them for the others.

    Examples
    --------
    >>> data = shape_data(Shape([-1.0, 0.0, 1.0], [5, 5], [-1.0, 1.0], [-0.9, 1.1], 10))
    >>> [round(row["value"], 2) for row in data["normal"]]
    [3.41, 3.41]
    """
    total = sum(shape.counts) or 1
    normal = [
        total * (_normal_cdf(right) - _normal_cdf(left))
        for left, right in zip(shape.edges[:-1], shape.edges[1:], strict=True)
    ]
    middles = [(left + right) / 2 for left, right in zip(shape.edges[:-1], shape.edges[1:], strict=True)]
    return {
        "bars": bins(shape.edges, shape.counts),
        "normal": [{"middle": middle, "value": value} for middle, value in zip(middles, normal, strict=True)],
        "quantiles": [
            {"normal": expected, "measured": found}
            for expected, found in zip(shape.normal_quantiles, shape.quantiles, strict=True)
        ],
    }


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def histogram_chart(name: str, data: Mapping[str, Any]) -> Chart:
    """Return the histogram of one coordinate with the fitted normal; its data sets have names, for page.js."""
    x = {"type": "quantitative", "axis": axis("standard deviations from the mean"), "scale": {"domain": [-4.25, 4.25]}}
    y = {"field": "value", "type": "quantitative", "axis": axis("rows")}
    colour = {"scale": colour_scale(measured="measured", fitted_normal="expected"), "datum": "measured"}
    layers = [
        {
            "data": {"name": "bars", "values": data["bars"]},
            "mark": {"type": "bar", "tooltip": True, "binSpacing": 1},
            "encoding": {
                "x": {**x, "field": "left", "bin": "binned"},
                "x2": {"field": "right"},
                "y": y,
                "color": colour,
            },
        },
        {
            "data": {"name": "normal", "values": data["normal"]},
            "mark": {"type": "line", "strokeWidth": 2, "interpolate": "monotone"},
            "encoding": {"x": {**x, "field": "middle"}, "y": y, "color": {**colour, "datum": "fitted normal"}},
        },
    ]
    alt = f"Histogram of {name} with the normal law of the same mean and standard deviation."
    return Chart("shape-histogram", "Histogram", "", alt, layers)


def quantile_chart(name: str, data: Mapping[str, Any]) -> Chart:
    """Return the Q-Q plot of one coordinate against the standard normal law."""
    ends = [min(row["normal"] for row in data["quantiles"]), max(row["normal"] for row in data["quantiles"])]
    line = [{"normal": end, "measured": end} for end in ends]
    x = {
        "field": "normal",
        "type": "quantitative",
        "axis": axis("quantile of a normal law", values=[-3, -2, -1, 0, 1, 2, 3]),
        "scale": {"domain": ends, "nice": True},
    }
    y = {"field": "measured", "type": "quantitative", "axis": axis("measured quantile")}
    layers = [
        {
            "data": {"values": line},
            "mark": {"type": "line", "color": "var(--expected)", "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"name": "quantiles", "values": data["quantiles"]},
            "mark": {"type": "point", "filled": True, "size": 30, "color": "var(--measured)", "tooltip": True},
            "encoding": {"x": x, "y": y},
        },
    ]
    worst = max(abs(row["normal"] - row["measured"]) for row in data["quantiles"])
    alt = f"Q-Q plot of {name}; the largest distance from the normal line is {fixed(worst)} standard deviations."
    return Chart("shape-quantiles", "Q–Q plot", "", alt, layers)
