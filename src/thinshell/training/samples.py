"""What a training run is given: rows to train on, rows to measure on, and where they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError

__all__ = ["Samples"]

# A class needs a row of weights: a larger number is an identifier, not a class.
MOST_CLASSES = 1_000_000


@dataclass(frozen=True)
class Samples:
    """A data set in memory, split into what is trained on and what is measured on.

    Attributes
    ----------
    name : str
        What tables and logs call it.
    train, test : Tensor
        float32 rows of shape (n, n_features), or uint8 pictures of shape (n, channels, height, width).
    train_labels, test_labels : Tensor of int64 of shape (n,), or None
        The class or component of each row, from 0.
    facts : dict
        The protocol in words and numbers (law, sizes, seed, files), fit for JSON.

    Raises
    ------
    InputError
        If a split is empty, the two differ in shape, or labels do not belong to their rows or number no classes.

    Examples
    --------
    >>> samples = Samples("pair", torch.zeros(4, 3), torch.zeros(2, 3), torch.tensor([0, 1, 0, 1]))
    >>> samples.n_classes, samples.input_shape
    (2, (3,))
    """

    name: str
    train: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    test_labels: Tensor | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            _check_rows(split, getattr(self, split))
            _check_labels(split, getattr(self, split), getattr(self, f"{split}_labels"))
        if self.train.shape[1:] != self.test.shape[1:]:
            raise InputError(
                f"train and test must have rows of the same shape, got {tuple(self.train.shape[1:])} "
                f"and {tuple(self.test.shape[1:])}"
            )

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits that tell which rows these are, in which order: SHA-256 of both splits.

        Examples
        --------
        >>> len(Samples("pair", torch.zeros(4, 3), torch.zeros(2, 3)).fingerprint())
        32
        """
        digest = hashlib.sha256()
        for rows in (self.train, self.test):
            digest.update(str((rows.dtype, tuple(rows.shape))).encode())
            digest.update(rows.contiguous().cpu().numpy().data)
        return digest.hexdigest()[:32]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.train.shape[1:])

    @property
    def n_inputs(self) -> int:
        """Numbers in one row."""
        return self.train[0].numel()

    @property
    def n_classes(self) -> int | None:
        """One more than the largest training label; None without labels."""
        return None if self.train_labels is None else int(self.train_labels.max()) + 1


def _check_rows(split: str, rows: Tensor) -> None:
    if not isinstance(rows, Tensor):
        raise InputTypeError(f"{split} must be a torch.Tensor, got {type(rows).__name__}; use torch.from_numpy")
    if rows.ndim < 2 or rows.numel() == 0:
        raise InputError(f"{split} must have rows and features, got shape {tuple(rows.shape)}")


def _check_labels(split: str, rows: Tensor, labels: Tensor | None) -> None:
    if labels is None:
        return
    if labels.shape != rows.shape[:1] or labels.dtype != torch.int64:
        raise InputError(
            f"{split}_labels must be int64 of shape ({len(rows)},), one a row, got {labels.dtype} "
            f"of shape {tuple(labels.shape)}"
        )
    if int(labels.min()) < 0:
        raise InputError(f"{split}_labels must be at least 0, got {int(labels.min())}; number the classes from 0")
    if int(labels.max()) >= MOST_CLASSES:
        raise InputError(
            f"{split}_labels must be below {MOST_CLASSES:,}, got {int(labels.max())}; number the classes 0, 1, 2, ..."
        )
