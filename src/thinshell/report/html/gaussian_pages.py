"""A fitted model, and the rows that it scored, as pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.report.console import UNICODE
from thinshell.report.gaussian_panels import pit_panel
from thinshell.report.gaussian_tables import (
    CALIBRATION_HEAD,
    FAR_HEAD,
    SCORES_HEAD,
    calibration_lines,
    class_lines,
    far_lines,
    fit_lines,
    score_lines,
    top_head,
    top_lines,
)
from thinshell.report.gaussian_words import (
    Opening,
    describe_fit,
    describe_scores,
    fit_notes,
    fit_opening,
    score_words,
    scores_notes,
    scores_opening,
)
from thinshell.report.html.chart import Chart
from thinshell.report.html.diagnosis_charts import spectrum_chart
from thinshell.report.html.document import drawn, fill, parts, specifications, table
from thinshell.report.html.gaussian_charts import calibration_chart, scored_chart
from thinshell.report.html.provenance import provenance
from thinshell.report.numbers import count
from thinshell.report.panels import spectrum_panel
from thinshell.report.wording import VERDICTS, title

__all__ = ["fit_page", "scores_page"]

# Classes that the page lists, and rows of the table of the oddest; the JSON has all.
MOST_CLASSES, MOST_ROWS = 1000, 1000


def fit_page(result: Mapping[str, Any]) -> str:
    """Return the page of a fitted model (schema ``thinshell/fit/1``); nothing is measured here."""
    spectrum = spectrum_panel(result)
    charts = [calibration_chart(result), None if spectrum is None else spectrum_chart(spectrum)]
    calibration, tables = result.get("calibration") or {}, []
    if lines := calibration_lines(calibration):
        detail = f"{count(calibration.get('n_samples'))} rows that were not fitted"
        if calibration.get("reference"):
            detail += f"; expected of rows like the fitted ones: {calibration['reference']}"
        tables.append(table("Held-out rows beside what is expected", CALIBRATION_HEAD, lines, detail))
    tables.append(table("The model", ["", "value"], fit_lines(result), text=[1]))
    classes = class_lines(result)
    if classes:
        detail = "" if len(classes) <= MOST_CLASSES else f"{count(MOST_CLASSES)} of {count(len(classes))} classes"
        tables.append(table("Classes", ["class", "rows fitted"], classes[:MOST_CLASSES], detail))
    words = (fit_opening(result), list(describe_fit(result, UNICODE)), list(fit_notes(result)))
    facts = [("Model", result.get("model"))]
    return _page("fit", "fitted model", result, words, charts, tables[:1], tables[1:], facts)


def scores_page(result: Mapping[str, Any]) -> str:
    """Return the page of scored rows (schema ``thinshell/scores/1``); nothing is measured here."""
    first, numbers = [], []
    if top := top_lines(result):
        head = top_head(result)
        detail = f"by {score_words(result.get('by'))}; rows are counted from 0"
        if len(top) > MOST_ROWS:
            detail += f"; the first {count(MOST_ROWS)} of {count(len(top))}, the JSON has all"
        named = [1] if head[1:2] == ["id"] else []
        first.append(table("The oddest rows", head, top[:MOST_ROWS], detail, text=named))
    if far := far_lines(result):
        numbers.append(table("Far and near", FAR_HEAD, far, "rows, beside those that chance would give"))
    if scores := score_lines(result):
        head = [*SCORES_HEAD, "minimum", "maximum"]
        numbers.append(table("Scores", head, [line[:7] for line in scores], "of all rows", text=[1, 2]))
        meanings = [[line[0], line[7]] for line in scores if line[7]]
        if meanings:
            numbers.append(table("What the scores say", ["score", "what it says"], meanings, text=[1]))
    words = (scores_opening(result), list(describe_scores(result, UNICODE)), list(scores_notes(result)))
    model = result.get("model") or {}
    origin = model.get("provenance") or {}
    facts = [
        ("Scores", result.get("out")),
        ("Model", model.get("path")),
        ("Command of the model", origin.get("command")),
        ("Commit of the model", origin.get("commit")),
    ]
    return _page("scores", "scored rows", result, words, [scored_chart(result)], first, numbers, facts)


def _page(
    kind: str,
    kind_words: str,
    result: Mapping[str, Any],
    words: tuple[Opening, list[str], list[str]],
    charts: Sequence[Chart | None],
    first: list[dict[str, Any]],
    numbers: list[dict[str, Any]],
    facts: Sequence[tuple[str, Any]],
) -> str:
    """Return the page: outcome, notes, the table that matters most, pictures, the other tables, origin."""
    opening, described, notes = words
    drawings = [drawn(chart) for chart in charts if chart is not None]
    origin = provenance(result, title(result))
    origin["facts"][1:1] = [{"words": name, "value": str(value), "code": True} for name, value in facts if value]
    page = {
        "kind": kind,
        "kind_words": kind_words,
        "title": title(result).replace("\\", "/").rsplit("/", 1)[-1],
        "verdict": {
            "verdict": opening.verdict if opening.verdict in VERDICTS else "unknown",
            "mark": UNICODE.marks.get(opening.verdict, "?"),
            "words": opening.head,
            "reason": opening.rest[:1].upper() + opening.rest[1:],
            "name": "",
        },
        "described": described,
        "notes": notes,
        "has_pvalues": pit_panel(result) is not None,
        "tables": first,
        "numbers": numbers,
        "charts": [shown for shown, _ in drawings],
        "provenance": origin,
        "parts": parts(
            ("verdict", "Outcome", True),
            ("pictures", "Pictures", drawings),
            ("numbers", "Numbers", numbers),
            ("reading", "How to read this", True),
            ("provenance", "Origin", True),
        ),
    }
    return fill("gaussian.html", {"charts": specifications(drawings), "result": result}, page)
