"""Small pieces that the tests of training share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from thinshell.training import ContrastiveModule, Samples, create_encoder, laplace

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py"]


class Contrast(nn.Module):
    """InfoNCE in five lines, so that these tests do not hang on those of the objectives."""

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, z0: Tensor, z1: Tensor, labels: Tensor | None = None) -> Tensor:
        z0, z1 = (F.normalize(z.float(), dim=1) for z in (z0, z1))
        return F.cross_entropy(z0 @ z1.T / self.temperature, torch.arange(len(z0), device=z0.device))


@pytest.fixture
def contrast() -> type[nn.Module]:
    return Contrast


@pytest.fixture
def module() -> Callable[..., ContrastiveModule]:
    """Return a function that makes a small linear encoder with its objective."""

    def module(objective: nn.Module | None = None, seed: int = 0, **how: object) -> ContrastiveModule:
        encoder = create_encoder("linear", n_inputs=32, n_features=8, seed=seed)
        return ContrastiveModule(encoder, objective or Contrast(), **how)

    return module


@pytest.fixture(scope="session")
def samples() -> Samples:
    return laplace(n_train=200, n_test=300, n_features=32)


@pytest.fixture
def pictures() -> Tensor:
    """Return 40 noisy pictures as bytes."""
    return torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
