import json

import numpy as np
import pytest

import thinshell as ts
from thinshell.errors import InputError, InputTypeError
from thinshell.statistics import covariance_eigenvalues

ROWS = (np.random.default_rng(0).standard_normal((700, 6)) * [1, 2, 3, 1, 1, 5] + 1).astype(np.float32)


def same(result, truth):
    found, wanted = result.to_dict(), truth.to_dict()
    for section in ("verdict", "paper", "full", "norms", "sphere", "spectrum", "checks", "coordinates"):
        assert found[section] == wanted[section], section


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "a.npy", ROWS[:300])
    np.save(tmp_path / "b.npy", ROWS[300:])
    ts.EmbeddingSketch().update(ROWS).save(tmp_path / "all.sketch")
    ts.EmbeddingSketch().update(ROWS[:300]).save(tmp_path / "half.sketch")
    ts.EmbeddingSketch().update(ROWS[300:]).save(tmp_path / "rest.sketch")
    return tmp_path


def test_every_kind_of_input_gives_one_answer(files):
    truth = ts.diagnose(ROWS)
    blocks = np.array_split(ROWS, 5)
    paths = [files / "a.npy", files / "b.npy"]
    for data in (
        ROWS.tolist(),
        ts.EmbeddingSketch().update(ROWS),
        paths,
        [str(path) for path in paths],
        str(files / "?.npy"),
        files / "all.sketch",
        [files / "rest.sketch", files / "half.sketch"],
        blocks,
        (block for block in blocks),
    ):
        data = np.array(data, np.float32) if isinstance(data, list) and data == ROWS.tolist() else data
        same(ts.diagnose(data), truth)
    np.save(files / "whole.npy", ROWS)
    same(ts.diagnose(np.load(files / "whole.npy", mmap_mode="r")), truth)
    same(ts.diagnose(files / "whole.npy"), truth)


def test_source_is_described(files):
    about = ts.diagnose([files / "a.npy", files / "b.npy"]).to_dict()["source"]
    assert about["kind"] == "files"
    assert about["paths"] == [str(files / "a.npy"), str(files / "b.npy")]
    assert about["dtype"] == "float32"
    integers = ts.diagnose(np.random.default_rng(0).integers(0, 99, (300, 3)), name="pixels").to_dict()["source"]
    assert integers["name"] == "pixels"
    assert integers["notices"] == ["integers (int64) are taken as float64"]


def test_progress_is_told():
    calls = []
    ts.diagnose(np.array_split(ROWS, 7), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(100 * k, None) for k in range(1, 8)]
    calls.clear()
    ts.diagnose(ROWS, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (700, 700)


def test_seed_decides_all():
    rows = np.random.default_rng(1).standard_normal((20_000, 5))
    assert ts.diagnose(rows, seed=3).to_dict() == ts.diagnose(rows, seed=3).to_dict()
    assert ts.diagnose(rows, seed=3).to_dict()["paper"] != ts.diagnose(rows, seed=4).to_dict()["paper"]


def test_nonfinite_rows_over_several_blocks_and_files(files):
    bad = ROWS.copy()
    bad[[5, 299, 300, 650], 2] = np.nan
    np.save(files / "a.npy", bad[:300])
    np.save(files / "b.npy", bad[300:])
    sentence = r"4 of 700 rows hold NaN or infinity \(row 5, 299, 300, 650, counted from 0\).*--drop-nonfinite"
    for data in (bad, [files / "a.npy", files / "b.npy"], np.array_split(bad, 9), (b for b in np.array_split(bad, 9))):
        with pytest.raises(InputError, match=sentence):
            ts.diagnose(data)
    dropped = ts.diagnose(bad, drop_nonfinite=True)
    assert dropped.to_dict()["n_dropped_nonfinite"] == 4
    same(dropped, ts.diagnose(np.delete(bad, [5, 299, 300, 650], axis=0)))
    with pytest.raises(InputError, match=r"no rows to look at \(700 dropped\)"):
        ts.diagnose(np.full((700, 2), np.nan), drop_nonfinite=True)


@pytest.mark.parametrize(
    ("data", "options", "error", "sentence"),
    [
        (None, {}, InputTypeError, "data must be an array, an EmbeddingSketch, a path .* got NoneType"),
        (ROWS, {"protocol": "x"}, InputError, "protocol must be one of both, paper, full, got 'x'"),
        (ROWS, {"normalize": "x"}, InputError, "normalize must be one of none, l2, zscore, whiten, got 'x'"),
        (ROWS, {"samples_per_test": 7}, InputError, "samples_per_test must be at least 8, got 7"),
        (ROWS, {"repeats": 0}, InputError, "repeats must be at least 1, got 0"),
        (ROWS, {"repeats": 10**9}, InputError, "repeats must be at most 10,000, got 1000000000; 20 are the paper's"),
        (ROWS, {"seed": -1}, InputError, "seed must be at least 0, got -1"),
        (ROWS, {"seed": 1.5}, InputTypeError, "seed must be a whole number, got float"),
        (ROWS, {"index": 0}, InputError, "index applies to files, got ndarray"),
        (ROWS[:7], {}, InputError, "n_samples must be at least 8 for a test of normality, got 7"),
        (iter(np.array_split(ROWS, 3)), {"normalize": "zscore"}, InputError, "reads the data twice"),
        (ts.EmbeddingSketch().update(ROWS), {"normalize": "l2"}, InputError, "needs the rows, got a sketch"),
        (ts.EmbeddingSketch(), {}, InputError, "at least 8"),
        ([ROWS, ROWS[:, :2]], {}, InputError, "block must have 6 columns like the rows before it, got 2"),
        (ROWS @ np.ones((6, 6)), {"normalize": "whiten"}, InputError, "full rank, got rank 1 of 6"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(data, options, error, sentence):
    with pytest.raises(error, match=sentence):
        ts.diagnose(data, **options)


def test_sketches_and_data_are_not_mixed(files):
    with pytest.raises(InputError, match=r"all.sketch is a saved sketch, .*a.npy is not"):
        ts.diagnose([files / "all.sketch", files / "a.npy"])


def test_normalisations_are_what_they_say():
    rng = np.random.default_rng(2)
    rows = rng.exponential(size=(3000, 4)) @ rng.standard_normal((4, 4)) + 3
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    by_hand = {
        "l2": rows / np.linalg.norm(rows, axis=1, keepdims=True),
        "zscore": centred / rows.std(axis=0),
        "whiten": centred @ (vectors / np.sqrt(values)) @ vectors.T,
    }
    for name, normalised in by_hand.items():
        found = ts.diagnose(rows, normalize=name).to_dict()
        wanted = ts.diagnose(normalised).to_dict()
        assert found["normalize"] == name
        np.testing.assert_allclose(found["coordinates"]["ad"], wanted["coordinates"]["ad"], rtol=1e-6)
        np.testing.assert_allclose(
            found["spectrum"]["eigenvalues"], covariance_eigenvalues(normalised), rtol=1e-6, atol=1e-12
        )
    assert ts.diagnose(rows, normalize="whiten").to_dict()["spectrum"]["effective_rank"] == pytest.approx(4)


def test_normalising_files_in_two_passes(files):
    rows = np.random.default_rng(3).standard_normal((9000, 3)).astype(np.float32) * [1, 10, 100] + [0, 5, 1000]
    np.save(files / "c.npy", rows)
    found = ts.diagnose(files / "c.npy", normalize="zscore").to_dict()
    np.testing.assert_allclose(found["coordinates"]["std"], 1.0, rtol=1e-5)
    np.testing.assert_allclose(found["coordinates"]["mean"], 0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (np.random.default_rng(4).standard_normal((2000, 1)), "consistent"),
        (np.random.default_rng(4).standard_normal((8, 3)), "inconclusive"),
        (np.random.default_rng(4).standard_normal((40, 300)), "inconclusive"),
        (np.random.default_rng(4).standard_normal((400, 500)), "consistent"),
        (np.ones((50, 3)), "not_applicable"),
        (np.zeros((50, 3)), "not_applicable"),
        (np.c_[np.random.default_rng(4).standard_normal((900, 8)), np.ones(900)], "consistent"),
        (np.r_[np.zeros((5, 8)), np.random.default_rng(4).standard_normal((900, 8))], "consistent"),
        (np.random.default_rng(4).standard_normal((20, 20_000)).astype(np.float32), "inconclusive"),
        (np.random.default_rng(4).standard_normal((9000, 3)) * 1e30, "consistent"),
        ((np.random.default_rng(4).standard_normal((9000, 3)) * 1e-40).astype(np.float32), "consistent"),
    ],
)
def test_odd_shapes_and_scales(rows, verdict):
    result = ts.diagnose(rows).to_dict()
    assert result["verdict"] == verdict
    json.dumps(result, allow_nan=False)


def test_constant_columns_are_named_and_left_out():
    rows = np.insert(ROWS, 2, 7.0, axis=1)
    result = ts.diagnose(rows).to_dict()
    assert result["constant_features"] == {"count": 1, "indices": [2]}
    assert result["coordinates"]["ad"][2] is None
    assert result["coordinates"]["paper_ad"][2] is None
    assert result["coordinates"]["std"][2] == 0
    odd = rows.copy()
    odd[:, 5] = np.exp(odd[:, 5])
    worst = next(check for check in ts.diagnose(odd).to_dict()["checks"] if check["code"] == "coordinates")
    assert "(coordinate 5)" in worst["message"]
    without = ts.diagnose(ROWS).to_dict()
    assert result["full"]["ad_mean"] == pytest.approx(without["full"]["ad_mean"])


SECTIONS = {
    "norms": ("mean", "std", "cv", "cv_reference"),
    "paper": ("samples_per_test", "repeats", "ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share"),
    "full": ("ad_mean", "dp_normal_share", "skewness_abs_mean", "excess_kurtosis_mean", "detectable_at"),
    "sphere": ("mean_direction_norm", "uniformity"),
    "spectrum": ("effective_rank", "participation_ratio"),
}


def test_schema():
    result = ts.diagnose(ROWS)
    plain = result.to_dict()
    assert plain["schema"] == "thinshell/diagnosis/1"
    assert (plain["n_samples"], plain["n_features"], plain["normalize"], plain["seed"]) == (700, 6, "none", 0)
    assert plain["verdict"] == result.verdict
    for section, fields in SECTIONS.items():
        for field in fields:
            value = plain[section][field]
            assert value is None or isinstance(value, int | float), (section, field)
    verdicts = {"consistent", "departure", "inconclusive", "not_applicable"}
    assert {plain["verdict"], plain["paper"]["verdict"], plain["full"]["verdict"]} <= verdicts
    for check in plain["checks"]:
        assert {"code", "title", "verdict", "message", "remedy"} <= check.keys()
        assert check["verdict"] in verdicts
        assert check["criterion"]["source"]
        assert check["message"].endswith(".")
        assert check["verdict"] != "departure" or check["remedy"]
    codes = [check["code"] for check in plain["checks"]]
    assert len(set(codes)) == len(codes)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    # Python hides nothing and JSON adds nothing.
    assert result.to_dict() == plain


def test_one_protocol_alone():
    paper = ts.diagnose(ROWS, protocol="paper").to_dict()
    assert paper["full"] is None
    assert paper["coordinates"]["ad"] is None
    full = ts.diagnose(ROWS, protocol="full").to_dict()
    assert full["paper"] is None
    assert full["verdict"] == full["full"]["verdict"]


def test_compare_says_what_moved():
    rng = np.random.default_rng(5)
    before, after = rng.exponential(size=(3000, 16)), rng.standard_normal((3000, 16))
    comparison = ts.compare({"before": before, "after": after, "again": rng.standard_normal((3000, 16))})
    plain = comparison.to_dict()
    assert plain["schema"] == "thinshell/comparison/1"
    assert plain["names"] == ["before", "after", "again"]
    moved = {entry["field"]: entry for entry in plain["differences"][0]["moved"]}
    assert moved["verdict"]["after"] == "consistent"
    assert moved["paper.ad_avg"]["message"].startswith("AD Avg. fell from 1")
    assert plain["differences"][0]["versus"] == "before"
    calm = ts.compare([after, rng.standard_normal((3000, 16))]).to_dict()
    assert [entry["field"] for entry in calm["differences"][0]["moved"] if entry["field"].startswith("paper")] == []
    with pytest.raises(InputError, match="at least two data sets to compare, got 1"):
        ts.compare([before])
    with pytest.raises(InputTypeError, match="must be a mapping of names or a list, got int"):
        ts.compare(3)
