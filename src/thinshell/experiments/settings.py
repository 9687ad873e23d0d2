"""Settings: frozen dataclasses, changed by dotted names and turned into plain data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from thinshell.errors import InputError, InputTypeError, unknown_name

__all__ = ["as_plain", "changed", "value_at"]


def as_plain(settings: Any) -> Any:
    """Return dataclasses, mappings and tuples as dictionaries and lists, fit for JSON.

    Parameters
    ----------
    settings : object
        A dataclass, or what one is made of.

    Returns
    -------
    dict, list, str, number, bool or None

    Examples
    --------
    >>> from thinshell.experiments.experiment import Choice
    >>> as_plain({"a": (1, 2), "b": Choice("density", "because")})
    {'a': [1, 2], 'b': {'setting': 'density', 'reason': 'because'}}
    """
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        return {part.name: as_plain(getattr(settings, part.name)) for part in dataclasses.fields(settings)}
    if isinstance(settings, Mapping):
        return {str(name): as_plain(value) for name, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [as_plain(value) for value in settings]
    return settings


def value_at(settings: Any, name: str) -> Any:
    """Return what a dotted name stands for.

    Parameters
    ----------
    settings : object
        A dataclass or a dictionary, possibly of dataclasses.
    name : str
        Such as ``"gmm.mean_std"``.

    Returns
    -------
    object

    Raises
    ------
    InputError
        If there is nothing of that name.

    Examples
    --------
    >>> from thinshell.experiments.experiment import Choice
    >>> value_at(Choice("density", "because"), "setting")
    'density'
    """
    for word in name.split("."):
        settings = _get(settings, word)
    return settings


def changed(settings: Any, changes: Mapping[str, Any]) -> Any:
    """Return `settings` with other values.

    Parameters
    ----------
    settings : object
        A dataclass or a dictionary, possibly of dataclasses.
    changes : mapping of dotted names to values
        A value must be of the kind that stands there: a number, a word, a tuple.

    Returns
    -------
    object
        Of the same type.

    Raises
    ------
    InputError
        If there is nothing of that name (with the nearest one), or the name stands for a group of settings.
    InputTypeError
        If the value, or one in a list, is of another kind.

    Examples
    --------
    >>> from thinshell.experiments.experiment import Choice
    >>> changed(Choice("density", "because"), {"reason": "measured"}).reason
    'measured'
    """
    for name, value in changes.items():
        settings = _changed(settings, name.split("."), value, name)
    return settings


def _changed(settings: Any, words: list[str], value: Any, name: str) -> Any:
    first, *others = words
    before = _get(settings, first)
    after = _changed(before, others, value, name) if others else _checked(before, value, name)
    if isinstance(settings, Mapping):
        return {**settings, first: after}
    return dataclasses.replace(settings, **{first: after})


def _checked(before: Any, value: Any, name: str) -> Any:
    if _names(before):
        raise InputError(f"setting {name} is a group of settings; name one of them, such as {name}.{_names(before)[0]}")
    if isinstance(before, tuple):
        if not isinstance(value, list | tuple):
            raise InputTypeError(f"setting {name} must be a list such as {json.dumps(before)}, got {value!r}")
        if not before:  # says nothing about what it holds
            return tuple(value)
        like = next((one for one in before if isinstance(one, float)), before[0])
        return tuple(_checked(like, one, f"{name}[{place}]") for place, one in enumerate(value))
    # An int is taken for a float, a bool for neither.
    kinds = (int, float) if isinstance(before, float) else type(before)
    if isinstance(value, bool) != isinstance(before, bool) or not isinstance(value, kinds):
        wanted = _KINDS.get(type(before), type(before).__name__)
        raise InputTypeError(f"setting {name} must be {wanted}, got {value!r}")
    return float(value) if isinstance(before, float) else value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _get(settings: Any, word: str) -> Any:
    if word not in _names(settings):
        raise unknown_name("setting", word, _names(settings))
    return settings[word] if isinstance(settings, Mapping) else getattr(settings, word)


def _names(settings: Any) -> list[str]:
    if isinstance(settings, Mapping):
        return [str(name) for name in settings]
    return [part.name for part in dataclasses.fields(settings)] if dataclasses.is_dataclass(settings) else []
