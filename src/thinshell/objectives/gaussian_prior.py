"""The paper's regulariser: the embeddings themselves, not only their directions, brought to a Gaussian law."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from thinshell.errors import unknown_name
from thinshell.objectives._checks import nonnegative_number, positive_number, whole_number
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._objective import Objective
from thinshell.objectives.entropy import ENTROPIES
from thinshell.theory import beta0

__all__ = ["GaussianPrior"]


class GaussianPrior(Objective):
    """``beta * ( -H(z) + lambda E|z|^2 )`` on unnormalised embeddings, with an entropy that can be differentiated.

    But for a constant it is beta times the divergence of the law of z from N(0, I / (2 lambda)), so that this law is
    where it is smallest: ``-beta (d/2) log(pi / lambda)``. Added to InfoNCE, which sees directions only, it makes
    that law optimal for the whole from ``beta0`` on; `from_theory` takes beta from there.

    Parameters
    ----------
    lambda_ : float
        lambda, positive. The law aimed at has variance 1 / (2 lambda) in every coordinate: 0.5 for variance 1.
    beta : float
        Weight, at least 0.
    entropy : {"polar", "knn", "gaussian"}
        The estimate of H; see `entropy_polar`, `entropy_knn` and `entropy_gaussian`. "polar" brings the law of the
        radius and that of the direction to their optimum in any dimension, but is blind to a radius that depends on the
        direction. "knn" sees everything in a few dimensions; in more than about four its bias makes the shell too thin.
        "gaussian" brings the covariance to I / (2 lambda) and asks nothing else, and needs more rows than features.
    k : int
        Which neighbour "polar" and "knn" look at.
    gather_distributed : bool
        In a distributed run, take the entropy of the rows of all ranks. The mean over ranks of the losses is then the
        loss of the full batch, and DistributedDataParallel's mean of gradients is its gradient.

    Raises
    ------
    InputError
        An option out of its range. When called: shapes differ, too few rows for the estimate.

    Notes
    -----
    Called with ``(z0, z1)`` of shape (batch, n_features) or with z0 alone; with two views it is the mean of the
    values of both, each by itself, because the views of a row are too near each other for independent draws. Labels
    are not read. Returns a scalar in nats times beta, in float32 or, for float64 embeddings, float64, under autocast
    too. Embeddings must not be normalised: radii that are all the same have entropy -inf. Rows of zeros, rows with
    the same direction and radii that are the same within a batch count with the smallest positive number and are not
    torn apart.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 11, Proposition 3, Theorem 1, Corollary 2. Why "polar" is the default:
    `docs/decisions/0008-entropy-estimator.md`.

    Examples
    --------
    >>> import math, torch
    >>> z = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))
    >>> prior = GaussianPrior(lambda_=0.5, beta=1.0)
    >>> smallest = -4 * math.log(2 * math.pi)
    >>> abs(prior(z).item() - smallest) < 0.3  # N(0, I): the divergence is 0
    True
    >>> round((prior(1.5 * z) - prior(z)).item() / (8 * (0.625 - math.log(1.5))), 1)  # N(0, 2.25 I)
    1.0
    """

    takes_one_view = True

    def __init__(
        self,
        lambda_: float = 0.5,
        beta: float = 1.0,
        *,
        entropy: Literal["polar", "knn", "gaussian"] = "polar",
        k: int = 3,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self.lambda_ = positive_number("lambda_", lambda_, "0.5 aims at variance 1")
        self.beta = nonnegative_number("beta", beta)
        if entropy not in ENTROPIES:
            raise unknown_name("entropy", entropy, ENTROPIES)
        self.entropy = entropy
        self.k = whole_number("k", k, 1, "3 is a good number of neighbours")

    @classmethod
    def from_theory(
        cls,
        d: int,
        temperature: float,
        eta2: float,
        lambda_: float = 0.5,
        *,
        factor: float = 1.0,
        entropy: Literal["polar", "knn", "gaussian"] = "polar",
        k: int = 3,
        gather_distributed: bool = False,
    ) -> GaussianPrior:
        """Return the prior with the weight that Theorem 1 asks for beside InfoNCE.

        Parameters
        ----------
        d : int
            Features of z, at least 2.
        temperature : float
            Of InfoNCE, positive.
        eta2 : float
            Mildness of the augmentation, in [0, 1]; 0 is always enough. See `thinshell.theory`.
        lambda_, entropy, k, gather_distributed
            As for the class.
        factor : float
            beta is this many times ``beta0(d, 1 / temperature, eta2)``.

        Returns
        -------
        GaussianPrior

        Examples
        --------
        >>> GaussianPrior.from_theory(d=128, temperature=0.1, eta2=0.36).beta
        0.1
        """
        temperature = positive_number("temperature", temperature, "give that of InfoNCE")
        beta = nonnegative_number("factor", factor) * beta0(d, 1 / temperature, eta2)
        return cls(lambda_, beta, entropy=entropy, k=k, gather_distributed=gather_distributed)

    def compute(self, z0: Tensor, z1: Tensor, labels: Tensor | None, ranks: Ranks) -> Tensor:
        """Return a value whose mean over ranks is that of the full batch."""
        value = self._value(z0, ranks)
        if z1 is not z0:
            value = 0.5 * (value + self._value(z1, ranks))
        return self.beta * value

    def _value(self, z: Tensor, ranks: Ranks) -> Tensor:
        return self.lambda_ * z.square().sum(1).mean() - ENTROPIES[self.entropy](z, ranks, self.k)

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        return f"lambda_={self.lambda_}, beta={self.beta:.4g}, entropy={self.entropy!r}"
