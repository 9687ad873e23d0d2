"""A fitted model as a page of text: whether it can be believed, what was fitted, how held-out rows lie in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from thinshell.report.console import Glyphs, ReportConsole, printable
from thinshell.report.gaussian_parts import grid, opening, shortened
from thinshell.report.gaussian_tables import CALIBRATION_HEAD, calibration_lines, class_lines, fit_lines
from thinshell.report.gaussian_words import describe_fit, fit_notes, fit_opening
from thinshell.report.numbers import count
from thinshell.report.page import heading, indented, write_page

__all__ = ["fit_text", "print_fit"]

# Classes that are listed; of more the others are counted.
MOST_CLASSES = 20
LABEL_WIDTH = 40


def print_fit(result: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print a fitted model; nothing is computed here.

    Parameters
    ----------
    result : mapping
        What ``thinshell fit --json`` writes (schema ``thinshell/fit/1``). Any number may be ``None``.
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_fit({"kind": "GaussianModel", "rank": 64, "n_samples": 900, "n_features": 64, "model": "m.safetensors",
    ...            "source": {"name": "emb.npy"}, "covariance": {"method": "empirical"},
    ...            "calibration": {"verdict": "calibrated", "sentence": "The model is calibrated: 1 % lie beyond."}})
    ✓ The model is calibrated: 1 % lie beyond.
      emb.npy, 900 rows × 64 features
      Gaussian of rank 64, covariance: empirical → m.safetensors
    ...
    """
    console = console or ReportConsole()
    write_page(fit_text(result, console.glyphs), console)


def fit_text(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    yield from opening(fit_opening(result), describe_fit(result, glyphs), fit_notes(result), glyphs)
    calibration = result.get("calibration") or {}
    if lines := calibration_lines(calibration):
        detail = f"{count(calibration.get('n_samples'))} held-out rows"
        if calibration.get("reference"):
            detail += f"; expected: {printable(calibration['reference'])}"
        yield heading("Calibration", detail)
        yield grid(CALIBRATION_HEAD, lines, glyphs)
    yield heading("Model")
    yield grid(None, fit_lines(result), glyphs)
    if classes := class_lines(result):
        yield heading("Classes", count(len(classes)))
        yield grid(
            ["class", "rows"], [[shortened(label, LABEL_WIDTH), rows] for label, rows in classes[:MOST_CLASSES]], glyphs
        )
        if len(classes) > MOST_CLASSES:
            yield indented(Text(f"{count(len(classes) - MOST_CLASSES)} more are in the JSON", style="dim"))
