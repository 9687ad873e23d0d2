"""The examples of the Gaussian room: faults that were planted are found, lengths are matched."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_planted_faults_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_rows = example("odd_rows")
    monkeypatch.chdir(tmp_path)  # without shared/: made data
    monkeypatch.setattr(sys, "argv", ["odd_rows.py"])
    monkeypatch.setattr(odd_rows, "N_SPLITS", 100)
    odd_rows.main()
    said = capsys.readouterr().out
    for sentence in (
        "planted: 5, found: 5, called besides: 0",
        "planted: 25, found: 25, called besides: 0 (the 25 worst)",
        "planted: 10, found: 10, called besides: 0",
        "it HAS drifted",
    ):
        assert sentence in said


def test_own_files_with_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_rows = example("odd_rows")
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 6))
    rows[7] *= 12
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "batch.npy", rng.standard_normal((60, 6)))
    names = "".join(f"{json.dumps({'text': f'text {row}'})}\n" for row in range(300))
    (tmp_path / "names.jsonl").write_text(names)
    words = ["rows.npy", "--names", "names.jsonl", "--batch", "batch.npy"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["odd_rows.py", *words])
    monkeypatch.setattr(odd_rows, "N_SPLITS", 20)
    odd_rows.main()
    said = capsys.readouterr().out
    assert "Odd rows: 1 at" in said
    assert "text 7: p = " in said
    assert "no drift seen" in said
    assert "planted" not in said
    (tmp_path / "names.jsonl").write_text(names[:100])
    with pytest.raises((SystemExit, json.JSONDecodeError)):
        odd_rows.main()


def test_scores_that_see_only_length_are_a_coin_among_texts_of_like_length() -> None:
    other_domain = example("other_domain")
    rng = np.random.default_rng(0)
    tokens, other = rng.integers(20, 120, 400), rng.integers(60, 160, 300)
    asked = argparse.Namespace(seed=0, bootstrap=50)
    length = other_domain.matched(tokens + rng.random(400), other + rng.random(300), tokens, other, asked)
    assert 0.45 < length["value"] < 0.62  # a tenth is not one length
    domain = other_domain.matched(rng.random(400), 2 + rng.random(300), tokens, other, asked)
    assert domain["value"] == domain["low"] == domain["high"] == 1.0


def test_descriptions_are_read_as_debian_keeps_them() -> None:
    other_domain = example("other_domain")
    stanza = "Package: a\nDescription-md5: 12ab\nDescription-en: small\n Words\n .\n of it"
    assert other_domain._description(stanza) == ("12ab", "small. Words of it")
    assert other_domain._description("Package: a") is None
