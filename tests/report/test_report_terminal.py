"""A diagnosis on the page: what stands where, on any terminal, whatever is missing."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.report import ReportConsole, print_diagnosis
from thinshell.report.wording import notes

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def page(result: dict[str, Any], width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_diagnosis(result, ReportConsole(file, width=width))
    return raw.getvalue().decode(encoding)


def line_with(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


def test_first_line_is_the_verdict_in_a_sentence(diagnosis) -> None:
    first = page(diagnosis).splitlines()[0]
    assert first == "✗ Departure from a Gaussian: AD Avg. is 11.9, above 0.752, and 0 % of the"


def test_reads_like_table_1_with_both_references(diagnosis) -> None:
    lines = page(diagnosis).splitlines()
    rows = [" ".join(line.split()) for line in lines]
    start = rows.index("Paper protocol 250 rows per test × 20 repeats, seed 0, rows as they are")
    assert rows[start + 1 : start + 9] == [
        "exact uniform",
        "yours Gaussian sphere 95 % interval",
        "─" * 72,
        "CV 0.130 0.088 0.000",
        "AD Avg. (< 0.752) 11.87 0.38 0.38 [11.20, 12.60]",
        "AD Norm. Feat. 0 % 100 % 100 %",
        "DP Avg. (> 0.05) 2.2e-6 0.50 0.50",
        "DP Norm. Feat. 3.1 % 100 % 100 %",
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("none", "rows as they are"),
        ("l2", "rows l2-normalised"),
        ("zscore", "columns z-scored"),
        ("whiten", "whitened"),
    ],
)
def test_normalisation_is_always_printed(diagnosis, kind, words) -> None:
    text = page(diagnosis | {"normalize": kind})
    assert line_with(text, "Paper protocol").endswith(words)
    assert line_with(text, "Full protocol").endswith(words)


def test_full_protocol_has_effect_sizes_and_detectable_at(diagnosis) -> None:
    text = page(diagnosis)
    assert "Full protocol   all 10,000 rows, sorted values" in text
    assert line_with(text, "|skewness|").split()[-3:] == ["0.019", "[1.710,", "2.140]"]
    assert line_with(text, "detectable at").split()[2:] == ["rows", "40", "-", "50,000", "[35,", "48]"]
    assert "from the sketch" in page(diagnosis | {"full": diagnosis["full"] | {"exact": False}})


def test_checks_say_verdict_in_words_and_departures_first(diagnosis) -> None:
    text = page(diagnosis)
    body = text[text.index("\nChecks") :]
    marks = [line.split()[:2] for line in body.splitlines() if line[2:3] in tuple("✗?✓–")]
    assert marks == [["✗", "departure"], ["?", "inconclusive"], ["✓", "consistent"], ["–", "not"]]
    assert "→ Look at the histogram of the worst coordinates" in body
    assert "CV 0.130 against 0.126 expected." not in body  # a passed check is one line


def test_notes_tell_what_was_left_out(diagnosis) -> None:
    diagnosis["source"]["notices"] = ["integers (int64) are taken as float64"]
    diagnosis |= {"n_dropped_nonfinite": 3, "constant_features": {"indices": list(range(12)), "count": 12}}
    diagnosis["duplicates"] = {"share": 0.125, "n_checked": 4096}
    text = page(diagnosis, width=120)
    assert "note: integers (int64) are taken as float64" in text
    assert "note: 3 rows with NaN or infinity were dropped" in text
    assert "12 features are constant and left out of the tests: 0, 1, 2, 3, 4, 5, 6, 7, ..." in text
    assert "note: 12.5 % of 4,096 rows checked are duplicates" in text


def test_norms_not_applicable_says_why(diagnosis) -> None:
    diagnosis["norms"] = {"applicable": False, "reason": "The rows have length 1.", "cv": 0.0}
    text = page(diagnosis)
    assert "Norms   not applicable\n  The rows have length 1." in text
    assert line_with(text, "  CV ").split()[:2] == ["CV", "n/a"]


@pytest.mark.parametrize("missing", ["paper", "full", "norms", "sphere", "spectrum", "checks", "hints"])
def test_a_missing_block_leaves_the_others(diagnosis, missing) -> None:
    whole = page(diagnosis)
    text = page(diagnosis | {missing: None})
    assert text.splitlines()[0] == whole.splitlines()[0]
    assert len(text) < len(whole)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_asked_nor_ends_in_blanks(diagnosis, width) -> None:
    lines = page(diagnosis, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]


def test_at_80_columns_nothing_is_cut(diagnosis) -> None:
    assert "…" not in page(diagnosis, width=80)


def test_ascii_locale_gets_ascii(diagnosis) -> None:
    diagnosis["source"]["name"] = "einbettung-größe.npy"
    text = page(diagnosis, encoding="ascii")
    assert text.startswith("x Departure from a Gaussian")
    assert r"einbettung-gr\xf6\xdfe.npy, 10,000 rows x 64 features" in text
    assert re.search(r"yours +[.:=+*#@-]+ +CV 0.13", text)


def test_names_are_neither_markup_nor_escape_sequences(diagnosis) -> None:
    diagnosis["source"]["name"] = "[red]x[/red]\x1b[31m:smile:\n.npy"
    diagnosis["checks"][0]["message"] = "[bold]not bold[/]"
    text = page(diagnosis)
    assert r"[red]x[/red]\x1b[31m:smile:\n.npy, 10,000 rows" in text
    assert "[bold]not bold[/]" in text
    assert "\x1b" not in text


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"TERM": "xterm-256color"}, True), ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False)],
)
def test_colour_only_where_wanted(diagnosis, monkeypatch, variables, coloured) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    file = Terminal()
    print_diagnosis(diagnosis, ReportConsole(file, width=80))
    colours = {code for code in ANSI.findall(file.getvalue()) if re.search(r"[\[;]3[0-7]", code)}
    assert bool(colours) is coloured
    assert "Departure from a Gaussian" in ANSI.sub("", file.getvalue())


def test_dumb_terminal_gets_no_escape_at_all(diagnosis, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    file = Terminal()
    print_diagnosis(diagnosis, ReportConsole(file))
    assert "\x1b" not in file.getvalue()


NUMBER_PATHS = ("norms", "paper", "full", "sphere", "spectrum")


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_number_may_be_null_or_extreme(pristine, data) -> None:
    extreme = st.sampled_from([None, float("nan"), float("inf"), 0.0, -1e300, 1e-300, 1e300])
    result = dict(pristine)
    for block in NUMBER_PATHS:
        numbers = [k for k, v in pristine[block].items() if isinstance(v, float | int) and k != "applicable"]
        chosen = data.draw(st.sets(st.sampled_from(numbers)))
        result[block] = pristine[block] | {key: data.draw(extreme) for key in chosen}
    text = page(result)
    assert text.startswith("✗ Departure from a Gaussian")
    assert "nan" not in text


@pytest.mark.parametrize(
    ("resolved", "words"),
    [
        (36, "the 36 leading eigenvalues are resolved"),
        (1, "leading eigenvalue is resolved"),
        (0, "no eigenvalue stands"),
    ],
)
def test_a_randomised_spectrum_is_said_to_be_one(diagnosis, resolved, words):
    diagnosis["spectrum"] |= {"method": "randomised", "n_resolved": resolved, "n_test_vectors": 512}
    note = next(note for note in notes(diagnosis) if note.startswith("spectrum"))
    assert "randomised Nyström (512 test vectors)" in note
    assert words in note
    diagnosis["spectrum"]["method"] = "eigendecomposition"
    assert not [note for note in notes(diagnosis) if note.startswith("spectrum")]
