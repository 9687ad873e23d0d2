import math

import numpy as np
import pytest
import torch

import thinshell
from thinshell.errors import InputError, InputTypeError
from thinshell.monitoring import measure, rows
from thinshell.statistics import (
    alignment,
    covariance_eigenvalues,
    effective_rank,
    mean_direction,
    pair_cosines,
    participation_ratio,
)


def cloud(n=3000, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) * np.linspace(1, 3, d) + 0.3).astype(np.float32)


@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_numbers_are_those_of_diagnose(normalize):
    sample = cloud()
    numbers = measure(sample, normalize=normalize, seed=3)
    page = thinshell.diagnose(sample, normalize=normalize, seed=3).to_dict()
    for name in ("ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share"):
        assert numbers[name] == page["paper"][name]
    assert numbers["norm_mean"] == page["norms"]["mean"]
    assert numbers["uniformity"] == pytest.approx(page["sphere"]["uniformity"], rel=1e-12)
    assert numbers["mean_direction_norm"] == page["sphere"]["mean_direction_norm"]
    # Eigenvalues of one matrix, but with one or several threads of BLAS.
    for name in ("effective_rank", "participation_ratio"):
        assert numbers[name] == pytest.approx(page["spectrum"][name], rel=1e-12)
    if normalize == "none":
        assert numbers["cv"] == page["norms"]["cv"]
        assert numbers["cv_reference"] == pytest.approx(page["norms"]["cv_reference"], rel=1e-12)
    else:
        # Unit rows are no perfectly thin shell: the question does not apply.
        assert math.isnan(numbers["cv"])
        assert math.isnan(numbers["cv_reference"])


def test_numbers_from_their_definitions():
    sample = cloud().astype(np.float64)
    numbers = measure(sample)
    norms = np.linalg.norm(sample, axis=1)
    assert numbers["cv"] == pytest.approx(norms.std() / norms.mean(), rel=1e-12)
    assert numbers["mean_direction_norm"] == pytest.approx(mean_direction(sample).norm, rel=1e-12)
    eigenvalues = covariance_eigenvalues(sample)
    assert numbers["effective_rank"] == pytest.approx(effective_rank(eigenvalues), rel=1e-9)
    assert numbers["participation_ratio"] == pytest.approx(participation_ratio(eigenvalues), rel=1e-9)


def test_gaussian_and_not():
    rng = np.random.default_rng(1)
    normal, sparse = measure(rng.standard_normal((5000, 32))), measure(rng.random((5000, 32)) < 0.02)
    # Means of A^2 and of the p-value over coordinates and tests: .384 and .5 for a Gaussian (design, STATISTICS).
    assert normal["ad_avg"] == pytest.approx(0.384, abs=0.02)
    assert normal["dp_avg"] == pytest.approx(0.5, abs=0.03)
    assert normal["ad_normal_share"] == normal["dp_normal_share"] == 1.0
    assert sparse["ad_avg"] > 10
    assert sparse["ad_normal_share"] == sparse["dp_normal_share"] == 0.0
    # More rows than a sketch holds.
    assert measure(rng.standard_normal((9000, 8)))["n_samples"] == 9000


def test_positive_pairs():
    first = cloud(600).astype(np.float64)
    second = first + np.random.default_rng(2).standard_normal(first.shape)
    numbers = measure(first, second)
    assert numbers["alignment"] == pytest.approx(alignment(first, second, 2.0), rel=1e-12)
    assert numbers["positive_cosine"] == pytest.approx(pair_cosines(first, second).mean, rel=1e-12)
    assert "alignment" not in measure(first)
    # A row without direction makes no pair.
    with_zero = np.vstack([second, np.zeros(12)]), np.vstack([first, np.ones(12)])
    assert measure(*with_zero)["alignment"] == pytest.approx(numbers["alignment"], rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_are_arrays(dtype, monkeypatch):
    monkeypatch.setattr(rows, "_BLOCK_VALUES", 12 * 500)
    first = torch.tensor(cloud()).to(dtype).requires_grad_()
    second = first + 1
    plain = [view.detach().to(torch.promote_types(dtype, torch.float32)).numpy() for view in (first, second)]
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    assert measure(first, second) == pytest.approx(measure(*plain), rel=tolerance)
    assert first.grad is None


def test_order_of_rows_does_not_matter():
    sample = cloud(700)
    assert measure(sample[::-1]) == measure(sample)


def test_collapse_is_no_error():
    numbers = measure(np.ones((50, 3)))
    assert all(math.isnan(numbers[name]) for name in ("cv", "ad_avg", "dp_normal_share", "effective_rank"))
    assert numbers["mean_direction_norm"] == pytest.approx(1)
    zero = measure(np.zeros((50, 3)), np.zeros((50, 3)), normalize="l2")
    assert math.isnan(zero["cv"])
    assert math.isnan(zero["uniformity"])
    assert "alignment" not in zero
    # One column of three does not vary: it is left out of the tests, not counted as normal.
    partly = cloud(900, 3)
    partly[:, 1] = 2.0
    assert measure(partly)["ad_normal_share"] == 1.0


def test_bad_input():
    with pytest.raises(InputError, match=r"embeddings must have at least 8 rows, got 7; give more"):
        measure(np.ones((7, 3)))
    with pytest.raises(InputError, match=r"embeddings must have shape \(n_samples, n_features\), got shape \(9,\)"):
        measure(np.ones(9))
    with pytest.raises(InputError, match=r"embeddings must have shape .* got shape \(2, 3, 4\)"):
        measure(torch.ones(2, 3, 4))
    with pytest.raises(InputError, match=r"positives must have the shape of embeddings, .* got \(9, 2\) and \(9, 3\)"):
        measure(np.ones((9, 3)), np.ones((9, 2)))
    with pytest.raises(InputError, match=r"normalize must be one of 'l2', 'none', got 'l3'; did you mean 'l2'"):
        measure(np.ones((9, 3)), normalize="l3")
    with pytest.raises(InputError, match="samples_per_test must be at least 8, got 5"):
        measure(np.ones((9, 3)), samples_per_test=5)
    with pytest.raises(InputError, match=r"1 row holds NaN or infinity \(row 4\)"):
        measure(np.where(np.arange(27).reshape(9, 3) == 13, np.nan, 1.0))
    with pytest.raises(InputTypeError, match="embeddings must hold real numbers"):
        measure(np.ones((9, 3), complex))
