"""What people give by mistake: one clear sentence, status 2, nothing written; or taken, and said."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

RNG_SEED = 3


def gaussian(*shape: int) -> np.ndarray:
    return np.random.default_rng(RNG_SEED).standard_normal(shape)


def saved(folder: Path, array: Any, name: str = "emb.npy") -> Path:
    np.save(folder / name, array, allow_pickle=True)
    return folder / name


def missing(folder: Path) -> Path:
    return folder / "nowhere.npy"


def empty(folder: Path) -> Path:
    (folder / "empty.npy").touch()
    return folder / "empty.npy"


def truncated(folder: Path) -> Path:
    path = saved(folder, gaussian(100, 8))
    path.write_bytes(path.read_bytes()[:3000])
    return path


def pickled(folder: Path) -> Path:
    (folder / "emb.npy").write_bytes(pickle.dumps(gaussian(100, 8)))
    return folder / "emb.npy"


def text_as_npy(folder: Path) -> Path:
    (folder / "emb.npy").write_text("0.1,0.2\n")
    return folder / "emb.npy"


def objects(folder: Path) -> Path:
    return saved(folder, np.array([[1.0, "a"], [None, 2.0]], dtype=object))


def with_nonfinite(folder: Path) -> Path:
    rows = gaussian(100, 8)
    rows[3, 2], rows[41, 0] = np.nan, np.inf
    return saved(folder, rows)


def ragged(folder: Path) -> Path:
    lists = [[0.1, 0.2, 0.3]] * 20 + [[0.1, 0.2]] + [[0.1, 0.2, 0.3]] * 20
    pq.write_table(pa.table({"embedding": pa.array(lists, pa.list_(pa.float32()))}), folder / "emb.parquet")
    return folder / "emb.parquet"


def unknown_suffix(folder: Path) -> Path:
    (folder / "emb.docx").write_bytes(b"PK")
    return folder / "emb.docx"


# Case, how the file is made, what its sentence must say.
REFUSED = [
    ("missing", missing, r"nowhere\.npy.*(does not exist|no such file)"),
    ("folder", lambda folder: folder, r"is a (directory|folder)"),
    ("empty", empty, r"empty\.npy.*(empty|0 bytes)"),
    ("truncated", truncated, r"emb\.npy.*truncated"),
    ("pickled", pickled, r"emb\.npy.*(pickle|not a[n]? \.?npy|NumPy)"),
    ("not npy", text_as_npy, r"emb\.npy.*(not a[n]? \.?npy|NumPy)"),
    ("objects", objects, r"emb\.npy.*(object|pickle)"),
    ("1-D", lambda folder: saved(folder, gaussian(100)), r"emb\.npy.*(1-D|\(100,\))"),
    ("3-D", lambda folder: saved(folder, gaussian(2, 50, 8)), r"\(2, 50, 8\), 3-D.*--index 0.*index < 2"),
    ("4-D", lambda folder: saved(folder, gaussian(2, 2, 50, 8)), r"\(2, 2, 50, 8\)"),
    ("complex", lambda folder: saved(folder, gaussian(100, 8) + 1j), r"emb\.npy.*complex"),
    ("strings", lambda folder: saved(folder, np.full((100, 8), "a")), r"emb\.npy.*(string|<U1|text)"),
    ("no rows", lambda folder: saved(folder, gaussian(0, 8)), r"emb\.npy.*(no|0|zero) rows"),
    ("no columns", lambda folder: saved(folder, gaussian(100, 0)), r"(no|0|zero) (columns|features)"),
    ("NaN", with_nonfinite, r"2 (of 100 )?rows.*\b3\b.*drop.nonfinite"),
    ("n < 8", lambda folder: saved(folder, gaussian(7, 4)), r"at least 8 .*got 7"),
    ("ragged", ragged, r"emb\.parquet.*row 20.*\b2\b.*\b3\b|emb\.parquet.*\b3\b.*row 20.*\b2\b"),
    ("suffix", unknown_suffix, r"emb\.docx.*\.npy.*\.parquet"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "sentence"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_in_one_sentence(run, tmp_path, make, sentence) -> None:
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    ended = run("diagnose", path, "--json", tmp_path / "out.json")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("thinshell: error: ")
    assert ended.err.count("\n") == 1
    assert re.search(sentence, ended.err, re.IGNORECASE), ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_wrong_column_names_those_there_are(run, tmp_path) -> None:
    columns = {"embedding": pa.array(gaussian(20, 3).tolist()), "label": pa.array(range(20))}
    pq.write_table(pa.table(columns), tmp_path / "emb.parquet")
    ended = run("diagnose", tmp_path / "emb.parquet", "--column", "embeding")
    assert ended.status == 2
    assert "embeding" in ended.err
    assert "embedding" in ended.err.replace("embeding", "", 1)
    assert "label" in ended.err


def test_a_wrong_key_names_those_there_are(run, tmp_path) -> None:
    np.savez(tmp_path / "emb.npz", image=gaussian(20, 3), text=gaussian(20, 3))
    for words in ([], ["--key", "imge"]):
        ended = run("diagnose", tmp_path / "emb.npz", *words)
        assert ended.status == 2
        assert "image" in ended.err
        assert "text" in ended.err


def test_shards_of_different_width_are_both_named(run, tmp_path) -> None:
    saved(tmp_path, gaussian(20, 8), "a.npy")
    saved(tmp_path, gaussian(20, 9), "b.npy")
    ended = run("diagnose", f"{tmp_path}/*.npy")
    assert ended.status == 2
    assert "a.npy" in ended.err
    assert "b.npy" in ended.err
    assert "8" in ended.err
    assert "9" in ended.err


@pytest.mark.parametrize("words", [["--index", "2"], ["--index", "-3"]])
def test_an_index_outside_a_3d_array(run, tmp_path, words) -> None:
    ended = run("diagnose", saved(tmp_path, gaussian(2, 50, 8)), *words)
    assert ended.status == 2
    assert "index" in ended.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--samples-per-test", "3"], "samples_per_test"),
        (["--repeats", "0"], "repeats"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_values_out_of_range(run, tmp_path, words, sentence) -> None:
    ended = run("diagnose", saved(tmp_path, gaussian(100, 8)), *words)
    assert ended.status == 2
    assert sentence in ended.err.replace("-", "_")


def result_of(run, *words: object) -> dict[str, Any]:
    ended = run("diagnose", *words, "--json", "-")
    assert ended.status == 0, ended.err
    return json.loads(ended.out)


def test_nonfinite_rows_are_left_out_when_asked_and_counted(run, tmp_path) -> None:
    path = with_nonfinite(tmp_path)
    result = result_of(run, path, "--drop-nonfinite")
    assert (result["n_samples"], result["n_dropped_nonfinite"]) == (98, 2)
    assert "2 rows with NaN or infinity were dropped" in run("diagnose", path, "--drop-nonfinite").out


def test_one_part_of_a_3d_array(run, tmp_path) -> None:
    array = gaussian(2, 50, 8)
    part = result_of(run, saved(tmp_path, array), "--index", "1")
    alone = result_of(run, saved(tmp_path, array[1], "alone.npy"))
    assert part["paper"] == alone["paper"]
    assert (part["n_samples"], part["n_features"]) == (50, 8)


def test_integers_are_taken_and_said(run, tmp_path) -> None:
    path = saved(tmp_path, np.random.default_rng(0).integers(0, 100, (300, 8)))
    result = result_of(run, path)
    assert any("int64" in notice for notice in result["source"]["notices"])
    assert "int64" in run("diagnose", path).out


def test_constant_and_zero_columns_are_named_and_left_out(run, tmp_path) -> None:
    rows = gaussian(300, 8)
    rows[:, 2], rows[:, 5] = 7.0, 0.0
    path = saved(tmp_path, rows)
    result = result_of(run, path)
    assert result["constant_features"]["count"] == 2
    assert result["coordinates"]["ad"][2] is None
    assert result["coordinates"]["ad"][5] is None
    text = run("diagnose", path).out
    assert "2 features are constant and left out of the tests: 2, 5" in text


def test_all_constant_is_an_answer_or_one_sentence(run, tmp_path) -> None:
    ended = run("diagnose", saved(tmp_path, np.zeros((300, 8))))
    assert ended.status in (0, 2), ended.err
    assert "constant" in ended.out + ended.err


def test_duplicates_are_said(run, tmp_path) -> None:
    path = saved(tmp_path, np.repeat(gaussian(100, 8), 3, axis=0))
    result = result_of(run, path)
    assert result["duplicates"]["share"] == pytest.approx(2 / 3, abs=0.01)
    assert "are duplicates" in run("diagnose", path).out


@pytest.mark.parametrize("shape", [(20, 64), (300, 1), (8, 4), (9, 2)])
def test_unusual_shapes_are_answered(run, tmp_path, shape) -> None:
    path = saved(tmp_path, gaussian(*shape))
    result = result_of(run, path)
    assert (result["n_samples"], result["n_features"]) == shape
    assert run("diagnose", path).status == 0


def test_a_hundred_thousand_columns(run, tmp_path) -> None:
    path = saved(tmp_path, gaussian(30, 100_000).astype(np.float32))
    result = result_of(run, path)
    assert result["n_features"] == 100_000
    assert result["verdict"] in ("consistent", "inconclusive")


def test_a_name_in_brackets_prints_as_it_is(run, tmp_path) -> None:
    text = run("diagnose", saved(tmp_path, gaussian(50, 4), "[red]x.npy")).out
    assert "[red]x.npy" in text.replace("\n  ", "")  # the folders before it may fill a line


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["dignose", "x.npy"], "(see thinshell --help)"),
        (["diagnose", "x.npy", "--normalise"], "(see thinshell diagnose --help)"),
        (["sketch", "update", "--colum", "x"], "(see thinshell sketch update --help)"),
    ],
)
def test_a_mistyped_line_names_the_help_that_tells(run, words, end) -> None:
    ended = run(*words)
    assert ended.status == 2
    assert ended.err.strip().endswith(end)
