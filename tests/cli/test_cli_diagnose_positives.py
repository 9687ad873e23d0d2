"""``thinshell diagnose --positives``, end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thinshell.statistics import alignment


@pytest.fixture
def partners(tmp_path, rows):
    shifted = rows + np.random.default_rng(3).standard_normal(rows.shape).astype(np.float32) / 4
    np.save(tmp_path / "partners.npy", shifted)
    return tmp_path / "partners.npy"


def test_pairs_reach_the_json(run, gaussian, partners, rows) -> None:
    result = json.loads(run("diagnose", gaussian, "--positives", partners, "--json", "-").out)
    positive = result["sphere"]["positive"]
    assert positive["alignment"] == pytest.approx(alignment(rows, np.load(partners)), rel=1e-6)
    assert positive["cosine"]["n_pairs"] == 600
    assert positive["paths"] == [str(partners)]
    assert json.loads(run("diagnose", gaussian, "--json", "-").out)["sphere"]["positive"] is None


def test_several_files_are_one(run, gaussian, partners, tmp_path) -> None:
    whole = json.loads(run("diagnose", gaussian, "--positives", partners, "--json", "-").out)["sphere"]["positive"]
    values = np.load(partners)
    np.save(tmp_path / "q0.npy", values[:50])
    np.save(tmp_path / "q1.npy", values[50:])
    words = ("--positives", tmp_path / "q0.npy", "--positives", tmp_path / "q1.npy")
    for chosen in (words, ("--positives", f"{tmp_path}/q?.npy")):
        parts = json.loads(run("diagnose", gaussian, *chosen, "--json", "-").out)["sphere"]["positive"]
        assert parts["cosine"] == whole["cosine"]


def test_bad_input_is_told_in_one_line(run, gaussian, partners, tmp_path) -> None:
    np.save(tmp_path / "few.npy", np.ones((5, 8)))
    run("diagnose", gaussian, "--save-sketch", tmp_path / "g.sketch", "--quiet")
    for data, words, sentence in (
        (gaussian, ("--positives", tmp_path / "few.npy"), "as many rows as the data"),
        (gaussian, ("--positives", "-"), "standard input"),
        (gaussian, ("--positives", tmp_path / "none.npy"), "does not exist"),
        (tmp_path / "g.sketch", ("--positives", partners), "got a sketch"),
        (gaussian, ("--positives", partners, "--json", partners), "is one of the files to read"),
    ):
        ended = run("diagnose", data, *words)
        assert ended.status == 2
        assert ended.out == ""
        assert sentence in ended.err
        assert ended.err.count("\n") == 1
