"""Tensors sketched where they are, against the same rows given as arrays."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import thinshell as ts
from thinshell.errors import InputError, InputTypeError
from thinshell.sketch import EmbeddingSketch, summarize
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.passes import mix
from thinshell.sketch.rows import _keys, row_multipliers, scan_rows
from thinshell.statistics._accelerators import tensors_everywhere

torch = pytest.importorskip("torch", reason="the tensor backend needs torch")

from thinshell.sketch import tensor_passes  # noqa: E402 - after torch is known to be there
from thinshell.sketch.tensor_sketch import TensorSketch  # noqa: E402
from thinshell.statistics import _tensors  # noqa: E402

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))
DEVICES = pytest.mark.parametrize("device", ["cpu", GPU])
RNG = np.random.default_rng(3)
ROWS = (RNG.standard_normal((20_000, 12)) * np.linspace(0.1, 40, 12) + np.linspace(-3, 3, 12)).astype(np.float32)


@pytest.fixture(autouse=True)
def everywhere():
    with tensors_everywhere():
        yield


def of_arrays(blocks, **options):
    sketch = EmbeddingSketch(**options)
    for block in blocks:
        sketch.update(block)
    return sketch


def of_tensors(blocks, device, **options):
    sketch = EmbeddingSketch(**options)
    for block in blocks:
        sketch.update(torch.from_numpy(block).to(device))
    assert sketch._tensors is not None
    return sketch


def close(left, right, rtol, name=""):
    np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * np.abs(np.nan_to_num(right)).max(), err_msg=name)


def assert_alike(mine, its, *, ad=1e-9, grid=True, covariance=1e-6):
    """Compare everything that can be read off two sketches of the same blocks."""
    assert (mine.n_samples, mine.n_features, mine.n_dropped) == (its.n_samples, its.n_features, its.n_dropped)
    assert (mine.fingerprint, mine.exact) == (its.fingerprint, its.exact)
    a, b = summarize(mine), summarize(its)
    np.testing.assert_array_equal(a.rows, b.rows)
    assert a.rows.dtype == b.rows.dtype
    assert (a.copies, a.n_compared) == (b.copies, b.n_compared)
    for name in ("minimum", "maximum"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("mean", "m2", "m3", "m4"):
        close(getattr(a.moments, name), getattr(b.moments, name), 1e-12, name)
        close(getattr(a.norm_moments(), name), getattr(b.norm_moments(), name), 1e-10, f"norms {name}")
    close(a.mean_direction, b.mean_direction, 1e-12)
    np.testing.assert_allclose(a.ad, b.ad, rtol=ad)
    if b.covariance is not None:
        close(a.covariance, b.covariance, covariance)
    if grid and not its.exact:
        for part in ("_columns", "_norms"):
            for name in ("exponent", "start", "counts", "tails"):
                one, other = (getattr(getattr(sketch, part), name) for sketch in (mine, its))
                np.testing.assert_array_equal(one, other, err_msg=f"{part} {name}")


@DEVICES
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_rows_that_are_held_are_the_same_to_the_last_bit(device, dtype, blocks):
    parts = np.array_split(ROWS[:3000].astype(dtype), blocks)
    mine, its = of_tensors(parts, device), of_arrays(parts)
    assert mine.exact
    assert_alike(mine, its, ad=0)
    for name, array in its._sample.state().items():
        np.testing.assert_array_equal(mine._sample.state()[name], array)


@DEVICES
@pytest.mark.parametrize("capacity", [5000, 1500])
def test_types_may_change_from_block_to_block(device, capacity):
    parts = [ROWS[:1000], ROWS[1000:1001].astype(np.float16), ROWS[1001:2000].astype(np.float64) / 3, ROWS[2000:3000]]
    assert_alike(of_tensors(parts, device, row_capacity=capacity), of_arrays(parts, row_capacity=capacity))


@DEVICES
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("cuts", [[], [1, 5, 500, 501, 9000], [8192], range(1000, 20_000, 1000)])
def test_rows_that_are_counted_agree_in_uneven_blocks(device, dtype, cuts):
    parts = np.split(ROWS.astype(dtype), list(cuts))
    assert_alike(of_tensors(parts, device), of_arrays(parts))


@DEVICES
@pytest.mark.parametrize("waiting", [2000, 10**6])
def test_small_tiles_and_steps_make_no_difference(device, waiting, monkeypatch):
    from thinshell.sketch import embedding_sketch, tensor_sketch

    monkeypatch.setattr(_tensors, "TILE_VALUES", 7000)
    monkeypatch.setattr(tensor_sketch, "TILE_VALUES", waiting)
    for module in (embedding_sketch, tensor_sketch):
        monkeypatch.setattr(module, "_STEP_BYTES", 2**17)
    rows = ROWS.astype(np.float16)
    rows[[4, 900, 2999, 3000, 11_000], 5] = np.nan
    rows[12_000:15_000, 0] = np.inf  # a step of nothing else
    rows[15_000:15_500] = rows[8000:8500]
    for cuts in ([], [400, 800, 3000, 12_000]):
        for capacity in (1000, 5000, 30_000):
            parts, options = np.split(rows, cuts), {"row_capacity": capacity, "drop_nonfinite": True}
            assert_alike(of_tensors(parts, device, **options), of_arrays(parts, **options))


@DEVICES
def test_of_one_large_tensor_few_more_rows_than_the_sample_are_moved(device, monkeypatch):
    from thinshell.sketch import tensor_sketch

    monkeypatch.setattr(tensor_sketch, "_STEP_BYTES", 2**16)
    held = TensorSketch(12, row_capacity=1000, covariance=False, device=device)
    held.update(torch.from_numpy(ROWS).to(device))
    assert held.bytes_to_host < 3 * 1000 * (12 * 4 + 3 * 8) + 63 * 13 * 8 + 16 * 6 * 8 * 13


@DEVICES
def test_bfloat16_integers_booleans_and_any_layout(device):
    for rows, array in (
        (torch.from_numpy(ROWS).to(torch.bfloat16), None),
        (torch.arange(30_000).reshape(-1, 3) % 77, None),
        (torch.arange(30_000).reshape(-1, 3) % 7 == 0, None),
        (torch.from_numpy(np.asfortranarray(ROWS)), ROWS),
        (torch.from_numpy(ROWS)[:, ::3], ROWS[:, ::3]),
        (torch.from_numpy(ROWS).requires_grad_(), ROWS),
    ):
        plain = array if array is not None else (rows.float() if rows.dtype == torch.bfloat16 else rows).numpy()
        assert_alike(EmbeddingSketch().update(rows.to(device)), of_arrays([plain]))


@DEVICES
@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_an_offset_loses_no_digits(device, offset):
    parts = np.array_split((ROWS / 40 + offset).astype(np.float32), 5)
    sketch = of_tensors(parts, device)
    assert_alike(sketch, of_arrays(parts), covariance=5e-6)
    truth = np.cov(np.concatenate(parts).astype(np.float64), rowvar=False)
    close(summarize(sketch).covariance, truth, 2e-6)


@DEVICES
def test_constant_columns_tails_and_zero_rows(device):
    rows = ROWS.astype(np.float64)
    rows[:, 0], rows[:, 1], rows[:, 2] = 0.1, 0.0, RNG.standard_cauchy(len(rows))
    rows[::500] = 0.0
    rows[:, 3] = np.append(RNG.standard_normal(len(rows) - 1), 1e6)
    parts = np.split(rows, [9000, 9001, 15_000])
    mine = of_tensors(parts, device)
    assert_alike(mine, of_arrays(parts))
    assert mine._columns.tails.sum() > 50


@DEVICES
def test_nonfinite_rows_are_dropped_and_counted(device):
    rows = ROWS.copy()
    rows[[0, 10, 8500, 19_999], 2] = [np.nan, np.inf, -np.inf, np.nan]
    for cuts in ([], [5, 9, 12], [8192]):
        parts = np.split(rows, cuts)
        mine = of_tensors(parts, device, drop_nonfinite=True)
        assert (mine.n_samples, mine.n_dropped) == (19_996, 4)
        assert_alike(mine, of_arrays(parts, drop_nonfinite=True))
    nothing = EmbeddingSketch(drop_nonfinite=True).update(torch.full((3, 2), torch.nan, device=device))
    assert (nothing.n_samples, nothing.n_dropped, len(nothing._sample)) == (0, 3, 0)


@DEVICES
@pytest.mark.parametrize("n", [20, 9000])
def test_what_cannot_be_a_block_is_refused_as_an_array_is(device, n):
    mine, its = of_tensors([ROWS[:n]], device), of_arrays([ROWS[:n]])
    kept = copy.deepcopy(its)
    bad = ROWS[:50].copy()
    bad[[3, 7, 9, 20, 30, 41], 1] = np.nan
    blocks = [bad, ROWS[:, :3], ROWS[0], np.array([[1e80] + [0.0] * 11]), ROWS[:9] * 1j, np.array([[1e308] * 12])]
    for block in blocks:
        with pytest.raises((InputError, InputTypeError)) as expected:
            its.update(block)
        with pytest.raises(expected.type) as got:
            mine.update(torch.from_numpy(block).to(device))
        assert str(got.value) == str(expected.value)
    assert_alike(mine, kept)
    with pytest.raises(InputError, match="n_features must be at least 1, got 0"):
        TensorSketch(0, device=device)


@DEVICES
def test_a_spread_that_grows_tenfold(device):
    rows = np.sort(np.abs(RNG.standard_normal((40_000, 5))), axis=0) ** 2 * [1, 10, 0.1, 1, 1]
    rows = (rows * RNG.choice([-1, 1], rows.shape)).astype(np.float32)
    rows[:, 4] = RNG.standard_normal(len(rows))
    parts = np.array_split(rows, 9)
    assert parts[-1].std() > 10 * parts[0].std()
    mine, its = of_tensors(parts, device, row_capacity=2000), of_arrays(parts, row_capacity=2000)
    assert_alike(mine, its, ad=1e-6)


@DEVICES
def test_copies_are_drawn_and_counted_alike(device):
    rows = ROWS.copy()
    rows[RNG.random(len(rows)) < 0.2] = 0.0
    rows[5000:6000] = rows[4000:5000]
    rows[::7] = -rows[::7]  # zeros of either sign are one row
    parts = np.split(rows, [2500, 9000])
    for capacity in (1000, 8192, 30_000):
        assert_alike(of_tensors(parts, device, row_capacity=capacity), of_arrays(parts, row_capacity=capacity))


@DEVICES
@pytest.mark.parametrize("capacity", [500, 8192])
def test_reading_in_between_and_merging_with_ordinary_sketches(device, capacity):
    parts = np.split(ROWS, [400, 1000, 6000, 15_000])
    whole = of_arrays(parts, row_capacity=capacity)
    mine = EmbeddingSketch(row_capacity=capacity)
    for k, part in enumerate(parts):
        mine.update(torch.from_numpy(part).to(device) if k % 2 == 0 else part)
        assert mine.n_samples == sum(len(seen) for seen in parts[: k + 1])
        if k != 2:
            assert mine.exact == (mine.n_samples <= capacity)
    assert_alike(mine, whole, grid=False)
    left, right = (of_tensors(some, device, row_capacity=capacity) for some in (parts[:3], parts[3:]))
    assert_alike(left.merge(right), whole, grid=False)
    assert right.n_samples == len(parts[3]) + len(parts[4])
    ordinary = of_arrays(parts[:2], row_capacity=capacity).merge(of_tensors(parts[2:], device, row_capacity=capacity))
    assert_alike(ordinary, whole, grid=False)
    both = of_tensors(parts[2:], device, row_capacity=capacity).merge(of_arrays(parts[:2], row_capacity=capacity))
    assert_alike(both, whole, grid=False)


@DEVICES
@pytest.mark.parametrize("n", [3000, 20_000])
def test_saved_pickled_and_copied_with_what_was_there(device, n, tmp_path):
    its = of_arrays([ROWS[:n]])
    of_tensors([ROWS[:n]], device).save(tmp_path / "a.safetensors")
    assert_alike(EmbeddingSketch.load(tmp_path / "a.safetensors"), its)
    for twin in (pickle.loads(pickle.dumps(of_tensors([ROWS[:n]], device))), copy.copy(of_tensors([ROWS[:n]], device))):
        assert twin._tensors is None
        assert_alike(twin, its)
    assert repr(of_tensors([ROWS[:n]], device)) == repr(its)


@DEVICES
def test_the_grid_is_kept_and_nothing_else(device):
    held = TensorSketch(12, row_capacity=1000, covariance=True, drop_nonfinite=False, device=device)
    rows = torch.from_numpy(ROWS).to(device)
    held.update(rows[:5000])
    first = held.take()
    assert (held.n_samples, first.n_samples) == (0, 5000)
    held.update(rows[5000:5600])
    assert held.take().exact
    held.update(rows[5600:])
    second = held.take()
    np.testing.assert_array_equal(first._columns.start, second._columns.start)
    np.testing.assert_array_equal(first._gram.shift, second._gram.shift)
    assert_alike(first, of_arrays([ROWS[:5000]], row_capacity=1000))
    assert_alike(second, of_arrays([ROWS[5600:]], row_capacity=1000), ad=1e-4, grid=False)
    assert held.take().n_samples == 0
    with pytest.raises(InputError, match=r"row 20,001\)"):
        held.update(torch.tensor([[0.0] * 12, [torch.nan] * 12], device=device))


@DEVICES
def test_only_the_state_comes_to_the_host(device):
    rows = RNG.standard_normal((300_000, 64), dtype=np.float32)
    held = TensorSketch(64, row_capacity=None, covariance=True, drop_nonfinite=False, device=device)
    for part in np.array_split(rows, 10):
        held.update(torch.from_numpy(part).to(device))
    sketch = held.take()
    state = [*sketch._sample.state().values(), *sketch._distinct.state().values(), sketch._unit_sum]
    for part in (sketch._columns, sketch._norms, sketch._gram):
        state += part.state().values()
    assert held.bytes_to_host < 3 * sum(array.nbytes for array in state)
    assert held.bytes_to_host < rows.nbytes / 5
    assert_alike(sketch, of_arrays(np.array_split(rows, 10)))


@DEVICES
def test_inside_autocast_and_inference_mode(device):
    parts = np.split(ROWS, [500, 9000, 12_000])
    sketch = EmbeddingSketch()
    with torch.autocast(device, dtype=torch.bfloat16):
        sketch.update(torch.from_numpy(parts[0]).to(device))
        with torch.inference_mode():
            sketch.update(torch.from_numpy(parts[1]).to(device))
        sketch.update(torch.from_numpy(parts[2]).to(device))
    with torch.inference_mode():
        sketch.update(torch.from_numpy(parts[3]).to(device))
    assert_alike(sketch, of_arrays(parts))


# In a process of its own: what one way of saying it has set, the other refuses to read.
@pytest.mark.parametrize(
    ("ask", "read"),
    [
        ("torch.backends.cuda.matmul.allow_tf32 = True", "torch.backends.cuda.matmul.allow_tf32"),
        ("torch.set_float32_matmul_precision('high')", "torch.get_float32_matmul_precision()"),
        ("torch.set_float32_matmul_precision('medium')", "torch.get_float32_matmul_precision()"),
        ("torch.backends.cuda.matmul.fp32_precision = 'tf32'", "torch.backends.cuda.matmul.fp32_precision"),
        ("torch.backends.cuda.matmul.fp32_precision = 'ieee'", "torch.backends.cuda.matmul.fp32_precision"),
        ("pass", "torch.backends.cuda.matmul.allow_tf32"),
    ],
)
def test_products_are_not_shortened_and_the_setting_is_put_back(ask, read):
    if "fp32" in ask and not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this version of PyTorch has no fp32_precision")
    program = f"""
import torch
from thinshell.sketch.tensor_passes import exact_products
{ask}
before = {read}
with exact_products():
    assert torch.backends.cuda.matmul.allow_tf32 is False
assert {read} == before, (before, {read})
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_tensors_of_the_cpu_are_arrays_unless_asked():
    from thinshell.statistics._accelerators import _everywhere

    token = _everywhere.set(False)
    sketch = EmbeddingSketch().update(torch.from_numpy(ROWS))
    _everywhere.reset(token)
    assert sketch._tensors is None
    assert_alike(sketch, of_arrays([ROWS]), ad=0)


@DEVICES
def test_a_diagnosis_reads_it(device):
    mine, its = (ts.diagnose(sketch).to_dict() for sketch in (of_tensors([ROWS], device), of_arrays([ROWS])))
    assert len(mine["checks"]) == len(its["checks"])
    for name in ("paper", "duplicates", "look_next"):
        assert mine[name] == its[name], name


@DEVICES
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3000), max_size=7), st.sampled_from([64, 700, 5000]), st.randoms(use_true_random=False))
def test_any_split_of_arrays_and_tensors_is_one_cloud(device, cuts, capacity, random):
    rows = ROWS[:3000]
    mine = EmbeddingSketch(row_capacity=capacity)
    with tensors_everywhere():
        for part in np.split(rows, sorted(cuts)):
            mine.update(torch.from_numpy(part).to(device) if random.random() < 0.7 else part)
            if random.random() < 0.2:
                assert mine.fingerprint
    its = of_arrays([rows], row_capacity=capacity)
    assert mine.fingerprint == its.fingerprint
    a, b = summarize(mine), summarize(its)
    np.testing.assert_array_equal(a.rows, b.rows)
    close(a.moments.m4, b.moments.m4, 1e-11)
    # Pilots may be a few rows here, and the bins as wide as they tell.
    np.testing.assert_allclose(a.ad, b.ad, rtol=5e-3, atol=2e-3)


AWKWARD = [0.0, -0.0, np.nan, np.inf, -np.inf, 2.0**127, -(2.0**-130), 2.0**-149, 1.0]


@DEVICES
@settings(deadline=None, max_examples=80)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 30), st.integers(1, 6)),
        elements=st.sampled_from(AWKWARD) | st.floats(width=32, allow_nan=False),
    ),
    st.sampled_from([1.0, 1e200, 1e-200, 1 + 2**-40]),
)
def test_scans_are_those_of_numpy(device, block, factor):
    if block.dtype == np.float64:
        with np.errstate(over="ignore", under="ignore"):
            block = block * factor
    multipliers = row_multipliers(block.shape[1])
    its = scan_rows(block, multipliers, small=True)
    high, low = (torch.from_numpy(words.view(np.int64)).to(device) for words in multipliers)
    rows = torch.from_numpy(block).to(device)
    norms = tensor_passes.row_norms(rows)
    np.testing.assert_allclose(norms.cpu().numpy(), its.norms, rtol=1e-14)
    finite = np.isfinite(its.norms)
    hashes = tensor_passes.fingerprints(rows, (high, low)).cpu().numpy().view(np.uint64)
    np.testing.assert_array_equal(hashes[finite], its.hashes[finite])
    good = torch.from_numpy(finite).to(device)
    unit_sum = tensor_passes.unit_sum(rows[good], norms[good]).cpu().numpy()
    np.testing.assert_allclose(unit_sum, its.unit_sum, rtol=0, atol=1e-13)


@DEVICES
@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([5, 2**63, 2**63 + 1]), max_size=40), st.integers(0, 30))
def test_keys_are_those_of_the_row_sample(device, numbers, count):
    hashes = np.array(numbers, np.uint64)
    there = torch.from_numpy(hashes.view(np.int64).copy()).to(device)
    np.testing.assert_array_equal(tensor_passes.mix(there).cpu().numpy().view(np.uint64), mix(hashes))
    keys = tensor_passes.row_keys(there)
    np.testing.assert_array_equal(keys.cpu().numpy().view(np.uint64), _keys(hashes))
    chosen = tensor_passes.smallest(there, count).cpu().numpy()
    np.testing.assert_array_equal(chosen, np.sort(np.argsort(hashes, kind="stable")[:count]))


@DEVICES
@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 80), st.integers(1, 20)),
        elements=st.floats(-300, 300, width=32) | st.sampled_from([0.0, -0.0, -8.0, 24.0, 2.0**40, -(2.0**60)]),
    ),
    st.integers(-3, 5),
    st.integers(-40, 8),
)
def test_counts_are_those_of_numpy(device, block, exponent, first):
    marginals = Marginals(block.shape[1])
    marginals.exponent[:] = exponent
    marginals.start = np.arange(first, first + block.shape[1])
    marginals._count(block, True)
    counts = torch.zeros(marginals.counts.shape, dtype=torch.int32, device=device)
    tails = torch.zeros(marginals.tails.shape, dtype=torch.int64, device=device)
    width, start = (np.ldexp(1.0, -marginals.exponent), marginals.start.astype(np.float64))
    tensor_passes.add_counts(
        torch.from_numpy(block).to(device), *(torch.from_numpy(x).to(device) for x in (width, start)), counts, tails
    )
    np.testing.assert_array_equal(counts.cpu().numpy().view(np.uint32), marginals.counts)
    np.testing.assert_array_equal(tails.cpu().numpy(), marginals.tails)
