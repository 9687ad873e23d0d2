"""One diagnosis as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thinshell.report import panels
from thinshell.report.console import UNICODE
from thinshell.report.html.diagnosis_charts import diagnosis_charts
from thinshell.report.html.document import drawn, fill, parts, specifications, table
from thinshell.report.html.points_charts import histogram_chart, quantile_chart, shape_data
from thinshell.report.html.provenance import provenance
from thinshell.report.numbers import count, fixed, rounded
from thinshell.report.tables import all_rows_lines, directions_lines, paper_lines
from thinshell.report.wording import VERDICTS, describe_data, normalization, notes, paper_protocol, title

__all__ = ["diagnosis_page", "verdict_block"]

REFERENCES = ["", "yours", "exact Gaussian", "uniform sphere", "95 % interval"]
# Rows of the table of coordinates; of wider data it shows some, those with the largest A².
MOST_ROWS, SOME_ROWS = 2048, 1000
_ORDER = ("departure", "inconclusive", "consistent", "not_applicable")
_COLUMNS = (
    ("A², subsets", "paper_ad", rounded),
    ("A², all rows", "ad", rounded),
    ("p (AD)", "ad_pvalue", rounded),
    ("p (DP)", "dp_pvalue", rounded),
    ("skewness", "skewness", lambda value: fixed(value, 3)),
    ("excess kurtosis", "excess_kurtosis", lambda value: fixed(value, 3)),
    ("mean", "mean", rounded),
    ("std", "std", rounded),
    ("minimum", "minimum", rounded),
    ("maximum", "maximum", rounded),
)


def diagnosis_page(result: Mapping[str, Any]) -> str:
    """Return the page of a diagnosis (schema ``thinshell/diagnosis/1``); nothing is measured here."""
    drawings = [drawn(chart) for chart in diagnosis_charts(result)]
    shape, shape_drawings = _shape(result)
    coordinates = _coordinates(result)
    checks, tables = list(_checks(result.get("checks") or [])), list(_tables(result))
    page = {
        "kind": "diagnosis",
        "kind_words": "diagnosis",
        "title": title(result).replace("\\", "/").rsplit("/", 1)[-1],
        "verdict": verdict_block(result),
        "data_words": describe_data(result, UNICODE),
        "protocol": _protocol(result),
        "notes": list(notes(result)),
        "look_next": result.get("look_next"),
        "tables": tables,
        "no_norms": (result.get("norms") or {}).get("reason"),
        "charts": [shown for shown, _ in drawings],
        "shape": shape,
        "checks": checks,
        "hints": [hint["message"] for hint in result.get("hints") or [] if hint.get("message")],
        "coordinates": coordinates,
        "provenance": provenance(result, title(result), csv=coordinates is not None),
        "parts": parts(
            ("verdict", "Verdict", True),
            ("pictures", "Pictures", drawings),
            ("numbers", "Numbers", tables[1:]),
            ("checks", "Checks", checks),
            ("coordinates", "Coordinates", coordinates),
            ("reading", "How to read this", True),
            ("provenance", "Origin", True),
        ),
    }
    data = {"charts": specifications([*drawings, *shape_drawings]), "result": result}
    return fill("diagnosis.html", data, page)


def verdict_block(result: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Return mark, words and reason of a verdict for the template."""
    verdict = str(result.get("verdict"))
    return {
        "verdict": verdict if verdict in VERDICTS else "unknown",
        "mark": UNICODE.marks.get(verdict, "?"),
        "words": VERDICTS.get(verdict, verdict),
        "reason": result.get("reason"),
        "name": name,
    }


def _protocol(result: Mapping[str, Any]) -> str:
    if result.get("paper"):
        return f"Paper protocol: {paper_protocol(result, UNICODE)}"
    return f"Seed {result.get('seed')}, {normalization(result)}"


def _tables(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    paper, full = result.get("paper"), result.get("full")
    if paper:
        detail = f"{paper_protocol(result, UNICODE)}; CV of the norms beside a Gaussian of the same mean and spectrum"
        yield table("The paper’s Table 1 for these rows", REFERENCES, paper_lines(result), detail, verdict=None)
    if full:
        how = "sorted values" if full.get("exact") else "from the sketch"
        detail = f"all {count(full.get('n_samples'))} rows, {how}, {normalization(result)}"
        yield table("Full protocol", REFERENCES, all_rows_lines(full), detail, verdict=verdict_block(full, "All rows"))
    if lines := directions_lines(result):
        yield table("Directions and spectrum", REFERENCES, lines, verdict=None)


def _shape(result: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Any]]:
    """Return the pictures of the most departing coordinate, from where the reader goes on to others."""
    panel = panels.coordinates_panel(result)
    worst = None if panel is None else panel.worst()
    if panel is None or worst is None:
        return None, []
    name, data = f"coordinate {panel.names[worst]}", shape_data(panel.shapes[worst])
    drawings = [drawn(make(name, data), 440, 240) for make in (histogram_chart, quantile_chart)]
    (histogram, _), (quantiles, _) = drawings
    numbers = [panel.ad[worst], panel.skewness[worst], panel.excess_kurtosis[worst]]
    ad, skewness, kurtosis = map(rounded, numbers)
    words = f"A² {ad}, skewness {skewness}, excess kurtosis {kurtosis}"
    words += (
        f": the largest A²; drawn from {count(panel.shapes[worst].n_rows)} rows, those beyond the ends in the last bins"
    )
    heading = f"Coordinate {panel.names[worst]}"
    return {"title": heading, "words": words, "histogram": histogram, "quantiles": quantiles}, drawings


def _checks(checks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the checks, departures first."""
    for check in sorted(checks, key=lambda one: _ORDER.index(one["verdict"]) if one.get("verdict") in _ORDER else 9):
        verdict, failed = str(check.get("verdict")), check.get("verdict") in _ORDER[:2]
        yield {
            "verdict": verdict if verdict in VERDICTS else "unknown",
            "mark": UNICODE.marks.get(verdict, "?"),
            "words": verdict.replace("_", " "),
            "title": check.get("title") or check.get("code") or "",
            "message": check.get("message"),
            "remedy": check.get("remedy") if failed else None,
        }


def _coordinates(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the table of coordinates, largest A² first."""
    columns = result.get("coordinates") or {}
    panel = panels.coordinates_panel(result)
    if panel is None:
        return None
    chosen = [one for one in _COLUMNS if any(value is not None for value in columns.get(one[1]) or [])]
    places = sorted(range(len(panel.names)), key=lambda place: (-(panel.ad[place] or -1.0), place))
    low, high = panel.kurtosis_limits
    kept = MOST_ROWS if len(places) <= MOST_ROWS else SOME_ROWS
    rows = [
        {
            "id": place,
            "name": panel.names[place],
            "cells": [(show(columns[key][place]), _plain(columns[key][place])) for _, key, show in chosen],
            "chosen": place == panel.worst(),
            "odd": _odd(panel.ad[place], panel.excess_kurtosis[place], panel.ad_limit, low, high),
        }
        for place in places[:kept]
    ]
    words = f"{count(len(places))} coordinates, the largest A² first."
    if len(places) > kept:
        words = f"The {count(kept)} of {count(len(places))} coordinates with the largest A²; the CSV has all."
    return {"words": words, "head": ["coordinate", *(head for head, _, _ in chosen)], "rows": rows, "sorted": 1}


def _odd(ad: float | None, kurtosis: float | None, limit: float, low: float, high: float) -> bool:
    return ad is not None and kurtosis is not None and not (ad < limit and low <= kurtosis <= high)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
