"""A plain result as JSON that any reader takes: no NaN, no infinity, ASCII only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from thinshell.errors import InputTypeError

__all__ = ["to_json"]


def to_json(result: Mapping[str, Any]) -> str:
    """Return `result` as JSON text, ending in a newline.

    NaN and infinity, which JSON does not have, become ``null``. Objects are indented; a list of plain
    values stays on one line, so that a file with thousands of coordinates can still be read by eye. Keys
    keep their order, so the same result gives the same bytes.

    Parameters
    ----------
    result : mapping
        What ``to_dict()`` of a diagnosis or of a comparison returns. NumPy scalars are taken as well.

    Returns
    -------
    str
        ASCII only: it can be printed whatever the terminal's encoding is.

    Raises
    ------
    InputTypeError
        When a value is none of: mapping, list, tuple, string, number, boolean, None.

    Examples
    --------
    >>> print(to_json({"verdict": "consistent", "pvalue": float("nan"), "edges": [0.5, 1.5]}), end="")
    {
      "verdict": "consistent",
      "pvalue": null,
      "edges": [0.5, 1.5]
    }
    """
    return _encode(result, "") + "\n"


def _encode(value: Any, indent: str) -> str:
    if isinstance(value, Mapping):
        inner = [f"{json.dumps(str(key))}: {_encode(item, indent + '  ')}" for key, item in value.items()]
        return _block("{", inner, "}", indent)
    if isinstance(value, list | tuple):
        if not any(isinstance(item, Mapping | list | tuple) for item in value):
            return "[" + ", ".join(_scalar(item) for item in value) + "]"
        return _block("[", [_encode(item, indent + "  ") for item in value], "]", indent)
    return _scalar(value)


def _block(opening: str, inner: list[str], closing: str, indent: str) -> str:
    if not inner:
        return opening + closing
    lines = ",\n".join(f"{indent}  {line}" for line in inner)
    return f"{opening}\n{lines}\n{indent}{closing}"


def _scalar(value: Any) -> str:
    if hasattr(value, "item"):  # a NumPy scalar; testing for it by name would import NumPy
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if value is None or isinstance(value, bool | int | float | str):
        return json.dumps(value)
    raise InputTypeError(
        "a result holds only mappings, lists, strings, numbers, booleans and None, "
        f"got {type(value).__name__}; give what to_dict() returns"
    )
