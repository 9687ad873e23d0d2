"""Statistics of tensors where they are, against those of the same values as arrays."""

import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics import anderson_darling, dagostino_pearson, moments
from thinshell.statistics._accelerators import on_accelerator, tensors_everywhere

torch = pytest.importorskip("torch", reason="the tensor backend needs torch")

from thinshell.statistics import _tensors  # noqa: E402 - after torch is known to be there
from thinshell.statistics.sphere import alignment, l2_normalize  # noqa: E402

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))
DEVICES = pytest.mark.parametrize("device", ["cpu", GPU])
RNG = np.random.default_rng(5)


def sample(n, dtype):
    laws = [
        RNG.standard_normal(n),
        RNG.standard_normal(n) * 0.01 + 1e2,
        RNG.standard_t(3, n),
        RNG.uniform(size=n),
        RNG.choice([-1.0, 1.0], n),
        RNG.exponential(size=n),
        np.append(RNG.standard_normal(n - 1), 500.0),
        np.full(n, 0.1),
        np.zeros(n),
    ]
    return np.stack(laws, axis=1).astype(dtype)


@pytest.fixture
def there():
    """Return a function that puts an array on the device and makes sure that it is worked on there."""
    with tensors_everywhere():
        yield lambda array, device: torch.from_numpy(np.asarray(array)).to(device)


@DEVICES
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("n", [8, 9, 250, 20_001])
@pytest.mark.parametrize("tile", [2**22, 5000])
def test_every_column_is_as_numpy_has_it(there, device, dtype, n, tile, monkeypatch):
    monkeypatch.setattr(_tensors, "TILE_VALUES", tile)
    array = sample(n, dtype)
    tensor = there(array, device)
    assert on_accelerator(tensor)
    mine, its = moments(tensor), moments(array)
    assert mine.n_samples == n
    for name in ("mean", "m2", "m3", "m4"):
        left, right = getattr(mine, name), getattr(its, name)
        assert left.dtype == np.float64
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12 * np.abs(its.m4).max() if name == "m3" else 0)
    for test in (anderson_darling, dagostino_pearson):
        mine, its = test(tensor), test(array)
        np.testing.assert_allclose(mine.statistic, its.statistic, rtol=1e-9)
        np.testing.assert_allclose(mine.pvalue, its.pvalue, rtol=1e-6)
        assert isinstance(mine.statistic, np.ndarray)
    np.testing.assert_allclose(
        anderson_darling(tensor, null="simple").statistic, anderson_darling(array, null="simple").statistic, rtol=1e-9
    )
    if dtype == np.float64:
        np.testing.assert_allclose(
            anderson_darling(tensor).statistic[0],
            stats.anderson(array[:, 0], method="interpolate").statistic,
            rtol=1e-9,
        )


@DEVICES
def test_one_column_and_known_moments(there, device):
    array = RNG.standard_normal(5000).astype(np.float32)
    tensor = there(array, device)
    for test in (anderson_darling, dagostino_pearson):
        result = test(tensor)
        assert isinstance(result.statistic, float)
        assert result.statistic == pytest.approx(test(array).statistic, rel=1e-9)
        known = test(tensor[:, None], known_moments=moments(array))
        np.testing.assert_allclose(known.statistic, result.statistic, rtol=1e-12)
    direct = _tensors.anderson_darling_tensor(tensor[:, None])
    assert (direct.dtype, direct.device.type) == (torch.float64, device)
    assert float(direct[0]) == pytest.approx(anderson_darling(array).statistic, rel=1e-9)


@DEVICES
def test_types_without_a_numpy_twin_and_gradients(there, device):
    array = sample(3000, np.float32)
    halves = there(array, device).to(torch.bfloat16)
    np.testing.assert_allclose(
        anderson_darling(halves).statistic, anderson_darling(halves.float().cpu().numpy()).statistic, rtol=1e-9
    )
    with_gradient = there(array, device).requires_grad_()
    np.testing.assert_allclose(
        dagostino_pearson(with_gradient).statistic, dagostino_pearson(array).statistic, rtol=1e-9
    )
    numbers = there(np.arange(100), device)
    assert moments(numbers).mean == pytest.approx(49.5)
    with torch.autocast(device, dtype=torch.bfloat16), torch.inference_mode():
        np.testing.assert_allclose(moments(there(array, device)).m2, moments(array).m2, rtol=1e-12)


@DEVICES
def test_refusals_are_those_of_arrays(there, device):
    bad = sample(50, np.float64)
    bad[[7, 9], 0] = np.nan, np.inf
    for array in (bad, bad[:0], bad.reshape(5, 10, 9), bad.astype(complex), bad[:7]):
        for function in (anderson_darling, dagostino_pearson, moments)[: 2 if len(array) == 7 else 3]:
            with pytest.raises((InputError, InputTypeError)) as expected:
                function(array)
            with pytest.raises(expected.type) as got:
                function(there(array, device))
            assert str(got.value) == str(expected.value)


@DEVICES
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_directions_and_their_alignment(there, device, scale):
    x, y = RNG.standard_normal((2, 500, 7)) * scale
    total = _tensors.alignment_sum(there(x, device), there(y, device))
    assert total == pytest.approx(500 * alignment(x, y, 2.0), rel=1e-12)
    rows = RNG.standard_normal((500, 7)).astype(np.float32)
    unit = _tensors.unit_rows(there(rows, device)).cpu().numpy()
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, l2_normalize(rows), rtol=2e-7)
    assert not _tensors.unit_rows(there(np.zeros((2, 3)), device)).any()


def test_tensors_of_the_cpu_stay_arrays():
    assert not on_accelerator(torch.zeros(9))
    assert not on_accelerator(np.zeros(9))
    array = sample(300, np.float32)
    np.testing.assert_array_equal(
        anderson_darling(torch.from_numpy(array)).statistic, anderson_darling(array).statistic
    )


@DEVICES
@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_a_measurement_stays_there_as_well(there, device, normalize):
    from thinshell.monitoring import measure
    from thinshell.monitoring.paired_sketch import PairedSketch

    first = RNG.standard_normal((12_000, 6)).astype(np.float32) ** 3
    second = (first + RNG.standard_normal(first.shape)).astype(np.float32)
    first[5], second[8] = 0.0, 0.0
    tensors = [there(view, device) for view in (first, second)]
    held = PairedSketch(normalize)
    held.add(*tensors)
    assert held.sketch._tensors is not None
    assert held.n_pairs == 11_998
    mine, its = measure(*tensors, normalize=normalize), measure(first, second, normalize=normalize)
    assert mine == pytest.approx(its, rel=1e-6, nan_ok=True)
    again = PairedSketch(normalize).merge_bytes(held.to_bytes())
    assert again.sketch.n_samples == 12_000
    with pytest.raises(InputError, match="NaN or infinity"):
        held.add(torch.full((2, 6), torch.nan, device=device))
    with pytest.raises(InputError, match=r"embeddings must have shape \(n_samples, n_features\), got shape \(6,\)"):
        held.add(tensors[0][0])
    with pytest.raises(InputError, match="y must be finite"):
        held.add_pairs(tensors[0], tensors[0] * torch.nan)
    dropping = PairedSketch(normalize, drop_nonfinite=True)
    first[7] = np.nan
    dropping.add(there(first, device), tensors[1])
    assert (dropping.sketch.n_samples, dropping.sketch.n_dropped, dropping.n_pairs) == (11_999, 1, 11_997)
