"""One clear sentence for what pydantic found wrong with a configuration."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from thinshell.errors import InputError, InputTypeError

__all__ = ["sentence", "told"]

Made = TypeVar("Made")


def sentence(error: ValidationError, model: type[BaseModel], owner: str = "") -> str:
    """Return the first error as a sentence: the key's path, what is allowed, what came.

    Parameters
    ----------
    error : ValidationError
        Raised by `model`.
    model : type of BaseModel
        Whose fields the keys are.
    owner : str
        Key below which `model` lies.

    Returns
    -------
    str

    Examples
    --------
    >>> class Model(BaseModel, extra="forbid"):
    ...     epochs: int = 1
    >>> try:
    ...     Model(epoch=3)
    ... except ValidationError as error:
    ...     sentence(error, Model)
    "epoch is not a key; did you mean 'epochs'?"
    """
    # A key that is not known explains one that is missing, so it comes first.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = ".".join([*([owner] if owner else []), *(str(part) for part in first["loc"] if not _is_branch(part))])
    kind, message = first["type"], first["msg"]
    if kind == "extra_forbidden":
        return f"{place} is not a key; {_nearest(str(first['loc'][-1]), _fields(model, first['loc'][:-1]))}"
    if kind == "missing":
        return f"{place} is missing; give it a value"
    if kind == "value_error":
        words = str(first.get("ctx", {}).get("error"))
        return words if words.startswith(f"{place}") else f"{place}: {words}" if place else words
    words = message.replace("Input should be", "must be").replace("a valid tuple", "a list")
    words = words.partition(", got ")[0].replace("a valid integer", "a whole number")
    got = f", got {first['input']!r}" if not isinstance(first["input"], BaseModel) else ""
    if kind == "literal_error":
        return f"{place} {words}{got}; {_nearest(str(first['input']), _literals(words))}"
    return f"{place} {words}{got}"


def _is_branch(part: Any) -> bool:
    # pydantic names the member of a union (such as "int") as if it were a key.
    return isinstance(part, str) and ("[" in part or part in ("int", "float", "str", "bool", "constrained-int"))


def _nearest(got: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}" if names else "remove it"


def _literals(words: str) -> list[str]:
    return [part for part in words.split("'")[1::2] if part]


def _fields(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return list(model.model_fields)


def told(section: str, make: Callable[[], Made]) -> Made:
    """Return what `make` makes; what is wrong with it is told with the section of the configuration.

    Examples
    --------
    >>> def fail():
    ...     raise InputError("a must be in [0, 1], got 2")
    >>> told("views", fail)
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: views: a must be in [0, 1], got 2
    """
    try:
        return make()
    except (InputError, InputTypeError) as error:
        raise InputError(f"{section}: {error}") from error
