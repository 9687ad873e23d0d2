"""What all objectives share: checked input, full precision, the full batch of a distributed run."""

from __future__ import annotations

from torch import Tensor, autocast, nn

from thinshell.errors import InputError
from thinshell.objectives._checks import check_rows, checked_views
from thinshell.objectives._distributed import Ranks


class Objective(nn.Module):
    """Base of the objectives; a subclass computes in `compute` what is told about it there."""

    # Whether z1 may be left out, and the rows that the full batch must have.
    takes_one_view = False
    least_rows = 2

    def __init__(self, *, gather_distributed: bool = False) -> None:
        super().__init__()
        self.gather_distributed = bool(gather_distributed)

    def forward(self, z0: Tensor, z1: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """Return the loss of a batch, a scalar in float32 (float64 for float64 embeddings).

        Parameters
        ----------
        z0, z1 : Tensor of shape (batch, n_features)
            Embeddings of two views; row i of one belongs to row i of the other. Half precision is widened.
        labels : Tensor of shape (batch,), optional
            Classes as whole numbers; only SupCon reads them.

        Raises
        ------
        InputError
            Shapes differ, too few rows, z1 left out where two views are needed, labels missing or misshapen.
        InputTypeError
            Not tensors of floating-point numbers.
        """
        first, second = checked_views(z0, z1)
        if second is None and not self.takes_one_view:
            raise InputError(f"z1 must be given to {type(self).__name__}: it compares two views of each row")
        ranks = Ranks(len(first), self.gather_distributed)
        ranks.check_equal(first)
        check_rows(ranks.total_rows, self.least_rows, "there is nothing to compare a row with")
        # Under autocast matrix products would round to half precision whatever goes in.
        with autocast(first.device.type, enabled=False):
            return self.compute(first, first if second is None else second, labels, ranks)

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return this rank's loss; where z1 was left out it is the very same tensor as z0."""
        raise NotImplementedError
