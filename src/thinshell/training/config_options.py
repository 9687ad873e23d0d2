"""Typed options from the signature of whatever takes them."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from thinshell.errors import InputError
from thinshell.training.config_errors import sentence

__all__ = ["checked_options", "option_names"]

# Given by the run itself, never by its configuration.
NOT_OPTIONS = ("self", "n_inputs", "samples", "means", "progress", "gather_distributed", "generator")


def checked_options(owner: str, maker: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` converted to the types in the signature of `maker`.

    Parameters
    ----------
    owner : str
        What the options are given for, to begin the sentence with.
    maker : callable
        A function or a class with annotated parameters.
    options : mapping
        As they were read from a file.

    Returns
    -------
    dict
        Only what was given: defaults stay with `maker`.

    Raises
    ------
    InputError
        Naming the first option that is unknown (with the nearest one), missing or of the wrong type.

    Examples
    --------
    >>> from thinshell.training import BitFlips
    >>> checked_options("views", BitFlips, {"probability": "1e-3"})
    {'probability': 0.001}
    >>> checked_options("views", BitFlips, {"probabilty": 1e-3})
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: views.probabilty is not a key; did you mean 'probability'?
    """
    model = _model(maker)
    try:
        return model.model_validate(dict(options)).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InputError(sentence(error, model, owner)) from error


def option_names(maker: Callable[..., Any]) -> list[str]:
    """Return the options that `maker` takes from a configuration.

    Examples
    --------
    >>> from thinshell.training import BitFlips
    >>> option_names(BitFlips)
    ['probability']
    """
    return list(_model(maker).model_fields)


@functools.cache
def _model(maker: Callable[..., Any]) -> type[BaseModel]:
    # A frozen dataclass and a module keep their annotations with __init__, a function with itself.
    hints = typing.get_type_hints(maker.__init__ if inspect.isclass(maker) else maker)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(maker).parameters.items():
        if name in NOT_OPTIONS or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (hints.get(name, Any), default)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)
    return create_model(maker.__name__, __config__=config, **fields)
