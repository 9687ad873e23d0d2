"""Errors whose text is meant for the person who gave the input.

Every sentence names the parameter (or the file, row, column), what is allowed, what was received and
what to do. Python callers get an ordinary ``ValueError`` or ``TypeError``; the command line prints the same
text on stderr and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "InputTypeError", "unknown_name"]


class InputError(ValueError):
    """A value, a file or an array that cannot be used as it is.

    Examples
    --------
    >>> raise InputError("n_samples must be at least 8, got 3; give more rows")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: n_samples must be at least 8, got 3; give more rows

    Attributes
    ----------
    path : str or None
        The file that could not be read, where it was one of several.
    """

    path: str | None = None


class InputTypeError(TypeError):
    """An argument of a type that is not taken at all.

    Examples
    --------
    >>> raise InputTypeError("embeddings must be an array, got str")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputTypeError: embeddings must be an array, got str
    """


def unknown_name(parameter: str, got: object, allowed: Iterable[str]) -> InputError:
    """Return the error for a name that is not among those allowed, with the nearest one.

    Parameters
    ----------
    parameter : str
        What the name was given for.
    got : object
        What was given.
    allowed : iterable of str
        The names that exist.

    Returns
    -------
    InputError
        To be raised by the caller.

    Examples
    --------
    >>> str(unknown_name("encoder", "resnet81", ["linear", "resnet18"]))
    "encoder must be one of 'linear', 'resnet18', got 'resnet81'; did you mean 'resnet18'?"
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(got), names, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}?" if near else "choose one of them"
    return InputError(f"{parameter} must be one of {', '.join(map(repr, names))}, got {got!r}; {advice}")
