"""Optimisers by name and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from thinshell.errors import InputError, unknown_name

__all__ = ["OPTIMIZERS", "SCHEDULES", "learning_rate_factor", "make_optimizer"]

# Momentum of SGD: Sutskever et al. (ICML 2013) and every ResNet recipe since He et al. (2016).
SGD_MOMENTUM = 0.9

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}
SCHEDULES = ("constant", "cosine")


def make_optimizer(
    name: str,
    parameters: Iterable[nn.Parameter],
    learning_rate: float,
    weight_decay: float = 0.0,
    momentum: float = SGD_MOMENTUM,
) -> torch.optim.Optimizer:
    """Return an optimiser.

    Parameters
    ----------
    name : str
        ``"adam"`` (weight decay added to the gradient), ``"adamw"`` (decoupled) or ``"sgd"``.
    parameters : iterable of Parameter
        What is trained; all of it is decayed alike.
    learning_rate : float
        Positive.
    weight_decay : float
        At least 0.
    momentum : float
        Of ``"sgd"``; in [0, 1).

    Returns
    -------
    torch.optim.Optimizer

    Raises
    ------
    InputError
        For an unknown name (with the nearest one) or a value out of range.

    Examples
    --------
    >>> make_optimizer("adam", torch.nn.Linear(2, 2).parameters(), 1e-3).defaults["lr"]
    0.001
    """
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    if not 0 < learning_rate < math.inf:
        raise InputError(f"learning_rate must be a positive number, got {learning_rate}; 0.001 is the paper's")
    if not 0 <= weight_decay < math.inf:
        raise InputError(f"weight_decay must be a number of at least 0, got {weight_decay}")
    if not 0 <= momentum < 1:
        raise InputError(f"momentum must lie in [0, 1), got {momentum}")
    more = {"momentum": momentum} if name == "sgd" else {}
    return OPTIMIZERS[name](parameters, lr=learning_rate, weight_decay=weight_decay, **more)


def learning_rate_factor(
    schedule: str, warmup_steps: int = 0, total_steps: int | None = None
) -> Callable[[int], float]:
    """Return the factor on the learning rate as a function of the step, counted from 0.

    Parameters
    ----------
    schedule : str
        ``"constant"``, or ``"cosine"``: half a cosine from 1 to 0 over the steps after the warm-up.
    warmup_steps : int
        Steps over which the factor first rises in a straight line, ending at 1; at least 0.
    total_steps : int, optional
        Needed by ``"cosine"``.

    Returns
    -------
    callable from int to float in [0, 1]

    Raises
    ------
    InputError
        For an unknown schedule (with the nearest one) or steps that do not fit.

    References
    ----------
    Loshchilov & Hutter (ICLR 2017), one cycle without restarts.

    Examples
    --------
    >>> factor = learning_rate_factor("cosine", warmup_steps=2, total_steps=6)
    >>> [round(factor(step), 2) for step in range(7)]
    [0.5, 1.0, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if schedule not in SCHEDULES:
        raise unknown_name("schedule", schedule, SCHEDULES)
    if warmup_steps < 0:
        raise InputError(f"warmup_steps must be at least 0, got {warmup_steps}")
    if schedule == "constant":
        return lambda step: min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    if total_steps is None or total_steps <= warmup_steps:
        raise InputError(f"the cosine schedule needs more steps than its warm-up of {warmup_steps}, got {total_steps}")
    total = total_steps

    def cosine(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        done = min((step - warmup_steps) / (total - warmup_steps), 1.0)
        return (1 + math.cos(math.pi * done)) / 2

    return cosine
