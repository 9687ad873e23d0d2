"""Decoupled contrastive learning: the positive left out of the denominator."""

from __future__ import annotations

import torch
from torch import Tensor

from thinshell.objectives._contrastive import Contrastive, UnitViews
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._log_sum_exp import log_denominators

__all__ = ["DecoupledContrastive"]


class DecoupledContrastive(Contrastive):
    """NT-Xent without the positive among the candidates, which makes small batches learn as large ones do.

    Both views stand under each other, 2N rows w. For each row i with partner p(i), its other view, the loss is
    ``-w_i.w_p(i) / tau + log sum_{j != i, p(i)} exp(w_i.w_j / tau)``, averaged over the 2N rows. Less log(2N - 2) it
    has InfoNCE's population limit, and a smaller bias from finite batches: the positive's share is gone.

    Parameters
    ----------
    temperature : float
        tau, positive.
    learnable_temperature : bool
        Learn log(1 / tau), started at `temperature` and held at 1 / tau <= 100.
    chunk_size : int, optional
        Rows of the 2N whose logits are held at a time: memory grows with batch x chunk_size instead of batch^2, for
        one more matrix product in the backward pass. None holds all.
    gather_distributed : bool
        In a distributed run, take the candidates from all ranks; see `InfoNCE`.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows; labels are not read. Returns a scalar in
    nats, which can be negative, in float32 or, for float64 embeddings, float64, under autocast too. A row of zeros
    has no direction: its cosines are 0 and it gets no gradient. One logarithm holds the negatives of both views, as
    in the paper; lightly's DCLLoss adds two, one a view.

    References
    ----------
    Yeh et al. (2022), "Decoupled contrastive learning", ECCV, Equation 6 (without the von Mises-Fisher weights).

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(4)
    >>> round(DecoupledContrastive(temperature=1.0)(z, z).item(), 4)  # log(6) - 1
    0.7918
    """

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return the mean over this rank's rows of both views."""
        views, scale = UnitViews.of(z0, z1, ranks), self.scale()
        rows, everything = views.stacked()
        excluded = torch.cat([views.itself(), views.partner()], 1)
        denominators = log_denominators(rows * scale, everything, excluded, self.chunk_size)
        return denominators.mean() - (views.first * views.second).sum(1).mean() * scale
