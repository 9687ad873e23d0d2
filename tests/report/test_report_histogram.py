"""The one-line histogram: mass is kept, the peak is full, the window holds both laws."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.report.console import ASCII, UNICODE
from thinshell.report.histogram import bars, norm_histogram, rebin


@given(
    counts=st.lists(st.integers(0, 1000), min_size=1, max_size=40),
    width=st.integers(1, 60),
)
@settings(deadline=None, max_examples=100)
def test_rebinning_keeps_every_row(counts: list[int], width: int) -> None:
    edges = list(np.linspace(2.0, 7.0, len(counts) + 1))
    assert math.isclose(sum(rebin(edges, counts, 2.0, 7.0, width)), sum(counts), rel_tol=1e-9, abs_tol=1e-9)


@given(heights=st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
@settings(deadline=None, max_examples=100)
def test_bars_are_one_a_height_and_rise_with_it(heights: list[float]) -> None:
    for glyphs in (UNICODE, ASCII):
        levels = [glyphs.bars.index(character) for character in bars(heights, glyphs)]
        assert len(levels) == len(heights)
        order = np.argsort(heights, kind="stable")
        assert np.all(np.diff(np.array(levels)[order]) >= 0)
        if max(heights) > 0:
            assert max(levels) == len(glyphs.bars) - 1


def histogram(values: np.ndarray, **norms: float) -> list[str]:
    counts, edges = np.histogram(values, bins=400)
    table = {"edges": edges.tolist(), "counts": counts.tolist()}
    picture = norm_histogram({"histogram": table, **norms}, UNICODE)
    assert picture is not None
    return picture.plain.splitlines()


def test_a_gaussian_cloud_looks_like_its_reference() -> None:
    values = np.sqrt(np.random.default_rng(0).chisquare(128, size=200_000))
    mean, cv = float(values.mean()), float(values.std() / values.mean())
    yours, reference, axis = histogram(values, mean=mean, cv=cv, cv_reference=cv)
    levels = [[UNICODE.bars.index(c) for c in line[12:56]] for line in (yours, reference)]
    assert np.abs(np.diff(levels, axis=0)).max() <= 1
    low, high = map(float, axis.split())
    assert low < mean < high


def test_one_outlier_does_not_press_the_rest_into_a_column() -> None:
    values = np.append(np.random.default_rng(0).normal(10, 1, size=50_000), 1000.0)
    yours = histogram(values, mean=10.0, cv=0.1, cv_reference=0.1)[0]
    assert len(yours[12:56].strip()) >= 2


def test_nothing_to_draw_is_none() -> None:
    assert norm_histogram({}, UNICODE) is None
    assert norm_histogram({"histogram": {"edges": [0.0, 1.0], "counts": [0]}}, UNICODE) is None
