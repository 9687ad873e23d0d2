import copy
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import thinshell
from thinshell.report.notebook import comparison_html, diagnosis_html

EVIL = "<script>alert(1)</script>"


class Outline(HTMLParser):
    """The tags of a page, each closed in its turn, its text, and the cells of its tables."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text, self.rows = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_summary_of_a_diagnosis(diagnosis):
    outline = Outline(diagnosis_html(diagnosis))
    text = "".join(outline.text)
    assert "✗ Departure from a Gaussian: AD Avg. is 11.9, above 0.752, and 0 % of the coordinates" in text
    assert "emb.npy, 10,000 rows × 64 features, float16" in text
    assert "Paper protocol: 250 rows per test × 20 repeats, seed 0, rows as they are" in text
    assert "All rows: Departure from a Gaussian: Anybody with more than about 40 rows" in text
    assert "Look next: skewed coordinates with many zeros: are these ReLU outputs?" in text
    assert ["CV", "0.130", "0.088", "0.000"] in outline.rows
    assert ["AD Avg. (< 0.752)", "11.87", "0.38", "0.38", "[11.20, 12.60]"] in outline.rows
    assert [attributes.get("scope") for tag, attributes in outline.tags if tag == "th"].count("row") == 5


def test_full_protocol_alone_and_notes(diagnosis):
    diagnosis |= {"paper": None, "n_dropped_nonfinite": 3}
    text = "".join(Outline(diagnosis_html(diagnosis)).text)
    assert "Full protocol: all 10,000 rows, rows as they are" in text
    assert "detectable at, rows" in text
    assert "note: 3 rows with NaN or infinity were dropped" in text


def test_summary_of_a_comparison(comparison):
    outline = Outline(comparison_html(comparison))
    text = "".join(outline.text)
    assert "✗ before.npy: Departure from a Gaussian" in text
    assert "✓ after.npy: Consistent with a Gaussian: AD Avg. is 0.38." in text
    assert ["before.npy", "after.npy", "exact Gaussian"] in outline.rows
    assert ["AD Avg. (< 0.752)", "11.87", "0.38", "0.38"] in outline.rows
    assert ["  expected", "0.088", "0.088"] in [row[:3] for row in outline.rows]
    assert "What moved from before.npy to after.npy" in text
    assert "→ norms.cv: 0.13 → 0.0884" in text
    comparison["differences"][0]["moved"] = []
    comparison["diagnoses"] = [one | {"paper": None} for one in comparison["diagnoses"]]
    text = "".join(Outline(comparison_html(comparison)).text)
    assert "nothing beyond its interval" in text
    assert "rows as they are" in text


def everywhere(value):
    """Return the result with the evil text in place of every text."""
    if isinstance(value, dict):
        return {key: everywhere(item) for key, item in value.items()}
    if isinstance(value, list):
        return [everywhere(item) for item in value]
    return EVIL if isinstance(value, str) else value


@pytest.mark.parametrize("protocols", [("paper", "full"), ("full",)])
def test_text_from_data_is_escaped(diagnosis, comparison, protocols):
    diagnosis["source"]["notices"] = ["a notice"]
    for key in {"paper", "full"} - set(protocols):
        diagnosis[key] = None
    pages = [
        diagnosis_html(everywhere(copy.deepcopy(diagnosis))),
        comparison_html(everywhere(copy.deepcopy(comparison))),
    ]
    for page in pages:
        outline = Outline(page)
        assert "<script" not in page
        assert {tag for tag, _ in outline.tags} <= {
            "div", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td",
        }  # fmt: skip
        assert {name for _, attributes in outline.tags for name in attributes} <= {"class", "style", "scope"}
        assert EVIL in "".join(outline.text)
        # Alone in its output: nothing is fetched, and neither text nor background has a colour that hides the other.
        assert "url(" not in page
        assert "http" not in page
        assert not [a["style"] for _, a in outline.tags if "background:#" in a.get("style", "")]


def test_objects_show_themselves():
    rng = np.random.default_rng(0)
    both = {EVIL: rng.exponential(size=(500, 4)), "b": rng.standard_normal((500, 4))}
    comparison = thinshell.compare(both, protocol="paper", repeats=2)
    assert comparison._repr_html_() == comparison_html(comparison.to_dict())
    first = comparison.diagnoses[0]
    assert first._repr_html_() == diagnosis_html(first.to_dict())
    assert "&lt;script&gt;" in first._repr_html_()
    assert "<script" not in comparison._repr_html_()


def test_a_diagnosis_does_not_load_the_report():
    code = "import sys, thinshell; thinshell.diagnose([[i % 7, i] for i in range(99)]); sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
