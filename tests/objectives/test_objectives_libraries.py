"""The same numbers as libraries that define a loss alike: value and gradient in float64."""

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses

from thinshell.objectives import BarlowTwins, InfoNCE, NTXent, SupCon, VICReg

N, D, TAU = 24, 7, 0.3
LABELS = torch.arange(N) % 5


def ntxent(z0, z1):
    # A label for each row: the two views of it are the only positives.
    return losses.NTXentLoss(temperature=TAU)(torch.cat([z0, z1]), torch.arange(N).repeat(2))


def supcon(z0, z1):
    return losses.SupConLoss(temperature=TAU)(torch.cat([z0, z1]), LABELS.repeat(2))


def vicreg(z0, z1):
    return losses.VICRegLoss()(z0, ref_emb=z1)


def infonce(z0, z1):
    logits = F.normalize(z0, dim=1) @ F.normalize(z1, dim=1).T / TAU
    return F.cross_entropy(logits, torch.arange(N))


def barlow_twins(z0, z1):
    # As its authors write it, around PyTorch's batch normalisation.
    left, right = (F.batch_norm(z, None, None, training=True, eps=1e-5) for z in (z0, z1))
    c = left.T @ right / N
    on = torch.eye(D, dtype=torch.bool)
    return (c[on] - 1).square().sum() + 5e-3 * c[~on].square().sum()


PAIRS = {
    "InfoNCE, PyTorch's cross-entropy": (lambda z0, z1: InfoNCE(TAU)(z0, z1), infonce),
    "NTXent, pytorch-metric-learning": (lambda z0, z1: NTXent(TAU)(z0, z1), ntxent),
    "SupCon, pytorch-metric-learning": (lambda z0, z1: SupCon(TAU)(z0, z1, LABELS), supcon),
    "VICReg, pytorch-metric-learning": (lambda z0, z1: VICReg()(z0, z1), vicreg),
    "BarlowTwins, PyTorch's batch normalisation": (lambda z0, z1: BarlowTwins()(z0, z1), barlow_twins),
}


@pytest.mark.parametrize("name", PAIRS)
def test_value_and_gradient_are_the_librarys(name):
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(N, D, dtype=torch.float64, generator=generator)
    second = 0.5 * first + torch.randn(N, D, dtype=torch.float64, generator=generator)
    results = []
    for loss in PAIRS[name]:
        views = [z.clone().requires_grad_() for z in (first, second)]
        value = loss(*views)
        results.append((value.detach(), *torch.autograd.grad(value, views)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
