"""``thinshell diagnose`` and ``compare`` on real files, end to end."""

from __future__ import annotations

import json
import resource

import numpy as np
import pytest

from thinshell.cli import main

REQUIRED = {
    "": ["schema", "n_samples", "n_features", "normalize", "seed", "verdict", "checks"],
    "norms": ["mean", "std", "cv", "cv_reference"],
    "paper": ["samples_per_test", "repeats", "ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share"],
    "full": ["ad_mean", "dp_normal_share", "skewness_abs_mean", "excess_kurtosis_mean", "detectable_at"],
    "sphere": ["mean_direction_norm", "uniformity"],
    "spectrum": ["effective_rank", "participation_ratio"],
}


def test_json_has_what_the_schema_promises(run, gaussian) -> None:
    result = json.loads(run("diagnose", gaussian, "--json", "-").out)
    assert result["schema"] == "thinshell/diagnosis/1"
    for block, keys in REQUIRED.items():
        assert set(keys) <= set(result[block] if block else result)
    for check in result["checks"]:
        assert {"code", "title", "verdict", "message", "remedy"} <= set(check)
    assert (result["n_samples"], result["n_features"]) == (600, 8)


def test_options_reach_the_result(run, gaussian) -> None:
    words = [
        "--protocol",
        "paper",
        "--normalize",
        "zscore",
        "--samples-per-test",
        "100",
        "--repeats",
        "3",
        "--seed",
        "7",
    ]
    result = json.loads(run("diagnose", gaussian, *words, "--json", "-").out)
    assert (result["protocol"], result["normalize"], result["seed"]) == ("paper", "zscore", 7)
    assert (result["paper"]["samples_per_test"], result["paper"]["repeats"]) == (100, 3)
    assert result["full"] is None


def test_terminal_and_json_say_the_same(run, exponential) -> None:
    result = json.loads(run("diagnose", exponential, "--json", "-").out)
    text = run("diagnose", exponential).out
    assert result["verdict"] == "departure"
    assert text.startswith("✗ Departure from a Gaussian: ")
    line = next(line for line in text.splitlines() if "AD Avg. (< 0.752)" in line)
    assert f"{result['paper']['ad_avg']:.2f}" in line


def test_fail_on_departure(run, gaussian, exponential) -> None:
    assert run("diagnose", exponential, "--fail-on", "departure", "--quiet") == (1, "", "")
    assert run("diagnose", gaussian, "--fail-on", "departure", "--quiet") == (0, "", "")
    assert run("compare", gaussian, exponential, "--fail-on", "departure", "--quiet").status == 1


def test_same_words_same_bytes(run, gaussian) -> None:
    assert run("diagnose", gaussian, "--json", "-").out == run("diagnose", gaussian, "--json", "-").out


def test_a_saved_sketch_gives_the_same_diagnosis(run, exponential, tmp_path) -> None:
    sketch = tmp_path / "e.sketch.safetensors"
    data = json.loads(run("diagnose", exponential, "--save-sketch", sketch, "--json", "-").out)
    again = json.loads(run("diagnose", sketch, "--json", "-").out)
    for block in ("verdict", "norms", "paper", "sphere", "spectrum"):
        assert again[block] == data[block], block


def test_shards_are_one_data_set(run, rows, gaussian, tmp_path) -> None:
    np.save(tmp_path / "shard-0.npy", rows[:250])
    np.save(tmp_path / "shard-1.npy", rows[250:])
    whole = json.loads(run("diagnose", gaussian, "--json", "-").out)
    for words in ([f"{tmp_path}/shard-*.npy"], [tmp_path / "shard-0.npy", tmp_path / "shard-1.npy"]):
        parts = json.loads(run("diagnose", *words, "--json", "-").out)
        assert parts["paper"] == whole["paper"]
        assert parts["n_samples"] == 600


def test_compare_puts_them_side_by_side(run, gaussian, exponential) -> None:
    ended = run("compare", exponential, gaussian)
    assert ended.status == 0
    assert "✗ exponential: Departure from a Gaussian" in ended.out
    assert "✓ gaussian: Consistent with a Gaussian" in ended.out
    assert "What moved from exponential to gaussian" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    plain = json.loads(run("compare", exponential, gaussian, "--json", "-").out)
    assert plain["schema"] == "thinshell/comparison/1"
    assert [d["verdict"] for d in plain["diagnoses"]] == ["departure", "consistent"]


def test_compare_takes_sketches_and_data(run, gaussian, exponential, tmp_path) -> None:
    sketch = tmp_path / "g.sketch.safetensors"
    run("diagnose", gaussian, "--save-sketch", sketch, "--quiet")
    plain = json.loads(run("compare", exponential, sketch, "--json", "-").out)
    assert plain["names"] == ["exponential", "g"]


@pytest.mark.parametrize("name", ["exponential", "gaussian"])
def test_page_fits_80_columns_when_piped(shell, name, request) -> None:
    ended = shell("diagnose", request.getfixturevalue(name))
    assert (ended.status, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "\x1b" not in ended.out


def test_ascii_locale(shell, exponential) -> None:
    ended = shell("diagnose", exponential, PYTHONIOENCODING="ascii", COLUMNS="100")
    assert ended.status == 0
    assert ended.out.isascii()
    assert ended.out.startswith("x Departure")


def test_starts_fast(shell) -> None:
    """Half a second is the promise; in processor time, because other tests run beside this one."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert shell("--help").status == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5


def test_main_returns_and_never_exits(gaussian) -> None:
    assert main(["diagnose", str(gaussian), "--quiet"]) == 0
