"""Batches of a data set in memory; which rows and which views depends on seed, epoch and step alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.pixels import as_floats
from thinshell.training.randomness import generator_of
from thinshell.training.samples import Samples

__all__ = ["Batches", "Views", "check_batch_size", "describe", "epoch_order"]

# views(rows, labels, generator) -> one tensor a view
Views = Callable[[Tensor, Tensor | None, torch.Generator], tuple[Tensor, ...]]


def epoch_order(n_rows: int, seed: int, epoch: int) -> Tensor:
    """Return the order in which an epoch goes through the rows.

    Parameters
    ----------
    n_rows : int
        Rows of the data set.
    seed, epoch : int
        What the order depends on; epochs are counted from 0.

    Returns
    -------
    Tensor of int64 of shape (n_rows,)

    Examples
    --------
    >>> sorted(epoch_order(5, seed=0, epoch=3).tolist())
    [0, 1, 2, 3, 4]
    """
    # Always drawn on the CPU: the order is then the same on every device.
    return torch.randperm(n_rows, generator=generator_of(seed, "order", epoch))


def check_batch_size(batch_size: int, n_rows: int) -> None:
    """Say what is wrong with a batch size, if anything is.

    Raises
    ------
    InputError
        If it is below 2 or above the rows there are.
    """
    if batch_size < 2:
        raise InputError(
            f"batch_size must be at least 2, got {batch_size}; a contrastive loss compares rows of one batch"
        )
    if batch_size > n_rows:
        raise InputError(
            f"batch_size must be at most the {n_rows} training rows, got {batch_size}; "
            "make it smaller or give more rows"
        )


@dataclass
class Batches:
    """An iterable over one epoch; Lightning iterates it again for the next.

    Attributes
    ----------
    samples : Samples
        Moved to `device` once.
    views : callable or None
        Makes the views of a batch; None gives the rows themselves, as one view.
    batch_size, seed : int
        Rows that do not fill a last batch are left out of that epoch: the loss depends on the batch size.
    position : callable
        Returns (epoch, first batch) when iteration begins.
    device : torch.device
        Where rows are picked and views are made.
    channels_last : bool
        Pictures in the memory format that convolutions on a GPU prefer.
    ahead : int
        Batches whose views are made in one go, at least 1: a GPU waits for the many small steps of an augmentation,
        which are as many for a thousand pictures as for one.
    """

    samples: Samples
    views: Views | None
    batch_size: int
    seed: int
    position: Callable[[], tuple[int, int]]
    device: torch.device
    channels_last: bool = False
    ahead: int = 1

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size, len(self.samples.train))
        self._rows = self.samples.train.to(self.device)
        labels = self.samples.train_labels
        self._labels = None if labels is None else labels.to(self.device)

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one epoch."""
        return len(self._rows) // self.batch_size

    # No __len__: Lightning then finds the end of an epoch by reaching it, so that a resumed epoch may be shorter.
    def __iter__(self) -> Iterator[tuple[tuple[Tensor, ...], Tensor | None]]:
        epoch, first = self.position()
        order = epoch_order(len(self._rows), self.seed, epoch)
        # Groups begin at the same batches wherever this iteration does: a resumed epoch draws what a whole one draws.
        for top in range(first - first % self.ahead, self.steps_per_epoch, self.ahead):
            end = min(top + self.ahead, self.steps_per_epoch)
            chosen = order[top * self.batch_size : end * self.batch_size].to(self.device)
            views, labels = self._batch(chosen, step=epoch * self.steps_per_epoch + top)
            for place in range(max(first, top), end):
                part = slice((place - top) * self.batch_size, (place - top + 1) * self.batch_size)
                yield tuple(view[part] for view in views), None if labels is None else labels[part]

    def _batch(self, chosen: Tensor, step: int) -> tuple[tuple[Tensor, ...], Tensor | None]:
        rows = self._rows[chosen]
        labels = None if self._labels is None else self._labels[chosen]
        if self.views is None:
            views: tuple[Tensor, ...] = (as_floats(rows),)
        else:
            views = self.views(rows, labels, generator_of(self.seed, "views", step, device=self.device))
        if self.channels_last:
            views = tuple(v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for v in views)
        return views, labels


def describe(views: Any) -> Any:
    """Return what the views are, fit for JSON: a run is only resumed with the same.

    Examples
    --------
    >>> from thinshell.training import BitFlips
    >>> describe(BitFlips())
    {'name': 'bit_flips', 'probability': 0.001}
    """
    if views is None:
        return None
    if hasattr(views, "describe"):
        return views.describe()
    return getattr(views, "__qualname__", type(views).__qualname__)
