"""Which column of a table holds the texts or the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thinshell.errors import InputError, unknown_name

__all__ = ["choose_text_column"]

# What such columns are called.
_USUAL = ("text", "sentence", "caption", "content", "description", "image", "img", "picture")


def choose_text_column(path: Path, names: Sequence[str], fit: Sequence[str], asked: str | None, noun: str) -> str:
    """Return the column to embed: the one asked for, the only one that fits, or one with a usual name.

    Examples
    --------
    >>> choose_text_column(Path("a.csv"), ["id", "text", "author"], ["text", "author"], None, "column")
    'text'
    """
    if asked is not None:
        if asked not in names:
            raise unknown_name(f"the {noun} of {path}", asked, names)
        if asked not in fit:
            raise InputError(
                f"{noun} {asked!r} of {path} holds neither texts nor pictures; those that do: {_listed(fit)}"
            )
        return asked
    if len(fit) == 1:
        return fit[0]
    usual = [name for name in _USUAL if name in fit]
    if len(usual) == 1:
        return usual[0]
    if not fit:
        raise InputError(f"{path} has no {noun} with texts or pictures; its {noun}s are {_listed(names)}")
    raise InputError(f"{path} has several {noun}s that can be embedded ({_listed(fit)}); choose one with --column")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:12])) or "none"
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
