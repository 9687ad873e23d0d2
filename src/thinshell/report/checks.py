"""The list of checks: what each found and, where it found something, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from thinshell.report.console import Glyphs, printable
from thinshell.report.page import hanging, indented
from thinshell.report.wording import STYLES

__all__ = ["check_list"]

# Departures first: they are what the reader came for.
ORDER = ("departure", "inconclusive", "consistent", "not_applicable")
WORD_WIDTH = max(map(len, ORDER))
INDENT = 2 + 2 + WORD_WIDTH + 2


def check_list(checks: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> Group:
    """Return one line a check; a check that did not pass also gets its message and its remedy.

    Where neighbours share a remedy it is printed once, under the last of them.
    """
    ranked = sorted(checks, key=_rank)
    following = [*ranked[1:], {}]
    return Group(
        *(part for check, after in zip(ranked, following, strict=True) for part in _check(check, after, glyphs))
    )


def _rank(check: Mapping[str, Any]) -> int:
    verdict = check.get("verdict")
    return ORDER.index(verdict) if verdict in ORDER else len(ORDER)


def _check(check: Mapping[str, Any], after: Mapping[str, Any], glyphs: Glyphs) -> Iterator[RenderableType]:
    verdict, failed = str(check.get("verdict")), check.get("verdict") in ORDER[:2]
    mark = f"  {glyphs.marks.get(verdict, '?')} {verdict.replace('_', ' '):<{WORD_WIDTH}} "
    # The titles of what did not pass stand out; the others are read only by who looks for them.
    title = Text(printable(check.get("title") or check.get("code") or ""), style="bold" if failed else "")
    yield hanging(Text(mark, style=STYLES.get(verdict, "")), title)
    if verdict != "consistent" and check.get("message"):
        yield indented(Text(printable(check["message"])), INDENT)
    if failed and check.get("remedy") and check["remedy"] != after.get("remedy"):
        yield indented(hanging(glyphs.arrow, Text(printable(check["remedy"]), style="italic")), INDENT)
