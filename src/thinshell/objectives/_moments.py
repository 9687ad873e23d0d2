"""Means and products of features over the full batch."""

from __future__ import annotations

from torch import Tensor

from thinshell.objectives._distributed import Ranks


def centred(z: Tensor, ranks: Ranks) -> Tensor:
    """Return this rank's rows less the mean of the full batch."""
    return z - ranks.sum(z.sum(0)) / ranks.total_rows


def off_diagonal(square: Tensor) -> Tensor:
    """Return the entries off the diagonal of a square matrix, as one row."""
    n = len(square)
    return square.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()
