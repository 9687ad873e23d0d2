"""Every kind of page in a real Chromium: it draws, reacts, fits, asks nobody, and can be used by everybody."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

# One worker makes the pages and drives the browser.
pytestmark = pytest.mark.xdist_group("browser")

KINDS = ("gaussian", "departing", "comparison", "training", "fit", "scores")
CHARTS = {
    "gaussian": {"norms", "coordinates", "directions", "cosines", "spectrum", "sample-size"},
    "departing": {"norms", "coordinates", "directions", "cosines", "spectrum", "sample-size"},
    "training": {"norms", "line-loss", "line-cv", "line-ad-avg", "line-alignment", "line-effective-rank"},
    "comparison": {f"{key}-{place}" for key in ("norms", "coordinates", "cosines", "spectrum") for place in range(3)},
    "fit": {"calibration", "spectrum"},
    "scores": {"scored"},
}


def local(requests):
    return [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_drawn_without_a_complaint_and_asks_nobody(look, kind):
    opened = look(kind)
    live = set(opened.page.eval_on_selector_all("[data-live]", "nodes => nodes.map(node => node.dataset.chart)"))
    assert CHARTS[kind] <= live
    assert opened.complaints == []
    assert local(opened.requests) == []
    assert len(opened.requests) == 1  # the file itself


def test_every_coordinate_and_bin_is_a_mark(look):
    opened = look("gaussian")
    result = json.loads(opened.page.text_content("#result"))
    assert opened.marks("coordinates", "symbol") == result["n_features"] == 24
    assert opened.marks("directions", "symbol") == len(result["directions"]["ad"])
    filled = sum(count > 0 for count in result["norms"]["histogram"]["counts"])
    assert filled <= opened.marks("norms", "rect") <= len(result["norms"]["histogram"]["counts"])
    assert opened.marks("norms", "line") == 1  # the law that is expected
    assert opened.marks("spectrum", "symbol") == 24


@pytest.mark.parametrize(("kind", "key"), [("fit", "calibration"), ("scores", "scored")])
def test_every_bin_of_the_distances_is_a_bar_under_its_band(look, kind, key):
    opened = look(kind)
    assert opened.marks(key, "rect") == 40  # 20 bars and the band over each
    assert opened.marks(key, "line") == 1  # what is expected
    tall = [value for value in drawn_values(opened.page, key) if value == 120]
    assert bool(tall) == (kind == "fit")


def test_positive_pairs_are_drawn_beside_random_ones(look):
    with_pairs, without = look("departing"), look("gaussian")
    assert with_pairs.page.locator("#plot-cosines").get_by_text("positive pairs").count() == 1
    assert without.page.locator("#plot-cosines").get_by_text("positive pairs").count() == 0
    assert with_pairs.marks("cosines", "rect") > 60


def test_choosing_a_coordinate_changes_the_linked_pictures(pages, open_page):
    opened = open_page(pages["departing"])
    page = opened.page
    before = bars(page)
    other = next(i for i in range(12) if page.locator("#shape-title").inner_text() != f"Coordinate {i}")
    page.locator("#coordinate-table").get_by_role("button", name=str(other), exact=True).click()
    assert page.locator("#shape-title").inner_text() == f"Coordinate {other}"
    await_change(page, before)
    assert page.locator("tr.chosen").get_attribute("data-id") == str(other)
    result = json.loads(page.text_content("#result"))
    tallest = max(result["coordinates"]["shapes"]["histograms"][other])
    assert tallest in drawn_values(page, "shape-histogram")


def test_choosing_a_point_of_the_scatter_plot_changes_the_linked_pictures(pages, open_page):
    page = open_page(pages["departing"]).page
    title, before = page.locator("#shape-title").inner_text(), bars(page)
    points = page.locator("#plot-coordinates .mark-symbol > path")
    for place in range(points.count()):
        points.nth(place).dispatch_event("click")
        if page.locator("#shape-title").inner_text() != title:
            break
    assert page.locator("#shape-title").inner_text() != title
    await_change(page, before)
    page.locator("#plot-directions .mark-symbol > path").first.dispatch_event("click")
    assert page.locator("#shape-title").inner_text().startswith("Random direction")


def test_random_directions_are_chosen_from_a_list_and_what_is_chosen_is_seen(pages, open_page):
    page = open_page(pages["departing"]).page
    result = json.loads(page.text_content("#result"))
    worst = max(range(256), key=lambda place: result["directions"]["ad"][place])
    assert page.locator("#direction option").count() == 257
    page.locator("#direction").select_option(index=1)
    assert page.locator("#shape-title").inner_text() == f"Random direction {worst}"
    assert max(result["directions"]["shapes"]["histograms"][worst]) in drawn_values(page, "shape-histogram")
    page.locator("#coordinate-table tbody button").nth(9).click()
    page.wait_for_function("document.getElementById('shape-title').getBoundingClientRect().top > 0", timeout=10_000)
    assert "drawn from 900 rows" in page.locator("#shape-words").inner_text()
    assert page.locator("#direction").input_value() == ""


def await_change(page, before):
    page.wait_for_function(
        "before => document.querySelector('#plot-shape-histogram svg').outerHTML !== before", arg=before, timeout=10_000
    )


def bars(page):
    return page.eval_on_selector("#plot-shape-histogram svg", "node => node.outerHTML")


def drawn_values(page, key):
    """Return the numbers that the bars of a chart stand for, which Vega keeps with each."""
    return set(
        page.eval_on_selector_all(f"#plot-{key} .mark-rect > path", "bars => bars.map(bar => bar.__data__.datum.value)")
    )


def test_the_table_sorts_by_any_column_and_finds_by_name(pages, open_page):
    page = open_page(pages["gaussian"]).page
    head = page.locator("#coordinate-table thead").get_by_role("button", name="skewness")
    head.click()
    falling = column(page, "skewness")
    head.click()
    rising = column(page, "skewness")
    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising)
    assert page.locator("#coordinate-table th[aria-sort=ascending]").inner_text().startswith("skewness")
    page.fill("#search", "17")
    assert page.locator("#coordinate-table tbody tr:visible").count() == 1
    assert page.locator("#found").inner_text() == "1 of 24 in the table"
    page.fill("#search", "")
    assert page.locator("#coordinate-table tbody tr:visible").count() == 24


def column(page, name):
    heads = page.locator("#coordinate-table thead th").all_inner_texts()
    place = next(i for i, head in enumerate(heads) if head.startswith(name))
    return [float(text) for text in page.eval_on_selector_all(
        f"#coordinate-table tbody tr td:nth-child({place + 1})", "cells => cells.map(cell => cell.dataset.v)"
    )]  # fmt: skip


def test_the_keyboard_is_enough(pages, open_page):
    page = open_page(pages["gaussian"]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    button = page.locator("#coordinate-table tbody button").nth(3)
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#shape-title").inner_text() == f"Coordinate {button.inner_text()}"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_a_narrow_screen(pages, open_page, kind):
    opened = open_page(pages[kind], width=400, scheme="dark")
    assert too_wide(opened.page, 400) == 0
    assert opened.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_the_screen(look, kind, scheme):
    assert too_wide(look(kind, scheme).page, 1280) == 0


def test_a_window_made_narrower_takes_the_charts_along(pages, open_page):
    page = open_page(pages["gaussian"]).page
    page.set_viewport_size({"width": 420, "height": 800})
    page.wait_for_timeout(600)
    assert too_wide(page, 420) == 0


def too_wide(page, width):
    """Return how many pictures reach beyond the screen, and by how much the page scrolls sideways."""
    beyond = page.evaluate(
        "width => [...document.querySelectorAll('figure, svg')]"
        ".filter(node => node.getBoundingClientRect().right > width + 1).length",
        width,
    )
    return beyond + max(0, page.evaluate("document.documentElement.scrollWidth") - width)


def test_dark_and_light_have_their_own_colours(look):
    colours = []
    for scheme in ("light", "dark"):
        page = look("gaussian", scheme).page
        colours.append(
            page.evaluate(
                "() => { const of = (place) => getComputedStyle(document.querySelector(place)); return ["
                "of('body').backgroundColor, of('#plot-norms .mark-rect > path').fill, of('#plot-norms text').fill]; }"
            )
        )
    assert all(light != dark for light, dark in zip(*colours, strict=True))
    assert "none" not in colours[0][1] + colours[1][1]


@pytest.mark.parametrize("kind", KINDS)
def test_without_javascript_summary_tables_and_pictures_are_there(pages, open_page, kind):
    page = open_page(pages[kind], script=False).page
    assert page.locator("h1").is_visible()
    assert page.locator("table:visible").count() >= 1
    assert page.locator(".plot svg:visible").count() >= len(CHARTS[kind])
    assert page.locator(".needs-script:visible").count() == 0
    assert page.locator("#provenance dt").filter(has_text="Fingerprint of the rows").count() == 1
    assert page.locator("#provenance dt").filter(has_text="Versions").count() == 1
    if kind in ("gaussian", "departing"):
        assert page.locator("#coordinate-table tbody tr").count() in (24, 12)
        assert page.locator("#plot-coordinates svg path").count() > 12


def test_the_slider_goes_through_the_epochs(pages, open_page):
    page = open_page(pages["training"]).page
    slider = page.locator("#epoch")
    assert page.locator("#epoch-words").inner_text() == "3"
    seen = set()
    for step in range(4):
        slider.fill(str(step))
        page.wait_for_timeout(100)
        seen.add(page.eval_on_selector("#plot-norms svg", "node => node.outerHTML"))
        assert page.locator("#epoch-words").inner_text() == str(step)
        record = json.loads(page.text_content("#result"))["gaussianity"][2 * step]
        words = page.locator("#figure-norms figcaption p").inner_text()
        assert ("Before training" if step == 0 else f"After epoch {step}") in words
        assert f"CV {record['cv']:.3f}" in words
    assert len(seen) == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_accessibility_has_no_serious_violation(look, kind, scheme):
    page = look(kind, scheme).page
    found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("script", [True, False])
def test_hostile_names_are_text_everywhere(pages, open_page, script):
    opened = open_page(pages["hostile"], script=script)
    page = opened.page
    hostile = "<script>alert(1)</script>"
    assert page.locator("#coordinate-table tbody th").filter(has_text=hostile).count() == 2
    assert page.locator("#provenance").get_by_text("<script>alert(1)<_script>.csv").count() >= 1
    assert page.locator("script").count() == page.locator("script[type='application/json'], body > script").count()
    if script:
        page.locator("#coordinate-table").get_by_role("button", name=hostile, exact=True).click()
        assert page.locator("#shape-title").inner_text() == f"Coordinate {hostile}"
    assert opened.complaints == []


@pytest.mark.parametrize("script", [True, False])
def test_hostile_ids_of_rows_are_text(pages, open_page, script):
    opened = open_page(pages["scores"], script=script)
    cell = opened.page.locator("#verdict td").filter(has_text="<script>alert(1)</script>")
    assert cell.count() == 1
    assert cell.is_visible()
    assert opened.complaints == []


def test_downloads_are_the_result(pages, open_page):
    page = open_page(pages["departing"]).page
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the JSON").click()
    saved = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert saved == json.loads(page.text_content("#result"))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the coordinates as CSV").click()
    lines = waiting.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 13
    assert lines[0].startswith("coordinate,mean,std")
    assert float(lines[1].split(",")[1]) == saved["coordinates"]["mean"][0]


def test_paper_shows_everything(pages, open_page):
    page = open_page(pages["hostile"]).page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#search").is_visible() is False
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"


@pytest.mark.parametrize("name", ["clip", "resnet"])
def test_pages_of_real_embeddings(real_pages, open_page, name):
    opened = open_page(real_pages[name])
    assert opened.marks("coordinates", "symbol") == {"clip": 512, "resnet": 64}[name]
    words = {"clip": "Consistent with a Gaussian", "resnet": "Departure from a Gaussian"}[name]
    assert words in opened.page.locator("h1").inner_text()
    assert opened.complaints == []
    assert local(opened.requests) == []
    assert real_pages[name].stat().st_size < 3_000_000
