"""Whitened rows as a page of text: how their directions fill the sphere before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from thinshell.report.console import Glyphs, ReportConsole
from thinshell.report.gaussian_parts import grid, opening
from thinshell.report.gaussian_tables import WHITENING_HEAD, whitening_lines
from thinshell.report.gaussian_words import describe_whitening, whitening_notes, whitening_opening
from thinshell.report.page import heading, write_page

__all__ = ["print_whitening", "whitening_text"]


def print_whitening(result: Mapping[str, Any], console: ReportConsole | None = None) -> None:
    """Print what whitening did; nothing is computed here.

    Parameters
    ----------
    result : mapping
        What ``thinshell whiten --json`` writes (schema ``thinshell/whitening/1``). Any number may be ``None``.
    console : ReportConsole, optional
        Where to print; standard output when not given.

    Examples
    --------
    >>> print_whitening({"source": {"name": "emb.npy"}, "n_samples": 900, "n_features": 64, "n_out": 62,
    ...                  "method": "pca", "out": "white.npy", "before": {"mean_cosine": 0.6, "uniformity": -2.1},
    ...                  "after": {"mean_cosine": 0.0, "uniformity": -3.9}})
    ✓ Whitened: the mean cosine of two rows went from 0.600 to 0.000. Uniformity
      went from -2.10 to -3.90; lower is more uniform.
      emb.npy, 900 rows × 64 features
      PCA, 62 columns → white.npy
    ...
    """
    console = console or ReportConsole()
    write_page(whitening_text(result, console.glyphs), console)


def whitening_text(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    """Yield the parts of the page, top to bottom."""
    parts = whitening_opening(result), describe_whitening(result, glyphs), whitening_notes(result)
    yield from opening(*parts, glyphs)
    yield heading("Directions", "of the rows on the unit sphere")
    yield grid(WHITENING_HEAD, whitening_lines(result), glyphs)
