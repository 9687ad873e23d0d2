"""Barlow Twins: the correlations between the features of two views brought to the identity matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from thinshell.objectives._checks import nonnegative_number, positive_number
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._moments import centred, off_diagonal
from thinshell.objectives._objective import Objective

__all__ = ["BarlowTwins"]


class BarlowTwins(Objective):
    """Redundancy reduction between two views.

    With C the d x d matrix of correlations over the batch, feature i of one view against feature j of the other:
    ``sum_i (1 - C_ii)^2 + lambda sum_(i != j) C_ij^2``. It works on unnormalised embeddings.

    Parameters
    ----------
    lambda_ : float
        Weight of the off-diagonal sum, at least 0; its authors take 5e-3.
    eps : float
        Added to the variances (divided by N), positive: 1e-5 as in the batch normalisation of its authors' code.
    gather_distributed : bool
        In a distributed run, correlate over the batches of all ranks. The loss is then that of the full batch on
        every rank, and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows; labels are not read. Returns a scalar of at
    least 0, in float32 or, for float64 embeddings, float64, under autocast too. A constant feature has correlation 0.

    References
    ----------
    Zbontar et al. (2021), "Barlow Twins: self-supervised learning via redundancy reduction", Equations 1 and 2.

    Examples
    --------
    >>> import torch
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(BarlowTwins()(z, z).item(), 6), round(BarlowTwins()(z, -z).item(), 2)  # C = I, C = -I
    (0.0, 8.0)
    """

    def __init__(self, lambda_: float = 5e-3, *, eps: float = 1e-5, gather_distributed: bool = False) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self.lambda_ = nonnegative_number("lambda_", lambda_)
        self.eps = positive_number("eps", eps, "the authors' code takes 1e-5")

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return the loss of the full batch."""
        first, second = centred(z0, ranks), centred(z1, ranks)
        variances = ranks.sum(torch.stack([first.square().sum(0), second.square().sum(0)])) / ranks.total_rows
        deviations = (variances + self.eps).sqrt()
        correlations = ranks.sum(first.T @ second) / ranks.total_rows / deviations[0][:, None] / deviations[1]
        return (1 - correlations.diagonal()).square().sum() + self.lambda_ * off_diagonal(correlations).square().sum()

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        return f"lambda_={self.lambda_}, eps={self.eps}"
