"""Sums and joins over the processes of a distributed run, with a backward pass.

The rule that every objective here keeps, with W ranks and the full batch being the batches of rank 0, 1, … one after
the other: the *mean over ranks* of the losses is the loss of the full batch, and the gradients that reach one rank's
embeddings are W times those of the full batch, so that the mean over ranks of parameter gradients, which
DistributedDataParallel takes, is the gradient of the full batch. Both follow if each backward pass sums the gradients
of all ranks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from thinshell.errors import InputError


def world_size() -> int:
    """Return the number of processes, 1 outside a distributed run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if world_size() > 1 else 0


def _join(x: Tensor) -> Tensor:
    x = x.contiguous()
    parts = [torch.empty_like(x) for _ in range(world_size())]
    dist.all_gather(parts, x)
    return torch.cat(parts)


def _total(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        return _join(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        # A reduce-scatter would send half as much, but gloo has none in the oldest torch that we support.
        return _total(grad_outputs[0])[_rank() * ctx.rows : (_rank() + 1) * ctx.rows]


class _SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _total(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return _total(grad_outputs[0])


class Ranks:
    """The processes whose batches make the full batch; one alone unless `gather` is set in a distributed run.

    `count` is their number and `start` where this rank's rows begin in the full batch.
    """

    def __init__(self, rows: int, gather: bool) -> None:
        self.count = world_size() if gather else 1
        self.rows = rows
        self.start = _rank() * rows if self.count > 1 else 0

    @property
    def total_rows(self) -> int:
        return self.rows * self.count

    def check_equal(self, z: Tensor) -> None:
        """Refuse batches of different shapes, on every rank at once: otherwise some would wait forever."""
        if self.count == 1:
            return
        shapes = _join(torch.tensor([list(z.shape)], device=z.device)).tolist()
        if any(shape != shapes[0] for shape in shapes):
            raise InputError(
                f"every rank must hold a batch of the same shape, got {', '.join(str(tuple(s)) for s in shapes)} on "
                f"ranks 0 to {self.count - 1}; drop the last incomplete batch"
            )

    def gather(self, x: Tensor) -> Tensor:
        """Join the rows of all ranks."""
        if self.count == 1:
            return x
        joined = _GatherRows.apply(x) if x.is_floating_point() else _join(x)
        assert isinstance(joined, Tensor)
        return joined

    def sum(self, x: Tensor) -> Tensor:
        """Sum over all ranks."""
        if self.count == 1:
            return x
        total = _SumOverRanks.apply(x)
        assert isinstance(total, Tensor)
        return total
