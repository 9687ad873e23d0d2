"""Every objective, value and gradient, against its definition written as loops over rows and features."""

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma, gammaln

from thinshell.objectives import (
    AlignmentUniformity,
    BarlowTwins,
    DecoupledContrastive,
    GaussianPrior,
    InfoNCE,
    NTXent,
    Regularized,
    SIGReg,
    SupCon,
    VICReg,
)

LABELS = torch.tensor([0, 2, 0, 1, 2, 0, 3])
B, D = len(LABELS), 4


def views():
    generator = torch.Generator().manual_seed(5)
    z0, z1 = torch.randn(2, B, D, dtype=torch.float64, generator=generator)
    return z0.requires_grad_(), (0.7 * z0.detach() + 0.5 * z1 + 0.3).requires_grad_()


def dot(a, b):
    return sum(a[k] * b[k] for k in range(len(a)))


def unit(z):
    return [row / torch.sqrt(dot(row, row)) for row in z]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def log_sum_exp(values):
    return torch.log(sum(torch.exp(value) for value in values))


def infonce(z0, z1, tau):
    u, v = unit(z0), unit(z1)
    return mean(log_sum_exp([dot(a, b) / tau for b in v]) - dot(a, v[i]) / tau for i, a in enumerate(u))


def ntxent(z0, z1, tau):
    w = unit(z0) + unit(z1)
    return mean(
        log_sum_exp([dot(a, w[j]) / tau for j in range(2 * B) if j != i]) - dot(a, w[(i + B) % (2 * B)]) / tau
        for i, a in enumerate(w)
    )


def supcon(z0, z1, tau):
    w, y = unit(z0) + unit(z1), LABELS.tolist() * 2
    total = 0
    for i, a in enumerate(w):
        denominator = log_sum_exp([dot(a, w[j]) / tau for j in range(2 * B) if j != i])
        positives = [j for j in range(2 * B) if j != i and y[j] == y[i]]
        total = total + mean(denominator - dot(a, w[j]) / tau for j in positives)
    return total / (2 * B)


def decoupled(z0, z1, tau):
    w = unit(z0) + unit(z1)
    return mean(
        log_sum_exp([dot(a, w[j]) / tau for j in range(2 * B) if j % B != i % B]) - dot(a, w[(i + B) % (2 * B)]) / tau
        for i, a in enumerate(w)
    )


def barlow_twins(z0, z1, lambda_=5e-3, eps=1e-5):
    def standard(column):
        centre = mean(column)
        variance = mean((x - centre) ** 2 for x in column)
        return [(x - centre) / torch.sqrt(variance + eps) for x in column]

    first, second = [standard(c) for c in z0.T], [standard(c) for c in z1.T]
    total = 0
    for i in range(D):
        for j in range(D):
            c = dot(first[i], second[j]) / B
            total = total + ((1 - c) ** 2 if i == j else lambda_ * c**2)
    return total


def vicreg(z0, z1):
    invariance = mean(mean((a[k] - b[k]) ** 2 for k in range(D)) for a, b in zip(z0, z1, strict=True))
    spread, redundancy = 0, 0
    for z in (z0, z1):
        columns = [[x - mean(c) for x in c] for c in z.T]
        for i in range(D):
            deviation = torch.sqrt(dot(columns[i], columns[i]) / (B - 1) + 1e-4)
            spread = spread + max(0, 1 - deviation) / D / 2
            redundancy = redundancy + sum((dot(columns[i], columns[j]) / (B - 1)) ** 2 for j in range(D) if j != i) / D
    return 25 * invariance + 25 * spread + redundancy


def alignment_uniformity(z0, z1, alpha=2.0, t=2.0, weight=1.0):
    u, v = unit(z0), unit(z1)
    alignment = mean(dot(a - b, a - b) ** (alpha / 2) for a, b in zip(u, v, strict=True))
    uniformity = 0
    for w in (u, v):
        pairs = [(w[i], w[j]) for i in range(B) for j in range(i)]
        uniformity = uniformity + torch.log(mean(torch.exp(-t * dot(a - b, a - b)) for a, b in pairs)) / 2
    return alignment + weight * uniformity


def sigreg(z0, z1, slices, lambda_=0.02, unbiased=False):
    distance = 0
    for z in (z0, z1):
        for a in slices.T:
            x = [dot(row, a) for row in z]
            for k in range(17):
                t = 3 * k / 16
                weight = (3 / 16) * (1 if k in (0, 16) else 2) * math.exp(-t * t / 2)
                real, imaginary = mean(torch.cos(t * s) for s in x), mean(torch.sin(t * s) for s in x)
                squared = real**2 + imaginary**2
                if unbiased:
                    squared = mean(torch.cos(t * (x[i] - x[j])) for i in range(B) for j in range(B) if i != j)
                distance = distance + weight * (squared - 2 * real * math.exp(-t * t / 2) + math.exp(-t * t))
    centre = (z0 + z1) / 2
    alignment = mean(mean(x**2 for x in (z - centre).flatten()) for z in (z0, z1))
    return (1 - lambda_) * alignment + lambda_ * B * distance / (2 * slices.shape[1])


def neighbour(rows, i, k):
    others = sorted(
        (j for j in range(len(rows)) if j != i), key=lambda j: dot(rows[i] - rows[j], rows[i] - rows[j]).item()
    )
    return rows[others[k - 1]]


def cap_share(angle):
    """Integrate sin^(D-2) up to the angle, by Gauss-Legendre."""
    x, w = np.polynomial.legendre.leggauss(40)
    x, w = torch.tensor(x), torch.tensor(w)
    whole = math.sqrt(math.pi) * math.exp(gammaln((D - 1) / 2) - gammaln(D / 2))
    return (w * torch.sin(angle * (x + 1) / 2) ** (D - 2)).sum() * angle / 2 / whole


def polar(z, k):
    m = round(math.sqrt(B))
    radii = sorted((torch.sqrt(dot(row, row)) for row in z), key=lambda r: r.item())
    u = unit(z)
    radial = mean(torch.log(radii[i + m] - radii[i]) for i in range(B - m)) + digamma(B + 1) - digamma(m)
    logs = []
    for i, a in enumerate(u):
        gap = a - neighbour(u, i, k)
        logs.append(torch.log(cap_share(2 * torch.asin(torch.sqrt(dot(gap, gap)) / 2))))
    divergence = digamma(k) - digamma(B) - mean(logs)
    sphere = math.log(2) + D / 2 * math.log(math.pi) - gammaln(D / 2)
    return radial + (D - 1) * mean(torch.log(r) for r in radii) + sphere - divergence


def knn(z, k):
    gaps = [row - neighbour(list(z), i, k) for i, row in enumerate(z)]
    ball = D / 2 * math.log(math.pi) - gammaln(D / 2 + 1)
    return digamma(B) - digamma(k) + ball + D * mean(0.5 * torch.log(dot(gap, gap)) for gap in gaps)


def gaussian(z, k):
    columns = [[x - mean(c) for x in c] for c in z.T]
    scatter = torch.stack([torch.stack([dot(a, b) for b in columns]) for a in columns])
    log_det = 2 * sum(torch.log(x) for x in torch.linalg.cholesky(scatter).diagonal())
    return (D * math.log(math.pi * math.e) + log_det - sum(digamma((B - j) / 2) for j in range(1, D + 1))) / 2


def prior(entropy, k=3):
    return lambda z0, z1: mean(0.2 * (-entropy(z, k) + 0.8 * mean(dot(row, row) for row in z)) for z in (z0, z1))


SLICES = SIGReg(n_slices=3, seed=4).directions(D)
CASES = {
    "infonce": (InfoNCE(0.3), lambda a, b: infonce(a, b, 0.3)),
    "infonce, symmetric": (InfoNCE(0.3, symmetric=True), lambda a, b: (infonce(a, b, 0.3) + infonce(b, a, 0.3)) / 2),
    "infonce, tiles": (InfoNCE(0.3, chunk_size=3), lambda a, b: infonce(a, b, 0.3)),
    "infonce, symmetric tiles": (
        InfoNCE(0.3, symmetric=True, chunk_size=2),
        lambda a, b: (infonce(a, b, 0.3) + infonce(b, a, 0.3)) / 2,
    ),
    "ntxent": (NTXent(0.2), lambda a, b: ntxent(a, b, 0.2)),
    "ntxent, tiles": (NTXent(0.2, chunk_size=4), lambda a, b: ntxent(a, b, 0.2)),
    "supcon": (SupCon(0.2), lambda a, b: supcon(a, b, 0.2)),
    "supcon, tiles": (SupCon(0.2, chunk_size=5), lambda a, b: supcon(a, b, 0.2)),
    "decoupled": (DecoupledContrastive(0.2), lambda a, b: decoupled(a, b, 0.2)),
    "decoupled, tiles": (DecoupledContrastive(0.2, chunk_size=1), lambda a, b: decoupled(a, b, 0.2)),
    "barlow twins": (BarlowTwins(), barlow_twins),
    "vicreg": (VICReg(), vicreg),
    "alignment, uniformity": (AlignmentUniformity(), alignment_uniformity),
    "alignment, uniformity, other powers": (
        AlignmentUniformity(1.5, 3.0, 0.5, chunk_size=2),
        lambda a, b: alignment_uniformity(a, b, 1.5, 3.0, 0.5),
    ),
    "sigreg": (SIGReg(n_slices=3, seed=4), lambda a, b: sigreg(a, b, SLICES)),
    "sigreg, unbiased": (
        SIGReg(0.5, n_slices=3, seed=4, estimator="unbiased"),
        lambda a, b: sigreg(a, b, SLICES, 0.5, unbiased=True),
    ),
    "prior, polar": (GaussianPrior(0.8, 0.2), prior(polar)),
    "prior, knn": (GaussianPrior(0.8, 0.2, entropy="knn", k=2), prior(knn, 2)),
    "prior, gaussian": (GaussianPrior(0.8, 0.2, entropy="gaussian"), prior(gaussian)),
    "regularized": (
        Regularized(InfoNCE(0.3), GaussianPrior(0.8, 0.2)),
        lambda a, b: infonce(a, b, 0.3) + prior(polar)(a, b),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_the_definition(name):
    objective, naive = CASES[name]
    z0, z1 = views()
    value = objective.eval()(z0, z1, LABELS)
    expected = naive(z0, z1)
    assert value.dtype == torch.float64
    assert value.shape == ()
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
    grads, naive_grads = (torch.autograd.grad(v, (z0, z1), allow_unused=True) for v in (value, expected))
    for grad, naive_grad in zip(grads, naive_grads, strict=True):
        torch.testing.assert_close(grad, naive_grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in CASES if name != "prior, knn"])
def test_gradients_by_finite_differences(name):
    objective = CASES[name][0].eval()
    assert torch.autograd.gradcheck(lambda a, b: objective(a, b, LABELS), views(), atol=1e-6)


def test_one_view_alone():
    z0, _ = views()
    for objective in (SIGReg(n_slices=3).eval(), GaussianPrior()):
        torch.testing.assert_close(objective(z0), objective(z0, z0.clone()), rtol=1e-12, atol=0)
