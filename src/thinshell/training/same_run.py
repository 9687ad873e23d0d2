"""Whether a run may go on with a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from thinshell.errors import InputError

__all__ = ["check_same_run", "differences"]


def check_same_run(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuse to resume a run with another configuration than it began with.

    `epochs` may grow while the learning rate is constant: the run is then the same, only longer.

    Parameters
    ----------
    before, now : mapping
        Configurations, fit for JSON.
    where : str
        Folder of the run, for the sentence.

    Raises
    ------
    InputError
        Naming the first key that differs, and both values.

    Examples
    --------
    >>> check_same_run({"seed": 0}, {"seed": 1}, "runs/a")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: the run in runs/a began with seed = 0, now it is 1; ...
    """
    for key, old, new in differences(before, now):
        if key == "epochs" and _schedule(now) == "constant" and new >= old:
            continue
        raise InputError(
            f"the run in {where} began with {key} = {_short(old)}, now it is {_short(new)}; "
            "set it back to resume, or start a new run in another folder"
        )


def differences(before: Any, now: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (dotted key, value before, value now) wherever two configurations differ.

    Examples
    --------
    >>> list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}))
    [('a.b', 1, 3)]
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from differences(before.get(key), now.get(key), f"{place}.{key}" if place else str(key))
    elif _as_json(before) != _as_json(now):
        yield place, before, now


def _as_json(value: Any) -> Any:
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value


def _schedule(config: Mapping[str, Any]) -> Any:
    # In a configuration of `run` the schedule stands with the optimiser, in one of `fit` with the module.
    holders = (config.get("optimizer"), config.get("module"))
    return next(
        (holder["schedule"] for holder in holders if isinstance(holder, Mapping) and "schedule" in holder), None
    )


def _short(value: Any, longest: int = 60) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
