"""Alignment and uniformity as a loss: the two terms of InfoNCE's limit, each with a kernel of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from thinshell.objectives._checks import nonnegative_number, positive_number, whole_number
from thinshell.objectives._contrastive import UnitViews
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._log_sum_exp import log_denominators
from thinshell.objectives._objective import Objective

__all__ = ["AlignmentUniformity"]


class AlignmentUniformity(Objective):
    """Alignment of positive pairs plus uniformity of each view.

    ``mean |u_i - v_i|^alpha + weight * mean over views of log mean over i != j of exp(-t |u_i - u_j|^2)``.

    Parameters
    ----------
    alpha : float
        Power of the distance, positive; its authors take 2.
    t : float
        Sharpness of the Gaussian kernel, positive; its authors take 2.
    weight : float
        Of the uniformity, at least 0; its authors take 1.
    chunk_size : int, optional
        Rows whose kernel values are held at a time: memory grows with batch x chunk_size instead of batch^2.
    gather_distributed : bool
        In a distributed run, take uniformity over pairs from all ranks. The mean over ranks of the losses is then the
        loss of the full batch, and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows; labels are not read. Returns a scalar, in
    float32 or, for float64 embeddings, float64, under autocast too. A row of zeros has no direction: it counts
    as orthogonal to every other row of its view, at the distance sqrt(2), and it gets no gradient. Evaluate with
    `thinshell.statistics.alignment` and `thinshell.statistics.uniformity`.

    References
    ----------
    Wang & Isola (2020), "Understanding contrastive representation learning through alignment and uniformity on the
    hypersphere", Section 4.1.

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(2)
    >>> AlignmentUniformity()(z, z).item()  # distance sqrt(2) between rows
    -4.0
    """

    def __init__(
        self,
        alpha: float = 2.0,
        t: float = 2.0,
        weight: float = 1.0,
        *,
        chunk_size: int | None = None,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self.alpha = positive_number("alpha", alpha, "the authors take 2")
        self.t = positive_number("t", t, "the authors take 2")
        self.weight = nonnegative_number("weight", weight)
        if chunk_size is not None:
            chunk_size = whole_number("chunk_size", chunk_size, 1, "256 is a good size, None computes all at once")
        self.chunk_size = chunk_size

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return this rank's alignment and the uniformity of the full batch."""
        views = UnitViews.of(z0, z1, ranks)
        alignment = _power((views.first - views.second).square().sum(1), self.alpha / 2).mean()
        first = self._uniformity(views.first, views.all_first, views.own, ranks)
        second = self._uniformity(views.second, views.all_second, views.own, ranks)
        return alignment + self.weight * 0.5 * (first + second)

    def _uniformity(self, unit: Tensor, everything: Tensor, own: Tensor, ranks: Ranks) -> Tensor:
        # |u - v|^2 = 2 - 2 u.v on the sphere. The logarithm is over all pairs: sums of rows are joined first.
        logs = log_denominators(2 * self.t * unit, everything, own[:, None], self.chunk_size)
        pairs = ranks.total_rows * (ranks.total_rows - 1)
        return torch.logsumexp(ranks.gather(logs), 0) - 2 * self.t - math.log(pairs)

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        return f"alpha={self.alpha}, t={self.t}, weight={self.weight}, chunk_size={self.chunk_size}"


def _power(squared: Tensor, exponent: float) -> Tensor:
    """Raise to a power with the derivative 0 instead of infinity or NaN at 0: equal views pull nowhere."""
    if exponent == 1.0:
        return squared
    equal = squared == 0
    return torch.where(equal, 1.0, squared).pow(exponent).masked_fill(equal, 0.0)
