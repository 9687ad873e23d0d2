"""The paper's synthetic augmentations: two views of each vector."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.pixels import as_floats
from thinshell.training.samples import Samples
from thinshell.training.synthetic import mixture_means

__all__ = ["BitFlips", "ComponentDraws", "GaussianChannel"]


@dataclass(frozen=True)
class GaussianChannel:
    """``a x + sqrt(1 - a^2) eps``, then noise, feature dropout and a random scale, each view on its own.

    Parameters
    ----------
    a : float
        Weight of the source, in [0, 1]; the mildness of the channel alone is ``a^2``. The paper takes .6, also
        .2, .5 and .8.
    noise_std : float
        Standard deviation of the noise added after the channel, at least 0.
    dropout : float
        Probability that a coordinate of a view is set to zero, in [0, 1). The others are *not* divided by
        ``1 - dropout``: the paper calls it feature dropout and does not say; a constant factor would change no
        cosine and no CV.
    scale_std : float
        The view is multiplied by ``exp(s)``, s from N(0, scale_std^2), one s a view; at least 0.

    Raises
    ------
    InputError
        If a parameter is out of its range.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5 and appendix: A = .6, noise .2, dropout .1, scaling exp(N(0, .1^2)).

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.randn(5000, 4, generator=generator)
    >>> y0, y1 = GaussianChannel(a=0.6, noise_std=0, dropout=0, scale_std=0)(x, None, generator)
    >>> round((y0 * y1).mean().item(), 2)  # a^2
    0.36
    """

    a: float = 0.6
    noise_std: float = 0.2
    dropout: float = 0.1
    scale_std: float = 0.1

    def __post_init__(self) -> None:
        _check("a", self.a, 0 <= self.a <= 1, "in [0, 1]")
        _check("dropout", self.dropout, 0 <= self.dropout < 1, "in [0, 1)")
        for name in ("noise_std", "scale_std"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, "a number of at least 0")

    def __call__(self, batch: Tensor, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two views of `batch`, each of its shape; `labels` are not used."""
        rows = as_floats(batch)
        return self._view(rows, generator), self._view(rows, generator)

    def _view(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        # eps and the noise after it are two independent Gaussians that are only ever added: one draw has their law.
        spread = math.sqrt(1 - self.a**2 + self.noise_std**2)
        view = _normal(batch.shape, batch, generator).mul_(spread).add_(batch, alpha=self.a)
        if self.dropout:
            view.mul_(_uniform(batch, generator).ge_(self.dropout))
        if self.scale_std:
            one_a_row = (len(batch), *(1,) * (batch.ndim - 1))
            view.mul_(_normal(one_a_row, batch, generator).mul_(self.scale_std).exp_())
        return view

    def describe(self) -> dict[str, Any]:
        """Return the name and the parameters, fit for JSON."""
        return {"name": "gaussian_channel", **asdict(self)}


@dataclass(frozen=True, eq=False)
class ComponentDraws:
    """Two fresh, independent draws of the component that each row belongs to.

    Parameters
    ----------
    means : Tensor of shape (n_components, n_features)
        The components' means.
    std : float
        Standard deviation of a coordinate within a component, positive.

    Raises
    ------
    InputError
        If `std` is not positive, or (when called) labels are missing.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5: positive pairs of the mixture are two draws of one component.

    Examples
    --------
    >>> views = ComponentDraws(torch.tensor([[0.0, 0.0], [100.0, 100.0]]), 1.0)
    >>> y0, y1 = views(torch.zeros(2, 2), torch.tensor([1, 0]), torch.Generator().manual_seed(0))
    >>> (y0 > 50).all(dim=1).tolist(), (y1 > 50).all(dim=1).tolist()
    ([True, False], [True, False])
    """

    means: Tensor
    std: float = 1.0

    def __post_init__(self) -> None:
        _check("std", self.std, 0 < self.std < math.inf, "a positive number")

    @classmethod
    def of(cls, samples: Samples) -> ComponentDraws:
        """Return the views that belong to a data set made by ``gaussian_mixture``."""
        if samples.name != "gaussian_mixture":
            raise InputError(
                f"component_draws needs the components of gaussian_mixture, got the data set {samples.name!r}; "
                "choose other views"
            )
        facts = samples.facts
        means = mixture_means(facts["n_components"], facts["n_features"], facts["mean_std"], facts["seed"])
        return cls(means, facts["std"])

    def __call__(self, batch: Tensor, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two draws for each label; of `batch` only type and place are used."""
        if labels is None:
            raise InputError("ComponentDraws needs the component of each row, got labels=None; give them as labels")
        centres = self.means.to(batch)[labels]
        first, second = (centres + self.std * _normal(centres.shape, batch, generator) for _ in range(2))
        return first, second

    def describe(self) -> dict[str, Any]:
        """Return the name and the parameters, fit for JSON."""
        return {"name": "component_draws", "n_components": len(self.means), "std": self.std}


@dataclass(frozen=True)
class BitFlips:
    """Turn zeros into ones, each with the same small probability; ones stay.

    Parameters
    ----------
    probability : float
        That a zero becomes a one, in [0, 1]. The paper flips .1 % of the zeros: here each on its own, so that a
        view of 1,024 zeros gets 1.02 ones on average.

    Raises
    ------
    InputError
        If `probability` lies outside [0, 1].

    References
    ----------
    Betser et al. (ICLR 2026), Section 5, sparse binary data.

    Examples
    --------
    >>> y0, y1 = BitFlips(0.5)(torch.zeros(100, 100), None, torch.Generator().manual_seed(0))
    >>> round(y0.mean().item(), 1), y0.equal(y1)
    (0.5, False)
    """

    probability: float = 0.001

    def __post_init__(self) -> None:
        _check("probability", self.probability, 0 <= self.probability <= 1, "in [0, 1]")

    def __call__(self, batch: Tensor, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two views of `batch`, each of its shape; `labels` are not used."""
        first, second = (torch.where(_uniform(batch, generator) < self.probability, 1.0, batch) for _ in range(2))
        return first, second

    def describe(self) -> dict[str, Any]:
        """Return the name and the parameters, fit for JSON."""
        return {"name": "bit_flips", **asdict(self)}


def _normal(shape: tuple[int, ...] | torch.Size, like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def _check(name: str, value: float, fits: bool, allowed: str) -> None:
    if not fits:
        raise InputError(f"{name} must be {allowed}, got {value}")
