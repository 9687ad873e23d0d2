"""Several diagnoses side by side as a page: what moved, and every panel on common axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from thinshell.report import panels
from thinshell.report.comparison import BLOCKS
from thinshell.report.comparison_panels import PANELS, comparison_panels
from thinshell.report.console import UNICODE
from thinshell.report.drift import DRIFT_HEAD, drift_rows, drift_sentence
from thinshell.report.html.chart import Chart
from thinshell.report.html.diagnosis_charts import (
    Domains,
    cosine_chart,
    norm_chart,
    sample_size_chart,
    spectrum_chart,
)
from thinshell.report.html.diagnosis_page import verdict_block
from thinshell.report.html.document import drawn, fill, parts, specifications, table
from thinshell.report.html.points_charts import point_domains, points_chart
from thinshell.report.html.provenance import provenance
from thinshell.report.numbers import MISSING
from thinshell.report.pairs import PAIR_TITLE, pair_rows
from thinshell.report.tables import Row
from thinshell.report.wording import describe_data, normalization, paper_protocol

__all__ = ["comparison_page"]

P = TypeVar("P")
WIDTH, HEIGHT = 360, 240
# Share of the rows on either side that an axis may leave out.
TAIL = 1e-3


def comparison_page(result: Mapping[str, Any]) -> str:
    """Return the page of a comparison (schema ``thinshell/comparison/1``)."""
    names = [str(name) for name in result.get("names") or []]
    diagnoses = list(result.get("diagnoses") or [])
    rows, drawings = [], []
    for key, charts in _rows(result):
        shown = []
        for number, (name, chart) in enumerate(zip(names, charts, strict=True)):
            if chart is None:
                continue
            one = drawn(chart, WIDTH, HEIGHT, f"{key}-{number}")
            one[0].update(title=name, alt=f"{name}: {chart.alt}")
            shown.append(one[0])
            drawings.append(one)
        title = next(chart.title for chart in charts if chart is not None)
        rows.append({"key": key, "title": title, "charts": shown})
    described = [
        {**verdict_block(diagnosis, name), "data": describe_data(diagnosis, UNICODE)}
        for name, diagnosis in zip(names, diagnoses, strict=True)
    ]
    # Two sides of pairs are no before and after.
    moved = "Side by side" if result.get("pairs") else "What moved"
    page = {
        "kind": "comparison",
        "kind_words": "comparison",
        "title": " and ".join(names),
        "heading": "Two sides of pairs" if result.get("pairs") else f"{len(names)} data sets compared",
        "verdicts": described,
        "protocol": _protocol(diagnoses),
        "moved_title": moved,
        "moved": [_moved(difference) for difference in result.get("differences") or []],
        "tables": [_table(names, diagnoses), *_pair_tables(result), *_drift_tables(result)],
        "rows": rows,
        "provenance": provenance(_origin(result, diagnoses), "comparison"),
        "parts": parts(
            ("verdict", "Verdicts", True),
            ("moved", moved, True),
            ("pictures", "Pictures", rows),
            ("reading", "How to read this", True),
            ("provenance", "Origin", True),
        ),
    }
    return fill("comparison.html", {"charts": specifications(drawings), "result": _without_shapes(result)}, page)


def _without_shapes(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result without what no picture here shows and no reader would miss: the page stays small."""
    parts = ("coordinates", "directions")
    diagnoses = [
        {**one, **{part: {**one[part], "shapes": None} for part in parts if one.get(part)}}
        for one in result.get("diagnoses") or []
    ]
    return {**result, "diagnoses": diagnoses}


def _protocol(diagnoses: Sequence[Mapping[str, Any]]) -> str:
    if not diagnoses:
        return ""
    first = diagnoses[0]
    if first.get("paper"):
        return f"Paper protocol: {paper_protocol(first, UNICODE)}"
    return f"Seed {first.get('seed')}, {normalization(first)}"


def _moved(difference: Mapping[str, Any]) -> dict[str, Any]:
    sentences = [
        str(change.get("message") or change.get("field")).replace(" -> ", " → ")
        for change in difference.get("moved") or []
    ]
    return {"name": difference.get("name"), "versus": difference.get("versus"), "sentences": sentences}


def _table(names: Sequence[str], diagnoses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return every number of the data sets side by side, with its difference from the first."""
    verdicts = [str(diagnosis.get("verdict")).replace("_", " ") for diagnosis in diagnoses]
    lines: list[list[str]] = [["verdict", *_spread(verdicts, [""] * len(verdicts))]]
    for words, key, rows in BLOCKS:
        blocks = [diagnosis if key is None else diagnosis.get(key) or {} for diagnosis in diagnoses]
        if any(blocks):
            lines += [[words]] if words else []
            lines += [[_label(row), *_cells(row, blocks)] for row in rows]
    heads = _spread(names, ["change"] * len(names)) if names else []
    return table("Side by side", ["", *heads], lines, "Each number, and its change from the first data set’s.")


def _pair_tables(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not result.get("pairs"):
        return []
    rows = [list(row) for row in pair_rows(result["pairs"])]
    return [table(PAIR_TITLE, ["", "", "what it is"], rows, "How the two sides lie to each other.")]


def _drift_tables(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    tables = []
    for difference in result.get("differences") or []:
        drift = difference.get("drift")
        if drift:
            title = f"Drift from {difference.get('versus')} to {difference.get('name')}"
            rows = [list(row) for row in drift_rows(drift)]
            tables.append(table(title, list(DRIFT_HEAD), rows, drift_sentence(drift)))
    return tables


def _label(row: Row) -> str:
    label = row.label.strip()
    return "CV of a Gaussian of this spectrum" if label == "expected" else label


def _cells(row: Row, blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    values = [block.get(row.key) for block in blocks]
    return _spread([row.show(value) for value in values], [_difference(row, value, values[0]) for value in values])


def _spread(own: Sequence[str], differences: Sequence[str]) -> list[str]:
    """Return the cells of the first data set, then two for each other one."""
    pairs = zip(own[1:], differences[1:], strict=True)
    return [*own[:1], *(cell for pair in pairs for cell in pair)]


def _difference(row: Row, value: float | None, first: float | None) -> str:
    if value is None or first is None:
        return MISSING
    change = value - first
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return f"{sign}{row.show(abs(change)).replace(' %', ' points')}"


def _origin(result: Mapping[str, Any], diagnoses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of all data sets as those of one."""
    sources = [diagnosis.get("source") or {} for diagnosis in diagnoses]
    paths = [str(path) for source in sources for path in source.get("paths") or []]
    prints = [str(source["fingerprint"]) for source in sources if source.get("fingerprint")]
    first = diagnoses[0] if diagnoses else {}
    return {
        "command": result.get("command"),
        "provenance": result.get("provenance") or first.get("provenance"),
        "seed": first.get("seed"),
        "thinshell_version": first.get("thinshell_version"),
        "source": {"paths": paths, "fingerprint": ", ".join(prints)},
    }


def _rows(result: Mapping[str, Any]) -> Iterator[tuple[str, list[Chart | None]]]:
    """Yield (key, a chart for each data set) for every panel that any of them has."""
    found = {name: [panel for _, panel in comparison_panels(result, name)] for name in PANELS}
    yield from _row("norms", [_relative(panel) for panel in found["norms"]], norm_chart, _histogram_domains)
    for key in ("coordinates", "directions"):
        present = [panel for panel in found[key] if panel is not None]
        if present:
            ends = point_domains(present)
            yield key, [None if panel is None else points_chart(panel, *ends) for panel in found[key]]
    yield from _row("cosines", found["cosines"], cosine_chart, _cosine_domains)
    yield from _row("spectrum", found["spectrum"], spectrum_chart, _spectrum_domains)
    yield from _row("sample-size", found["sample_size"], sample_size_chart, _size_domains)


def _row(
    key: str, found: Sequence[P | None], draw: Callable[[P, Domains], Chart], ends: Callable[[list[P]], Domains]
) -> Iterator[tuple[str, list[Chart | None]]]:
    present = [panel for panel in found if panel is not None]
    if present:
        domains = ends(present)
        yield key, [None if panel is None else draw(panel, domains) for panel in found]


def _relative(panel: panels.NormPanel | None) -> panels.NormPanel | None:
    """Return the norms in units of their mean: what is compared is how thin the shells are."""
    if panel is None or not panel.mean:
        return panel
    mean = panel.mean
    return replace(panel, edges=[edge / mean for edge in panel.edges], mean=1.0)


def _middle(panel: panels.NormPanel | panels.CosinePanel) -> tuple[float, float]:
    """Return the ends of the bins without the outermost thousandth of the rows on either side."""
    total, below = sum(panel.counts), 0.0
    low, high = panel.edges[0], panel.edges[-1]
    for left, right, rows in zip(panel.edges[:-1], panel.edges[1:], panel.counts, strict=True):
        if below <= TAIL * total:
            low = left
        below += rows
        if below >= (1 - TAIL) * total:
            return low, right
    return low, high


def _histogram_domains(found: Sequence[panels.NormPanel | panels.CosinePanel]) -> Domains:
    ends = [end for panel in found for end in _middle(panel)]
    heights = [height for panel in found for height in panels.density(panel.edges, panel.counts)]
    heights += [
        height
        for panel in found
        for height in (panels.density(panel.edges, panel.expected, sum(panel.counts)) if panel.expected else ())
    ]
    return Domains((min(ends), max(ends)), (0.0, 1.05 * max(heights)), density=True)


def _cosine_domains(found: Sequence[panels.CosinePanel]) -> Domains:
    whole = [edge for panel in found for edge in (panel.edges[0], panel.edges[-1])]
    return replace(_histogram_domains(found), x=(min(whole), max(whole)))


def _spectrum_domains(found: list[panels.SpectrumPanel]) -> Domains:
    smallest = [value for panel in found for value in panel.shares if value > panel.shares[0] * 1e-6]
    y = (0.8 * min(smallest), 1.2 * max(panel.shares[0] for panel in found))
    return Domains((1.0, float(max(2, *(len(panel.shares) for panel in found)))), y)


def _size_domains(found: list[panels.SampleSizePanel]) -> Domains:
    marked = [panel.detectable_at for panel in found if panel.detectable_at]
    sizes = [size for panel in found for size in (panel.n[0], panel.n[-1])]
    return Domains((float(min(sizes + marked)), float(max(sizes + marked))))
