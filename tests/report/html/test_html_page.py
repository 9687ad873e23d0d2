"""Pages as text: complete, the same for the same result, and with every name escaped."""

import copy
import html.parser
import json
import re

import numpy as np
import pytest

import thinshell as ts
from thinshell.errors import InputError, InputTypeError
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


def embedded(page, name):
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S).group(1))


@pytest.fixture(scope="module")
def result():
    rows = np.random.default_rng(0).standard_normal((600, 6))
    return ts.diagnose(rows, name="mine").to_dict()


@pytest.fixture(scope="module")
def page(result):
    return html_page(result)


def test_it_holds_the_result_and_asks_nobody(page, result):
    assert embedded(page, "result") == json.loads(json.dumps(result))
    reader = read(page)
    links = [value for _, attrs in reader.tags for key, value in attrs.items() if key in ("src", "href")]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "@import" not in page.split("<script>")[0]
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_its_tables_have_captions_and_its_pictures_words(page):
    reader = read(page)
    names = [tag for tag, _ in reader.tags]
    assert names.count("table") == names.count("caption") > 2
    plots = [attrs for _, attrs in reader.tags if attrs.get("class") == "plot"]
    assert len(plots) == 8
    assert all(len(plot["aria-label"]) > 20 and plot["role"] == "img" for plot in plots)


def test_the_same_result_gives_the_same_bytes_also_after_json(page, result):
    assert html_page(json.loads(json.dumps(result))) == page


def test_numbers_are_those_of_the_result(page, result):
    words = " ".join(read(page).words)
    assert f"{result['paper']['ad_avg']:.2f}" in words
    assert f"{result['norms']['cv']:.3f}" in words
    assert result["reason"] in words
    assert result["look_next"] in words


def test_every_bin_and_point_is_in_the_charts(page, result):
    charts = embedded(page, "charts")
    bars = charts["norms"]["layer"][0]["data"]["values"]
    assert [bar["value"] for bar in bars] == result["norms"]["histogram"]["counts"]
    points = charts["coordinates"]["layer"][1]["data"]["values"]
    assert [point["ad"] for point in points] == result["coordinates"]["paper_ad"]
    assert [point["kurtosis"] for point in points] == result["coordinates"]["excess_kurtosis"]
    shares = [row["share"] for row in charts["spectrum"]["layer"][0]["data"]["values"]]
    values = np.array(result["spectrum"]["eigenvalues"])
    np.testing.assert_allclose(shares, values / values.sum(), rtol=1e-9)


@pytest.mark.parametrize("name", [HOSTILE, ATTRIBUTE, "{{ 7 * 7 }}", "a & b", "<!--"])
def test_names_are_text(result, name):
    hostile = copy.deepcopy(result)
    hostile["source"] = {**hostile["source"], "name": name, "paths": [name]}
    hostile["coordinates"]["names"] = [f"{name}{i}" for i in range(6)]
    hostile["reason"] = hostile["look_next"] = hostile["command"] = name
    hostile["checks"][0]["title"] = name
    page = html_page(hostile)
    reader = read(page)
    plain = read(html_page(result))
    assert [tag for tag, _ in reader.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert not any(tag == "img" or "onerror" in attrs for tag, attrs in reader.tags)
    assert sum(name in words for words in reader.words) >= 8
    assert embedded(page, "result")["coordinates"]["names"][0] == f"{name}0"


def test_what_is_missing_is_left_out():
    page = html_page({"schema": "thinshell/diagnosis/1", "verdict": "not_applicable", "n_samples": 3, "n_features": 1})
    reader = read(page)
    assert "Not applicable" in " ".join(reader.words)
    assert not any(attrs.get("class") == "plot" for _, attrs in reader.tags)


def test_normalised_rows_have_no_picture_of_norms():
    rows = np.random.default_rng(0).standard_normal((400, 5))
    charts = embedded(html_page(ts.diagnose(rows, normalize="l2").to_dict()), "charts")
    assert "norms" not in charts
    assert "coordinates" in charts


def test_constant_columns_are_no_points():
    rows = np.random.default_rng(0).standard_normal((400, 5))
    rows[:, 2] = 1.0
    charts = embedded(html_page(ts.diagnose(rows).to_dict()), "charts")
    assert [point["id"] for point in charts["coordinates"]["layer"][1]["data"]["values"]] == [0, 1, 3, 4]


def test_many_coordinates_stay_within_3_mb():
    rows = np.random.default_rng(0).standard_normal((1000, 768), dtype=np.float32)
    page = html_page(ts.diagnose(rows).to_dict())
    assert len(page.encode()) < 3_000_000
    assert len(embedded(page, "charts")["coordinates"]["layer"][1]["data"]["values"]) == 768


def test_very_many_coordinates_are_thinned_and_said():
    rows = np.random.default_rng(0).standard_normal((60, 5000), dtype=np.float32)
    page = html_page(ts.diagnose(rows).to_dict())
    words = " ".join(read(page).words)
    assert "The 1,000 of 5,000 coordinates with the largest A²" in words
    assert "of 5,000 coordinates (" in words
    assert len(embedded(page, "charts")["coordinates"]["layer"][1]["data"]["values"]) <= 1024
    assert len(page.encode()) < 3_000_000


def test_a_comparison_of_three_wide_sets_stays_within_3_mb():
    rng = np.random.default_rng(0)
    sets = {name: rng.standard_normal((800, 768), dtype=np.float32) for name in "abc"}
    assert len(html_page(ts.compare(sets).to_dict()).encode()) < 3_000_000


def test_a_comparison_has_common_axes_and_differences():
    rng = np.random.default_rng(0)
    plain = ts.compare({"before": rng.exponential(size=(500, 6)), "after": rng.standard_normal((500, 6))}).to_dict()
    page = html_page(plain)
    charts = embedded(page, "charts")
    for key in ("norms", "coordinates", "cosines", "spectrum"):
        for direction in ("x", "y"):
            layers = [charts[f"{key}-{place}"]["layer"][0]["encoding"][direction] for place in (0, 1)]
            first, second = (layer["scale"]["domain"] for layer in layers)
            assert first == second
    for place, diagnosis in enumerate(plain["diagnoses"]):
        bars = charts[f"norms-{place}"]["layer"][0]["data"]["values"]
        assert sum(bar["value"] * (bar["right"] - bar["left"]) for bar in bars) == pytest.approx(1)
        assert len(bars) == len(diagnosis["norms"]["histogram"]["counts"])
    words = read(page).words
    assert "change" in words
    change = plain["diagnoses"][1]["norms"]["cv"] - plain["diagnoses"][0]["norms"]["cv"]
    assert f"{'+' if change > 0 else '−'}{abs(change):.3f}" in words


@pytest.mark.parametrize("schema", ["thinshell/other/1", None, "diagnosis"])
def test_an_unknown_schema_is_refused(schema):
    with pytest.raises(InputError, match=r"result must have one of the schemas thinshell/diagnosis/1, .*, got"):
        html_page({"schema": schema})


def test_what_is_no_mapping_is_refused():
    with pytest.raises(InputTypeError, match="result must be a mapping, got list; give what to_dict"):
        html_page([1])
