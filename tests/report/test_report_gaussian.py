"""A fitted model, scored rows and whitened rows on the terminal: what stands first, and whatever is missing."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thinshell.cli import main
from thinshell.report import ReportConsole, print_fit, print_scores, print_whitening
from thinshell.report.gaussian_panels import batch_of

PRINT = {"fit": print_fit, "scores": print_scores, "whitening": print_whitening}


def text_of(result: dict[str, Any], width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    PRINT[result["schema"].split("/")[1]](result, ReportConsole(file, width=width))
    return raw.getvalue().decode(encoding)


def cells(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture(params=["fit", "scores", "whitening"])
def result(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return one of each."""
    return request.getfixturevalue(request.param)


def test_a_fit_opens_with_its_calibration_and_what_was_fitted(fit) -> None:
    lines = cells(text_of(fit, width=120))
    assert lines[0].startswith("✗ The data have heavier tails than the model: 6.7 % of 1,000 held-out rows lie beyond")
    assert "emb.parquet, 900 rows × 65 features, 1,000 more held out" in lines
    assert "Gaussian of rank 64, covariance: Ledoit-Wolf, 1.23 % shrinkage → model.safetensors" in lines
    assert "note: Column 5 is constant: left out." in lines
    assert "note: the quartic term is estimated from 500 rows" in lines


def test_calibration_is_a_table_beside_what_is_expected(fit) -> None:
    lines = cells(text_of(fit))
    start = lines.index("observed expected chi-square")
    assert lines[start + 2 : start + 6] == [
        "beyond the 99 % radius 6.7 % 1.13 % 1 %",
        "beyond the 99.9 % radius 0 % 0.13 % 0.1 %",
        "squared distance, mean 66.2 69 64",
        "squared distance, variance 598.4 160.5 128",
    ]
    for line in ("entropy 81.2 nats, 1.83 bits a dimension", "effective rank 31.2", "rank 64"):
        assert line in lines


@pytest.mark.parametrize(
    ("verdict", "mark"), [("calibrated", "✓"), ("lighter tails", "✗"), ("shifted", "✗"), ("inconclusive", "?")]
)
def test_the_mark_is_that_of_the_verdict(fit, verdict, mark) -> None:
    fit["calibration"] |= {"verdict": verdict, "sentence": "90 rows are too few; nothing was found: give more."}
    assert text_of(fit).startswith(f"{mark} 90 rows are too few: nothing was found: give more.")


def test_no_calibration_is_told(fit) -> None:
    assert text_of(fit | {"calibration": None}).startswith("– Fitted, but not calibrated: no rows were held out")
    classes = [{"label": f"c{place}\x1b", "n": 10} for place in range(25)]
    text = text_of(fit | {"calibration": None, "kind": "ClassConditionalGaussian", "classes": classes})
    assert text.startswith("– A Gaussian for each of 25 classes is fitted")
    assert "c19\\x1b" in text
    assert "c20" not in text
    assert "5 more are in the JSON" in text


def test_many_degenerate_columns_are_counted(fit) -> None:
    fit["degenerate"] = [{"kind": "duplicate", "text": f"Column {place} is a copy."} for place in range(20)]
    text = text_of(fit)
    assert text.count("is a copy.") == 8
    assert "12 more findings of this kind" in text


def test_scores_open_with_the_odd_rows_chance_and_the_batch(scores) -> None:
    first = " ".join(text_of(scores).split("\n  new.parquet")[0].split())
    assert first == (
        "✗ 3 of 500 rows are odd at a false discovery rate of 5 %: 30 have a p-value below 5 %, where chance gives 25. "
        "The rows as a whole do not look shifted: on average 50 % of the model's own rows lie nearer to the mean "
        "(50 % expected)."
    )


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "✓ None of 500 rows is odd"), (1, "✗ 1 of 500 rows is odd"), (500, "✗ All of 500 rows are odd")],
)
def test_the_sentence_counts(scores, n, words) -> None:
    scores["discoveries"]["n"] = n
    assert text_of(scores).startswith(words)


@pytest.mark.parametrize(
    ("counts", "kind"),
    [
        ([20] * 10 + [30] * 10, "farther"),
        ([30] * 10 + [20] * 10, "nearer"),
        ([50] * 4 + [8, 9] * 6 + [50] * 4, "wider"),
        ([10] * 5 + [40] * 10 + [10] * 5, "narrower"),
        ([24, 26] * 10, "alike"),
    ],
)
def test_a_batch_that_is_moved_or_spread_is_told_as_one(scores, counts, kind) -> None:
    scores["pit"]["counts"] = counts
    batch = batch_of(scores)
    assert batch is not None
    assert batch.kind == kind
    scores["discoveries"]["n"] = 0
    assert text_of(scores).startswith("✓" if kind == "alike" else "✗")


def test_the_error_of_the_model_is_allowed_for(scores) -> None:
    scores["pit"] |= {"counts": [24_000] * 10 + [26_000] * 10, "expected": [25_000.0] * 20}
    scores["model"] |= {"n_samples": 10_000_000}
    assert batch_of(scores).kind == "farther"
    scores["model"] |= {"n_samples": 200}
    assert batch_of(scores).kind == "alike"


def test_the_oddest_rows_are_a_table(scores) -> None:
    lines = cells(text_of(scores))
    start = lines.index("row id squared distance p-value typicality")
    assert lines[start + 2 : start + 5] == [
        "1017 img_17 393 < 1e-300 18.7",
        r"1018 \x1b[31mred 393 1.0e-47 18.7",
        "1019 <script>alert(1)</script> 393 2.0e-47 18.7",
    ]
    assert "too near the mean (typicality below -3) 2 0.7" in lines
    assert "p-value below 0.1 % 4 0.5" in lines
    assert "log-density nats low 0.5 0.25" in lines
    assert "typicality standard deviations both 0.5 0.25" in lines


def test_without_ids_there_is_no_column_of_them(scores) -> None:
    scores["top"] = [entry | {"id": None} for entry in scores["top"]]
    assert "row squared distance p-value typicality" in cells(text_of(scores))


def test_a_long_id_keeps_its_ends(scores) -> None:
    scores["top"][0]["id"] = "a/very/long/path/" * 9 + "x.png"
    text = text_of(scores, width=60)
    assert "..png" in text
    assert max(map(len, text.splitlines())) <= 60


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (None, "never checked on held-out rows"),
        ("inconclusive", "too few held-out rows"),
        ("heavier tails", "badly (heavier tails)"),
    ],
)
def test_a_model_that_is_not_calibrated_is_a_note(scores, verdict, words) -> None:
    scores["model"]["calibration_verdict"] = verdict
    assert words in " ".join(text_of(scores).split())


def test_a_model_of_classes_calls_no_row_odd(scores) -> None:
    gone = dict.fromkeys(["pit", "far", "discoveries", "near"])
    top = [{"row": 3, "id": None, "relative_mahalanobis": 12.5, "class_mahalanobis": 80.0}]
    text = text_of(scores | gone | {"by": "relative_mahalanobis", "top": top})
    assert text.startswith("– 500 rows are scored. The oddest come first by relative distance; without\n  p-values no")
    assert "row relative distance class distance" in cells(text)


def test_whitening_is_before_and_after(whitening) -> None:
    lines = cells(text_of(whitening))
    assert lines[0] == "✓ Whitened: the mean cosine of two rows went from 0.610 to 0.002. Uniformity"
    assert "ZCA, 510 columns → white.npy" in lines
    assert "note: 2 eigenvalues were raised to the floor." in lines
    assert "uniformity -2.10 -3.97" in lines
    assert "mean cosine of two rows 0.610 0.002" in lines


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_and_is_ascii_where_asked(result, width, encoding) -> None:
    lines = text_of(result, width, encoding).splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip() or "…" in line]


def test_the_command_prints_a_kept_result(result, tmp_path, capsys) -> None:
    (tmp_path / "kept.json").write_text(json.dumps(result))
    assert main(["report", str(tmp_path / "kept.json")]) == 0
    assert capsys.readouterr().out == text_of(result)


def test_the_command_says_that_whitening_has_no_page(whitening, tmp_path, capsys) -> None:
    (tmp_path / "kept.json").write_text(json.dumps(whitening))
    assert main(["report", str(tmp_path / "kept.json"), "--html", str(tmp_path / "page.html")]) == 2
    assert "whitening, which has no page" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "page.html").exists()


HOSTILE = "[red]x[/red]\x1b[31m\x07:smile:\n\r"


def test_no_text_of_a_file_drives_the_terminal(result) -> None:
    text = text_of(_everywhere(result, HOSTILE) | {"schema": result["schema"]}, width=120)
    assert not {"\x1b", "\x07", "\r"} & set(text)
    assert r"\x1b[31m" in text


def _everywhere(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: _everywhere(entry, text) for key, entry in value.items()}
    if isinstance(value, list):
        return [_everywhere(entry, text) for entry in value]
    return text if isinstance(value, str) else value


def test_any_field_may_be_null(result) -> None:
    for path in _paths(result):
        assert "None" not in text_of(_with(result, path, None)), path
    assert text_of({"schema": result["schema"]})


@given(data=st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_may_be_null_or_extreme(result, data) -> None:
    extreme = st.sampled_from([None, float("nan"), float("inf"), 0.0, -1e300, 1e-300, 1e300])
    numbers = [path for path, value in _paths(result).items() if isinstance(value, float)]
    changed = result
    for path in data.draw(st.sets(st.sampled_from(numbers), max_size=12)):
        changed = _with(changed, path, data.draw(extreme))
    assert text_of(changed)


def _paths(value: Any, here: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    found = {} if here in ((), ("schema",)) else {here: value}
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        # Of long lists the first is like the others.
        if not isinstance(key, int) or key == 0:
            found |= _paths(entry, (*here, key))
    return found


def _with(result: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(result)
    place = changed
    for key in path[:-1]:
        if place[key] is None:
            return changed
        place = place[key]
    if isinstance(place, dict | list):
        place[path[-1]] = value
    return changed


def test_a_fitted_law_of_the_distances_is_told_instead_of_the_verdict_on_a_gaussian() -> None:
    law = {"name": "gamma", "parameters": {"shape": 9.0, "scale": 57.0}}
    fit = {
        "schema": "thinshell/fit/1",
        "radius": law,
        "calibration": {"verdict": "heavier tails", "sentence": "Heavy."},
    }
    assert "follow a gamma law" in " ".join(cells(text_of(fit)))
    model = {
        "path": "m.safetensors",
        "kind": "GaussianModel",
        "radius": "gamma",
        "calibration_verdict": "heavier tails",
    }
    scores = {"schema": "thinshell/scores/1", "n_samples": 9, "discoveries": {"level": 0.05, "n": 1}, "model": model}
    shown = " ".join(cells(text_of(scores)))
    assert "distances by a gamma law" in shown
    assert "no probabilities" not in shown
