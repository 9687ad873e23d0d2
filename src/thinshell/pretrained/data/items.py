"""What can be embedded: pictures or texts one by one, with names that stay."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal

from thinshell.errors import InputError

__all__ = ["ItemError", "Items", "Kind", "file_fingerprint", "text_of"]

Kind = Literal["image", "text"]


class ItemError(InputError):
    """One item that cannot be used; the others can.

    Examples
    --------
    >>> isinstance(ItemError("photo.jpg is empty"), ValueError)
    True
    """


class Items(ABC):
    """A data set of pictures or of texts.

    Instances travel to worker processes; files are opened where they are read.

    Attributes
    ----------
    kind : {"image", "text"}
    facts : dict
        Where the items come from: path, format, column, split, number.
    fingerprint : str
        32 hexadecimal digits that change when the data do.
    side : str or None
        "image" or "text" where the items are one side of pairs.
    """

    kind: Kind
    facts: dict[str, Any]
    fingerprint: str
    side: str | None = None

    @property
    def name(self) -> str:
        """For people: how many of what, from where."""
        return str(self.facts["name"])

    @abstractmethod
    def __len__(self) -> int:
        """Return how many there are."""

    @abstractmethod
    def id(self, i: int) -> str:
        """Return what item `i` is called: different for every item and the same in every run."""

    def label(self, i: int) -> str | None:
        """Return the class of item `i`, if it has one."""
        return None

    def pair(self, i: int) -> int | None:
        """Return the number that item `i` shares with its partners, if it has any."""
        return None

    @abstractmethod
    def load(self, i: int) -> Any:
        """Return item `i`: an upright RGB picture (PIL) or a string; raise ItemError if it cannot be used."""


def file_fingerprint(*paths: str | Path) -> str:
    """Return 32 hexadecimal digits of the SHA-256 of files' contents."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def text_of(value: object, where: str) -> str:
    """Return a text that says something, or raise ItemError with `where` it stands."""
    if value is None:
        raise ItemError(f"{where} is null; there is nothing to embed")
    if not isinstance(value, str):
        raise ItemError(f"{where} must be a text, got {type(value).__name__}")
    if not value.strip():
        raise ItemError(f"{where} is empty; there is nothing to embed")
    return value
