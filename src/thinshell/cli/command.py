"""The command as it was typed, for the result."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextvars import ContextVar

__all__ = ["command_line", "remember_command"]

_words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())


def remember_command(words: Sequence[str]) -> None:
    """Keep the words of the command that is being run."""
    _words.set(tuple(words))


def command_line() -> str:
    """Return the command that is being run, as a shell would take it again but for passwords, which become ``***``.

    Examples
    --------
    >>> remember_command(["diagnose", "my file.npy"])
    >>> command_line()
    "thinshell diagnose 'my file.npy'"
    """
    from thinshell.io.urls import without_password

    return shlex.join(["thinshell", *map(without_password, _words.get())])
