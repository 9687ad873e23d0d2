"""One set of rows split into what is trained on and what is measured on."""

from __future__ import annotations

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.randomness import generator_of

__all__ = ["check_test_share", "split_rows"]


def check_test_share(test_share: float) -> None:
    """Say what is wrong with a share, if anything is."""
    if not 0 < test_share < 1:
        raise InputError(f"test_share must be a number between 0 and 1, got {test_share}")


def split_rows(n_rows: int, test_share: float, seed: int, where: str) -> tuple[Tensor, Tensor]:
    """Return the rows of each split in their order; which go where depends on the seed alone.

    Examples
    --------
    >>> train, test = split_rows(10, 0.2, seed=0, where="emb.npy")
    >>> len(train), len(test), sorted([*train.tolist(), *test.tolist()]) == list(range(10))
    (8, 2, True)
    """
    check_test_share(test_share)
    n_test = max(1, round(test_share * n_rows))
    if n_test >= n_rows:
        raise InputError(f"{where} has {n_rows} rows, too few to split: give more rows or a test set of its own")
    order = torch.randperm(n_rows, generator=generator_of(seed, "split"))
    return order[n_test:].sort().values, order[:n_test].sort().values
