"""A result as a Markdown page: tables, choices, where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thinshell.report.origins import origin_words

__all__ = ["holds_numbers", "to_markdown"]


def to_markdown(result: Mapping[str, Any]) -> str:
    """Return the page that lies beside ``result.json``.

    Parameters
    ----------
    result : mapping
        What ``reproduce`` returns.

    Returns
    -------
    str
        Ends in a newline.

    Examples
    --------
    >>> table = {"title": "Norms", "header": ["", "ours"], "rows": [["CV", "0.06"]], "notes": []}
    >>> print(to_markdown({"experiment": "table1", "summary": "norms", "tables": [table]}))
    # table1: norms
    <BLANKLINE>
    ## Norms
    <BLANKLINE>
    |    | ours |
    |----|-----:|
    | CV | 0.06 |
    <BLANKLINE>
    """
    return "\n".join(_lines(result)).rstrip("\n") + "\n"


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    place = f" ({result['place']} of the paper)" if result.get("place") else ""
    yield f"# {result.get('experiment')}: {result.get('summary')}{place}\n"
    if result.get("quick"):
        yield "**Quick settings: for a first look, not for a verdict on the paper.**\n"
    for table in result.get("tables") or []:
        yield f"## {table['title']}\n"
        yield from markdown_table(table["header"], table["rows"])
        yield ""
        yield from (f"{note[:1].upper()}{note[1:].rstrip('.')}.\n" for note in table["notes"])
    pngs = [name for name in result.get("pictures") or [] if name.endswith(".png")]
    yield from (f"![{name.removesuffix('.png')}]({name})\n" for name in pngs)
    if result.get("notes"):
        yield "## What to know\n"
        yield from (f"- {note}" for note in result["notes"])
        yield ""
    if result.get("choices"):
        yield "## What the paper leaves unstated\n"
        yield from markdown_table(["setting", "here", "why"], _choices(result["choices"]))
        yield ""
    if result.get("about"):
        yield "## Where this comes from\n"
        yield from (f"- {line}" for line in _origin(result))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table whose columns line up in plain text, too; numbers stand right."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in [header, *rows]]
    widths = [max(2, *(len(row[place]) for row in cells)) for place in range(len(header))]
    right = [holds_numbers([row[place] for row in rows]) for place in range(len(header))]
    lines = [
        " | ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
        for row in cells
    ]
    rule = "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True))
    yield f"| {lines[0]} |"
    yield f"|{rule}|"
    yield from (f"| {line} |" for line in lines[1:])


def holds_numbers(cells: Sequence[str]) -> bool:
    """Return whether a column of a table holds numbers and nothing else.

    Examples
    --------
    >>> holds_numbers(["0.06", "-", ""]), holds_numbers(["AD Avg. (< 0.752)", "0.38"])
    (True, False)
    """
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell[0].isdigit() or cell[0] in "-+<" for cell in filled)


def _choices(choices: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a line a choice; columns that chose the same for the same reason share it."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for choice in choices:
        owner, _, setting = choice["setting"].rpartition(".")
        lines.setdefault((setting, _value(choice["value"]), choice["reason"]), []).append(owner)
    return [
        [f"{setting} ({', '.join(owners)})" if any(owners) else setting, value, reason]
        for (setting, value, reason), owners in lines.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"


def _origin(result: Mapping[str, Any]) -> Iterator[str]:
    about = result["about"]
    yield f"Command: `{about['command']}`, seed {result['seed']}"
    yield f"Commit: {_commit(about)}"
    yield f"Versions: {_versions(about['versions'])}"
    machine = about["machine"]
    gpu = f", {machine['gpu']}" if machine.get("gpu") else ""
    size = f"{machine['cpus']} CPUs, {machine.get('threads')} threads"
    yield f"Machine: {machine['system']} {machine['processor']}, {size}{gpu}"
    for name, part in (about.get("parts") or {}).items():
        yield f"Part {name}, where it differs: {origin_words(part)}"
    yield f"Time: {about['seconds']:,.0f} s"
    if result.get("paper"):
        paper = result["paper"]
        yield f"Paper: {paper['authors']}, *{paper['title']}*, {paper['venue']}, arXiv {paper['arxiv']}"


def _commit(about: Mapping[str, Any]) -> str:
    state = ", with uncommitted changes" if about.get("uncommitted_changes") else ""
    return f"{about['commit']}{state}" if about["commit"] else "not from a checkout"


def _versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)
