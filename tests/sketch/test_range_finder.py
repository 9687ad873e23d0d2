import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.sketch import EmbeddingSketch, memory_of_sketch, summarize
from thinshell.sketch.gram import Gram
from thinshell.sketch.nystrom import Nystrom
from thinshell.sketch.range_finder import RangeFinder, column_products, random_signs, restored_products, vectors_for
from thinshell.statistics import covariance_eigenvalues, effective_rank, participation_ratio
from thinshell.statistics._threads import limited_threads


def finder_of(parts, n_vectors=None):
    finder = RangeFinder.from_pilot(parts[0], n_vectors)
    for part in parts:
        finder.add(part)
    return finder


def covariance_times_omega(finder, rows):
    return np.cov(rows.astype(np.float64), rowvar=False) @ finder.omega


def centred_products(finder):
    """Return what the finder holds of S Omega, in the units of the data."""
    centred = finder.products - np.outer(finder.sums, (finder.sums / finder.n_samples) @ finder.omega)
    return centred / float(finder.scale[0]) ** 2 / (finder.n_samples - 1)


def spectrum_of(rows, n_vectors=None):
    trace = float(rows.astype(np.float64).var(axis=0, ddof=1).sum())
    return finder_of([rows], n_vectors).nystrom(trace).spectrum(rows.shape[1])


def nystrom_of(eigenvalues, n_vectors, rng):
    """Return what Gaussian test vectors see of a covariance; they have no preferred axes, so a diagonal one stands."""
    omega = rng.standard_normal((len(eigenvalues), n_vectors))
    seen = eigenvalues[:, None] * omega
    core = omega.T @ seen
    return Nystrom((core + core.T) / 2, seen.T @ seen, float(eigenvalues.sum()), 1.0, len(eigenvalues))


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_products_are_those_of_the_covariance(dtype, rtol, offset, unit):
    rng = np.random.default_rng(0)
    rows = ((rng.standard_normal((3000, 40)) @ rng.standard_normal((40, 40)) + offset) * unit).astype(dtype)
    finder = finder_of(np.array_split(rows, 5), 8)
    truth = covariance_times_omega(finder, rows.astype(np.float64) / unit)
    np.testing.assert_allclose(centred_products(finder) / unit**2, truth, rtol=0, atol=rtol * np.abs(truth).max())


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 299), max_size=5, unique=True),
    offset=st.sampled_from([0.0, -3.0, 1e4]),
    drift=st.sampled_from([0.0, 10.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_merging_is_adding_whatever_the_pilots(cuts, offset, drift, seed):
    rng = np.random.default_rng(seed)
    # The parts have centres and spreads of their own, so shifts and scales differ.
    rows = rng.standard_normal((300, 7)) * np.linspace(0.1, 50, 300)[:, None] + offset
    rows += drift * np.arange(300)[:, None]
    parts = np.split(rows, sorted(cuts))
    merged = finder_of(parts[:1], 4)
    for part in parts[1:]:
        other = finder_of([part], 4)
        kept = other.products.copy()
        merged.merge(other)
        np.testing.assert_array_equal(other.products, kept)
    truth = covariance_times_omega(merged, rows)
    assert merged.n_samples == 300
    np.testing.assert_allclose(centred_products(merged), truth, rtol=0, atol=1e-9 * np.abs(truth).max())


def test_a_copy_and_a_restored_one_go_on_alike():
    rows = np.random.default_rng(1).standard_normal((200, 30)).astype(np.float32)
    finder = finder_of([rows[:100]], 8)
    twin, again = finder.copy(), RangeFinder.restore(100, finder.state())
    for one in (finder, twin, again):
        one.add(rows[100:])
        one.add(rows[:0])
    for one in (twin, again):
        assert one.n_samples == 200
        np.testing.assert_array_equal(one.products, finder.products)
        np.testing.assert_array_equal(one.sums, finder.sums)


def test_the_number_of_threads_changes_no_bit():
    rows = np.random.default_rng(2).standard_normal((5000, 700)).astype(np.float32)
    with limited_threads(1):
        alone = finder_of([rows], 64)
    together = finder_of([rows], 64)
    np.testing.assert_array_equal(alone.products, together.products)
    np.testing.assert_array_equal(alone.sums, together.sums)


def test_signs_are_fixed_balanced_and_shared():
    signs = random_signs(5000, 512)
    assert signs is random_signs(5000, 512)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)
    # The bits of the generator, lowest first: whatever NumPy version and byte order.
    word = int(np.random.Philox(key=0x6F6D656761).random_raw(1)[0])
    np.testing.assert_array_equal(signs.ravel()[:64], [2.0 * (word >> bit & 1) - 1 for bit in range(64)])


def test_how_many_vectors_and_which_kind():
    assert [vectors_for(d) for d in (4097, 131_072, 10**6, 10**7)] == [512, 512, 67, 64]
    assert isinstance(column_products(np.ones((2, 4096))), Gram)
    assert isinstance(column_products(np.ones((2, 4097))), RangeFinder)
    assert restored_products(5, {}) is None
    with_products, without = (memory_of_sketch(5000, covariance=kept) for kept in (True, False))
    assert with_products - without > 2 * 8 * 5000 * 512


SPECTRA = {
    "flat": np.ones(3000),
    "power law": np.arange(1, 3001.0) ** -1,
    "exponential": np.exp(-np.arange(3000) / 200),
    "low rank and noise": np.r_[np.full(40, 1.0), np.full(2960, 0.005)],
    "half of full rank": np.r_[np.ones(1500), np.zeros(1500)],
    "one that dominates": np.r_[500.0, np.ones(2999)],
}


@pytest.mark.parametrize("name", SPECTRA)
def test_spectrum_within_what_the_docs_say(name):
    truth = SPECTRA[name]
    found = nystrom_of(truth, 512, np.random.default_rng(3)).spectrum(3000)
    values, r = found.eigenvalues, found.n_resolved
    assert (np.diff(values) <= 0).all()
    assert values.min() >= 0
    assert values.sum() == pytest.approx(truth.sum(), rel=1e-3)
    assert participation_ratio(values) == pytest.approx(participation_ratio(truth), rel=0.02)
    assert effective_rank(values) == pytest.approx(effective_rank(truth), rel=0.08)
    np.testing.assert_allclose(values[:r], truth[:r], rtol=0.1)
    assert (r > 0) == (name not in ("flat", "half of full rank"))


def test_square_trace_is_unbiased_and_sharper_than_hutchinsons():
    truth = np.r_[30.0, 10.0, np.linspace(2, 0.1, 198)]
    wanted = float((truth**2).sum())
    rng = np.random.default_rng(4)
    sketches = [nystrom_of(truth, 32, rng) for _ in range(400)]
    found = np.array([sketch.square_trace() for sketch in sketches])
    plain = np.array([np.trace(sketch.squares) / 32 for sketch in sketches])
    for values in (found, plain):
        assert abs(values.mean() - wanted) < 4 * values.std() / np.sqrt(len(values))
    assert found.std() < plain.std() / 1.5


def test_square_trace_of_the_population_is_unbiased():
    stds = np.linspace(2, 0.2, 60)
    rng = np.random.default_rng(5)
    nu, found = 79, []
    for _ in range(300):
        covariance = np.cov(rng.standard_normal((nu + 1, 60)) * stds, rowvar=False)
        omega = rng.standard_normal((60, 24))
        seen = covariance @ omega
        core = omega.T @ seen
        sketch = Nystrom((core + core.T) / 2, seen.T @ seen, float(np.trace(covariance)), 1.0, 60)
        # What `unbiased_square_trace` takes of eigenvalues are their sum and the sum of their squares.
        found.append(nu**2 / ((nu - 1) * (nu + 2)) * (sketch.square_trace() - sketch.trace**2 / nu))
    assert abs(np.mean(found) - (stds**4).sum()) < 4 * np.std(found) / np.sqrt(len(found))
    assert np.std(found) < 0.2 * (stds**4).sum()


def test_rank_deficient_data_show_their_rank():
    rng = np.random.default_rng(6)
    rows = (rng.standard_normal((2000, 20)) @ rng.standard_normal((20, 900))).astype(np.float32)
    rows[:, 5] = 7.0
    found = spectrum_of(rows, 128)
    truth = np.linalg.eigvalsh(np.cov(rows.astype(np.float64), rowvar=False))[::-1]
    assert found.n_resolved == 20
    np.testing.assert_allclose(found.eigenvalues[:20], truth[:20], rtol=1e-4)
    assert found.eigenvalues[20:].sum() < 1e-4 * truth.sum()


def test_fewer_rows_than_vectors():
    rows = np.random.default_rng(7).standard_normal((50, 900))
    found = spectrum_of(rows, 128)
    truth = np.linalg.eigvalsh(np.cov(rows, rowvar=False))[::-1]
    assert found.n_resolved == 49
    np.testing.assert_allclose(found.eigenvalues[:49], truth[:49], rtol=1e-6)
    assert not found.eigenvalues[49:].any()


def test_constant_rows_have_no_spectrum():
    found = spectrum_of(np.full((30, 40), 3.0), 8)
    assert found.n_resolved == 0
    assert not found.eigenvalues.any()


@pytest.fixture(scope="module")
def wide():
    """2,000 rows of 4,100 columns with an offset, a slow decay and two constant columns."""
    rng = np.random.default_rng(8)
    rows = rng.standard_normal((2000, 4100), dtype=np.float32)
    rows *= np.arange(1, 4101, dtype=np.float32) ** -0.5
    rows[:, 0] += 1000
    rows[:, 1:3] = 5
    return rows


def test_sketch_of_wide_rows_against_the_whole_covariance(wide):
    summary = summarize(EmbeddingSketch(row_capacity=500).update(wide[:900]).update(wide[900:]))
    assert summary.covariance is None
    truth, found = covariance_eigenvalues(wide), summary.spectrum.eigenvalues
    assert found.sum() == pytest.approx(truth.sum(), rel=1e-3)
    assert participation_ratio(found) == pytest.approx(participation_ratio(truth), rel=0.02)
    assert effective_rank(found) == pytest.approx(effective_rank(truth), rel=0.08)
    r = summary.spectrum.n_resolved
    assert r >= 10
    np.testing.assert_allclose(found[:r], truth[:r], rtol=0.1)
    # The row sample, of which the spectrum was before, is far off.
    sample = covariance_eigenvalues(summary.rows)
    assert effective_rank(sample) < 0.75 * effective_rank(truth)


def test_sketches_of_wide_rows_merge_save_and_load(wide, tmp_path):
    whole = EmbeddingSketch(row_capacity=500).update(wide[:2000])
    merged = EmbeddingSketch(row_capacity=500).update(wide[:700])
    merged.merge(EmbeddingSketch(row_capacity=500).update(wide[700:900]))  # all held
    merged.merge(EmbeddingSketch(row_capacity=500).update(wide[900:2000]))
    merged.save(tmp_path / "wide.safetensors")
    loaded = EmbeddingSketch.load(tmp_path / "wide.safetensors")
    np.testing.assert_array_equal(loaded._gram.products, merged._gram.products)
    spectra = [
        sketch._gram.nystrom(sketch._columns.moments.m2.sum() / 1999).spectrum(4100) for sketch in (whole, merged)
    ]
    spectra.append(summarize(loaded).spectrum)
    np.testing.assert_array_equal(spectra[1].eigenvalues, spectra[2].eigenvalues)
    r = spectra[0].n_resolved
    assert r == spectra[1].n_resolved
    np.testing.assert_allclose(spectra[0].eigenvalues[:r], spectra[1].eigenvalues[:r], rtol=1e-5)
    for number in (effective_rank, participation_ratio):
        assert number(spectra[0].eigenvalues) == pytest.approx(number(spectra[1].eigenvalues), rel=1e-3)


def test_a_file_without_products_is_read_and_merged_as_before(wide, tmp_path):
    without = EmbeddingSketch(row_capacity=300, covariance=False).update(wide[:600])
    without.save(tmp_path / "old.safetensors")
    loaded = EmbeddingSketch.load(tmp_path / "old.safetensors")
    assert summarize(loaded).spectrum is None
    merged = EmbeddingSketch(row_capacity=300).update(wide[:600])
    assert summarize(merged.merge(loaded)).spectrum is None


def test_tensors_are_multiplied_as_arrays_are(wide):
    torch = pytest.importorskip("torch")
    from thinshell.sketch.tensor_sketch import TensorSketch

    held = TensorSketch(4100, row_capacity=300, device="cpu")
    its = EmbeddingSketch(row_capacity=300)
    for part in np.array_split(wide[:1200], 3):
        held.update(torch.from_numpy(part))
        its.update(part)
    one, two = held.take()._gram, its._gram
    assert held.n_samples == 0
    assert one.n_samples == two.n_samples == 1200
    truth = centred_products(two)
    np.testing.assert_allclose(centred_products(one), truth, rtol=0, atol=1e-6 * np.abs(truth).max())
