"""The frame that every page shares: template, style, script, runtime, data; all text escaped."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from thinshell._version import __version__
from thinshell.report.html.chart import HEIGHT, WIDTH, Chart, specification
from thinshell.report.html.vega import runtime, static_picture

__all__ = ["Drawing", "drawn", "fill", "table"]

# Characters of JSON beyond which its numbers are rounded to 6 digits, so that the page stays below 3 MB.
LARGEST_EXACT = 1_000_000

Drawing = tuple[dict[str, Any], dict[str, Any]]


def drawn(chart: Chart, width: int = WIDTH, height: int = HEIGHT, key: str | None = None) -> Drawing:
    """Return what the template shows of a chart, its static picture included, and its specification."""
    chosen = specification(chart, width, height)
    shown = {
        "key": key or chart.key,
        "title": chart.title,
        "answer": chart.answer,
        "alt": chart.alt,
        # Made by Vega from escaped text; see tests of hostile names.
        "svg": Markup(static_picture(chosen, key or chart.key)),
    }
    return shown, chosen


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], detail: str = "", **more: Any
) -> dict[str, Any]:
    """Return a table for the template; a row of one cell is a heading over the rows below it."""
    return {"caption": caption, "detail": detail, "head": head, "rows": rows, "text": [], **more}


def fill(template: str, data: Mapping[str, Any], page: Mapping[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    template : str
        File in ``assets``.
    data : mapping of str to anything JSON has
        What the script reads, by the id of its element.
    page : mapping
        What the template shows; every text in it is escaped.
    """
    shared = {
        "version": __version__,
        "style": Markup(_asset("style.css")),
        "script": Markup(_asset("page.js")),
        "runtime": Markup(runtime()),
        "data": {name: Markup(script_json(value)) for name, value in data.items()},
    }
    return _environment().get_template(template).render(page={**page, **shared})


def script_json(value: Any) -> str:
    r"""Return JSON that may stand inside a script element, whatever text it holds.

    Examples
    --------
    >>> script_json({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    if len(text) > LARGEST_EXACT:
        text = json.dumps(_rounded(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value


def parts(*named: tuple[str, str, Any]) -> list[dict[str, str]]:
    """Return the links at the top: key and words of every part that is there."""
    return [{"key": key, "words": words} for key, words, there in named if there]


def specifications(drawings: Iterable[Drawing]) -> dict[str, Any]:
    """Return the specifications of drawn charts, by key."""
    return {shown["key"]: chosen for shown, chosen in drawings}


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False
    )


@functools.cache
def _asset(name: str) -> str:
    return files("thinshell.report.html").joinpath("assets", name).read_text(encoding="utf-8")
