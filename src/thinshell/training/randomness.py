"""Random numbers without state: every generator is seeded from the run's seed and from what it is for."""

from __future__ import annotations

import contextlib
import operator
import zlib
from collections.abc import Iterator

import numpy as np
import torch

from thinshell.errors import InputError, InputTypeError

__all__ = ["checked_seed", "generator_of", "seed_global", "seed_of", "seeded"]


def checked_seed(seed: int) -> int:
    """Return `seed` as an int, or say what is wrong with it.

    Examples
    --------
    >>> checked_seed(3)
    3
    """
    if isinstance(seed, bool):
        raise InputTypeError("seed must be a whole number of at least 0, got bool")
    try:
        number = operator.index(seed)
    except TypeError:
        raise InputTypeError(f"seed must be a whole number of at least 0, got {type(seed).__name__}") from None
    if number < 0:
        raise InputError(f"seed must be at least 0, got {number}; give a whole number such as 0")
    return number


def seed_of(seed: int, *purpose: int | str) -> int:
    """Return a seed of 63 bits for one purpose of a run; other purposes get unrelated ones.

    Because nothing is drawn from a running generator, the batch of a step is the same whether the run came there in
    one go or was killed and resumed.

    Parameters
    ----------
    seed : int
        That of the run, at least 0.
    *purpose : int or str
        What the numbers are for, for example ``"views", step``.

    Returns
    -------
    int
        In [0, 2**63).

    Examples
    --------
    >>> seed_of(0, "views", 7) == seed_of(0, "views", 7), seed_of(0, "views", 7) == seed_of(0, "order", 7)
    (True, False)
    """
    words = [zlib.crc32(word.encode()) if isinstance(word, str) else word for word in purpose]
    state = np.random.SeedSequence([checked_seed(seed), *words]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator_of(seed: int, *purpose: int | str, device: str | torch.device = "cpu") -> torch.Generator:
    """Return a fresh generator for one purpose of a run.

    Parameters
    ----------
    seed : int
        That of the run, at least 0.
    *purpose : int or str
        What the numbers are for.
    device : str or torch.device
        Where the numbers are drawn; a CPU and a GPU draw different ones from the same seed.

    Returns
    -------
    torch.Generator

    Examples
    --------
    >>> torch.rand(2, generator=generator_of(0, "views", 7)).equal(torch.rand(2, generator=generator_of(0, "views", 7)))
    True
    """
    return torch.Generator(device=device).manual_seed(seed_of(seed, *purpose))


@contextlib.contextmanager
def seeded(seed: int, *purpose: int | str) -> Iterator[None]:
    """Seed PyTorch's generator of the CPU inside the block, for layers that know no other; put it back after.

    Examples
    --------
    >>> with seeded(0, "encoder"):
    ...     first = torch.nn.Linear(2, 2)
    >>> with seeded(0, "encoder"):
    ...     second = torch.nn.Linear(2, 2)
    >>> first.weight.equal(second.weight)
    True
    """
    with torch.random.fork_rng(devices=[]):
        seed_global(seed_of(seed, *purpose))
        yield


def seed_global(seed: int, device: torch.device | None = None) -> None:
    """Seed PyTorch's own generators of the CPU and, if `device` is one, of that GPU.

    ``torch.manual_seed`` reaches for every kind of device: on a machine without GPUs each call costs a millisecond
    and is kept in a list that only grows.
    """
    torch.default_generator.manual_seed(seed)
    if device is not None and device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
