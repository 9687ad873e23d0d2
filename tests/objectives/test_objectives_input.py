import pytest
import torch

from thinshell.errors import InputError, InputTypeError
from thinshell.objectives import (
    OBJECTIVES,
    AlignmentUniformity,
    BarlowTwins,
    GaussianPrior,
    InfoNCE,
    NTXent,
    Regularized,
    SIGReg,
    SupCon,
    VICReg,
    create_objective,
    entropy_gaussian,
    entropy_knn,
    entropy_polar,
)

Z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(6) % 2


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_every_objective_by_its_name(name):
    objective = create_objective(name)
    assert type(objective) is OBJECTIVES[name]
    value = objective(Z, Z + 0.1, LABELS)
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert not objective.gather_distributed
    assert create_objective(name, gather_distributed=True)(Z, Z, LABELS).isfinite()  # alone, there is nobody to ask
    assert "=" in repr(objective)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_bad_batches(name):
    objective = OBJECTIVES[name]()
    with pytest.raises(InputError, match=r"same shape, row i .* got \(6, 4\) and \(5, 4\)"):
        objective(Z, Z[:5], LABELS)
    with pytest.raises(
        InputError, match="at least 2 rows, got 1: there is nothing to compare a row with; use a larger"
    ):
        objective(Z[:1], Z[:1], LABELS[:1])
    with pytest.raises(InputError, match=r"z0 must be of shape \(batch, n_features\), got \(6, 2, 2\); flatten"):
        objective(Z.view(6, 2, 2), Z, LABELS)
    with pytest.raises(InputTypeError, match=r"z1 must hold floating-point numbers, got torch.int64; .* z1.float\(\)"):
        objective(Z, LABELS, LABELS)
    with pytest.raises(InputTypeError, match=r"z0 must be a torch.Tensor, got list"):
        objective([[1.0]], Z, LABELS)
    if not objective.takes_one_view:
        with pytest.raises(InputError, match=r"z1 must be given to .*: it compares two views"):
            objective(Z, None, LABELS)


def test_labels():
    with pytest.raises(InputError, match=r"labels must be given to SupCon, one class number a row; without .* NTXent"):
        SupCon()(Z, Z)
    with pytest.raises(InputError, match=r"labels must be of shape \(6,\), one a row of z0, got \(12,\)"):
        SupCon()(Z, Z, LABELS.repeat(2))
    with pytest.raises(InputTypeError, match=r"labels must hold whole numbers, got torch.float32; .*labels.long\(\)"):
        SupCon()(Z, Z, LABELS.float())
    with pytest.raises(InputTypeError, match=r"labels must be a torch.Tensor, got list"):
        SupCon()(Z, Z, LABELS.tolist())


@pytest.mark.parametrize("temperature", [0, -0.1, float("nan"), float("inf")])
def test_temperatures(temperature):
    with pytest.raises(InputError, match=f"temperature must be a positive number, got {temperature}; the paper"):
        InfoNCE(temperature)
    with pytest.raises(InputError, match=f"temperature must be a positive number, got {temperature}"):
        GaussianPrior.from_theory(8, temperature, 0.5)


def test_other_options():
    with pytest.raises(InputTypeError, match="temperature must be a positive number, got str"):
        InfoNCE("cold")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"temperature must be at least 0.01 to be learnable, got 0.005; CLIP starts"):
        InfoNCE(0.005, learnable_temperature=True)
    with pytest.raises(InputError, match="chunk_size must be at least 1, got 0; 256 is a good size"):
        NTXent(chunk_size=0)
    with pytest.raises(InputTypeError, match=r"chunk_size must be a whole number, got 2.5"):
        AlignmentUniformity(chunk_size=2.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lambda_ must be a number of at least 0, got -1; 0 leaves its term out"):
        BarlowTwins(-1)
    with pytest.raises(InputTypeError, match="variance must be a number of at least 0, got NoneType"):
        VICReg(variance=None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"lambda_ must lie in \[0, 1\], got 2"):
        SIGReg(2)
    with pytest.raises(InputError, match="estimator must be one of 'plug-in', 'unbiased', got 'biased'; did you mean"):
        SIGReg(estimator="biased")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"entropy must be one of .* got 'gausian'; did you mean 'gaussian'"):
        GaussianPrior(entropy="gausian")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"eta2 must lie in \[0, 1\], got 1.5"):
        GaussianPrior.from_theory(8, 0.1, 1.5)
    with pytest.raises(InputTypeError, match=r"regularizer must be a torch.nn.Module, got type; make one first"):
        Regularized(InfoNCE(), GaussianPrior)  # type: ignore[arg-type]


def test_names_that_do_not_exist():
    with pytest.raises(InputError, match=r"objective must be one of 'alignment_uniformity', .* did you mean 'infonce'"):
        create_objective("infonec")
    with pytest.raises(
        InputError, match=r"an option of objective 'infonce' must be one of .* did you mean 'temperature'"
    ):
        create_objective("infonce", temperatur=0.1)


def test_entropies_need_enough_rows():
    with pytest.raises(InputError, match="at least 4 rows, got 3: a row has no neighbour number 3"):
        entropy_knn(Z[:3])
    with pytest.raises(InputError, match="at least 4 rows, got 3: a row has no neighbour number 3"):
        GaussianPrior()(Z[:3])
    with pytest.raises(InputError, match="at least 5 rows, got 4: the covariance of fewer rows than features"):
        entropy_gaussian(Z[:4])
    with pytest.raises(InputError, match="z must have at least 2 features for the polar entropy, got 1; use"):
        entropy_polar(Z[:, :1])
    with pytest.raises(InputError, match="k must be at least 1, got 0"):
        entropy_knn(Z, k=0)
