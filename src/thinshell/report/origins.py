"""Where a part of a result comes from, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["origin_words"]


def origin_words(part: Mapping[str, Any]) -> str:
    """Return what is special about where a part was computed.

    Parameters
    ----------
    part : mapping
        Any of `commit`, `uncommitted_changes`, `versions` and `machine`.

    Returns
    -------
    str

    Examples
    --------
    >>> origin_words({"uncommitted_changes": True, "versions": {"torch": "2.11.0"}, "machine": {"gpu": "H100"}})
    'with uncommitted changes; torch 2.11.0; gpu H100'
    """
    return "; ".join(_facts(part))


def _facts(part: Mapping[str, Any]) -> Iterator[str]:
    if "commit" in part:
        yield f"commit {part['commit']}" if part["commit"] else "not from a checkout"
    if part.get("uncommitted_changes") is not None:
        yield f"with{'' if part['uncommitted_changes'] else 'out'} uncommitted changes"
    for group in ("versions", "machine"):
        if facts := part.get(group):
            yield ", ".join(f"{name} {value}" for name, value in facts.items())
