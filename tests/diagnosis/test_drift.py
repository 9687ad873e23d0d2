"""Drift between data sets: exact and counted, found and not found, and what it says."""

import json

import numpy as np
import pytest

import thinshell as ts
from thinshell.cli import main
from thinshell.diagnosis.drift import drift_between
from thinshell.report.drift import drift_rows, drift_sentence
from thinshell.sketch import EmbeddingSketch, summarize


def summary(rows, **options):
    return summarize(EmbeddingSketch(**options).update(rows))


def pvalues(drift):
    return {test["code"]: test["adjusted_pvalue"] for test in drift["tests"]}


@pytest.fixture(scope="module")
def before():
    return np.random.default_rng(0).standard_normal((20_000, 24)).astype(np.float32)


def fresh(seed=1, n=20_000, d=24):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_none_found_between_samples_of_one_law(before):
    drift = drift_between(summary(before), summary(fresh()), 0)
    assert drift["verdict"] == "none_found"
    assert drift["pvalue"] > 0.05
    assert "may be samples of one law" in drift_sentence(drift)


def test_the_same_rows_are_no_drift(before):
    drift = drift_between(summary(before), summary(before[::-1].copy()), 0)
    assert drift["pvalue"] == 1.0
    assert abs(drift["size"]["d"]) < 1e-12


def test_a_small_shift_in_few_columns_is_found():
    """.02 standard deviations in 5 % of 120 columns at 100,000 rows."""
    rng = np.random.default_rng(5)
    first, second = (rng.standard_normal((100_000, 120), dtype=np.float32) for _ in range(2))
    second[:, :6] += 0.02
    drift = drift_between(summary(first), summary(second), 0)
    assert drift["verdict"] == "drift"
    assert pvalues(drift)["mean"] < 0.01
    found = {entry["column"] for entry in drift["columns"]["mean"]["largest"]}
    assert found <= set(range(6))
    assert len(found) >= 2
    low, high = drift["size"]["interval"]
    assert low < 0.02 < high
    assert drift["size"]["name"] in ("negligible", "very small")
    assert "means of the columns" in drift_sentence(drift)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("mean", lambda rows, rng: rows + 0.02 * np.ones(24)),  # small everywhere: only together
        ("variance", lambda rows, rng: rows * np.r_[1.1, np.ones(23)]),
        ("marginals", lambda rows, rng: np.c_[np.sign(rows[:, :1]), rows[:, 1:]]),
        ("norms", lambda rows, rng: rows * rng.gamma(20, 1 / 20, size=(len(rows), 1))),
        ("covariance", lambda rows, rng: np.c_[rows[:, :1] * 0.8 + rows[:, 1:2] * 0.6, rows[:, 1:]]),
        ("directions", lambda rows, rng: rows * rng.choice([0.3, 2.0], size=(len(rows), 1))),
    ],
)
def test_each_test_sees_its_own(before, code, change):
    rng = np.random.default_rng(7)
    after = change(fresh(), rng).astype(np.float32)
    drift = drift_between(summary(before), summary(after), 0)
    assert pvalues(drift)[code] < 0.001
    assert drift["verdict"] == "drift"


def test_exact_and_counted_say_the_same():
    """5,000 rows held whole, and the same rows in a sketch that keeps 500 of them and counts."""
    first, second = fresh(1, 5000), fresh(2, 5000) + np.float32(0.05)
    exact = drift_between(summary(first), summary(second), 0)
    counted = drift_between(summary(first, row_capacity=500), summary(second, row_capacity=500), 0)
    for code in ("mean", "variance", "marginals", "norms"):
        one, two = (next(t for t in drift["tests"] if t["code"] == code) for drift in (exact, counted))
        assert two["effect"]["value"] == pytest.approx(one["effect"]["value"], rel=0.02, abs=2e-3)
        assert two["pvalue"] == pytest.approx(one["pvalue"], rel=0.2, abs=0.02)
    mixed = drift_between(summary(first), summary(second, row_capacity=500), 0)
    assert pvalues(mixed)["mean"] == pytest.approx(pvalues(exact)["mean"], rel=1e-3)


def test_few_rows_and_many_columns():
    drift = drift_between(summary(fresh(1, 40, 200)), summary(fresh(2, 50, 200)), 0)
    assert 0 < drift["pvalue"] <= 1
    shifted = drift_between(summary(fresh(1, 40, 200)), summary(fresh(2, 50, 200) + np.float32(0.5)), 0)
    assert shifted["verdict"] == "drift"


def test_one_column_constant_columns_and_other_widths():
    one = drift_between(summary(fresh(1, 500, 1)), summary(fresh(2, 500, 1)), 0)
    assert one["verdict"] == "none_found"
    first, second = fresh(1, 500, 3), fresh(2, 500, 3)
    first[:, 1] = second[:, 1] = 4
    assert drift_between(summary(first), summary(second), 0)["verdict"] == "none_found"
    second[:, 1] = 5
    moved = drift_between(summary(first), summary(second), 0)
    assert moved["verdict"] == "drift"
    json.dumps(ts.diagnosis.result.plain(moved), allow_nan=False)
    assert drift_between(summary(fresh(1, 500, 3)), summary(fresh(1, 500, 4)), 0) is None


def test_compare_reports_it(tmp_path, capsys):
    np.save(tmp_path / "today.npy", fresh(2) + np.float32(0.1))
    EmbeddingSketch().update(fresh(1)).save(tmp_path / "yesterday.sketch.safetensors")
    paths = [str(tmp_path / "yesterday.sketch.safetensors"), str(tmp_path / "today.npy")]
    assert main(["compare", *paths, "--json", f"{tmp_path}/c.json", "--html", f"{tmp_path}/c.html"]) == 0
    printed = capsys.readouterr().out
    assert "Drift from yesterday to today" in printed
    assert "means of the columns" in " ".join(printed.split())
    drift = json.loads((tmp_path / "c.json").read_text())["differences"][0]["drift"]
    assert drift["verdict"] == "drift"
    assert len(drift_rows(drift)) == 6
    assert "Drift from yesterday to today" in (tmp_path / "c.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "repeats"), [(1000, 400), (100_000, 60)])
@pytest.mark.parametrize("law", ["normal", "exponential", "sphere", "scale"])
def test_type_one_error(n, repeats, law):
    """Two samples of one law: drift is found in at most 5 % of cases, up to four standard errors."""
    rng = np.random.default_rng(11)
    found = []
    for seed in range(repeats):
        pair = [summary(draw(rng, law, n, 32)) for _ in range(2)]
        found.append(drift_between(*pair, seed)["verdict"] == "drift")
    assert np.mean(found) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / repeats)


def draw(rng, law, n, d):
    rows = rng.exponential(size=(n, d)) if law == "exponential" else rng.standard_normal((n, d))
    if law == "sphere":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    if law == "scale":
        rows *= rng.gamma(4, 0.25, size=(n, 1))
    return rows.astype(np.float32)
