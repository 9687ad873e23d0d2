import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from thinshell.objectives import OBJECTIVES, DecoupledContrastive, GaussianPrior, InfoNCE, NTXent, SupCon
from thinshell.theory import phi, phi_uniform

MAKERS = {**OBJECTIVES, "prior": lambda **o: GaussianPrior(0.5, 0.3, **o)}
# SIGReg draws its directions in the coordinates at hand; in the mean over directions it is invariant too.
ROTATED = [name for name in MAKERS if name not in ("barlow_twins", "vicreg", "sigreg")]
ON_DIRECTIONS = ["infonce", "ntxent", "supcon", "decoupled", "alignment_uniformity"]


def batch(seed, n=12, d=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    z0 = torch.randn(n, d, dtype=dtype, generator=generator)
    z1 = z0 + 0.5 * torch.randn(n, d, dtype=dtype, generator=generator)
    return z0, z1, torch.randint(0, 4, (n,), generator=generator)


def same(first, second):
    torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-10)


@given(seed=st.integers(0, 10_000), name=st.sampled_from(sorted(MAKERS)))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seed, name):
    z0, z1, labels = batch(seed)
    order = torch.randperm(len(z0), generator=torch.Generator().manual_seed(seed + 1))
    objective = MAKERS[name]().eval()
    same(objective(z0[order], z1[order], labels[order]), objective(z0, z1, labels))


@given(seed=st.integers(0, 10_000), name=st.sampled_from(ROTATED))
@settings(max_examples=50, deadline=None)
def test_a_rotation_does_not_matter(seed, name):
    z0, z1, labels = batch(seed)
    turn = torch.as_tensor(ortho_group.rvs(5, random_state=seed))
    objective = MAKERS[name]()
    same(objective(z0 @ turn, z1 @ turn, labels), objective(z0, z1, labels))


@given(seed=st.integers(0, 10_000), name=st.sampled_from(ON_DIRECTIONS), exponent=st.integers(-300, 300))
@settings(max_examples=50, deadline=None)
def test_the_scale_of_a_row_does_not_matter(seed, name, exponent):
    z0, z1, labels = batch(seed)
    scale = torch.ones(len(z0), 1, dtype=torch.float64)
    scale[seed % len(z0)] = 10.0**exponent
    objective = MAKERS[name]()
    same(objective(scale * z0, z1, labels), objective(z0, z1, labels))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_views_may_be_swapped_where_the_definition_is_symmetric(seed):
    z0, z1, labels = batch(seed)
    for name, make in MAKERS.items():
        if name != "infonce":
            objective = make().eval()
            same(objective(z1, z0, labels), objective(z0, z1, labels))
    same(InfoNCE(symmetric=True)(z0, z1), 0.5 * (InfoNCE()(z0, z1) + InfoNCE()(z1, z0)))


@pytest.mark.parametrize("chunk", [None, 5])
def test_rows_that_are_all_alike_give_the_logarithm_of_the_candidates(chunk):
    z = torch.ones(16, 3, dtype=torch.float64)
    for tau in (0.05, 1.0):
        assert InfoNCE(tau, chunk_size=chunk)(z, z).item() == pytest.approx(math.log(16), abs=1e-12)
        assert NTXent(tau, chunk_size=chunk)(z, z).item() == pytest.approx(math.log(31), abs=1e-12)
        assert SupCon(tau, chunk_size=chunk)(z, z, torch.arange(16) % 3).item() == pytest.approx(math.log(31))
        assert DecoupledContrastive(tau, chunk_size=chunk)(z, z).item() == pytest.approx(math.log(30), abs=1e-12)


def test_supcon_of_different_labels_is_ntxent():
    z0, z1, _ = batch(3)
    same(SupCon()(z0, z1, torch.arange(12) * 10 - 50), NTXent()(z0, z1))


@pytest.mark.parametrize(
    ("objective", "candidates"),
    [
        (InfoNCE(0.5, chunk_size=512), lambda n: n),
        (NTXent(0.5, chunk_size=512), lambda n: 2 * n - 1),
        (DecoupledContrastive(0.5, chunk_size=512), lambda n: 2 * n - 2),
    ],
)
def test_many_candidates_give_the_population_loss(objective, candidates):
    # Gaussian channel with correlation 0.6: directions uniform, E[u.v] from a sample of its own.
    n, d, alpha = 4096, 16, 2.0
    generator = torch.Generator().manual_seed(0)
    z0, noise, x0, x1 = torch.randn(4, n, d, dtype=torch.float64, generator=generator)
    z1, x1 = 0.6 * z0 + 0.8 * noise, 0.6 * x0 + 0.8 * x1
    cosines = torch.nn.functional.cosine_similarity(x0, x1)
    limit = -alpha * cosines.mean().item() + phi_uniform(d, alpha)
    error = alpha * cosines.std().item() * math.sqrt(2 / n)
    value = objective(z0, z1).item() - math.log(candidates(n))
    assert value == pytest.approx(limit, abs=4 * error + 2 / n)
    # The same with Phi measured on these very rows, where most of the noise is common.
    here = -alpha * torch.nn.functional.cosine_similarity(z0, z1).mean().item()
    assert value - here == pytest.approx(phi(z1.numpy(), alpha), abs=0.01)


@pytest.mark.parametrize("name", sorted(MAKERS))
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_goes_in_and_full_precision_comes_out(name, dtype):
    z0, z1, labels = batch(7, n=32, dtype=torch.float32)
    z0, z1 = z0.to(dtype).requires_grad_(), z1.to(dtype)
    objective = MAKERS[name]().eval()
    expected = objective(z0.detach().double(), z1.double(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        # A layer before the objective is what autocast is for; its output is half precision.
        value = objective(z0, z1, labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected, rtol=2e-5, atol=2e-5)
    value.backward()
    assert z0.grad.dtype == dtype
    assert z0.grad.isfinite().all()


def test_backward_of_tiles_inside_autocast_is_in_full_precision_too():
    # PyTorch advises against it, and its own matrix products then round to half precision.
    z0, z1, _ = batch(8, n=32, dtype=torch.float32)
    z0.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        InfoNCE(0.1, chunk_size=7)(z0, z1).backward()
    (expected,) = torch.autograd.grad(InfoNCE(0.1)(z0.double(), z1.double()), z0)
    torch.testing.assert_close(z0.grad, expected, rtol=1e-3, atol=1e-6)


def test_two_precisions_meet_in_the_wider():
    z0, z1, labels = batch(9)
    for make in MAKERS.values():
        assert make().eval()(z0.half(), z1, labels).dtype == torch.float64


@pytest.mark.parametrize("name", ON_DIRECTIONS)
def test_a_row_of_zeros_is_orthogonal_to_all_and_stays(name):
    z0, z1, labels = batch(11)
    z0[4] = 0
    z0.requires_grad_()
    value = MAKERS[name]()(z0, z1, labels)
    value.backward()
    assert value.isfinite()
    assert not z0.grad[4].any()
    assert z0.grad[:4].isfinite().all()
    assert z0.grad[:4].any()
    # A direction of its own, orthogonal to everything, has the same cosines as none.
    if name == "infonce":
        wide0, wide1 = (torch.cat([z, torch.zeros(12, 1)], 1).double() for z in (z0.detach(), z1))
        wide0[4, 5] = 1
        same(MAKERS[name]()(wide0, wide1), value.detach())


def test_not_a_number_is_passed_on():
    z0, z1, labels = batch(12)
    z0[0, 0] = torch.nan
    for make in MAKERS.values():
        assert make().eval()(z0, z1, labels).isnan()
