"""SIGReg: every random projection of the embeddings brought to N(0, 1)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError, unknown_name
from thinshell.objectives._characteristic import characteristic_sums
from thinshell.objectives._checks import nonnegative_number, positive_number, whole_number
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._objective import Objective

__all__ = ["SIGReg"]

_ESTIMATORS = ("plug-in", "unbiased")


class SIGReg(Objective):
    """Sketched isotropic Gaussian regularisation with the alignment of two views, LeJEPA's loss.

    ``(1 - lambda) * mean ((z0 - z1) / 2)^2 + lambda * mean over views and slices of N * D^2``. For the projections of
    the rows on one random unit vector, ``D^2 = integral |phi_N(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt`` over -t_max < t <
    t_max is the Epps-Pulley distance of their characteristic function phi_N from that of N(0, 1). It works on
    unnormalised embeddings.

    Parameters
    ----------
    lambda_ : float
        Share of the regulariser, in [0, 1]; 1 leaves only it. The default is that of its authors' minimal example.
    n_slices : int
        Random directions of a call; its authors take 256 to 1024.
    t_max, n_points : float, int
        End and abscissae of the trapezoid rule on [0, t_max], doubled for negative t; its authors take 3 and 17.
    estimator : {"plug-in", "unbiased"}
        "plug-in" puts in phi_N as it is: with N rows its mean is ``D^2 + integral (1 - |phi|^2) exp(-t^2/2) dt / N``.
        "unbiased" replaces ``|phi_N|^2``, the mean over all pairs of rows, by the mean over pairs of different rows
        (a U-statistic): its mean is D^2, so that it can be negative.
    seed : int
        Of the directions. Call number k in training mode takes those of (seed, k) on every rank; in evaluation mode
        the number stands still. The number is part of ``state_dict()``, so a resumed training goes on as if never
        stopped.
    gather_distributed : bool
        In a distributed run, take phi_N over the batches of all ranks. The mean over ranks of the losses is then the
        loss of the full batch, and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, a batch of one.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features), at least 2 rows, or with z0 alone: then there is nothing to
    align and the first term is 0. Labels are not read. Returns a scalar in float32 or, for float64 embeddings,
    float64, under autocast too. Memory grows with batch x n_slices, whatever n_points. For one slice the plug-in term
    is sqrt(2 pi) times ``epps_pulley(x, null="simple", t_max=3, n_points=17)`` of `thinshell.statistics`.

    References
    ----------
    Balestriero & LeCun (2025), "LeJEPA", arXiv 2511.08544, Section 4 and the authors' minimal example. The U-statistic:
    Hoeffding (1948), "A class of statistics with asymptotically normal distribution".

    Examples
    --------
    >>> import torch
    >>> z = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0))
    >>> regulariser = SIGReg(lambda_=1.0, estimator="unbiased")
    >>> abs(regulariser(z).item()) < 0.3 < regulariser(1.1 * z).item()
    True
    """

    takes_one_view = True
    step: Tensor

    def __init__(
        self,
        lambda_: float = 0.02,
        *,
        n_slices: int = 256,
        t_max: float = 3.0,
        n_points: int = 17,
        estimator: Literal["plug-in", "unbiased"] = "plug-in",
        seed: int = 0,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self.lambda_ = nonnegative_number("lambda_", lambda_)
        if self.lambda_ > 1:
            raise InputError(f"lambda_ must lie in [0, 1], got {lambda_}; it is the share of the regulariser")
        self.n_slices = whole_number("n_slices", n_slices, 1, "the authors take 256 to 1024")
        self.t_max = positive_number("t_max", t_max, "the authors take 3")
        self.n_points = whole_number("n_points", n_points, 2, "the authors take 17")
        if estimator not in _ESTIMATORS:
            raise unknown_name("estimator", estimator, _ESTIMATORS)
        self.estimator = estimator
        self.seed = whole_number("seed", seed, 0, "any number will do")
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def directions(self, n_features: int) -> Tensor:
        """Return the unit vectors of the present step, of shape (n_features, n_slices), float64, on the CPU."""
        # A torch.Generator on the CPU reads the lower 32 bits of its seed and no more.
        (mixed,) = np.random.SeedSequence([self.seed, int(self.step)]).generate_state(1)
        generator = torch.Generator().manual_seed(int(mixed))
        drawn = torch.randn(n_features, self.n_slices, generator=generator, dtype=torch.float64)
        return drawn / torch.linalg.vector_norm(drawn, dim=0)

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return this rank's alignment and the regulariser of the full batch."""
        directions = self.directions(z0.shape[1]).to(z0)
        if self.training:
            self.step += 1
        distance = self._distance(z0 @ directions, ranks)
        if z1 is not z0:
            distance = 0.5 * (distance + self._distance(z1 @ directions, ranks))
        # (z - mean of both)^2 is the same for both views.
        alignment = (0.5 * (z0 - z1)).square().mean()
        return (1 - self.lambda_) * alignment + self.lambda_ * ranks.total_rows * distance

    def _distance(self, projected: Tensor, ranks: Ranks) -> Tensor:
        """Return D^2, averaged over the columns."""
        n, step = ranks.total_rows, self.t_max / (self.n_points - 1)
        points = tuple(step * k for k in range(self.n_points))
        real, imaginary = (ranks.sum(characteristic_sums(projected, points)) / n).unbind(1)
        normal = projected.new_tensor([math.exp(-0.5 * t * t) for t in points])[:, None]
        weights = 2 * step * normal
        weights[[0, -1]] *= 0.5
        squared = real.square() + imaginary.square()
        if self.estimator == "unbiased":
            squared = (n * squared - 1) / (n - 1)
        return (weights * (squared - 2 * normal * real + normal.square())).sum(0).mean()

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        return f"lambda_={self.lambda_}, n_slices={self.n_slices}, estimator={self.estimator!r}, seed={self.seed}"
