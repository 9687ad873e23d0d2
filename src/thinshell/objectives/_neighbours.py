"""The k-th nearest neighbour of each row, without a matrix of all distances."""

from __future__ import annotations

import torch
from torch import Tensor

# Values of a tile of squared distances: 32 MB in float32.
_TILE_VALUES = 8_000_000


@torch.no_grad()
def kth_neighbour(rows: Tensor, everything: Tensor, start: int, k: int) -> Tensor:
    """Return which row of `everything` is the k-th nearest of each row, those being its rows from `start` on.

    Parameters
    ----------
    rows : Tensor of shape (n_rows, n_features)
    everything : Tensor of shape (n, n_features)
    start : int
        Row i stands in `everything` at ``start + i`` and is no neighbour of its own.
    k : int
        Below n.

    Returns
    -------
    Tensor of shape (n_rows,), int64
        Which it is comes from ``|y|^2 - 2 x.y``: two that are as near as rounding may be taken for each other.
    """
    chunk = max(1, _TILE_VALUES // len(everything))
    squares = everything.square().sum(1)
    found = []
    for first in range(0, len(rows), chunk):
        part = rows[first : first + chunk]
        # |x|^2 is the same for all neighbours of x.
        distances = torch.addmm(squares, part, everything.T, alpha=-2.0)
        own = torch.arange(start + first, start + first + len(part), device=rows.device)
        distances.scatter_(1, own[:, None], torch.inf)
        found.append(distances.topk(k, dim=1, largest=False).indices[:, -1])
    return torch.cat(found)
