"""What the contrastive objectives share: a temperature, two views scaled to length one, tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from thinshell.errors import InputError
from thinshell.objectives._checks import positive_number, whole_number
from thinshell.objectives._directions import directions
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._objective import Objective

# Radford et al. (2021), "Learning transferable visual models from natural language supervision", Section 2.5: logits
# are never scaled by more than 100.
_LARGEST_SCALE = 100.0


@dataclass(frozen=True)
class UnitViews:
    """Directions of both views: this rank's rows, the full batch, and where in it this rank's rows stand."""

    first: Tensor
    second: Tensor
    all_first: Tensor
    all_second: Tensor
    own: Tensor

    @classmethod
    def of(cls, z0: Tensor, z1: Tensor, ranks: Ranks) -> UnitViews:
        """Normalise, then join the ranks by one message."""
        first, second = directions(z0), directions(z1)
        own = ranks.start + torch.arange(len(z0), device=z0.device)
        if ranks.count == 1:
            return cls(first, second, first, second, own)
        everything = ranks.gather(torch.cat([first, second], 1))
        return cls(first, second, everything[:, : z0.shape[1]], everything[:, z0.shape[1] :], own)

    def stacked(self) -> tuple[Tensor, Tensor]:
        """Return the rows of both views under each other, this rank's and all."""
        return torch.cat([self.first, self.second]), torch.cat([self.all_first, self.all_second])

    def itself(self) -> Tensor:
        """Return where each stacked row stands among all stacked rows, as a column."""
        return torch.cat([self.own, self.own + len(self.all_first)])[:, None]

    def partner(self) -> Tensor:
        """Return where the other view of each stacked row stands among all stacked rows, as a column."""
        return torch.cat([self.own + len(self.all_first), self.own])[:, None]


class Contrastive(Objective):
    """Base of the objectives that scale cosines by 1 / temperature."""

    log_scale: nn.Parameter | None

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        learnable_temperature: bool = False,
        chunk_size: int | None = None,
        gather_distributed: bool = False,
    ) -> None:
        super().__init__(gather_distributed=gather_distributed)
        self._temperature = positive_number("temperature", temperature, "the paper takes 0.1")
        if chunk_size is not None:
            chunk_size = whole_number("chunk_size", chunk_size, 1, "256 is a good size, None computes all at once")
        self.chunk_size = chunk_size
        if learnable_temperature and self._temperature < 1 / _LARGEST_SCALE:
            raise InputError(
                f"temperature must be at least {1 / _LARGEST_SCALE} to be learnable, got {temperature}; CLIP starts "
                "at 0.07"
            )
        start = torch.tensor(-math.log(self._temperature))
        self.register_parameter("log_scale", nn.Parameter(start) if learnable_temperature else None)

    @property
    def temperature(self) -> float:
        """The temperature as it is now."""
        return self._temperature if self.log_scale is None else math.exp(-float(self.log_scale.detach()))

    def scale(self) -> Tensor | float:
        """Return 1 / temperature; a learnt one is first brought back to 100 if a step has carried it beyond."""
        if self.log_scale is None:
            return 1.0 / self._temperature
        # Clamping the parameter and not the result keeps a gradient that can lead back.
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(_LARGEST_SCALE))
        return self.log_scale.exp()

    def extra_repr(self) -> str:
        """Say what was chosen, for ``print(model)``."""
        learnt = "" if self.log_scale is None else ", learnable_temperature=True"
        return f"temperature={self.temperature:.4g}{learnt}, chunk_size={self.chunk_size}"
