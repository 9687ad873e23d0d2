"""The empirical characteristic function of every column, without keeping a value for each point of evaluation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Sums(torch.autograd.Function):
    """Sums over rows of cos(t x) and sin(t x); autograd would keep rows x columns x points of each."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, points: tuple[float, ...]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.points = points
        return torch.stack([torch.stack([torch.cos(t * x).sum(0), torch.sin(t * x).sum(0)]) for t in points])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        grad = torch.zeros_like(x)
        for t, (by_cosine, by_sine) in zip(ctx.points, grad_outputs[0], strict=True):
            angle = t * x
            grad.addcmul_(torch.cos(angle), t * by_sine).addcmul_(angle.sin_(), -t * by_cosine)
        return grad, None


def characteristic_sums(x: Tensor, points: tuple[float, ...]) -> Tensor:
    """Return sums over rows of cos(t x) and of sin(t x), of shape (points, 2, columns)."""
    sums = _Sums.apply(x, points)
    assert isinstance(sums, Tensor)
    return sums
