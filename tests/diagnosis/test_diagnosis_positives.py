"""Positive pairs: data and partners read side by side, whatever holds them."""

import json

import numpy as np
import pytest

import thinshell as ts
from thinshell.diagnosis.positives import row_cosines
from thinshell.errors import InputError, InputTypeError
from thinshell.statistics import alignment, pair_cosines

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((700, 6)).astype(np.float32)
PARTNERS = (ROWS + 0.5 * RNG.standard_normal((700, 6))).astype(np.float32)


def positive(data=ROWS, positives=PARTNERS, **options):
    return ts.diagnose(data, positives=positives, **options).to_dict()["sphere"]["positive"]


def test_cosines_and_alignment_are_those_of_the_statistics():
    plain = ts.diagnose(ROWS, positives=PARTNERS).to_dict()
    found, truth = plain["sphere"]["positive"], pair_cosines(ROWS, PARTNERS)
    assert found["alignment"] == pytest.approx(alignment(ROWS, PARTNERS), rel=1e-6)
    assert found["cosine"]["mean"] == pytest.approx(truth.mean, rel=1e-6)
    assert found["cosine"]["std"] == pytest.approx(truth.std, rel=1e-6)
    assert (found["cosine"]["n_pairs"], found["n_left_out"], found["paths"]) == (700, 0, [])
    for level, value in truth.quantiles.items():
        assert found["cosine"]["quantiles"][str(level / 100)] == pytest.approx(value, abs=1e-6)
    json.dumps(plain, allow_nan=False)
    assert ts.diagnose(ROWS).to_dict()["sphere"]["positive"] is None


@pytest.mark.parametrize(("n_features", "bins"), [(6, 60), (200, 80), (4000, 240)])
def test_both_histograms_share_their_edges(n_features, bins):
    rows = RNG.standard_normal((300, n_features))
    sphere = ts.diagnose(rows, positives=rows * 2).to_dict()["sphere"]
    pairs, partners = sphere["cosine"]["histogram"], sphere["positive"]["cosine"]["histogram"]
    assert pairs["edges"] == partners["edges"]
    assert bins <= len(partners["counts"]) <= 240
    assert sum(partners["counts"]) == 300
    assert sum(pairs["counts"]) == sphere["cosine"]["n_pairs"]
    assert sphere["positive"]["alignment"] == pytest.approx(0, abs=1e-9)


def test_every_kind_of_input_gives_one_answer(tmp_path):
    truth = positive()
    np.save(tmp_path / "rows.npy", ROWS)
    np.save(tmp_path / "p0.npy", PARTNERS[:100])
    np.save(tmp_path / "p1.npy", PARTNERS[100:])
    np.savetxt(tmp_path / "partners.csv", PARTNERS.astype(float), delimiter=",", header="a,b,c,d,e,f", comments="")
    for data in (tmp_path / "rows.npy", np.array_split(ROWS, 9), iter(np.array_split(ROWS, 4))):
        assert positive(data) == truth
    paths = [tmp_path / "p0.npy", tmp_path / "p1.npy"]
    for partners in (paths, str(tmp_path / "p?.npy"), tmp_path / "partners.csv", PARTNERS.tolist()):
        found = positive(positives=partners)
        assert {**found, "paths": []} == truth
    assert positive(positives=paths)["paths"] == [str(path) for path in paths]


def test_column_and_key_count_where_files_have_them(tmp_path):
    np.savez(tmp_path / "both.npz", image=ROWS, text=PARTNERS)
    np.savez(tmp_path / "other.npz", image=PARTNERS, text=ROWS)
    np.save(tmp_path / "partners.npy", PARTNERS)
    np.save(tmp_path / "three.npy", np.stack([ROWS, PARTNERS]))
    truth = positive()
    for data, where, partners in (
        ("both.npz", {"key": "image"}, "other.npz"),
        ("both.npz", {"key": "image"}, "partners.npy"),
        ("three.npy", {"index": 0}, "partners.npy"),
    ):
        found = positive(tmp_path / data, tmp_path / partners, **where)
        assert found["cosine"] == truth["cosine"]
    with pytest.raises(InputError, match=r"positives: .*three.npy has shape .*3-D; pick a part with positives_index"):
        positive(tmp_path / "three.npy", tmp_path / "three.npy", index=0)


def test_partners_are_a_part_of_a_3d_array(tmp_path):
    np.save(tmp_path / "three.npy", np.stack([ROWS, PARTNERS]))
    truth = positive()
    of_a_file = positive(tmp_path / "three.npy", tmp_path / "three.npy", index=0, positives_index=1)
    assert of_a_file["cosine"] == truth["cosine"]
    assert positive(ROWS, np.stack([ROWS, PARTNERS]), positives_index=1)["cosine"] == truth["cosine"]
    with pytest.raises(InputError, match="positives_index must pick a part of a 3-D array, got 2 for positives of"):
        positive(ROWS, np.stack([ROWS, PARTNERS]), positives_index=2)
    with pytest.raises(InputError, match="positives_index must come with positives, got 1 alone"):
        ts.diagnose(ROWS, positives_index=1)


def test_more_rows_than_a_block_and_than_a_sketch_holds():
    rows, partners = RNG.standard_normal((2, 30_000, 300))
    found = positive(rows, partners, protocol="full")
    assert found["alignment"] == pytest.approx(alignment(rows, partners))
    assert found["cosine"]["n_pairs"] == 30_000


def test_partners_are_normalised_as_the_data_are():
    rows, partners = ROWS * [1, 5, 1, 1, 1, 1] + 2, PARTNERS * [1, 5, 1, 1, 1, 1] + 2
    assert positive(rows, partners, normalize="l2")["alignment"] == pytest.approx(alignment(rows, partners))
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    truth = alignment((rows - mean) / std, (partners - mean) / std)
    assert positive(rows, partners, normalize="zscore")["alignment"] == pytest.approx(truth)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    truth = alignment((rows - mean) @ whiten, (partners - mean) @ whiten)
    assert positive(rows, partners, normalize="whiten")["alignment"] == pytest.approx(truth)


def test_pairs_without_a_cosine_are_left_out():
    rows, partners = ROWS.copy(), PARTNERS.copy()
    rows[3] = 0
    partners[[3, 9]] = 0
    found = positive(rows, partners)
    assert (found["n_left_out"], found["cosine"]["n_pairs"]) == (2, 698)
    rows[20, 1] = np.nan
    partners[650, 2] = np.inf
    found = positive(rows, partners, drop_nonfinite=True)
    assert (found["n_left_out"], found["cosine"]["n_pairs"]) == (4, 696)
    kept = np.setdiff1d(np.arange(700), [3, 9, 20, 650])
    assert found["alignment"] == pytest.approx(alignment(rows[kept], partners[kept]))
    nothing = positive(ROWS, np.zeros_like(ROWS))
    assert nothing == {"cosine": None, "alignment": None, "n_left_out": 700, "paths": []}


def test_huge_and_tiny_rows():
    first = np.array([[3.0, 0.0], [0.0, 1e-300], [1.0, 0.0]])
    second = np.array([[1e200, 1e200], [1e-200, 1e-200], [np.nan, 0.0]])
    cosines, bad = row_cosines(first, second)
    np.testing.assert_allclose(cosines, [0.5**0.5, 0.5**0.5, np.nan])
    assert bad.tolist() == [2]


BAD = PARTNERS.copy()
BAD[[500, 600], 1] = np.nan


@pytest.mark.parametrize(
    ("data", "positives", "error", "sentence"),
    [
        (ROWS, PARTNERS[:600], InputError, "as many rows as the data, row i the partner of row i, got 600 for 700"),
        (np.array_split(ROWS, 3), PARTNERS[:600], InputError, "got 600 for more than 600; give one partner"),
        (np.array_split(ROWS[:500], 3), PARTNERS, InputError, "got more than 500 for 500; give one partner"),
        (ROWS, PARTNERS[:, :4], InputError, "positives must have 6 columns like the data, got 4"),
        (np.array_split(ROWS, 3), PARTNERS[:, :4], InputError, "positives must have 6 columns like the data, got 4"),
        (ROWS, PARTNERS[0], InputError, "positives has shape .6,., 1-D"),
        (ROWS, BAD, InputError, r"positives must be finite, got NaN or infinity in row 500 \(counted from 0\)"),
        (ROWS, "-", InputError, "positives must be files, got - .standard input."),
        (ROWS, "missing.npy", InputError, "positives: missing.npy does not exist"),
        (ROWS, 3, InputTypeError, "positives must be an array, a path or a list of paths, got int"),
        (ROWS, ts.EmbeddingSketch().update(ROWS), InputError, "positives must be rows, got a sketch"),
        (ts.EmbeddingSketch().update(ROWS), PARTNERS, InputError, "positives needs the rows of the data, got a sketch"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(data, positives, error, sentence):
    with pytest.raises(error, match=sentence):
        ts.diagnose(data, positives=positives)


def test_saved_sketches_have_no_pairs(tmp_path):
    path = tmp_path / "all.sketch.safetensors"
    ts.EmbeddingSketch().update(ROWS).save(path)
    with pytest.raises(InputError, match=r"positives: .*all.sketch.safetensors is a saved sketch"):
        ts.diagnose(ROWS, positives=path)
    with pytest.raises(InputError, match="positives needs the rows of the data, got a sketch"):
        ts.diagnose(path, positives=PARTNERS)


def test_bad_data_come_first(tmp_path):
    rows = ROWS.copy()
    rows[10, 0] = np.nan
    with pytest.raises(InputError, match="1 of 700 rows hold NaN or infinity"):
        ts.diagnose(rows, positives=BAD)
