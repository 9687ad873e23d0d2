"""A result in a notebook: the summary as a piece of HTML that stands by itself, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from thinshell.report.comparison import DATA_ROWS, NORM_ROWS
from thinshell.report.console import UNICODE, printable
from thinshell.report.numbers import count, rounded
from thinshell.report.tables import PAPER_ROWS, all_rows_lines, paper_lines
from thinshell.report.wording import VERDICTS, describe_data, normalization, notes, paper_protocol

__all__ = ["comparison_html", "diagnosis_html"]

# Styles stand at each element: a notebook may take a <style> away, or let its own rules win over it. Text and
# background stay the notebook's; these borders and the grey show on white as on black.
RULE = "1px solid rgba(128,128,128,.45)"
COLOURS = {"consistent": "#009E73", "departure": "#D55E00", "inconclusive": "#E69F00", "not_applicable": "#888888"}
CELL = "padding:.15em .7em;border:0;vertical-align:baseline;white-space:pre"
FAINT = "opacity:.75"
CAPTION = f"caption-side:top;text-align:left;white-space:nowrap;color:inherit;padding:0 0 .3em;{FAINT}"
HEAD = ("", "yours", "exact Gaussian", "uniform sphere", "95 % interval")
COMPARED = ((None, DATA_ROWS), ("norms", NORM_ROWS), ("paper", PAPER_ROWS))


def diagnosis_html(result: Mapping[str, Any]) -> str:
    """Return the summary of a diagnosis: verdict, protocol, the paper's table with references, where to look next.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns (schema ``thinshell/diagnosis/1``).

    Returns
    -------
    str
        HTML without scripts or links; all text from data is escaped.

    Examples
    --------
    >>> page = diagnosis_html({"verdict": "consistent", "reason": "x < y.", "source": {"name": "<b>.npy"}})
    >>> "x &lt; y." in page, "&lt;b&gt;.npy" in page
    (True, True)
    """
    parts = [_verdict(result), _line(describe_data(result, UNICODE), FAINT)]
    parts += [_line(f"note: {note}") for note in notes(result)]
    if result.get("paper"):
        parts.append(_table(HEAD, paper_lines(result), f"Paper protocol: {paper_protocol(result, UNICODE)}"))
    elif result.get("full"):
        rows = f"Full protocol: all {count(result['full'].get('n_samples'))} rows, {normalization(result)}"
        parts.append(_table(HEAD, all_rows_lines(result["full"]), rows))
    if result.get("paper") and result.get("full"):
        parts.append(_verdict(result["full"], "All rows: "))
    if result.get("look_next"):
        parts.append(_line(f"Look next: {printable(result['look_next'])}"))
    return _whole(parts)


def comparison_html(comparison: Mapping[str, Any]) -> str:
    """Return the summary of a comparison: verdicts, the paper's numbers side by side, what moved.

    Parameters
    ----------
    comparison : mapping
        What ``Comparison.to_dict()`` returns (schema ``thinshell/comparison/1``).

    Returns
    -------
    str
        HTML without scripts or links; all text from data is escaped.

    Examples
    --------
    >>> page = comparison_html({"names": ["<i>"], "diagnoses": [{"verdict": "departure"}]})
    >>> "&lt;i&gt;: Departure from a Gaussian" in page
    True
    """
    names = [printable(name) for name in comparison.get("names") or []]
    diagnoses = comparison.get("diagnoses") or []
    parts = [_verdict(one, f"{name}: ") for name, one in zip(names, diagnoses, strict=False)]
    if diagnoses:
        first = diagnoses[0]
        how = f"Paper protocol: {paper_protocol(first, UNICODE)}" if first.get("paper") else normalization(first)
        parts.append(_table(["", *names, "exact Gaussian"], list(_side_by_side(diagnoses)), how))
    for difference in comparison.get("differences") or []:
        parts += _moved(difference)
    return _whole(parts)


def _side_by_side(diagnoses: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for key, rows in COMPARED:
        blocks = [diagnosis if key is None else diagnosis.get(key) or {} for diagnosis in diagnoses]
        if not any(blocks):
            continue
        gaussian = ((blocks[0].get("reference") or {}).get("gaussian") or {}) if key == "paper" else {}
        for row in rows:
            reference = row.show(gaussian[row.key]) if row.key in gaussian else ""
            yield [row.label, *(row.show(block.get(row.key)) for block in blocks), reference]


def _moved(difference: Mapping[str, Any]) -> Iterator[str]:
    title = f"What moved from {printable(difference.get('versus'))} to {printable(difference.get('name'))}"
    yield _line(title, "font-weight:600;margin-top:.6em")
    moved = difference.get("moved") or []
    if not moved:
        yield _line("nothing beyond its interval", FAINT)
    for change in moved:
        words = change.get("message")
        if not words:
            words = f"{change.get('field')}: {rounded(change.get('before'))} → {rounded(change.get('after'))}"
        yield _line(f"→ {printable(words)}")


def _verdict(block: Mapping[str, Any], before: str = "") -> str:
    verdict = str(block.get("verdict"))
    words = f"{UNICODE.marks.get(verdict, '?')} {before}{VERDICTS.get(verdict, printable(verdict))}"
    reason = f": {escape(printable(block['reason']))}" if block.get("reason") else ""
    style = f"border-left:.3em solid {COLOURS.get(verdict, '#888888')};padding-left:.6em;margin:.3em 0"
    return f'<div style="{style}"><strong>{escape(words)}</strong>{reason}</div>'


def _line(text: str, style: str = "") -> str:
    return f'<div style="margin:.15em 0;{style}">{escape(text)}</div>'


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], caption: str) -> str:
    # A column in which nothing stands (no interval, no reference) is left out.
    kept = [place for place in range(len(head)) if place == 0 or any(line[place] for line in lines)]
    cells = "".join(_cell("th", head[place], place, "scope=col") for place in kept)
    rows = [
        "".join(_cell("th" if place == 0 else "td", line[place], place, "scope=row") for place in kept)
        for line in lines
    ]
    body = "".join(f'<tr style="background:none">{row}</tr>' for row in rows)
    style = "border-collapse:collapse;margin:.5em 0;font:inherit;font-variant-numeric:tabular-nums;color:inherit"
    return (
        f'<div style="overflow-x:auto"><table style="{style}">'
        f'<caption style="{CAPTION}">{escape(caption)}</caption>'
        f'<thead><tr style="background:none;border-bottom:{RULE}">{cells}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(tag: str, text: str, place: int, scope: str) -> str:
    align = "left" if place == 0 else "right"
    weight = "600" if tag == "th" and scope == "scope=col" else "400"
    attribute = f" {scope}" if tag == "th" else ""
    return f'<{tag}{attribute} style="{CELL};text-align:{align};font-weight:{weight}">{escape(text)}</{tag}>'


def _whole(parts: Sequence[str]) -> str:
    # The classes keep MathJax away: a dollar sign in a name begins no formula.
    return (
        '<div class="thinshell tex2jax_ignore mathjax_ignore" style="max-width:60em;line-height:1.45;color:inherit">'
        + "".join(parts)
        + "</div>"
    )
