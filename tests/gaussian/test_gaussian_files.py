"""Files fitted, scored and whitened as streams: the same numbers as the estimators give in memory."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.gaussian import (
    ClassConditionalGaussian,
    GaussianModel,
    Whitener,
    fit_data,
    load_model,
    score_data,
    score_table,
    whiten_data,
)
from thinshell.gaussian.streams import HoldOut, RowStream
from thinshell.sketch import EmbeddingSketch
from thinshell.statistics import benjamini_hochberg

D = 6


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3000, D)) @ rng.standard_normal((D, D)) + 5


def saved(folder, rows, name="rows.npy", **columns):
    path = folder / name
    if path.suffix == ".npy":
        np.save(path, rows)
        return str(path)
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).reshape(-1)), rows.shape[1])
    pq.write_table(pa.table({**columns, "embedding": embedding}), path, row_group_size=500)
    return str(path)


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet"])
def test_a_file_is_fitted_as_its_rows_are_in_memory(cloud, tmp_path, name):
    model, report = fit_data(saved(tmp_path, cloud, name), holdout=0)
    plain = GaussianModel().fit(cloud)
    assert np.allclose(model.covariance_, plain.covariance_, rtol=1e-10, atol=1e-12)
    assert (report["n_samples"], report["n_held_out"], report["rank"]) == (3000, 0, D)
    assert report["calibration"] is None
    assert report["entropy"]["nats"] == pytest.approx(plain.entropy())
    assert report["spectrum"]["condition"] == pytest.approx(plain.eigenvalues_[0] / plain.eigenvalues_[-1])
    json.dumps(report, allow_nan=False)


def test_the_rows_held_out_are_the_same_however_the_file_is_cut(cloud, tmp_path):
    whole = saved(tmp_path, cloud)
    parts = [saved(tmp_path, part, f"part{k}.npy") for k, part in enumerate(np.array_split(cloud, 7))]
    (one, first), (many, second) = fit_data(whole), fit_data(parts)
    assert first["n_held_out"] == second["n_held_out"]
    assert 230 < first["n_held_out"] < 370
    assert np.allclose(one.covariance_, many.covariance_, rtol=1e-10, atol=1e-12)
    assert first["calibration"]["verdict"] == "calibrated"
    assert first["calibration"]["pvalue"] == pytest.approx(second["calibration"]["pvalue"])


def test_no_row_is_lost_when_too_many_would_be_held():
    held, used = HoldOut(0.5, 1, most=100), []
    numbers = np.arange(5000)
    for block in np.array_split(numbers, 13):
        used += held.split(block, block[:, None].astype(float))
    kept = held.rows()[:, 0]
    assert len(kept) <= 100
    assert sorted([*np.concatenate(used)[:, 0], *kept]) == numbers.tolist()
    # What is held is spread over all rows, and the same for one block.
    assert kept.min() < 500
    assert kept.max() > 4500
    at_once = HoldOut(0.5, 1, most=100)
    at_once.split(numbers, numbers[:, None].astype(float))
    assert sorted(kept) == sorted(at_once.rows()[:, 0])


def test_float32_that_leaves_the_rank_open_is_read_again_in_float64(tmp_path):
    rng = np.random.default_rng(1)
    # A hundred directions ten thousand times narrower than the widest, as in the embeddings of CLIP.
    rows = (rng.standard_normal((2000, 30)) * np.geomspace(1, 1e-5, 30)).astype(np.float32)
    rows = (rows @ np.linalg.qr(rng.standard_normal((30, 30)))[0]).astype(np.float32)
    seen = []
    model, _ = fit_data(saved(tmp_path, rows), holdout=0, covariance="empirical", progress=lambda n, _: seen.append(n))
    assert model.rank_ == 30
    assert not model.degenerate_
    assert seen == [2000, 2000]
    assert np.allclose(model.eigenvalues_, np.linalg.eigvalsh(np.cov(rows.astype(float).T, bias=True))[::-1], rtol=1e-6)


def test_a_sketch_is_fitted_without_rows_held_out(cloud, tmp_path):
    path = str(tmp_path / "rows.sketch.safetensors")
    EmbeddingSketch().update(cloud).save(path)
    model, report = fit_data(path, covariance="oas")
    assert np.allclose(model.covariance_, GaussianModel("oas").fit(cloud).covariance_)
    assert report["calibration"] is None
    assert "not calibrated" in report["source"]["notices"][0]
    with pytest.raises(InputError, match="holds no labels"):
        fit_data(path, labels="label")
    with pytest.raises(InputError, match="no rows can be held out"):
        fit_data(path, radius="gamma")


def test_labels_make_a_model_of_classes(cloud, tmp_path):
    classes = np.where(np.arange(len(cloud)) % 3 == 0, "cat", "dog")
    path = saved(tmp_path, cloud, "rows.parquet", animal=pa.array(classes).dictionary_encode())
    model, report = fit_data(path, labels="animal")
    plain = ClassConditionalGaussian().fit(cloud, classes)
    assert np.allclose(model.class_mahalanobis(cloud[:9]), plain.class_mahalanobis(cloud[:9]))
    assert report["classes"] == [{"label": "cat", "n": 1000}, {"label": "dog", "n": 2000}]
    table = score_data(model, path, top=3)
    assert (table["by"], len(table["top"])) == ("relative_mahalanobis", 3)
    assert table["pit"] is table["far"] is table["near"] is None
    with pytest.raises(InputError, match="got labels"):
        fit_data(path, labels="animal", radius="gamma")


def test_scores_of_every_row_with_its_id_are_in_the_table(cloud, tmp_path):
    model = GaussianModel().fit(cloud[:2000])
    rows = cloud[2000:].copy()
    rows[[3, 700]] += 40
    path = saved(tmp_path, rows, "new.parquet", id=pa.array([f"row {k}" for k in range(1000)]))
    out = tmp_path / "scores.parquet"
    report = score_data(model, path, out=out, top=2)
    table, expected = pq.read_table(out), score_table(model, rows)
    assert table.column_names == ["row", "id", *expected]
    for name, values in expected.items():
        assert np.allclose(table[name].to_numpy(), values, rtol=1e-12)
        assert report["scores"][name]["mean"] == pytest.approx(values.mean())
        assert report["scores"][name]["std"] == pytest.approx(values.std(), rel=1e-6)
    assert {entry["row"] for entry in report["top"]} == {3, 700}
    assert {entry["id"] for entry in report["top"]} == {"row 3", "row 700"}
    p = expected["pvalue"]
    assert report["discoveries"]["n"] == int((benjamini_hochberg(p) <= 0.05).sum()) >= 2
    assert report["far"]["0.01"] == {"n": int((p < 0.01).sum()), "expected": 10.0}
    assert report["pit"]["counts"] == np.histogram(1 - p, 20, (0, 1))[0].tolist()
    json.dumps(report, allow_nan=False)


def test_the_oddest_rows_do_not_depend_on_the_blocks_and_are_by_what_was_asked(cloud, tmp_path):
    model = GaussianModel().fit(cloud)
    near = np.repeat(cloud.mean(axis=0)[None], 4, axis=0)
    rows = np.concatenate([cloud[:500], near])
    whole = saved(tmp_path, rows)
    parts = [saved(tmp_path, part, f"part{k}.npy") for k, part in enumerate(np.array_split(rows, 5))]
    for by in ("mahalanobis", "typicality", "log_density"):
        one, many = score_data(model, whole, by=by, top=6), score_data(model, parts, by=by, top=6)
        assert [entry["row"] for entry in one["top"]] == [entry["row"] for entry in many["top"]]
    assert {entry["row"] for entry in score_data(model, whole, by="typicality", top=200)["top"]} >= set(range(500, 504))


def test_rows_too_near_the_mean_are_counted_beside_chance(tmp_path):
    rng = np.random.default_rng(2)
    model = GaussianModel.from_parameters(np.zeros(200), np.eye(200))
    rows = rng.standard_normal((4000, 200))
    report = score_data(model, saved(tmp_path, rows))["near"]
    assert stats.binom.cdf(report["n"], 4000, report["expected"] / 4000) > 1e-4
    assert stats.binom.sf(report["n"] - 1, 4000, report["expected"] / 4000) > 1e-4
    rows[:50] *= 0.5
    assert score_data(model, saved(tmp_path, rows))["near"]["n"] >= 50


@pytest.mark.parametrize("method", ["pca", "zca", "cholesky"])
@pytest.mark.parametrize("name", ["white.npy", "white.parquet"])
def test_a_file_is_whitened_as_its_rows_are_in_memory(cloud, tmp_path, method, name):
    path = saved(tmp_path, cloud, "rows.parquet", id=pa.array([str(k) for k in range(len(cloud))]))
    out = tmp_path / name
    whitener, report = whiten_data(path, out, whitener=Whitener(method))
    white = np.concatenate(list(RowStream(str(out)).source.blocks()))
    assert np.allclose(white, Whitener(method).fit_transform(cloud), atol=1e-8)
    assert report["n_samples"] == 3000
    assert report["after"]["mean_cosine"] < 0.01 < report["before"]["mean_cosine"]
    if name.endswith("parquet"):
        assert pq.read_table(out)["id"].to_pylist()[:2] == ["0", "1"]
    again = tmp_path / f"again-{name}"
    whiten_data(path, again, whitener=whitener)
    assert np.array_equal(np.concatenate(list(RowStream(str(again)).source.blocks())), white)


def test_rows_that_are_not_finite_are_named_or_left_out(cloud, tmp_path):
    cloud[[5, 2500]] = np.nan
    cloud[7, 1] = np.inf
    path = saved(tmp_path, cloud, "rows.parquet", id=pa.array([str(k) for k in range(len(cloud))]))
    sentence = r"3 of 3,000 rows hold NaN or infinity \(row 5, 7, 2,500, counted from 0\)"
    with pytest.raises(InputError, match=sentence):
        fit_data(path)
    model, report = fit_data(path, drop_nonfinite=True, holdout=0)
    assert model.n_samples_seen_ == 2997
    assert report["source"]["notices"][-1] == "3 rows with NaN or infinity were left out"
    with pytest.raises(InputError, match=sentence):
        score_data(model, path)
    scored = score_data(model, path, drop_nonfinite=True, top=2997)
    assert {entry["row"] for entry in scored["top"]} == set(range(3000)) - {5, 7, 2500}
    assert all(entry["id"] == str(entry["row"]) for entry in scored["top"])
    with pytest.raises(InputError, match=sentence):
        whiten_data(path, tmp_path / "white.npy")


def test_numbers_that_only_add_up_to_infinity_are_finite(tmp_path):
    rows = np.full((4, 2), 3e38, np.float32) * np.array([[1], [-1], [1], [1]], np.float32)
    stream = RowStream(saved(tmp_path, rows))
    assert sum(len(block) for _, block in stream) == 4


def test_bad_choices_are_told_in_a_sentence(cloud, tmp_path):
    path = saved(tmp_path, cloud)
    model = GaussianModel().fit(cloud)
    with pytest.raises(InputError, match="holdout must be a share from 0 up to but not 1, got 1"):
        fit_data(path, holdout=1)
    with pytest.raises(InputError, match="radius 'gamma' is fitted to held-out rows, got none"):
        fit_data(path, radius="gamma", holdout=0)
    with pytest.raises(InputError, match="must have at least 2 rows to fit, got 1"):
        fit_data(saved(tmp_path, cloud[:1], "one.npy"), holdout=0)
    with pytest.raises(InputError, match="has 5 features, the model was fitted on 6"):
        score_data(model, saved(tmp_path, cloud[:, :5], "narrow.npy"))
    with pytest.raises(InputError, match="has 5 features, the whitener was fitted on 6"):
        whiten_data(saved(tmp_path, cloud[:, :5], "narrow.npy"), tmp_path / "w.npy", whitener=Whitener().fit(cloud))
    with pytest.raises(InputError, match="top must be at least 1"):
        score_data(model, path, top=0)
    with pytest.raises(InputError, match=r"by must be one of .* got 'typicalty'; did you mean 'typicality'"):
        score_data(model, path, by="typicalty")
    with pytest.raises(InputError, match=r"must end in one of .npy, .parquet, .pq"):
        whiten_data(path, tmp_path / "w.csv")


def test_a_fitted_file_with_a_calibrated_radius_comes_back_whole(tmp_path):
    rows = np.random.default_rng(3).standard_t(5, (4000, D))
    model, report = fit_data(saved(tmp_path, rows), radius="gamma")
    assert report["radius"]["name"] == "gamma"
    assert report["calibration"]["verdict"] == "heavier tails"
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert score_data(again, saved(tmp_path, rows))["model"]["radius"] == "gamma"
    assert np.array_equal(again.pvalues(rows[:50]), model.pvalues(rows[:50]))
