"""Looks that all charts share: colours are CSS variables, so that one chart serves light, dark and paper."""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMA", "config"]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def config() -> dict[str, Any]:
    """Return the Vega-Lite configuration of every chart.

    Examples
    --------
    >>> config()["axis"]["labelColor"]
    'var(--muted)'
    """
    return {
        "background": None,
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": "var(--muted)",
            "titleColor": "var(--ink)",
            "gridColor": "var(--line)",
            "domainColor": "var(--axis)",
            "tickColor": "var(--axis)",
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelOverlap": True,
            "labelSeparation": 6,
        },
        "legend": {
            "orient": "top",
            "title": None,
            "labelColor": "var(--ink)",
            "labelFontSize": 12,
            "labelLimit": 320,
            "symbolStrokeWidth": 2,
            "columns": 2,
            "offset": 6,
            "columnPadding": 28,
        },
        "bar": {"color": "var(--measured)"},
        "rule": {"color": "var(--expected)"},
        "text": {"color": "var(--ink)", "fontSize": 11},
        "header": {"labelColor": "var(--ink)", "titleColor": "var(--ink)"},
    }
