"""InfoNCE: pick the other view of a row out of the other views of the whole batch."""

from __future__ import annotations

from torch import Tensor

from thinshell.objectives._contrastive import Contrastive, UnitViews
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._log_sum_exp import log_denominators, log_denominators_both_ways

__all__ = ["InfoNCE"]


class InfoNCE(Contrastive):
    """InfoNCE in the paper's one-directional form, or in both directions as CLIP trains.

    ``-(1/N) sum_i log( exp(u_i.v_i / tau) / sum_j exp(u_i.v_j / tau) )`` with u, v the directions of the two views. The
    N candidates come from the other view only, the positive among them. Less log N it tends to the population loss
    ``-alpha E[u.v] + E_u log E_v exp(alpha u.v)``, alpha = 1 / tau, as N grows.

    Parameters
    ----------
    temperature : float
        tau, positive; the paper takes 0.1.
    symmetric : bool
        Mean of both directions, v looked for from u and u from v.
    learnable_temperature : bool
        Learn log(1 / tau), started at `temperature` and held at 1 / tau <= 100.
    chunk_size : int, optional
        Rows whose logits are held at a time: memory grows with batch x chunk_size instead of batch^2, for one more
        matrix product in the backward pass. None holds all. Values and gradients are the same but for rounding.
    gather_distributed : bool
        In a distributed run, take the candidates from all ranks. The mean over ranks of the losses is then the loss
        of the full batch (rank after rank), and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows; labels are not read. Returns a scalar in
    nats of at least 0, in float32 or, for float64 embeddings, float64, under autocast too. A row of zeros has no
    direction: its cosines are 0 and it gets no gradient.

    References
    ----------
    Betser et al. (ICLR 2026), Equations 2 and 4; van den Oord et al. (2018), "Representation learning with contrastive
    predictive coding", arXiv 1807.03748; Radford et al. (2021), CLIP, Section 2.3 (both directions, temperature).

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(4)
    >>> round(InfoNCE(temperature=1.0)(z, z).item(), 4)  # log(e + 3) - 1
    0.7437
    >>> InfoNCE()(torch.ones(4, 2), torch.ones(4, 2)).exp().round().item()  # nothing to tell the 4 rows apart by
    4.0
    """

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        symmetric: bool = False,
        learnable_temperature: bool = False,
        chunk_size: int | None = None,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(
            temperature,
            learnable_temperature=learnable_temperature,
            chunk_size=chunk_size,
            gather_distributed=gather_distributed,
        )
        self.symmetric = bool(symmetric)

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return the mean over this rank's rows."""
        views, scale = UnitViews.of(z0, z1, ranks), self.scale()
        scaled = views.first * scale
        positives = (scaled * views.second).sum(1)
        return (self._denominators(views, scaled, scale) - positives).mean()

    def _denominators(self, views: UnitViews, scaled: Tensor, scale: Tensor | float) -> Tensor:
        if not self.symmetric:
            return log_denominators(scaled, views.all_second, chunk_size=self.chunk_size)
        if len(views.all_first) == len(views.first):
            there, back = log_denominators_both_ways(scaled, views.second, self.chunk_size)
        else:
            there = log_denominators(scaled, views.all_second, chunk_size=self.chunk_size)
            back = log_denominators(views.second * scale, views.all_first, chunk_size=self.chunk_size)
        return 0.5 * (there + back)
