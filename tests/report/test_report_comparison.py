"""Data sets side by side."""

from __future__ import annotations

import io
from typing import Any

import pytest

from thinshell.report import ReportConsole, print_comparison


def page(comparison: dict[str, Any], width: int = 80) -> str:
    file = io.StringIO()
    print_comparison(comparison, ReportConsole(file, width=width))
    return file.getvalue()


def cells(text: str, label: str) -> list[list[str]]:
    return [line.split(label)[1].split() for line in text.splitlines() if line.strip().startswith(label)]


def test_one_column_a_data_set(comparison) -> None:
    text = page(comparison)
    assert text.startswith("✗ before.npy: Departure from a Gaussian: AD Avg. is 11.9")
    assert "✓ after.npy: Consistent with a Gaussian: AD Avg. is 0.38." in text
    assert cells(text, "AD Avg. (< 0.752)") == [["11.87", "0.38"]]
    assert cells(text, "AD Norm. Feat.")[0] == ["0", "%", "100", "%"]
    assert cells(text, "rows") == [["10,000", "10,000"]]
    assert "paper protocol: 250 rows per test × 20 repeats, seed 0, rows as they are" in text


def test_what_moved_uses_the_message_or_the_numbers(comparison) -> None:
    text = page(comparison)
    body = text[text.index("What moved from before.npy to after.npy") :].splitlines()
    assert body[1:] == ["  → AD Avg. fell from 11.87 to 0.38", "  → norms.cv: 0.13 → 0.0884"]


def test_nothing_moved_is_said(comparison) -> None:
    comparison["differences"][0]["moved"] = []
    assert "nothing beyond its interval" in page(comparison)


def test_more_data_sets_than_fit_make_several_tables(comparison) -> None:
    diagnoses = [comparison["diagnoses"][0] | {"n_samples": 100 * k} for k in range(1, 8)]
    many = {"names": [f"set{k}.npy" for k in range(1, 8)], "diagnoses": diagnoses, "differences": []}
    text = page(many)
    assert max(map(len, text.splitlines())) <= 80
    assert [number for row in cells(text, "rows") for number in row] == [str(100 * k) for k in range(1, 8)]
    assert len(cells(page(many, width=120), "rows")) == 2


def test_long_and_hostile_names_are_shortened_and_escaped(comparison) -> None:
    comparison["names"] = ["[red]\x1b[31m.npy", "a-very-long-name-of-a-file-of-embeddings-final.npy"]
    text = page(comparison)
    assert r"[red]\x1b[31m.npy" in text
    assert "a-very-long..s-final.npy" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("missing", ["paper", "full", "norms", "sphere", "spectrum"])
def test_a_block_nobody_has_is_left_out(comparison, missing) -> None:
    whole = page(comparison)
    for diagnosis in comparison["diagnoses"]:
        diagnosis[missing] = None
    assert len(page(comparison)) < len(whole)
