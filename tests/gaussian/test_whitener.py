"""Whitening against closed forms and scikit-learn, in parts, through files, and on data that lack directions."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian.covariance import covariance_of
from thinshell.gaussian.storage import load_model
from thinshell.gaussian.whitener import Whitener
from thinshell.gaussian.whitening import WHITENINGS, whitening_map, whitening_report
from thinshell.sketch import EmbeddingSketch


def rows_of(n=400, d=6, seed=0, dtype=np.float64, offset=3.0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) * np.geomspace(1, 10, d) + offset).astype(dtype)


class WithoutComponents(Whitener):
    """The checks set n_components=1 wherever it exists; "zca" and "cholesky" refuse it."""

    n_components = property(lambda self: None, lambda self, value: None)

    def __init__(self, method="zca", *, covariance="empirical", floor=None, shrinkage=0.1):
        self.method, self.covariance, self.floor, self.shrinkage = method, covariance, floor, shrinkage


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        Whitener(),
        Whitener(covariance="ledoit_wolf", floor=1e-3),
        WithoutComponents("zca"),
        WithoutComponents("cholesky"),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", WHITENINGS)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_whitened_rows_are_white_and_come_back(method, offset):
    rows = rows_of(offset=offset)
    whitener = Whitener(method).fit(rows)
    white = whitener.transform(rows)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-9)
    np.testing.assert_allclose(whitener.inverse_transform(white), rows, rtol=1e-9)
    np.testing.assert_allclose(white, (rows - whitener.location_) @ whitener.whitening_, atol=1e-9)


def test_pca_is_scikit_learns():
    rows = rows_of()
    n = len(rows)
    theirs = PCA(whiten=True).fit_transform(rows) * np.sqrt(n / (n - 1))  # its divisor is n - 1
    ours = Whitener("pca").fit_transform(rows)
    np.testing.assert_allclose(ours * np.sign((ours * theirs).sum(axis=0)), theirs, atol=1e-9)
    few = Whitener("pca", n_components=2).fit(rows)
    np.testing.assert_allclose(few.transform(rows), ours[:, :2], atol=1e-12)
    projected = PCA(2).fit(rows)
    expected = projected.inverse_transform(projected.transform(rows))
    np.testing.assert_allclose(few.inverse_transform(few.transform(rows)), expected, atol=1e-9)


def test_zca_and_cholesky_are_the_closed_forms():
    rows = rows_of()
    covariance, centred = np.cov(rows.T, bias=True), rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(covariance)
    zca = centred @ (vectors / np.sqrt(values)) @ vectors.T
    np.testing.assert_allclose(Whitener("zca").fit_transform(rows), zca, atol=1e-9)
    lower = np.linalg.inv(np.linalg.cholesky(covariance))
    np.testing.assert_allclose(Whitener("cholesky").fit_transform(rows), centred @ lower.T, atol=1e-9)


def test_cholesky_does_not_mind_units():
    rows = rows_of() * np.array([1e-8, 1, 1e8, 1, 1e-3, 1e5])
    white = Whitener("cholesky").fit_transform(rows)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(WHITENINGS), st.lists(st.integers(0, 120), max_size=5), st.integers(0, 10**6))
def test_parts_are_the_whole(method, cuts, seed):
    rows = rows_of(120, 4, seed)
    whole, parts = Whitener(method).fit(rows), Whitener(method)
    for part in np.split(rows, sorted(cuts)):
        if len(part):
            parts.partial_fit(part)
    # Relative to the map: some of the drawn covariances are near singular.
    size = np.abs(whole.whitening_).max()
    np.testing.assert_allclose(parts.whitening_, whole.whitening_, atol=1e-10 * size)
    np.testing.assert_allclose(parts.location_, whole.location_, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", WHITENINGS)
def test_float32_stays_and_agrees(method):
    rows = rows_of()
    exact = Whitener(method).fit(rows).transform(rows)
    whitener = Whitener(method).fit(rows.astype(np.float32))
    white = whitener.transform(rows.astype(np.float32))
    assert white.dtype == np.float32
    assert whitener.inverse_transform(white).dtype == np.float32
    assert whitener.transform(rows).dtype == np.float64
    assert whitener.transform(rows.astype(np.float16)).dtype == np.float32
    assert whitener.transform(rows.round().astype(int)).dtype == np.float64
    np.testing.assert_allclose(white, exact, atol=2e-3)


def test_many_pieces_are_one(monkeypatch):
    rows = rows_of()
    whitener = Whitener().fit(rows)
    whole = whitener.transform(rows)
    monkeypatch.setattr("thinshell.gaussian.whitening._PIECE_VALUES", 100)
    np.testing.assert_allclose(whitener.transform(rows), whole, rtol=1e-13, atol=1e-13)
    bad = rows.copy()
    bad[333, 2] = np.nan
    with pytest.raises(InputError, match="NaN or infinity in 1 rows \\(first: row 333\\)"):
        whitener.transform(bad)


def lacking(n=300):
    """Six columns of rank three: 1 is a copy of 0, 3 a constant, 5 a function of 2 and 4."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3)) * [1.0, 5.0, 0.2]
    return np.column_stack([x[:, 0], 2 * x[:, 0], x[:, 1], np.full(n, 7.0), x[:, 2], x[:, 1] - x[:, 2]])


@pytest.mark.parametrize("method", WHITENINGS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_directions_without_variance_are_left_out_and_named(method, dtype):
    rows = lacking().astype(dtype)
    whitener = Whitener(method).fit(rows)
    white = whitener.transform(rows)
    assert whitener.rank_ == 3
    assert whitener.floored_["dropped"] == 3
    assert "3 of 6 directions have no variance of their own" in whitener.floored_["text"]
    named = {column for entry in whitener.degenerate_ for column in entry["columns"]}
    assert {1, 3} < named
    close = 1e-9 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(whitener.inverse_transform(white), rows, atol=30 * close)
    spectrum = np.linalg.eigvalsh(np.cov(white.T, bias=True))
    np.testing.assert_allclose(spectrum[-3:], 1, atol=close)
    np.testing.assert_allclose(spectrum[:-3], 0, atol=close)
    assert white.shape[1] == (3 if method == "pca" else 6)
    assert np.abs(white).max() < 6
    if method == "cholesky":
        np.testing.assert_array_equal((white != 0).any(axis=0), [1, 0, 1, 0, 1, 0])


def test_fewer_rows_than_columns():
    rows = rows_of(10, 25)
    whitener = Whitener("zca").fit(rows)
    assert whitener.rank_ == 9
    assert whitener.degenerate_[-1]["kind"] == "few_rows"
    np.testing.assert_allclose(whitener.inverse_transform(whitener.transform(rows)), rows, atol=1e-8)
    filled = Whitener("zca", covariance="ledoit_wolf").fit(rows)
    assert filled.rank_ == 25
    assert filled.n_samples_seen_ == 10
    assert 0 < filled.shrinkage_ <= 1


@pytest.mark.parametrize("method", WHITENINGS)
def test_a_floor_holds_narrow_directions_down(method):
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    rows = rng.standard_normal((2000, 4)) * [10.0, 5.0, 1.0, 0.01] @ turn
    whitener = Whitener(method, floor=0.05).fit(rows)
    white = whitener.transform(rows)
    floored, values = whitener.floored_, whitener.eigenvalues_
    assert floored["count"] == 2
    assert floored["indices"] == [2, 3]
    np.testing.assert_allclose(floored["eigenvalues"], values[2:])
    assert floored["floor"] == pytest.approx(0.05 * values[0])
    assert floored["share"] == pytest.approx(values[2:].sum() / values.sum())
    assert floored["text"].startswith("2 of 4 eigenvalues, 0.8")
    spectrum = np.sort(np.linalg.eigvalsh(np.cov(white.T, bias=True)))[::-1]
    if method != "cholesky":
        np.testing.assert_allclose(
            spectrum, [1, 1, values[2] / floored["floor"], values[3] / floored["floor"]], atol=1e-9
        )
    assert spectrum[-1] < 1e-4
    np.testing.assert_allclose(whitener.inverse_transform(white), rows, atol=1e-9)
    assert Whitener(method).fit(rows).floored_["text"] == "Nothing was floored or left out."


def test_from_a_sketch():
    rows = rows_of(500)
    sketch = EmbeddingSketch().update(rows)
    exact = Whitener.from_sketch(sketch, method="zca")
    np.testing.assert_allclose(exact.transform(rows), Whitener("zca").fit_transform(rows), atol=1e-9)
    small = EmbeddingSketch(row_capacity=64).update(rows[:200]).update(rows[200:])
    np.testing.assert_allclose(Whitener.from_sketch(small, method="zca").whitening_, exact.whitening_, atol=1e-9)
    with pytest.raises(InputError, match="method must be one of"):
        Whitener.from_sketch(sketch, method="PCA")


@pytest.mark.parametrize("method", WHITENINGS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_file_holds_all_of_it(method, dtype, tmp_path):
    rows = lacking().astype(dtype)
    whitener = Whitener(method, floor=1e-3).fit(rows)
    whitener.save(tmp_path / "w.safetensors", {"rows": "made up"})
    loaded = Whitener.load(tmp_path / "w.safetensors")
    assert loaded.get_params() == whitener.get_params()
    assert loaded.floored_ == whitener.floored_
    assert loaded.degenerate_ == whitener.degenerate_
    np.testing.assert_array_equal(loaded.transform(rows), whitener.transform(rows))
    np.testing.assert_array_equal(
        loaded.inverse_transform(loaded.transform(rows)), whitener.inverse_transform(whitener.transform(rows))
    )
    assert isinstance(load_model(tmp_path / "w.safetensors"), Whitener)
    # The sums are there, too: rows can be added.
    more = rows[:50] + 1
    np.testing.assert_array_equal(loaded.partial_fit(more).whitening_, whitener.partial_fit(more).whitening_)


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "w.safetensors"
    Whitener().fit(rows_of()).save(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged"):
        Whitener.load(path)
    settings, tensors = Whitener().fit(rows_of())._stored()
    with pytest.raises(ValueError, match="do not fit its sums"):
        Whitener._restored(settings, tensors | {"whitening": np.eye(5)})


def test_names_go_through(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(rows_of(d=3), columns=["a", "b", "c"])
    assert Whitener("zca").fit(frame).get_feature_names_out().tolist() == ["a", "b", "c"]
    assert Whitener("pca").fit(frame).get_feature_names_out().tolist() == ["whitener0", "whitener1", "whitener2"]
    assert Whitener("zca").fit(frame.to_numpy()).get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    whitener = Whitener("cholesky").set_output(transform="pandas").fit(frame)
    assert whitener.transform(frame).columns.tolist() == ["a", "b", "c"]
    whitener.save(tmp_path / "w.safetensors")
    assert Whitener.load(tmp_path / "w.safetensors").feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(InputError, match="feature names"):
        whitener.transform(frame[["c", "b", "a"]])


def test_it_copies_and_pickles():
    rows = rows_of()
    whitener = Whitener("zca", floor=0.01).fit(rows)
    assert clone(whitener).get_params() == whitener.get_params()
    again = pickle.loads(pickle.dumps(whitener))
    np.testing.assert_array_equal(again.transform(rows), whitener.transform(rows))


def test_signs_of_axes_are_settled():
    components = Whitener().fit(rows_of()).components_
    assert (components[np.arange(6), np.abs(components).argmax(axis=1)] > 0).all()


def test_every_attribute_waits_for_a_fit():
    for name in dir(Whitener):
        if name.endswith("_") and not name.startswith("_"):
            with pytest.raises(NotFittedError, match="is not fitted yet"):
                getattr(Whitener(), name)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "zka"}, "did you mean 'zca'"),
        ({"covariance": "low_rank"}, "covariance must be one of"),
        ({"floor": 0}, "floor must be above 0 and at most 1"),
        ({"floor": -1.0}, "floor must be above 0"),
        ({"floor": 2.0}, "floor must be above 0"),
        ({"floor": "small"}, "floor must be above 0"),
        ({"n_components": 0}, "n_components must be at least 1"),
        ({"n_components": 7}, "n_components must be at most 6, the number of directions"),
        ({"n_components": 2, "method": "zca"}, "only 'pca' can leave columns out"),
        ({"covariance": "shrunk", "shrinkage": 0.0}, "shrinkage must be above 0"),
    ],
)
def test_bad_parameters_are_told(parameters, message):
    with pytest.raises(InputError, match=message):
        Whitener(**parameters).fit(rows_of())


def test_bad_rows_are_told():
    whitener = Whitener().fit(rows_of())
    with pytest.raises(InputError, match="expecting 6 features"):
        whitener.transform(np.eye(5))
    with pytest.raises(InputError, match="6 whitened columns, got 5"):
        whitener.inverse_transform(np.eye(5))
    with pytest.raises(InputError, match="must be finite"):
        whitener.transform(np.full((2, 6), np.inf))
    with pytest.raises(InputError, match="must be finite"):
        whitener.partial_fit(np.full((2, 6), np.nan))
    with pytest.raises(InputError, match="n_samples = 1"):
        Whitener().fit(np.ones((1, 3)))
    with pytest.raises(InputError, match="a column that varies"):
        Whitener().fit(np.ones((5, 3)))
    with pytest.raises(InputTypeError, match="n_components must be a whole number, got float"):
        Whitener(n_components=1.5).fit(rows_of())


def test_narrow_columns_have_a_cholesky_factor_and_impossible_ones_are_told():
    rows = np.random.default_rng(0).standard_normal((200, 3)) @ np.diag([1.0, 1.0, 1e-5])
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    white = Whitener("cholesky").fit_transform(rows @ turn)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(3), atol=1e-4)
    fitted = covariance_of(np.eye(2), np.zeros(2))
    with pytest.raises(InputError, match="regular enough for method='cholesky'"):
        whitening_map(fitted, np.zeros(2), "cholesky", matrix=np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_whitening_spreads_directions():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3000, 16)) * np.geomspace(1, 10, 16) + 6.0
    report = whitening_report(rows, Whitener("zca").fit_transform(rows), max_rows=1000)
    assert report["mean_pair_cosine"]["before"] > 0.3
    assert abs(report["mean_pair_cosine"]["after"]) < 0.005
    even = report["uniformity"]
    assert even["after"] < even["before"] - 0.5
    assert even["after"] == pytest.approx(even["sphere_after"], abs=0.05)
    assert (report["n_samples"], report["n_rows_uniformity"]) == (3000, 1000)
    assert report == whitening_report(rows, Whitener("zca").fit_transform(rows), max_rows=1000)
    with pytest.raises(InputError, match="as many rows"):
        whitening_report(rows, rows[:5])
    with pytest.raises(InputError, match="max_rows must be at least 2"):
        whitening_report(rows, rows, max_rows=1)
