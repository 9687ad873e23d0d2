import math

import pytest
import torch

from thinshell.objectives import SIGReg
from thinshell.statistics import epps_pulley

# Mean over the law of x of cos(t x) and the weights of the rule: what is expected of the estimates.
POINTS = torch.linspace(0, 3, 17, dtype=torch.float64)
WEIGHTS = 2 * (3 / 16) * torch.exp(-0.5 * POINTS**2)
WEIGHTS[[0, -1]] /= 2


def gaussian(n, d, scale=1.0, seed=0):
    return scale * torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_a_slice_is_the_epps_pulley_statistic():
    z = gaussian(500, 6, 1.1)
    regulariser = SIGReg(1.0, n_slices=5, seed=3).eval()
    slices = regulariser.directions(6)
    torch.testing.assert_close(torch.linalg.vector_norm(slices, dim=0), torch.ones(5, dtype=torch.float64))
    expected = epps_pulley((z @ slices).numpy(), null="simple", t_max=3, n_points=17).statistic
    assert regulariser(z).item() == pytest.approx(math.sqrt(2 * math.pi) * expected.mean(), rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_the_u_statistic_has_no_bias_and_the_plug_in_has_the_one_it_says(scale):
    n, batches = 8, 1500
    values = {}
    for estimator in ("plug-in", "unbiased"):
        regulariser = SIGReg(1.0, n_slices=4, estimator=estimator)
        values[estimator] = torch.stack([regulariser(gaussian(n, 3, scale, seed)) for seed in range(batches)]) / n
    phi = torch.exp(-0.5 * (scale * POINTS) ** 2)
    distance = (WEIGHTS * (phi - torch.exp(-0.5 * POINTS**2)) ** 2).sum().item()
    bias = (WEIGHTS * (1 - phi**2)).sum().item() / n
    for estimator, expected in (("plug-in", distance + bias), ("unbiased", distance)):
        error = values[estimator].std().item() / math.sqrt(batches)
        assert values[estimator].mean().item() == pytest.approx(expected, abs=4 * error)
    assert bias > 10 * error


def test_slices_go_on_by_themselves_and_again_from_a_state():
    z = gaussian(50, 6, 1.5)
    first, second = SIGReg(seed=1, n_slices=8), SIGReg(seed=1, n_slices=8)
    values = [first(z).item() for _ in range(4)]
    assert len(set(values)) == 4
    assert [second(z).item() for _ in range(2)] == values[:2]
    resumed = SIGReg(seed=1, n_slices=8)
    resumed.load_state_dict(second.state_dict())
    torch.manual_seed(99)  # not its business
    assert [resumed(z).item() for _ in range(2)] == values[2:]
    assert SIGReg(seed=2, n_slices=8)(z).item() not in values
    # Validation between two steps changes nothing.
    first.eval()
    assert first(z).item() == first(z).item()
    second.load_state_dict(first.state_dict())
    assert first(z).item() == second.train()(z).item()


def test_descent_brings_a_cloud_to_the_normal_law():
    z = (torch.rand(400, 4, generator=torch.Generator().manual_seed(0)) * 2.5 - 0.5).requires_grad_()
    regulariser = SIGReg(1.0, n_slices=32, estimator="unbiased")
    optimizer = torch.optim.Adam([z], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        regulariser(z).backward()
        optimizer.step()
    cloud = z.detach()
    assert cloud.mean(0).abs().max() < 0.1
    assert torch.linalg.eigvalsh(torch.cov(cloud.T)) == pytest.approx(torch.ones(4), abs=0.2)
