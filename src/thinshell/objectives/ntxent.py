"""NT-Xent, SimCLR's loss: pick the other view of a row out of all other rows of both views."""

from __future__ import annotations

from torch import Tensor

from thinshell.objectives._contrastive import Contrastive, UnitViews
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._log_sum_exp import log_denominators

__all__ = ["NTXent"]


class NTXent(Contrastive):
    """The normalised temperature-scaled cross-entropy of SimCLR.

    Both views stand under each other, 2N rows w. For each row i with partner p(i), its other view, the loss is
    ``-log( exp(w_i.w_p(i) / tau) / sum_{j != i} exp(w_i.w_j / tau) )``, averaged over the 2N rows. Unlike InfoNCE's,
    the 2N - 1 candidates come from both views. Less log(2N - 1) it has InfoNCE's population limit.

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
    nats of at least 0, in float32 or, for float64 embeddings, float64, under autocast too. A row of zeros has no
    direction: its cosines are 0 and it gets no gradient.

    References
    ----------
    Chen et al. (2020), "A simple framework for contrastive learning of visual representations", Equation 1.

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(4)
    >>> round(NTXent(temperature=1.0)(z, z).item(), 4)  # log(e + 6) - 1
    1.1654
    """

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return the mean over this rank's rows of both views."""
        views, scale = UnitViews.of(z0, z1, ranks), self.scale()
        rows, everything = views.stacked()
        denominators = log_denominators(rows * scale, everything, views.itself(), self.chunk_size)
        return denominators.mean() - (views.first * views.second).sum(1).mean() * scale
