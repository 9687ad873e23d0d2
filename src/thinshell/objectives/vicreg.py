"""VICReg: invariance of views, variance of features, no covariance between features."""

from __future__ import annotations

import torch
from torch import Tensor

from thinshell.objectives._checks import nonnegative_number, positive_number
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._moments import centred, off_diagonal
from thinshell.objectives._objective import Objective

__all__ = ["VICReg"]


class VICReg(Objective):
    """Variance-invariance-covariance regularisation.

    ``invariance * mean (z0 - z1)^2 + variance * mean over views and features of max(0, 1 - sqrt(Var + eps)) +
    covariance * (sum over views and i != j of Cov_ij^2) / d``, on unnormalised embeddings; Var and Cov divide by N -
    1.

    Parameters
    ----------
    invariance, variance, covariance : float
        Weights of the three terms, at least 0; its authors take 25, 25, 1.
    eps : float
        Added to the variances, positive; its authors take 1e-4.
    gather_distributed : bool
        In a distributed run, take variances and covariances over the batches of all ranks. The mean over ranks of the
        losses is then the loss of the full batch, and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows; labels are not read. Returns a scalar of at
    least 0, in float32 or, for float64 embeddings, float64, under autocast too.

    The paper's Equation 6 sums the squared distance over features and the variance term over views; its authors'
    code, for which the weights 25, 25, 1 are meant, takes means of both, and so does this.

    References
    ----------
    Bardes, Ponce & LeCun (2022), "VICReg: variance-invariance-covariance regularization for self-supervised
    learning", Equations 1 to 6.

    Examples
    --------
    >>> import torch
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> VICReg()(z, z).item()  # alike, variances above 1, no covariance
    0.0
    >>> round(VICReg(eps=1e-12)(0 * z, 0 * z).item(), 3)  # collapsed: only the variance term is left
    25.0
    """

    def __init__(
        self,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        *,
        eps: float = 1e-4,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self.invariance = nonnegative_number("invariance", invariance)
        self.variance = nonnegative_number("variance", variance)
        self.covariance = nonnegative_number("covariance", covariance)
        self.eps = positive_number("eps", eps, "the authors take 1e-4")

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return this rank's invariance and the other two terms of the full batch."""
        both = [centred(z, ranks) for z in (z0, z1)]
        covariances = ranks.sum(torch.stack([z.T @ z for z in both])) / (ranks.total_rows - 1)
        deviations = (covariances.diagonal(dim1=1, dim2=2) + self.eps).sqrt()
        spread = torch.relu(1 - deviations).mean()
        redundancy = sum((off_diagonal(matrix).square().sum() for matrix in covariances), z0.new_zeros(()))
        return (
            self.invariance * (z0 - z1).square().mean()
            + self.variance * spread
            + self.covariance * redundancy / z0.shape[1]
        )

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        return f"invariance={self.invariance}, variance={self.variance}, covariance={self.covariance}"
