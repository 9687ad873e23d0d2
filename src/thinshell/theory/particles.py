"""Particles on the sphere that follow the uniformity potential downhill: the paper's route 1 without an encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thinshell.errors import InputError
from thinshell.statistics._validation import as_sample
from thinshell.statistics.sphere import l2_normalize
from thinshell.theory.potential import check_alpha
from thinshell.theory.sphere import check_dimension

__all__ = ["Particles", "particles_minimizing_phi"]

# The mean direction of a crowd relaxes within a few steps of size 1, everything else at a rate of about alpha / d only:
# momentum makes up for that.
_MOMENTUM = 0.85


@dataclass(frozen=True)
class Particles:
    """Where particles that minimise Phi have come to.

    Attributes
    ----------
    points : ndarray of shape (n_samples, n_features)
        Unit rows, float64.
    phi : ndarray of shape (n_steps + 1,)
        Phi of the particles' own law (each counted with itself) before each step and at the end; never below
        `phi_uniform`.
    """

    points: np.ndarray
    phi: np.ndarray


def particles_minimizing_phi(
    n_samples: int,
    d: int,
    alpha: float,
    *,
    n_steps: int = 100,
    seed: int = 0,
    start: object = None,
) -> Particles:
    """Move particles on S^(d-1) along the negative gradient of Phi of their law, with momentum.

    Parameters
    ----------
    n_samples : int
        Particles, at least 2; every step compares all pairs, in ``8 n_samples^2`` bytes.
    d : int
        Dimensions, at least 2.
    alpha : float
        1 / temperature, positive.
    n_steps : int
        At least 1.
    seed : int
        Draws the start.
    start : array_like of shape (n_samples, d), optional
        Where to begin; normalised here. By default N(1, I) normalised: a cloud on one side of the sphere.

    Returns
    -------
    Particles

    Raises
    ------
    InputError
        If an argument is out of its range or `start` has another shape or a zero row.

    Notes
    -----
    Phi of a finite set of points stays away from its infimum: each point is compared with itself, too, which puts
    ``exp(alpha) / n`` beside a mean kernel of ``exp(Phi(sigma))``. Leaving the self-terms out errs the other way, for
    points that repel each other sit farther apart than independent ones. Neither speaks of the *law*; what does is
    `phi_between` two sets made from different seeds. Of 1,000 particles after 100 steps, relative to Phi(sigma):

    ===== ===== ================== ================== ================
      d   alpha `phi`, with itself `phi`, without     `phi_between`
    ===== ===== ================== ================== ================
     16    2      +.1 %              -4 %              under .01 %
     64    1     +1.3 %             -21 %              under .01 %
     16   10    +27 %               -15 %              under .1 %
     64   10    +310 %              -27 %              under .1 %
    ===== ===== ================== ================== ================

    References
    ----------
    Betser et al. (ICLR 2026), Section 4 (route 1); Wang & Isola (2020), Theorem 1.

    Examples
    --------
    >>> from thinshell.theory import phi_between, phi_uniform
    >>> sets = [particles_minimizing_phi(300, 8, 5.0, n_steps=60, seed=seed) for seed in (0, 1)]
    >>> abs(phi_between(sets[0].points, sets[1].points, 5.0) / phi_uniform(8, 5.0) - 1) < 0.01
    True
    >>> bool(sets[0].phi[0] > sets[0].phi[-1] > phi_uniform(8, 5.0))
    True
    """
    alpha, unit = check_alpha(alpha), _start(n_samples, check_dimension(d), seed, start)
    if n_steps < 1:
        raise InputError(f"n_steps must be at least 1, got {n_steps}")
    velocity, trace = np.zeros_like(unit), []
    for _ in range(n_steps):
        value, gradient = _phi_and_gradient(unit, alpha)
        trace.append(value)
        velocity = _MOMENTUM * velocity - gradient
        unit = unit + velocity
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return Particles(unit, np.array([*trace, _phi_and_gradient(unit, alpha)[0]]))


def _start(n_samples: int, d: int, seed: int, start: object) -> np.ndarray:
    if start is None:
        if n_samples < 2:
            raise InputError(f"n_samples must be at least 2, got {n_samples}; a single particle has no one to avoid")
        return l2_normalize(np.random.default_rng(seed).standard_normal((n_samples, d)) + 1.0)
    points = as_sample(start, "start", min_samples=2)
    if points.shape != (n_samples, d):
        raise InputError(f"start must have shape ({n_samples}, {d}), got {points.shape}; give one row a particle")
    return l2_normalize(points.astype(np.float64))


def _phi_and_gradient(unit: np.ndarray, alpha: float) -> tuple[float, np.ndarray]:
    """Return Phi of the points' own law and ``n / alpha`` times its gradient along the sphere."""
    # exp(-alpha |u - v|^2 / 2): at most 1, whatever alpha.
    kernel = np.exp(alpha * (unit @ unit.T - 1.0))
    sums = kernel.sum(axis=1)
    value = alpha + float(np.log(sums / len(unit)).mean())
    kernel /= sums[:, None]
    gradient = (kernel + kernel.T) @ unit
    gradient -= (gradient * unit).sum(axis=1, keepdims=True) * unit
    return value, gradient
