"""A reproduction as a page: its tables beside the paper's numbers, its pictures, what was chosen."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from thinshell.report.html.document import fill, parts, table
from thinshell.report.html.provenance import provenance

__all__ = ["reproduction_page"]

# A picture larger than this is left to its file: the page must stay small enough to send.
LARGEST_PICTURE = 600_000


def reproduction_page(result: Mapping[str, Any], folder: Path | None = None) -> str:
    """Return the page of an experiment (schema ``thinshell/reproduction/1``).

    Parameters
    ----------
    result : mapping
    folder : Path, optional
        Where its pictures lie; without it the page has none.
    """
    name, about = str(result.get("experiment")), result.get("about") or {}
    images = list(_images(result, folder))
    tables = [_table(one) for one in result.get("tables") or []]
    quick = " (quick settings: a first look)" if result.get("quick") else ""
    origin = {
        "seed": result.get("seed"),
        "provenance": {**about, "command": about.get("command")},
        "thinshell_version": None,
    }
    page = {
        "kind": "reproduction",
        "kind_words": "reproduction",
        "title": name,
        "heading": f"{name}: {result.get('summary')}",
        "data_words": f"{result.get('place')} of the paper{quick}.",
        "tables": [*tables, *_choices(result)],
        "images": images,
        "notes": [str(note) for note in result.get("notes") or []],
        "provenance": provenance(origin, name),
        "parts": parts(
            ("verdict", "Experiment", True),
            ("numbers", "Numbers", tables),
            ("pictures", "Pictures", images),
            ("notes", "What to know", result.get("notes")),
            ("provenance", "Origin", True),
        ),
    }
    return fill("reproduction.html", {"result": result}, page)


def _table(one: Mapping[str, Any]) -> dict[str, Any]:
    header, rows = one.get("header") or [], one.get("rows") or []
    return table(str(one.get("title")), header, rows, notes=one.get("notes") or [], text=_text_columns(rows))


def _text_columns(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return which columns hold words, and stand left."""
    columns = list(zip(*rows, strict=False))
    return [place for place, cells in enumerate(columns) if any(re.match(r"[^\W\d_]", str(cell)) for cell in cells)]


def _choices(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    choices = result.get("choices") or []
    if choices:
        rows = [[str(one.get("setting")), _value(one.get("value")), str(one.get("reason"))] for one in choices]
        yield table("What the paper leaves unstated", ["setting", "here", "why"], rows, notes=[], text=[0, 1, 2])


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _images(result: Mapping[str, Any], folder: Path | None) -> Iterator[dict[str, str]]:
    for name in result.get("pictures") or []:
        path = None if folder is None else folder / Path(str(name)).name
        if path is None or path.suffix != ".png" or not path.is_file() or path.stat().st_size > LARGEST_PICTURE:
            continue
        encoded = base64.b64encode(path.read_bytes()).decode("ascii")
        words = path.stem.replace("-", " ").replace("_", " ")
        yield {
            "source": f"data:image/png;base64,{encoded}",
            "alt": f"{result.get('experiment')}, {result.get('summary')}: {words}",
        }
