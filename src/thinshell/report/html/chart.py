"""A chart of the page: a Vega-Lite specification with the words around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thinshell.report.html.theme import SCHEMA, config

__all__ = ["Chart", "axis", "bins", "colour_scale", "specification"]

WIDTH, HEIGHT = 560, 280


@dataclass(frozen=True)
class Chart:
    """One picture.

    Attributes
    ----------
    key : str
        Names the element; letters, digits and dashes.
    title : str
        The question that it answers.
    answer : str
        What it shows here, in a sentence with numbers.
    alt : str
        What a reader who does not see it is told.
    layers : sequence of mappings
        Vega-Lite layers, bottom to top.
    extra : mapping
        Further top-level entries of the specification, such as params.
    """

    key: str
    title: str
    answer: str
    alt: str
    layers: Sequence[Mapping[str, Any]]
    extra: Mapping[str, Any] = field(default_factory=dict)


def specification(chart: Chart, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    """Return the Vega-Lite specification of `chart`.

    Examples
    --------
    >>> chart = Chart("a", "A?", "", "", [{"mark": "point", "data": {"values": []}, "encoding": {}}])
    >>> specification(chart)["width"]
    560
    """
    return {
        "$schema": SCHEMA,
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": config(),
        "layer": list(chart.layers),
        **chart.extra,
    }


def axis(title: str, **options: Any) -> dict[str, Any]:
    """Return an axis with a title; further options go to the axis."""
    return {"title": title, **options}


def bins(edges: Sequence[float], counts: Sequence[float | None]) -> list[dict[str, Any]]:
    """Return a histogram as rows of `left`, `right` and `value`.

    Examples
    --------
    >>> bins([0, 1, 2], [3, 4])
    [{'left': 0, 'right': 1, 'value': 3}, {'left': 1, 'right': 2, 'value': 4}]
    """
    return [
        {"left": left, "right": right, "value": value}
        for left, right, value in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def colour_scale(**colours: str) -> dict[str, Any]:
    """Return a colour scale from names (underscores for blanks) to CSS variables, with a legend.

    Examples
    --------
    >>> colour_scale(random_pairs="measured")
    {'domain': ['random pairs'], 'range': ['var(--measured)']}
    """
    names = [name.replace("_", " ") for name in colours]
    return {"domain": names, "range": [f"var(--{colour})" for colour in colours.values()]}
