"""Rows scaled to length one."""

from __future__ import annotations

import torch
from torch import Tensor


def directions(z: Tensor) -> Tensor:
    """Return the rows divided by their lengths; a row of zeros stays zero.

    A row of zeros has no direction. It gets the zero vector, so that its cosine with everything is 0, and no gradient:
    the derivative does not exist there, and dividing by a small number instead would send it a gradient
    some 1e12 times the others'. There is no such number here, so the result does not depend on the scale of a row, as
    long as it is a number at all: the largest entry is taken out first, and squares neither overflow nor vanish.
    """
    peak = z.detach().abs().amax(1, keepdim=True)
    zero = peak == 0
    scaled = (z / torch.where(zero, 1.0, peak)).masked_fill(zero, 0.0)
    return scaled / torch.linalg.vector_norm(torch.where(zero, 1.0, scaled), dim=1, keepdim=True)
