"""A diagnosis as a page of text: the verdict first, then the paper's Table 1, then what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from thinshell.report.checks import check_list
from thinshell.report.console import Glyphs, ReportConsole, printable
from thinshell.report.histogram import norm_histogram
from thinshell.report.numbers import count, rounded
from thinshell.report.page import hanging, heading, indented, verdict_line, write_page
from thinshell.report.tables import all_rows_table, directions_table, paper_table
from thinshell.report.wording import describe_data, normalization, notes, paper_protocol

__all__ = ["diagnosis_page", "print_diagnosis"]


def print_diagnosis(result: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print a diagnosis; nothing is computed here beyond drawing it.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns (schema ``thinshell/diagnosis/1``). Any number may be ``None``.
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_diagnosis({"verdict": "consistent", "reason": "AD Avg. is 0.38.", "n_samples": 900,
    ...                  "n_features": 64, "source": {"name": "emb.npy"}})
    ✓ Consistent with a Gaussian: AD Avg. is 0.38.
      emb.npy, 900 rows × 64 features
    """
    console = console or ReportConsole()
    write_page(diagnosis_page(result, console.glyphs), console)


def diagnosis_page(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    yield from _opening(result, glyphs)
    if result.get("paper"):
        yield from _paper(result, glyphs)
    if result.get("full"):
        yield from _full(result, glyphs)
    yield from _norms(result.get("norms") or {}, glyphs)
    if result.get("sphere") or result.get("spectrum"):
        yield heading("Directions and spectrum")
        yield indented(directions_table(result, glyphs))
    if checks := result.get("checks"):
        yield heading("Checks")
        yield check_list(checks, glyphs)
    yield from _hints(result, glyphs)


def _opening(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    yield verdict_line(result, glyphs)
    yield indented(Text(describe_data(result, glyphs), style="dim"))
    for note in notes(result):
        yield indented(hanging("note:", Text(note)))
    if result.get("look_next"):
        yield indented(hanging("look next:", Text(printable(result["look_next"]))))


def _paper(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    yield heading("Paper protocol", paper_protocol(result, glyphs))
    yield indented(paper_table(result, glyphs))


def _full(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    full = result["full"]
    how = "sorted values" if full.get("exact") else "from the sketch"
    rows = f"all {count(full.get('n_samples'))} rows, {how}, {normalization(result)}"
    yield heading("Full protocol", rows)
    yield indented(verdict_line(full, glyphs))
    yield indented(all_rows_table(full, glyphs))


def _norms(norms: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    if not norms:
        return
    if not norms.get("applicable", True):
        yield heading("Norms", "not applicable")
        yield indented(Text(printable(norms.get("reason") or ""), style="dim"))
        return
    size = f"mean {rounded(norms.get('mean'))}, std {rounded(norms.get('std'))}"
    yield heading("Norms", f"{size}; expected: a Gaussian of the same mean and spectrum")
    if (picture := norm_histogram(norms, glyphs)) is not None:
        yield picture
    centered = norms.get("centered") or {}
    if centered.get("cv") is not None:
        beside = f"expected {rounded(centered.get('cv_reference'))}"
        yield indented(Text(f"about the mean vector: CV {rounded(centered['cv'])}, {beside}", style="dim"))


def _hints(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    hints = [hint for hint in result.get("hints") or [] if hint.get("message")]
    if hints:
        yield heading("Hints")
        for hint in hints:
            yield indented(hanging(glyphs.arrow, Text(printable(hint["message"]))))
