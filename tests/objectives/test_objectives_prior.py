"""Theorem 1 without an encoder: free particles under the potential of InfoNCE and the Gaussian prior."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from thinshell.objectives import GaussianPrior
from thinshell.theory import beta0, radius_cdf

D, ALPHA, N, BATCH, STEPS = 16, 5.0, 500, 250, 300


def settled(lambda_: float, entropy: str, beta: float) -> np.ndarray:
    """Return where particles have come to that began as a cube beside the origin."""
    generator = torch.Generator().manual_seed(0)
    z = 3 * torch.rand(N, D, generator=generator)
    z[:, 0] += 1
    z.requires_grad_()
    prior = GaussianPrior(lambda_, beta, entropy=entropy)
    optimizer = torch.optim.Adam([z], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch = z[torch.randperm(N, generator=generator)[:BATCH]]
        unit = torch.nn.functional.normalize(batch, dim=1)
        phi = torch.logsumexp(ALPHA * unit @ unit.T, 1).mean() - math.log(BATCH)
        optimizer.zero_grad()
        (phi + prior(batch)).backward()
        optimizer.step()
        schedule.step()
    return z.detach().double().numpy()


@pytest.mark.parametrize(("lambda_", "factor"), [(0.5, 1.0), (2.0, 4.0)])
def test_the_radius_takes_its_law_and_the_cloud_its_covariance(lambda_, factor):
    z = settled(lambda_, "polar", factor * beta0(D, ALPHA, 0.0))
    radius = np.linalg.norm(z, axis=1)
    assert kstest(radius, lambda r: radius_cdf(r, D, lambda_)).pvalue > 0.05
    variances = np.linalg.eigvalsh(np.cov(z.T)) * 2 * lambda_
    # Of 500 independent rows: .67 to 1.39 (Marchenko-Pastur). Rows that avoid each other are nearer to 1.
    assert variances.min() > 0.75
    assert variances.max() < 1.3
    unit = z / radius[:, None]
    assert np.linalg.norm(unit.mean(0)) < 3 / math.sqrt(N)


def test_the_check_sees_what_other_estimates_of_entropy_do_to_the_radius():
    # Why "polar" is the default (decision 0008): in 16 dimensions neighbours make the shell too thin.
    thin = np.linalg.norm(settled(0.5, "knn", beta0(D, ALPHA, 0.0)), axis=1)
    assert kstest(thin, lambda r: radius_cdf(r, D, 0.5)).pvalue < 1e-6
    assert thin.std() / thin.mean() < 0.1  # of chi with 16 degrees of freedom: .18
