"""The share of the sphere that a cap covers, on a logarithmic scale and with its derivative."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.special import betaln
from torch import Tensor


def _continued_fraction(q: Tensor, a: float) -> Tensor:
    """Return the continued fraction of I_q(a, a) for 0 <= q <= 1/2, evaluated from its end.

    DLMF 8.17.22. The number of its terms that matter grows with the square root of a: with this many the result does
    not change any more in float64 for a from 1/2 to 20,000.
    """
    tail = torch.zeros_like(q)
    for m in range(20 + math.ceil(2 * math.sqrt(a)), 0, -1):
        even = m * (a - m) / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (2 * a + m - 1) / ((a + 2 * m - 2) * (a + 2 * m - 1))
        tail = odd * q / (1 + even * q / (1 + tail))
    return 1 / (1 + tail)


class _LogCapShare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, a: float) -> Tensor:
        smaller = torch.minimum(q, 1 - q)
        log_density = (a - 1) * (torch.log(q) + torch.log1p(-q)) - float(betaln(a, a))
        log_share = log_density + torch.log(q * (1 - q) / a) + torch.log(_continued_fraction(smaller, a))
        log_share = torch.where(q <= 0.5, log_share, torch.log1p(-torch.exp(log_share)))
        ctx.save_for_backward(torch.exp(log_density - log_share))
        return log_share

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grad_outputs[0] * slope, None


def log_cap_share(squared_chords: Tensor, d: int) -> Tensor:
    """Return the logarithm of the share of S^(d-1) within these squared distances of a point.

    Parameters
    ----------
    squared_chords : Tensor
        Squared straight-line distances between unit vectors, strictly between 0 and 4.
    d : int
        Dimensions of the space, at least 2.

    Returns
    -------
    Tensor of the same shape
        ``log I_q((d-1)/2, (d-1)/2)`` with q a quarter of the squared distance, the square of the sine of half the
        angle.
    """
    share = _LogCapShare.apply(squared_chords / 4, (d - 1) / 2)
    assert isinstance(share, Tensor)
    return share
