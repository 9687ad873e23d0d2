"""Logarithms of the denominators of contrastive losses, whole or in tiles whose logits are computed again in backward.

For anchors a_i and candidates c_j both forms return ``log sum_j exp(a_i . c_j)``, some j left out if asked. The whole
form keeps the matrix of logits, and autograd some copies of it. The form in tiles keeps one tile of `chunk_size`
anchors by all candidates, in the forward pass and again in the backward pass, for one more matrix product.
Temperatures are multiplied into the anchors by the caller, so that their gradient is autograd's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def log_denominators(
    anchors: Tensor, candidates: Tensor, excluded: Tensor | None = None, chunk_size: int | None = None
) -> Tensor:
    """Return ``log sum_j exp(a_i . c_j)`` for every anchor.

    Parameters
    ----------
    anchors : Tensor of shape (n_anchors, n_features)
    candidates : Tensor of shape (n_candidates, n_features)
    excluded : Tensor of shape (n_anchors, k), optional
        Candidates that each anchor leaves out.
    chunk_size : int, optional
        Anchors of a tile; None for all at once.

    Returns
    -------
    Tensor of shape (n_anchors,)
    """
    if chunk_size is None:
        logits = anchors @ candidates.T
        if excluded is not None:
            logits.scatter_(1, excluded, -torch.inf)
        return torch.logsumexp(logits, 1)
    rows = _Rows.apply(anchors, candidates, excluded, chunk_size)
    assert isinstance(rows, Tensor)
    return rows


def log_denominators_both_ways(first: Tensor, second: Tensor, chunk_size: int | None = None) -> tuple[Tensor, Tensor]:
    """Return ``log sum_j exp(a_i . c_j)`` for every i and ``log sum_i exp(a_i . c_j)`` for every j, from one matrix."""
    if chunk_size is None:
        logits = first @ second.T
        return torch.logsumexp(logits, 1), torch.logsumexp(logits, 0)
    both = _RowsAndColumns.apply(first, second, chunk_size)
    assert isinstance(both, tuple)
    return both


class _Tiles:
    """Goes over the logits tile by tile, in one buffer that is used again and again."""

    def __init__(self, anchors: Tensor, candidates: Tensor, excluded: Tensor | None, chunk_size: int) -> None:
        self.anchors, self.candidates, self.excluded = anchors, candidates, excluded
        self.chunk_size = min(chunk_size, len(anchors))
        self.buffer = anchors.new_empty(self.chunk_size, len(candidates))

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        for start in range(0, len(self.anchors), self.chunk_size):
            rows = slice(start, min(start + self.chunk_size, len(self.anchors)))
            tile = torch.mm(self.anchors[rows], self.candidates.T, out=self.buffer[: rows.stop - rows.start])
            if self.excluded is not None:
                tile.scatter_(1, self.excluded[rows], -torch.inf)
            yield rows, tile


def _log_sum_exp_in_place(tile: Tensor) -> Tensor:
    """Reduce over rows; the tile is overwritten."""
    peak = tile.amax(1, keepdim=True)
    return tile.sub_(peak).exp_().sum(1).log_().add_(peak[:, 0])


class _Gradients:
    """Sums the gradients of those of the two factors that need one."""

    def __init__(self, ctx: Any, anchors: Tensor, candidates: Tensor) -> None:
        self.anchors = torch.empty_like(anchors) if ctx.needs_input_grad[0] else None
        self.candidates = torch.zeros_like(candidates) if ctx.needs_input_grad[1] else None

    def add(self, tiles: _Tiles, rows: slice, grad_logits: Tensor) -> None:
        if self.anchors is not None:
            torch.mm(grad_logits, tiles.candidates, out=self.anchors[rows])
        if self.candidates is not None:
            self.candidates.addmm_(grad_logits.T, tiles.anchors[rows])


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, excluded: Tensor | None, chunk_size: int) -> Tensor:
        sums = anchors.new_empty(len(anchors))
        for rows, tile in _Tiles(anchors, candidates, excluded, chunk_size):
            sums[rows] = _log_sum_exp_in_place(tile)
        ctx.save_for_backward(anchors, candidates, excluded, sums)
        ctx.chunk_size = chunk_size
        return sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        anchors, candidates, excluded, sums = ctx.saved_tensors
        tiles, grads = _Tiles(anchors, candidates, excluded, ctx.chunk_size), _Gradients(ctx, anchors, candidates)
        for rows, tile in tiles:
            tile.sub_(sums[rows, None]).exp_().mul_(grad_outputs[0][rows, None])
            grads.add(tiles, rows, tile)
        return grads.anchors, grads.candidates, None, None


class _RowsAndColumns(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, chunk_size: int) -> tuple[Tensor, Tensor]:
        row_sums = anchors.new_empty(len(anchors))
        peak = anchors.new_full((len(candidates),), -torch.inf)
        total = torch.zeros_like(peak)
        tiles = _Tiles(anchors, candidates, None, chunk_size)
        work = torch.empty_like(tiles.buffer)
        for rows, tile in tiles:
            # A column is seen in parts: what was summed so far is scaled to the largest logit of all parts.
            higher = torch.maximum(peak, tile.amax(0))
            part = torch.sub(tile, higher, out=work[: len(tile)]).exp_().sum(0)
            total.mul_(peak.sub_(higher).exp_()).add_(part)
            peak = higher
            row_sums[rows] = _log_sum_exp_in_place(tile)
        column_sums = total.log_().add_(peak)
        ctx.save_for_backward(anchors, candidates, row_sums, column_sums)
        ctx.chunk_size = chunk_size
        return row_sums, column_sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        anchors, candidates, row_sums, column_sums = ctx.saved_tensors
        tiles, grads = _Tiles(anchors, candidates, None, ctx.chunk_size), _Gradients(ctx, anchors, candidates)
        work = torch.empty_like(tiles.buffer)
        for rows, tile in tiles:
            by_column = torch.sub(tile, column_sums, out=work[: len(tile)]).exp_().mul_(grad_outputs[1])
            tile.sub_(row_sums[rows, None]).exp_().mul_(grad_outputs[0][rows, None]).add_(by_column)
            grads.add(tiles, rows, tile)
        return grads.anchors, grads.candidates, None
