"""Scored rows as a page of text: how many are odd, whether all of them are, which ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from thinshell.report.console import Glyphs, ReportConsole
from thinshell.report.gaussian_parts import grid, opening, shortened
from thinshell.report.gaussian_tables import FAR_HEAD, SCORES_HEAD, far_lines, score_lines, top_head, top_lines
from thinshell.report.gaussian_words import describe_scores, score_words, scores_notes, scores_opening
from thinshell.report.page import heading, write_page

__all__ = ["print_scores", "scores_text"]

TOO_MUCH = ("log_density",)
# A name that is longer than the line leaves room for loses its middle, but keeps so much.
NARROWEST_ID, WIDEST_ID = 8, 40


def print_scores(result: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print what a model says of rows; nothing is computed here.

    Parameters
    ----------
    result : mapping
        What ``thinshell score --json`` writes (schema ``thinshell/scores/1``). Any number may be ``None``.
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_scores({"n_samples": 500, "n_features": 64, "source": {"name": "new.npy"},
    ...               "model": {"path": "m.safetensors", "kind": "GaussianModel", "calibration_verdict": "calibrated"},
    ...               "discoveries": {"level": 0.05, "n": 0}})
    ✓ None of 500 rows is odd at a false discovery rate of 5 %
      new.npy, 500 rows × 64 features
      scored by m.safetensors: Gaussian, calibration: calibrated
    """
    console = console or ReportConsole()
    write_page(scores_text(result, console.glyphs, console.width), console)


def scores_text(result: Mapping[str, Any], glyphs: Glyphs, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    yield from opening(scores_opening(result), describe_scores(result, glyphs), scores_notes(result), glyphs)
    if far := far_lines(result):
        yield heading("Far and near", "rows, beside those that chance would give")
        yield grid(FAR_HEAD, far, glyphs)
    if result.get("top"):
        yield heading("Oddest rows", f"by {score_words(result.get('by'))}, counted from 0")
        yield _oddest(result, glyphs, width)
    if scores := score_lines(result):
        yield heading("Scores")
        yield grid(SCORES_HEAD, [line[: len(SCORES_HEAD)] for line in scores], glyphs, left=(1, 2))


def _oddest(result: Mapping[str, Any], glyphs: Glyphs, width: int) -> RenderableType:
    # The log-density says nothing that the distances do not, and takes the room of the names.
    head, lines = top_head(result, but=TOO_MUCH), top_lines(result, but=TOO_MUCH)
    if head[1:2] != ["id"]:
        return grid(head, lines, glyphs)
    numbers = [max(map(len, column)) + 2 for column in zip(head, *lines, strict=True)]
    room = min(max(width - sum(numbers[:1] + numbers[2:]) - 4, NARROWEST_ID), WIDEST_ID)
    return grid(head, [[row, shortened(name, room), *cells] for row, name, *cells in lines], glyphs, left=(1,))
