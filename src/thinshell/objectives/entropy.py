"""Estimates of differential entropy that can be differentiated: in polar coordinates, by neighbours, by the covariance.

All three turn ``H(c z) = H(z) + d log c`` into an identity of the estimates, so that under ``-H + lambda E|z|^2`` the
mean of |z|^2 comes to ``d / (2 lambda)`` whichever is taken. What else they ask of the cloud differs; see
`docs/decisions/0008-entropy-estimator.md`.
"""

from __future__ import annotations

import math

import torch
from scipy.special import digamma, gammaln
from torch import Tensor, autocast

from thinshell.errors import InputError
from thinshell.objectives._caps import log_cap_share
from thinshell.objectives._checks import check_rows, checked_views, whole_number
from thinshell.objectives._directions import directions
from thinshell.objectives._distributed import Ranks
from thinshell.objectives._moments import centred
from thinshell.objectives._neighbours import kth_neighbour

__all__ = ["entropy_gaussian", "entropy_knn", "entropy_polar"]


def _estimate(name: str, z: Tensor, k: int, gather_distributed: bool) -> Tensor:
    rows, _ = checked_views(z, None)
    ranks = Ranks(len(rows), gather_distributed)
    ranks.check_equal(rows)
    with autocast(rows.device.type, enabled=False):
        return ENTROPIES[name](rows, ranks, whole_number("k", k, 1, "3 is a good number of neighbours"))


def entropy_polar(z: Tensor, k: int = 3, *, gather_distributed: bool = False) -> Tensor:
    """Estimate entropy as that of the radius and that of the direction, taken to be independent.

    ``H(z) <= h(r) + (d - 1) E log r + log |S^(d-1)| - KL(mu || sigma)`` with r = |z| and mu the law of z / |z|, equal
    if radius and direction are independent. h(r) comes from spacings of sorted radii, ``mean log(r_(i+m) - r_(i)) +
    psi(N + 1) - psi(m)`` with m = round(sqrt(N)); the divergence from the share of the sphere that the cap up to the
    k-th nearest direction covers, ``psi(k) - psi(N) - mean log sigma(cap_i)``, which for the uniform law is 0 in
    expectation at every N, k and d, the shares being Beta(k, N - k) then.

    Parameters
    ----------
    z : Tensor of shape (n_samples, n_features)
        Unnormalised embeddings, at least k + 1 rows and two features.
    k : int
        Which neighbour.
    gather_distributed : bool
        In a distributed run, look at the rows of all ranks; the mean over ranks is then the estimate for all rows.

    Returns
    -------
    Tensor
        A scalar in nats. Of N(0, I), 256 rows: too small by .1 for d = 8, .2 for d = 128.

    Raises
    ------
    InputError
        Fewer than k + 1 rows, one feature, not 2-D.
    InputTypeError
        Not a tensor of floating-point numbers.

    References
    ----------
    Betser et al. (ICLR 2026), proof of Proposition 3 (the decomposition); Vasicek (1976), "A test for normality based
    on sample entropy", JRSS B 38 (spacings); Kozachenko & Leonenko (1987) (neighbours). Exact caps are ours.

    Examples
    --------
    >>> import math, torch
    >>> z = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))
    >>> abs(entropy_polar(z).item() - 4 * math.log(2 * math.pi * math.e)) < 0.3
    True
    """
    return _estimate("polar", z, k, gather_distributed)


def entropy_knn(z: Tensor, k: int = 3, *, gather_distributed: bool = False) -> Tensor:
    """Estimate entropy from the distances to the k-th nearest neighbours.

    ``psi(N) - psi(k) + log |unit ball| + d mean log(distance)``. It assumes nothing about the law but a density that
    hardly changes between neighbours; from about ten dimensions on there are never enough rows for that.

    Parameters
    ----------
    z : Tensor of shape (n_samples, n_features)
        Unnormalised embeddings, at least k + 1 rows.
    k : int
        Which neighbour.
    gather_distributed : bool
        In a distributed run, look at the rows of all ranks; the mean over ranks is then the estimate for all rows.

    Returns
    -------
    Tensor
        A scalar in nats. Of N(0, I), 256 rows: too large by .1 for d = 8, 1 for d = 16, 29 for d = 128.

    Raises
    ------
    InputError
        Fewer than k + 1 rows, not 2-D.
    InputTypeError
        Not a tensor of floating-point numbers.

    References
    ----------
    Kozachenko & Leonenko (1987), "Sample estimate of the entropy of a random vector"; Kraskov, Stoegbauer &
    Grassberger (2004), Phys. Rev. E 69, Equation 20.

    Examples
    --------
    >>> import math, torch
    >>> z = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    >>> abs(entropy_knn(z).item() - math.log(2 * math.pi * math.e)) < 0.15
    True
    """
    return _estimate("knn", z, k, gather_distributed)


def entropy_gaussian(z: Tensor, *, gather_distributed: bool = False) -> Tensor:
    """Estimate entropy as that of the Gaussian law with the covariance of the rows, the largest that it allows.

    ``(d log(pi e) + log det S - sum_(j=1..d) psi((N - j) / 2)) / 2`` with S the sum of outer products of the centred
    rows: without bias if the law is Gaussian, above the entropy if not.

    Parameters
    ----------
    z : Tensor of shape (n_samples, n_features)
        Unnormalised embeddings, more rows than features.
    gather_distributed : bool
        In a distributed run, take the covariance of the rows of all ranks.

    Returns
    -------
    Tensor
        A scalar in nats; -inf if a feature is a linear combination of others.

    Raises
    ------
    InputError
        Not more rows than features, not 2-D.
    InputTypeError
        Not a tensor of floating-point numbers.

    References
    ----------
    Misra, Singh & Demchuk (2005), "Estimation of the entropy of a multivariate normal distribution", J. Multivariate
    Anal. 92.

    Examples
    --------
    >>> import math, torch
    >>> z = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))
    >>> abs(entropy_gaussian(z).item() - 4 * math.log(2 * math.pi * math.e)) < 0.2
    True
    """
    return _estimate("gaussian", z, 1, gather_distributed)


def _polar(rows: Tensor, ranks: Ranks, k: int) -> Tensor:
    n, d = ranks.total_rows, rows.shape[1]
    if d < 2:
        raise InputError("z must have at least 2 features for the polar entropy, got 1; use entropy='knn'")
    radii = torch.linalg.vector_norm(rows, dim=1)
    unit = directions(rows)
    eps = torch.finfo(rows.dtype).eps
    # Directions nearer than rounding are one direction; exactly opposite ones leave nothing outside the cap.
    chords = _squared_gaps(unit, ranks, k).clamp(eps**2, 4 * (1 - eps))
    divergence = float(digamma(k) - digamma(n)) - log_cap_share(chords, d).mean()
    log_sphere = math.log(2) + d / 2 * math.log(math.pi) - float(gammaln(d / 2))
    return _spacings(ranks.gather(radii)) + (d - 1) * _log(radii).mean() + log_sphere - divergence


def _spacings(radii: Tensor) -> Tensor:
    """Return the entropy of numbers on the line; a spacing spans so many that those that trade places hardly count."""
    n = len(radii)
    m = max(1, round(math.sqrt(n)))
    ordered = torch.sort(radii).values
    return _log(ordered[m:] - ordered[:-m]).mean() + float(digamma(n + 1) - digamma(m))


def _knn(rows: Tensor, ranks: Ranks, k: int) -> Tensor:
    n, d = ranks.total_rows, rows.shape[1]
    log_ball = d / 2 * math.log(math.pi) - float(gammaln(d / 2 + 1))
    log_distances = 0.5 * _log(_squared_gaps(rows, ranks, k))
    return float(digamma(n) - digamma(k)) + log_ball + d * log_distances.mean()


def _gaussian(rows: Tensor, ranks: Ranks, k: int) -> Tensor:
    n, d = ranks.total_rows, rows.shape[1]
    check_rows(n, d + 1, "the covariance of fewer rows than features has no determinant")
    deviations = centred(rows, ranks)
    log_determinant = torch.linalg.slogdet(ranks.sum(deviations.T @ deviations)).logabsdet
    degrees = float(sum(digamma((n - j) / 2) for j in range(1, d + 1)))
    return 0.5 * (d * math.log(math.pi * math.e) + log_determinant - degrees)


# What `GaussianPrior` calls with rows that are checked already.
ENTROPIES = {"polar": _polar, "knn": _knn, "gaussian": _gaussian}


def _squared_gaps(rows: Tensor, ranks: Ranks, k: int) -> Tensor:
    """Return the squared distance of each row from its k-th nearest neighbour."""
    check_rows(ranks.total_rows, k + 1, f"a row has no neighbour number {k}")
    everything = ranks.gather(rows)
    neighbours = kth_neighbour(rows.detach(), everything.detach(), ranks.start, k)
    return (rows - everything[neighbours]).square().sum(1)


def _log(x: Tensor) -> Tensor:
    """Return the logarithm; at 0 that of the smallest number, with the derivative 0: equal rows are not torn apart."""
    return torch.log(torch.where(x > 0, x, torch.finfo(x.dtype).tiny))
