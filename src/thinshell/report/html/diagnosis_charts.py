"""The pictures of a diagnosis, each answering one question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thinshell.report import panels
from thinshell.report.html.chart import Chart, axis, bins, colour_scale
from thinshell.report.html.points_charts import points_chart
from thinshell.report.numbers import count, fixed, rounded, share

__all__ = ["Domains", "cosine_chart", "diagnosis_charts", "norm_chart", "sample_size_chart", "spectrum_chart"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class Domains:
    """Ends of axes that charts side by side have in common; None fits each to its own data.

    Attributes
    ----------
    x, y : tuple of two floats, optional
    density : bool
        Heights of histograms per unit of x, which can be compared where bins and numbers of rows differ.
    """

    x: Pair | None = None
    y: Pair | None = None
    density: bool = False


FREE = Domains()
# Mean cosine of random pairs, the squared length of the mean direction, beyond which it is named.
SHARED = 0.1
# Eigenvalues that are drawn as dots on their line.
MOST_DOTS = 128


def diagnosis_charts(result: Mapping[str, Any]) -> Iterator[Chart]:
    """Yield the charts of a diagnosis in the order of the page; those without data are left out.

    Examples
    --------
    >>> [chart.key for chart in diagnosis_charts({"n_features": 2, "spectrum": {"eigenvalues": [3.0, 1.0]}})]
    ['spectrum']
    """
    if (norms := panels.norm_panel(result)) is not None:
        yield norm_chart(norms)
    for panel in (panels.coordinates_panel(result), panels.directions_panel(result)):
        if panel is not None:
            yield points_chart(panel)
    if (cosines := panels.cosine_panel(result)) is not None:
        yield cosine_chart(cosines)
    if (spectrum := panels.spectrum_panel(result)) is not None:
        yield spectrum_chart(spectrum)
    if (sizes := panels.sample_size_panel(result)) is not None:
        yield sample_size_chart(sizes)


def scaled(domain: Pair | None, **options: Any) -> dict[str, Any]:
    """Return a scale with these ends, where there are any."""
    return {**options, **({"domain": list(domain), "nice": False} if domain else {})}


def norm_chart(panel: panels.NormPanel, domains: Domains = FREE) -> Chart:
    """Return the histogram of norms over the law of a Gaussian with the measured mean and spectrum."""
    x = {
        "field": "left",
        "type": "quantitative",
        "axis": axis("norm / mean norm" if domains.density else "norm of a row"),
        "bin": "binned",
    }
    x["scale"] = scaled(domains.x, zero=False)
    heights = "share of rows per unit" if domains.density else "rows"
    y = {"field": "value", "type": "quantitative", "axis": axis(heights), "scale": scaled(domains.y)}
    counts, expected = panel.counts, panel.expected
    if domains.density:
        total = sum(counts)
        counts, expected = (
            panels.density(panel.edges, counts),
            expected and panels.density(panel.edges, expected, total),
        )
    names = {"measured": "measured", **({"Gaussian_of_this_spectrum": "expected"} if panel.expected else {})}
    colour = {"scale": colour_scale(**names), "datum": "measured"}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": bins(panel.edges, counts)},
            "mark": {"type": "bar", "binSpacing": 1, "clip": True},
            "encoding": {"x": x, "x2": {"field": "right"}, "y": y, "color": colour, "tooltip": tooltip(heights)},
        }
    ]
    if expected:
        layers.append(_expected_line(panel.edges, expected, x, y, "Gaussian of this spectrum", colour))
    words = f"CV {fixed(panel.cv, 3)}, {_thickness(panel)}a Gaussian of the same mean and spectrum"
    words += f" ({fixed(panel.cv_reference, 3)}); both about the origin, the check is about the mean"
    alt = f"Histogram of the norms of the rows, mean {rounded(panel.mean)}. {words}."
    return Chart("norms", "Do the rows lie on a thin shell?", f"{words}.", alt, layers)


def _thickness(panel: panels.NormPanel) -> str:
    """Return how the shell compares with the expected one, to a twentieth."""
    if not panel.cv or not panel.cv_reference:
        return "beside "
    ratio = panel.cv / panel.cv_reference
    return "thinner than " if ratio < 0.95 else "thicker than " if ratio > 1.05 else "as thin as "


def tooltip(heights: str, field: str = "value", number: str = ",.4~g") -> list[dict[str, Any]]:
    """Return what is told of a bar."""
    ends = [
        {"field": end, "type": "quantitative", "title": words, "format": ".4~g"}
        for end, words in (("left", "from"), ("right", "to"))
    ]
    return [*ends, {"field": field, "type": "quantitative", "title": heights, "format": number}]


def _expected_line(
    edges: Any, expected: Any, x: Mapping[str, Any], y: Mapping[str, Any], name: str, colour: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was expected of each bin as a line through the middles."""
    rows = [{"middle": (row["left"] + row["right"]) / 2, "value": row["value"]} for row in bins(edges, expected)]
    position = {key: value for key, value in x.items() if key != "bin"}
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2, "interpolate": "monotone", "clip": True},
        "encoding": {"x": {**position, "field": "middle"}, "y": y, "color": {**colour, "datum": name}},
    }


def cosine_chart(panel: panels.CosinePanel, domains: Domains = FREE) -> Chart:
    """Return the cosines of random pairs over the law of uniform directions, and those of positive pairs."""
    x = {"field": "left", "type": "quantitative", "axis": axis("cosine of two rows"), "bin": "binned"}
    x["scale"] = scaled(domains.x, zero=False)
    heights = axis("share of pairs per unit") if domains.density else axis("share of pairs in a bin", format="%")
    y = {"field": "share", "type": "quantitative", "axis": heights, "scale": scaled(domains.y)}
    names = {"random_pairs": "measured", **({"uniform_on_the_sphere": "expected"} if panel.expected else {})}
    if panel.positive_counts:
        names["positive_pairs"] = "second"
    colour = {"scale": colour_scale(**names), "datum": "random pairs"}
    kinds = [(panel.edges, panel.counts, "random pairs")]
    if panel.positive_counts and panel.positive_edges:
        kinds.append((panel.positive_edges, panel.positive_counts, "positive pairs"))
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": _shares(edges, counts, domains.density)},
            "mark": {"type": "bar", "binSpacing": 0, "opacity": 0.75, "clip": True},
            "encoding": {
                "x": x,
                "x2": {"field": "right"},
                "y": y,
                "color": {**colour, "datum": name},
                "tooltip": tooltip(name, "share", ",.3~g" if domains.density else ".2~%"),
            },
        }
        for edges, counts, name in kinds
    ]
    if panel.expected:
        total = sum(panel.counts) or 1
        expected = [value / total for value in panel.expected]
        if domains.density:
            expected = panels.density(panel.edges, panel.expected, total)
        along = {**y, "field": "value"}
        layers.append(_expected_line(panel.edges, expected, x, along, "uniform on the sphere", colour))
    words = f"random pairs: mean {rounded(panel.mean)}, std {rounded(panel.std)}"
    if panel.positive_mean is not None:
        words += f"; positive pairs: mean {rounded(panel.positive_mean)}"
    words = f"{words[0].upper()}{words[1:]}."
    if (panel.mean or 0.0) > SHARED:
        words = f"No, the rows share a direction. {words}"
    alt = f"Histogram of cosine similarities. {words}"
    return Chart("cosines", "Do the directions fill the sphere?", words, alt, layers)


def _shares(edges: Any, counts: Any, density: bool) -> list[dict[str, Any]]:
    total = sum(counts) or 1
    shares = panels.density(edges, counts) if density else [pairs / total for pairs in counts]
    return [{**row, "share": value} for row, value in zip(bins(edges, counts), shares, strict=True)]


def spectrum_chart(panel: panels.SpectrumPanel, domains: Domains = FREE) -> Chart:
    """Return the eigenvalues against their rank, both logarithmic, the effective rank marked."""
    floor = panel.shares[0] * 1e-6
    rows = [{"rank": rank, "share": value} for rank, value in enumerate(panel.shares, 1) if value > floor]
    x = {"field": "rank", "type": "quantitative", "axis": axis("rank of the eigenvalue")}
    ends = domains.x or (1.0, float(max(2, len(panel.shares))))
    x["scale"] = scaled(ends, type="log")
    y = {"field": "share", "type": "quantitative", "axis": axis("share of the variance", format="~%", tickCount=5)}
    y["scale"] = scaled(domains.y, type="log")
    # Of many the dots would be a line again, and most of the page.
    dots = {"size": 14, "color": "var(--measured)"} if len(rows) <= MOST_DOTS else False
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": rows},
            "mark": {"type": "line", "point": dots, "color": "var(--measured)"},
            "encoding": {"x": x, "y": y, "tooltip": [{"field": "rank"}, {"field": "share", "format": ".3~%"}]},
        }
    ]
    if panel.effective_rank:
        layers += _marked(panel.effective_rank, f"effective rank {rounded(panel.effective_rank)}", x, *ends)
    words = (
        f"Effective rank {rounded(panel.effective_rank)}, participation ratio {rounded(panel.participation_ratio)} "
        f"of {count(panel.n_features)} dimensions; the first carries {share(panel.shares[0])} of the variance."
    )
    return Chart("spectrum", "Are there directions that dominate?", words, f"Eigenvalue spectrum. {words}", layers)


def _marked(at: float, label: str, x: Mapping[str, Any], low: float, high: float) -> list[dict[str, Any]]:
    """Return a vertical line on a logarithmic axis from `low` to `high`, with words where there is room."""
    right_half = math.log(max(at, low) / low) > 0.5 * math.log(high / low)
    words = {"align": "right", "dx": -6} if right_half else {"align": "left", "dx": 6}
    data = {"values": [{"at": at, "label": label}]}
    place = {**x, "field": "at"}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.5}, "encoding": {"x": place}},
        {
            "data": data,
            "mark": {"type": "text", **words, "y": {"expr": "height - 10"}, "color": "var(--expected-ink)"},
            "encoding": {"x": place, "text": {"field": "label"}},
        },
    ]


def sample_size_chart(panel: panels.SampleSizePanel, domains: Domains = FREE) -> Chart:
    """Return the share of normal coordinates against the rows of a test, `detectable_at` marked."""
    rows = [
        {"n": n, "share": value, "test": test}
        for test, shares in (("Anderson-Darling", panel.ad_normal_share), ("D'Agostino-Pearson", panel.dp_normal_share))
        for n, value in zip(panel.n, shares, strict=True)
        if value is not None
    ]
    marked = [panel.detectable_at] if panel.detectable_at else []
    ends = domains.x or (float(min([panel.n[0], *marked])), float(max([panel.n[-1], *marked])))
    x = {"field": "n", "type": "quantitative", "axis": axis("rows in each test"), "scale": scaled(ends, type="log")}
    y = {"field": "share", "type": "quantitative", "axis": axis("coordinates that look normal", format="%")}
    y["scale"] = {"domain": [0, 1]}
    colour = {"field": "test", "type": "nominal", "scale": {
        "domain": ["Anderson-Darling", "D'Agostino-Pearson"], "range": ["var(--measured)", "var(--second)"]
    }}  # fmt: skip
    expected = {"values": [{"share": panel.expected, "label": f"a Gaussian: {share(panel.expected)}"}]}
    layers: list[dict[str, Any]] = [
        {"data": expected, "mark": {"type": "rule", "strokeDash": [2, 3]}, "encoding": {"y": y}},
        {
            "data": {"values": rows},
            "mark": {"type": "line", "point": {"size": 36}},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "tooltip": [
                    {"field": "test"},
                    {"field": "n", "title": "rows", "format": ","},
                    {"field": "share", "title": "look normal", "format": ".1%"},
                ],
            },
        },
    ]
    if panel.detectable_at:
        layers += _marked(panel.detectable_at, f"detectable at {count(panel.detectable_at)}", x, *ends)
        words = f"About {count(panel.detectable_at)} rows begin to tell the average coordinate from a Gaussian."
    else:
        words = "No number of rows is known at which the average coordinate could be told from a Gaussian."
    shares = f"{share(panel.ad_normal_share[0])} at {count(panel.n[0])} rows, {share(panel.ad_normal_share[-1])} at "
    alt = f"Share of coordinates that one 5 % Anderson-Darling test finds normal: {shares}{count(panel.n[-1])}. {words}"
    return Chart("sample-size", "How Gaussian is Gaussian enough?", words, alt, layers)
