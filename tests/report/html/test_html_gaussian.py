"""Pages of a fitted model and of scored rows: what they say, what the charts hold, every name escaped."""

import html.parser
import json
import re

import pytest

from thinshell.errors import InputError
from thinshell.report.html import html_page

HOSTILE = "<script>alert(1)</script>"
ATTRIBUTE = '"><img src=x onerror=alert(2)>'


class Reader(html.parser.HTMLParser):
    """Collects elements and the text outside of scripts and styles."""

    def __init__(self):
        super().__init__()
        self.tags, self.words, self._silent = [], [], None

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._silent = tag

    def handle_endtag(self, tag):
        if tag == self._silent:
            self._silent = None

    def handle_data(self, data):
        if self._silent is None:
            self.words.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def words_of(page):
    return " ".join(" ".join(read(page).words).split())


def embedded(page, name):
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S).group(1))


@pytest.fixture(params=["fit", "scores"])
def result(request):
    return request.getfixturevalue(request.param)


def test_it_holds_the_result_and_asks_nobody(result):
    page = html_page(result)
    assert embedded(page, "result") == result
    reader = read(page)
    links = [value for _, attrs in reader.tags for key, value in attrs.items() if key in ("src", "href")]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert page == html_page(json.loads(json.dumps(result)))


def test_its_tables_have_captions_and_its_pictures_words(result):
    reader = read(html_page(result))
    names = [tag for tag, _ in reader.tags]
    assert names.count("table") == names.count("caption") >= 2
    plots = [attrs for _, attrs in reader.tags if attrs.get("class") == "plot"]
    assert len(plots) == (2 if result["schema"].startswith("thinshell/fit") else 1)
    assert all(len(plot["aria-label"]) > 100 and plot["role"] == "img" for plot in plots)


def test_a_fit_says_what_it_is_worth(fit):
    words = words_of(html_page(fit))
    assert "✗ The data have heavier tails than the model 6.7 % of 1,000 held-out rows" in words
    assert "Note: Column 5 is constant: left out." in words
    assert "beyond the 99 % radius 6.7 % 1.13 % 1 %" in words
    assert "Ledoit-Wolf, 1.23 % shrinkage" in words
    assert "Do held-out rows lie where the model says? No: 19 of 20 bars end inside the band" in words
    assert "at 0 % to 5 %: 120 rows where 50 are expected." in words
    assert "Effective rank 31.2" in words
    assert "abc1234" in words


def test_every_bin_and_eigenvalue_is_in_the_charts(fit):
    charts, histogram = embedded(html_page(fit), "charts"), fit["calibration"]["histogram"]
    bars, band, steps = charts["calibration"]["layer"]
    for key, name in (("value", "counts"), ("expected", "expected"), ("low", "low"), ("high", "high")):
        assert [bar[key] for bar in bars["data"]["values"]] == histogram[name]
    ends = [(one["value"], one["high"]) for one in band["data"]["values"]]
    assert ends == list(zip(histogram["low"], histogram["high"], strict=True))
    assert [step["left"] for step in steps["data"]["values"]] == histogram["edges"]
    shares = [row["share"] for row in charts["spectrum"]["layer"][0]["data"]["values"]]
    assert len(shares) == 64
    assert sum(shares) == pytest.approx(1)


def test_scores_say_which_rows_are_odd(scores):
    page = html_page(scores)
    words = words_of(page)
    assert "✗ 3 of 500 rows are odd at a false discovery rate of 5 %" in words
    assert "Yes: 20 of 20 bars end inside the band" in words
    assert "1017 img_17 -200 393 < 1e-300 18.7" in words
    assert "too near the mean (typicality below -3) 2 0.7" in words
    assert "What mahalanobis says." in words
    assert "thinshell fit emb.parquet" in words
    assert [bar["value"] for bar in embedded(page, "charts")["scored"]["layer"][0]["data"]["values"]] == [25] * 20


def test_without_pvalues_there_is_no_histogram(scores):
    gone = dict.fromkeys(["pit", "far", "discoveries", "near"])
    page = html_page(scores | gone | {"by": "relative_mahalanobis"})
    assert embedded(page, "charts") == {}
    assert "500 rows are scored" in words_of(page)
    assert "false discovery rate" not in words_of(page)


def test_without_calibration_the_spectrum_stays(fit):
    page = html_page(fit | {"calibration": None})
    assert list(embedded(page, "charts")) == ["spectrum"]
    assert "Fitted, but not calibrated" in words_of(page)


@pytest.mark.parametrize("name", [HOSTILE, ATTRIBUTE, "{{ 7 * 7 }}", "a & b", "<!--"])
def test_names_are_text(result, name):
    plain = read(html_page(result))
    reader = read(html_page(everywhere(result, name) | {"schema": result["schema"]}))
    assert [tag for tag, _ in reader.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert not any(tag == "img" or "onerror" in attrs for tag, attrs in reader.tags)
    assert sum(name in words for words in reader.words) >= 8


def everywhere(value, text):
    if isinstance(value, dict):
        return {key: everywhere(entry, text) for key, entry in value.items()}
    if isinstance(value, list):
        return [everywhere(entry, text) for entry in value]
    return text if isinstance(value, str) else value


def test_blocks_may_be_null_and_lists_empty(result):
    for key, value in result.items():
        if key != "schema":
            for nothing in (None, [] if isinstance(value, list) else {} if isinstance(value, dict) else None):
                page = html_page(result | {key: nothing})
                assert "None" not in [words.strip() for words in read(page).words], key
    assert html_page({"schema": result["schema"]}).startswith("<!doctype html>")


def test_whitening_has_no_page(whitening):
    with pytest.raises(InputError, match="result is a whitening, which has no page: leave --html out"):
        html_page(whitening)
