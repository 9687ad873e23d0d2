import math

import pytest
import torch

from thinshell.objectives import InfoNCE, NTXent, SupCon
from thinshell.objectives._log_sum_exp import log_denominators, log_denominators_both_ways


def pair(n, c, d, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(m, d, dtype=dtype, generator=generator).requires_grad_() for m in (n, c))


@pytest.mark.parametrize("chunk", [1, 3, 7, 50, 1000])
@pytest.mark.parametrize("excluding", [False, True])
def test_tiles_are_the_whole(chunk, excluding):
    anchors, candidates = pair(50, 31, 6)
    excluded = torch.stack([torch.arange(50) % 31, (torch.arange(50) + 5) % 31], 1) if excluding else None
    weights = torch.linspace(0.1, 2, 50, dtype=torch.float64)
    results = []
    for size in (None, chunk):
        value = log_denominators(anchors, candidates, excluded, size)
        results.append((value, *torch.autograd.grad((value * weights).sum(), (anchors, candidates))))
    for whole, tiles in zip(*results, strict=True):
        torch.testing.assert_close(tiles, whole, rtol=1e-12, atol=1e-12)
    again = (a.detach().requires_grad_() for a in (anchors[:5], candidates[:4]))
    part = None if excluded is None else excluded[:5].clamp_max(3)[:, :1]
    assert torch.autograd.gradcheck(lambda a, c: log_denominators(a, c, part, 2), tuple(again))


@pytest.mark.parametrize("chunk", [1, 4, 40])
def test_both_ways_in_tiles(chunk):
    first, second = pair(40, 23, 6)
    results = []
    for size in (None, chunk):
        there, back = log_denominators_both_ways(first, second, size)
        loss = (there * torch.linspace(0, 1, 40)).sum() + (back * torch.linspace(-1, 2, 23)).sum()
        results.append((there, back, *torch.autograd.grad(loss, (first, second))))
    for whole, tiles in zip(*results, strict=True):
        torch.testing.assert_close(tiles, whole, rtol=1e-12, atol=1e-12)


def test_only_the_gradients_asked_for():
    anchors, candidates = pair(6, 5, 3)
    log_denominators(anchors, candidates.detach(), None, 4).sum().backward()
    assert anchors.grad is not None
    log_denominators(anchors.detach(), candidates, None, 4).sum().backward()
    assert candidates.grad is not None


@pytest.mark.parametrize("chunk", [None, 8])
def test_nothing_overflows(chunk):
    # Logits of +-5000: exp of them is inf or 0 in any precision.
    anchors, candidates = pair(20, 30, 4, torch.float32)
    value = log_denominators(1000 * anchors, candidates, None, chunk)
    expected = torch.logsumexp(1000 * anchors.double() @ candidates.double().T, 1)
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
    there, back = log_denominators_both_ways(1000 * anchors, candidates, chunk)
    assert there.isfinite().all()
    assert back.isfinite().all()


@pytest.mark.parametrize("kind", [InfoNCE, NTXent, SupCon])
@pytest.mark.parametrize("options", [{}, {"learnable_temperature": True}])
def test_objectives_in_tiles_of_any_size(kind, options):
    z0, z1 = pair(33, 33, 5)
    labels = torch.arange(33) % 4
    results = []
    for chunk in (None, 1, 8, 66, 500):
        objective = kind(0.2, chunk_size=chunk, **options).double()
        value = objective(z0, z1, labels)
        results.append((value, *torch.autograd.grad(value, (z0, z1, *objective.parameters()))))
    for result in results[1:]:
        for whole, tiles in zip(results[0], result, strict=True):
            torch.testing.assert_close(tiles, whole, rtol=1e-11, atol=1e-13)


def test_the_temperature_is_learnt():
    z0, z1 = (z.detach() for z in pair(16, 16, 8))
    objective = InfoNCE(0.5, learnable_temperature=True, symmetric=True, chunk_size=5).double()
    step = 1e-5
    objective(z0, z1).backward()
    by_hand = []
    for sign in (1, -1):
        shifted = math.exp(math.log(0.5) - sign * step)
        by_hand.append(InfoNCE(shifted, symmetric=True)(z0, z1))
    assert objective.log_scale.grad.item() == pytest.approx(float(by_hand[0] - by_hand[1]) / (2 * step), abs=1e-8)


def test_the_scale_stays_below_one_hundred_and_can_come_back():
    z0, z1 = (z.detach() for z in pair(16, 16, 8))
    objective = InfoNCE(0.07, learnable_temperature=True)
    with torch.no_grad():
        objective.log_scale.fill_(9.0)
    value = objective(z0, z1)
    assert objective.temperature == pytest.approx(0.01, rel=1e-6)
    torch.testing.assert_close(value, InfoNCE(0.01)(z0, z1), rtol=1e-5, atol=0, check_dtype=False)
    value.backward()
    assert objective.log_scale.grad.item() != 0  # unrelated views: a smaller scale is better
    assert "learnable_temperature=True" in repr(objective)
    assert objective.state_dict().keys() == {"log_scale"}
    assert InfoNCE().state_dict() == {}
