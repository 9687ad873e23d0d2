"""An objective and a regulariser, added."""

from __future__ import annotations

from torch import Tensor, nn

from thinshell.errors import InputTypeError

__all__ = ["Regularized"]


class Regularized(nn.Module):
    """Sum of two objectives, as InfoNCE and the Gaussian prior in the paper's second route.

    Parameters
    ----------
    objective, regularizer : nn.Module
        Both are called with ``(z0, z1, labels)`` and return a scalar.

    Raises
    ------
    InputTypeError
        One of them is not a module.

    Notes
    -----
    Weights belong to the parts: `GaussianPrior` has its beta, `SIGReg` its lambda.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 11.

    Examples
    --------
    >>> import torch
    >>> from thinshell.objectives import GaussianPrior, InfoNCE
    >>> z0, z1 = torch.randn(2, 64, 8, generator=torch.Generator().manual_seed(0))
    >>> both = Regularized(InfoNCE(), GaussianPrior.from_theory(d=8, temperature=0.1, eta2=0.36))
    >>> bool(both(z0, z1) == both.objective(z0, z1) + both.regularizer(z0, z1))
    True
    """

    def __init__(self, objective: nn.Module, regularizer: nn.Module) -> None:
        super().__init__()
        for name, part in (("objective", objective), ("regularizer", regularizer)):
            if not isinstance(part, nn.Module):
                raise InputTypeError(f"{name} must be a torch.nn.Module, got {type(part).__name__}; make one first")
        self.objective = objective
        self.regularizer = regularizer

    def forward(self, z0: Tensor, z1: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the sum of both values, a scalar."""
        return self.objective(z0, z1, labels) + self.regularizer(z0, z1, labels)
