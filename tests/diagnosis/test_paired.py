"""Files of pairs: each side as if it were alone, partners found by number, the gap against the formulas."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import thinshell as ts
from thinshell.cli import main
from thinshell.diagnosis import diagnose_pairs, pair_sides
from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.sides import PartnerSource, SideSource, sides_of
from thinshell.statistics import modality_gap


def write(path, rows, pair, side, **more):
    flat = pa.array(np.ascontiguousarray(rows, np.float32).ravel())
    columns = {"embedding": pa.FixedSizeListArray.from_arrays(flat, rows.shape[1]), "pair": pair, "side": side}
    pq.write_table(pa.table(columns | more), path)
    return path


@pytest.fixture
def clouds():
    """Pictures and captions, two captions a picture, apart along one coordinate."""
    rng = np.random.default_rng(0)
    pictures = rng.standard_normal((600, 16)) + 2 * np.eye(16)[0]
    captions = np.repeat(pictures, 2, axis=0) * 0.5 + rng.standard_normal((1200, 16)) - 3 * np.eye(16)[0]
    return pictures.astype(np.float32), captions.astype(np.float32)


@pytest.fixture
def paired(clouds, tmp_path):
    """The file that embed writes of them, the captions in another order than the pictures."""
    pictures, captions = clouds
    order = np.random.default_rng(1).permutation(1200)
    pair = np.r_[np.arange(600) + 7, np.repeat(np.arange(600) + 7, 2)[order]]
    return write(
        tmp_path / "emb.parquet", np.concatenate([pictures, captions[order]]), pair, ["image"] * 600 + ["text"] * 1200
    ), order


def test_each_side_is_diagnosed_as_if_it_were_alone(paired, clouds):
    path, order = paired
    result = diagnose_pairs(path)
    assert result.names == ("image", "text")
    pictures, captions = clouds[0], clouds[1][order]
    first_captions = np.argsort(order // 2, kind="stable").reshape(600, 2).min(axis=1)
    partners = (captions[first_captions], pictures[order // 2])
    for diagnosis, rows, others in zip(result.diagnoses, (pictures, captions), partners, strict=True):
        alone, ours = ts.diagnose(rows, positives=others).to_dict(), diagnosis.to_dict()
        assert ours["sphere"]["positive"].pop("paths") == [str(path)]
        assert alone["sphere"]["positive"].pop("paths") == []
        for section in ("verdict", "norms", "paper", "full", "sphere", "spectrum", "checks", "coordinates"):
            assert ours[section] == alone[section], section


def test_the_gap_is_that_of_the_formulas(paired, clouds):
    path, order = paired
    pairs = diagnose_pairs(path).to_dict()["pairs"]
    x, y = (rows.astype(np.float64) for rows in clouds)
    u, v = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))
    raw = x.mean(0) - y.mean(0)
    spread = x.var(0).sum(), y.var(0).sum()
    expected = {
        "gap": np.linalg.norm(u.mean(0) - v.mean(0)),
        "gap_raw": np.linalg.norm(raw),
        "gap_in_spreads": np.linalg.norm(raw) / np.sqrt(np.mean(spread)),
        "share": raw @ raw / ((x[:, None] - y) ** 2).sum(-1).mean(),
        "cross_cosine": (u @ v.T).mean(),
        "cosine_of_means": x.mean(0) @ y.mean(0) / np.linalg.norm(x.mean(0)) / np.linalg.norm(y.mean(0)),
    }
    assert {name: pairs[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert pairs["offsets"] == pytest.approx(
        [np.linalg.norm(rows.mean(0)) / np.sqrt((rows**2).sum(1).mean()) for rows in (x, y)], rel=1e-9
    )
    assert pairs["radii"] == pytest.approx(np.sqrt(spread), rel=1e-9)
    own = [np.linalg.norm(rows - rows.mean(0), axis=1) for rows in (x, y)]
    assert pairs["radius_cv"] == pytest.approx([r.std() / r.mean() for r in own], rel=1e-6)
    first = [np.flatnonzero(order // 2 == k)[0] for k in range(600)]
    cosines = (u * v[order][first]).sum(1)
    assert pairs["positive_cosine"] == pytest.approx(cosines.mean(), rel=1e-6)
    assert pairs["alignment"] == pytest.approx(2 - 2 * cosines.mean(), rel=1e-6)
    assert (pairs["n_pairs"], pairs["n_without_partner"]) == (600, [0, 0])


def test_the_function_agrees_with_the_sketches(paired, clouds):
    pairs = diagnose_pairs(paired[0]).to_dict()["pairs"]
    gap = modality_gap(*clouds)
    for name in ("gap", "gap_raw", "gap_in_spreads", "share", "cosine_of_means", "cross_cosine"):
        assert pairs[name] == pytest.approx(getattr(gap, name), rel=1e-6)


def test_clouds_that_are_one_have_no_gap():
    rows = np.random.default_rng(0).standard_normal((5000, 8))
    gap = modality_gap(rows, rows[::-1])
    assert max(gap.gap, gap.gap_raw, gap.share) < 1e-12
    with pytest.raises(InputError, match="as many columns"):
        modality_gap(rows, rows[:, :4])


def test_partners_are_found_by_number(paired, clouds):
    path, order = paired
    sides = sides_of(path)
    assert sides.names == ("image", "text")
    source = open_source(path)
    texts = SideSource(source, sides.rows[1])
    rows = np.concatenate(list(PartnerSource(texts, sides.partners(0)).blocks(max_bytes=1000)))
    first = [np.flatnonzero(order // 2 == k)[0] for k in range(600)]
    np.testing.assert_array_equal(rows, clouds[1][order][first])
    np.testing.assert_array_equal(np.concatenate(list(texts.blocks(max_bytes=999))), clouds[1][order])


def test_rows_without_a_partner_are_counted(tmp_path):
    rows = np.random.default_rng(0).standard_normal((600, 4))
    pair = np.r_[np.arange(300), np.arange(200, 500)]
    path = write(tmp_path / "a.parquet", rows, pair, ["x"] * 300 + ["y"] * 300)
    result = diagnose_pairs(path).to_dict()
    assert result["pairs"]["n_pairs"] == 100
    assert result["pairs"]["n_without_partner"] == [200, 200]
    assert [one["sphere"]["positive"]["n_left_out"] for one in result["diagnoses"]] == [200, 200]


def test_one_side_alone(paired, clouds):
    path, _ = paired
    assert ts.diagnose(path, side="image").to_dict()["paper"] == ts.diagnose(clouds[0]).to_dict()["paper"]
    with pytest.raises(InputError, match=r"two sides of pairs, 'image' and 'text'.*diagnose_pairs"):
        ts.diagnose(path)
    with pytest.raises(InputError, match="side must be one of 'image', 'text', got 'images'; did you mean 'image'"):
        ts.diagnose(path, side="images")


@pytest.mark.parametrize(
    ("side", "pair", "words"),
    [
        (["a"] * 9, range(9), "must hold two sides"),
        (["a", "b", "c"] * 3, range(9), "must hold two sides"),
        (["a"] * 4 + [None] + ["b"] * 4, range(9), "nulls"),
        (["a"] * 4 + ["b"] * 5, [None, *range(8)], "nulls"),
    ],
)
def test_strange_files_of_pairs(side, pair, words, tmp_path):
    path = write(tmp_path / "a.parquet", np.ones((9, 2)), pa.array(pair, pa.int64()), side)
    with pytest.raises(InputError, match=words):
        diagnose_pairs(path)


def test_files_that_hold_no_pairs(tmp_path):
    rows = np.random.default_rng(0).standard_normal((300, 4))
    path = write(tmp_path / "a.parquet", rows, range(300), np.arange(300.0))
    assert pair_sides(path) is None
    assert ts.diagnose(path, column="embedding").to_dict()["n_samples"] == 300
    np.save(tmp_path / "a.npy", rows)
    with pytest.raises(InputError, match="holds no pairs"):
        diagnose_pairs(tmp_path / "a.npy")
    with pytest.raises(InputError, match="holds no sides of pairs"):
        ts.diagnose(tmp_path / "a.npy", side="image")


def test_the_command_shows_both_sides_and_the_gap(paired, tmp_path, capsys):
    path, _ = paired
    assert main(["diagnose", str(path), "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]) == 0
    out = capsys.readouterr().out
    for words in ("image", "text", "modality gap", "margin", "off the origin"):
        assert words in out
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["schema"], result["names"]) == ("thinshell/comparison/1", ["image", "text"])
    assert result["pairs"]["sides"] == ["image", "text"]
    assert "Two sides of pairs" in (tmp_path / "r.html").read_text()
    assert main(["report", str(tmp_path / "r.json"), "--html", str(tmp_path / "again.html"), "-q"]) == 0
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "r.html").read_bytes()


def test_the_command_fails_on_a_departure_of_either_side(tmp_path):
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((600, 4)), rng.exponential(size=(600, 4))])
    path = write(tmp_path / "a.parquet", rows, np.tile(np.arange(600), 2), ["x"] * 600 + ["y"] * 600)
    assert main(["diagnose", str(path), "-q", "--fail-on", "departure"]) == 1
    assert main(["diagnose", str(path), "-q", "--fail-on", "departure", "--side", "x"]) == 0


@pytest.mark.parametrize(
    "wrong", [["--positives", "x.npy"], ["--save-sketch", "s.safetensors"], ["--index", "0"], ["--key", "a"]]
)
def test_options_that_do_not_fit_pairs(wrong, paired, capsys):
    assert main(["diagnose", str(paired[0]), *wrong]) == 2
    assert wrong[0] in capsys.readouterr().err or wrong[0] == "--save-sketch"


@pytest.mark.parametrize("normalize", ["zscore", "whiten"])
def test_sides_that_are_centred_have_no_gap(normalize, paired):
    with pytest.raises(InputError, match="centres each side by itself"):
        diagnose_pairs(paired[0], normalize=normalize)
    pairs = diagnose_pairs(paired[0], normalize="l2").to_dict()["pairs"]
    assert pairs["gap"] == pytest.approx(pairs["gap_raw"], rel=1e-6)


def test_several_files_of_pairs_are_not_one_cloud(paired, tmp_path):
    twice = [paired[0], shutil.copy(paired[0], tmp_path / "more.parquet")]
    for data in (twice, tmp_path / "*.parquet"):
        with pytest.raises(InputError, match="came with 1 more files; give one file of pairs at a time"):
            ts.diagnose(data)


def test_compare_takes_a_side_of_each(paired, capsys):
    path = str(paired[0])
    assert main(["compare", path, path, "--side", "text", "-q"]) == 0
    assert main(["compare", path, path]) == 2
    assert "--side" in capsys.readouterr().err


def test_real_pairs(shared_data, tmp_path):
    """500 pictures of COCO and their captions by CLIP ViT-B/16: each side as its half alone, and the known gap."""
    both = np.load(shared_data / "embeddings" / "clip_coco_image_text_2x500x512.npy")
    path = write(
        tmp_path / "clip.parquet",
        np.concatenate(list(both)),
        np.tile(np.arange(500), 2),
        ["image"] * 500 + ["text"] * 500,
    )
    result = diagnose_pairs(path).to_dict()
    for one, half in zip(result["diagnoses"], both, strict=True):
        assert one["paper"] == ts.diagnose(half.astype(np.float32)).to_dict()["paper"]
    u, v = both.astype(np.float64)
    assert result["pairs"]["gap"] == pytest.approx(np.linalg.norm(u.mean(0) - v.mean(0)), abs=1e-4)
    assert 0.8 < result["pairs"]["gap"] < 0.9
