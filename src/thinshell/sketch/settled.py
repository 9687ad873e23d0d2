"""Attributes that are read only after what is held elsewhere was taken in."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

__all__ = ["Settled"]

T = TypeVar("T")


class Settled(Generic[T]):
    """A part of a sketch's state; reading it first calls the sketch's ``_settle``.

    Whoever reads the state, from whichever module, gets what an accelerator holds as well.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"settled{name}"

    def __get__(self, sketch: Any, owner: type | None = None) -> T:
        sketch._settle()
        return sketch.__dict__[self._name]

    def __set__(self, sketch: Any, value: T) -> None:
        sketch.__dict__[self._name] = value
