"""Diagnoses of tensors that stay on their device, forced for tensors on the CPU where there is no GPU."""

import numpy as np
import pytest

import thinshell as ts
from thinshell.errors import InputError
from thinshell.statistics._accelerators import tensors_everywhere

torch = pytest.importorskip("torch", reason="tensors need torch")

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))
ROWS = (np.random.default_rng(0).standard_normal((30_000, 16)) * 2 + 1).astype(np.float32)


@pytest.fixture(autouse=True)
def everywhere():
    with tensors_everywhere():
        yield


def same(one, two, path=""):
    """Compare two results number by number."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            same(one[key], two[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(two)
        for k, (first, second) in enumerate(zip(one, two, strict=True)):
            same(first, second, f"{path}[{k}]")
    elif isinstance(one, float) and isinstance(two, float):
        assert two == pytest.approx(one, rel=1e-5, abs=1e-7), path
    else:
        assert one == two, path


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("normalize", ["none", "l2", "zscore", "whiten"])
def test_a_tensor_is_diagnosed_like_its_array(device, normalize):
    expected = ts.diagnose(ROWS, normalize=normalize, name="rows").to_dict()
    result = ts.diagnose(torch.from_numpy(ROWS).to(device), normalize=normalize, name="rows").to_dict()
    same(expected, result)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.int32])
def test_types(kind):
    rows = (torch.from_numpy(ROWS[:3000]) * 4).to(kind)
    values = rows.float().numpy() if kind in (torch.float16, torch.bfloat16) else rows.double().numpy()
    # Unit rows of float64 differ in their last bits, which draws them in another order.
    for normalize in ("none", "l2") if kind.itemsize == 2 else ("none",):
        expected = ts.diagnose(values, normalize=normalize, name="rows").to_dict()
        result = ts.diagnose(rows, normalize=normalize, name="rows").to_dict()
        assert result["source"].pop("dtype") == str(kind).removeprefix("torch.")
        expected["source"].pop("dtype")
        same(expected, result)


def test_positives_and_refusals():
    rows = torch.from_numpy(ROWS[:2000])
    result = ts.diagnose(rows, positives=ROWS[:2000] + 0.1).to_dict()
    assert result["sphere"]["positive"]["cosine"]["mean"] > 0.9
    bad = rows.clone()
    bad[5, 3] = torch.nan
    with pytest.raises(InputError, match=r"data: 1 of 2,000 rows hold NaN or infinity \(row 5"):
        ts.diagnose(bad)
    assert ts.diagnose(bad, drop_nonfinite=True).sketch.n_samples == 1999
    with pytest.raises(InputError, match="must have shape"):
        ts.diagnose(rows[0])
