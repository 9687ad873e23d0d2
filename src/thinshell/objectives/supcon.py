"""SupCon: NT-Xent with every row of the same class as a positive."""

from __future__ import annotations

import torch
from torch import Tensor

from thinshell.objectives._checks import checked_labels
from thinshell.objectives._contrastive import Contrastive, UnitViews
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._log_sum_exp import log_denominators

__all__ = ["SupCon"]


class SupCon(Contrastive):
    """The supervised contrastive loss with the mean over positives outside the logarithm.

    Both views stand under each other, 2N rows w. For each row i with positives P(i), all *other* rows of its class in
    both views, the loss is ``-(1/|P(i)|) sum_{p in P(i)} log( exp(w_i.w_p / tau) / sum_{j != i} exp(w_i.w_j / tau) )``,
    averaged over the 2N rows. If all labels differ it is NT-Xent.

    Parameters
    ----------
    temperature : float
        tau, positive; its authors take 0.1.
    learnable_temperature : bool
        Learn log(1 / tau), started at `temperature` and held at 1 / tau <= 100.
    chunk_size : int, optional
        Rows of the 2N whose logits are held at a time: memory grows with batch x chunk_size instead of batch^2, for
        one more matrix product in the backward pass. None holds all.
    gather_distributed : bool
        In a distributed run, take candidates and positives from all ranks; see `InfoNCE`.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one, labels missing or not one a row.

    Notes
    -----
    Called with ``(z0, z1, labels)``: (batch, n_features) twice, at least 2 rows, and whole numbers of shape (batch,).
    Returns a scalar in nats, in float32 or, for float64 embeddings, float64, under autocast too. A row of zeros has no
    direction: its cosines are 0 and it gets no gradient. The authors' code multiplies by temperature / 0.07, which
    is 1 at their default; the paper's equation has no such factor, nor has this.

    The sum of w_i.w_p over P(i) is w_i times a sum of rows, one a class: no matrix of positives is made.

    References
    ----------
    Khosla et al. (2020), "Supervised contrastive learning", Equation 2 (L_out).

    Examples
    --------
    >>> import torch
    >>> z, labels = torch.eye(2).repeat_interleave(2, 0), torch.tensor([0, 0, 1, 1])
    >>> round(SupCon(temperature=1.0)(z, z, labels).item(), 4)  # log(3 e + 4) - 1
    1.4977
    """

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return the mean over this rank's rows of both views."""
        classes = ranks.gather(checked_labels(labels, len(z0), z0.device)).repeat(2)
        views, scale = UnitViews.of(z0, z1, ranks), self.scale()
        rows, everything = views.stacked()
        denominators = log_denominators(rows * scale, everything, views.itself(), self.chunk_size)
        positives = (rows * _mean_positive(rows, everything, classes, views.itself()[:, 0])).sum(1)
        return denominators.mean() - positives.mean() * scale


def _mean_positive(rows: Tensor, everything: Tensor, classes: Tensor, itself: Tensor) -> Tensor:
    """Return the mean of the other rows of the class of each row; its own other view is always one."""
    names, numbers, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    sums = everything.new_zeros(len(names), everything.shape[1]).index_add(0, numbers, everything)
    own = numbers[itself]
    return (sums[own] - rows) / (counts[own] - 1)[:, None]
