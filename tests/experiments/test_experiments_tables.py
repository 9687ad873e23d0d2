"""What is compared, and how tables read."""

from __future__ import annotations

import io

import pytest

from thinshell.experiments.experiment import Comparison
from thinshell.experiments.markdown import markdown_table, to_markdown
from thinshell.experiments.tabulate import comparison_table, verdict_sentence
from thinshell.experiments.terminal import print_reproduction
from thinshell.report.console import ReportConsole


@pytest.mark.parametrize(
    ("ours", "reference", "tolerance", "within"),
    [
        (0.11, 0.08, 0.03, True),  # .11 - .08 is .03000000000000000 and a bit
        (0.05, 0.08, 0.03, True),
        (0.1101, 0.08, 0.03, False),
        (None, 0.08, 0.03, None),
        (0.08, None, 0.03, None),
        (0.08, 0.08, None, None),
    ],
)
def test_within(ours, reference, tolerance, within) -> None:
    assert Comparison("laplace", "CV", ours, reference, tolerance).within is within


def test_a_comparison_as_plain_data() -> None:
    plain = Comparison("gmm", "AD Avg.", 0.5, 0.39, 0.06, 0.38).to_dict()
    assert plain == {
        "where": "gmm",
        "what": "AD Avg.",
        "ours": 0.5,
        "reference": 0.39,
        "tolerance": 0.06,
        "baseline": 0.38,
        "kind": "number",
        "within": False,
    }


BOTH = [
    Comparison("laplace", "CV", 0.0563, 0.08, 0.03, 0.0559, "cv"),
    Comparison("laplace", "AD Norm. Feat.", 0.93, 1.0, 0.06, 1.0, "share"),
]


def test_a_comparison_table_gives_ours_theirs_epoch_0_and_a_verdict() -> None:
    table = comparison_table(BOTH, "paper", "Table 1")
    assert table.header == ["", "", "ours", "paper", "epoch 0", "allowed", "verdict"]
    assert table.rows == [
        ["laplace", "CV", "0.056", "0.08", "0.056", "0.03", "within"],
        ["", "AD Norm. Feat.", "93 %", "100 %", "100 %", "6 %", "outside"],
    ]
    assert table.notes == ["1 of 2 numbers within what is allowed"]


def test_empty_columns_are_left_out() -> None:
    table = comparison_table([Comparison("d = 32", "mean norm", 5.0, 11)], "paper", "norms")
    assert (table.header, table.rows) == (["", "", "ours", "paper"], [["d = 32", "mean norm", "5.00", "11"]])
    assert verdict_sentence([]) == ""


def test_markdown_lines_up_and_escapes() -> None:
    lines = list(markdown_table(["", "ours"], [["|Wx|", "0.5"], ["CV", "12.25"]]))
    assert lines == [
        "|        |  ours |",
        "|--------|------:|",
        r"| \|Wx\| |   0.5 |",
        "| CV     | 12.25 |",
    ]


RESULT = {
    "experiment": "table1",
    "summary": "norms",
    "place": "Table 1",
    "quick": True,
    "seed": 3,
    "comparisons": [one.to_dict() for one in BOTH],
    "tables": [comparison_table(BOTH, "paper", "Ours beside the paper's").to_dict()],
    "notes": ["Say this."],
    "choices": [
        {"setting": "gmm.batch_size", "value": 128, "reason": "as stated"},
        {"setting": "binary.batch_size", "value": 128, "reason": "as stated"},
        {"setting": "gmm.bias", "value": False, "reason": "measured"},
        {"setting": "densities", "value": [0.1, 0.2], "reason": "a sweep"},
    ],
    "pictures": ["numbers.png", "numbers.svg"],
    "about": {
        "command": "thinshell reproduce table1",
        "commit": "abc",
        "uncommitted_changes": True,
        "versions": {"thinshell": "0.1.0", "kornia": None},
        "machine": {"system": "Linux", "processor": "x86_64", "cpus": 2, "threads": 1, "gpu": "H100"},
        "seconds": 1234.5,
    },
    "paper": {"authors": "Betser", "title": "InfoNCE", "venue": "ICLR 2026", "arxiv": "2602.24012v2"},
}


def test_the_page_holds_numbers_choices_and_origin() -> None:
    page = to_markdown(RESULT)
    for words in (
        "# table1: norms (Table 1 of the paper)",
        "**Quick settings",
        "| laplace | CV             | 0.056 |  0.08 |   0.056 |    0.03 | within  |",
        "1 of 2 numbers within what is allowed.",
        "![numbers](numbers.png)",
        "- Say this.",
        "| batch_size (gmm, binary) | 128",
        "| bias (gmm)               | no",
        "| densities                | 0.1, 0.2",
        "- Command: `thinshell reproduce table1`, seed 3",
        "- Commit: abc, with uncommitted changes",
        "- Machine: Linux x86_64, 2 CPUs, 1 threads, H100",
        "- Time: 1,234 s",
        "arXiv 2602.24012v2",
    ):
        assert words in page
    assert "kornia" not in page


def test_outside_a_checkout_the_page_says_so() -> None:
    about = RESULT["about"] | {"commit": None, "uncommitted_changes": None}
    assert "- Commit: not from a checkout" in to_markdown(RESULT | {"about": about})


def drawn(result, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    console = ReportConsole(io.TextIOWrapper(raw, encoding=encoding, write_through=True), width=width)
    print_reproduction(result, console)
    return raw.getvalue().decode(encoding)


def test_the_terminal_shows_verdicts_with_words_and_marks() -> None:
    text = drawn(RESULT)
    assert "? table1: 1 of 2 numbers within what is allowed" in text
    assert "✓ within" in text
    assert "✗ outside" in text
    assert "note: Say this." in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_terminal_in_ascii() -> None:
    text = drawn(RESULT, encoding="ascii")
    assert "+ within" in text
    assert "x outside" in text


def test_a_wide_table_is_split_with_its_first_column_before_each_part() -> None:
    header = ["density", *(f"a number {place}" for place in range(9))]
    table = {"title": "Wide", "header": header, "rows": [["0.003", *"123456789"]], "notes": []}
    text = drawn({"experiment": "x", "summary": "y", "tables": [table]}, width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("0.003") == 3
    for place in range(9):
        assert f"a number {place}" in text
