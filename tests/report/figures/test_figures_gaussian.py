"""Figures of a fitted model and of scored rows."""

import pytest

from thinshell.errors import InputError
from thinshell.report.figures import pit_axes, save_figures, spectrum_axes

pytest.importorskip("matplotlib")


def test_every_bin_with_its_band_and_what_is_expected(fit):
    axes, histogram = pit_axes(fit), fit["calibration"]["histogram"]
    rows, band, expected = axes.patches
    assert rows.get_data().values.tolist() == histogram["counts"]
    assert band.get_data().values.tolist() == histogram["high"]
    assert list(band.get_data().baseline) == histogram["low"]
    assert expected.get_data().values.tolist() == histogram["expected"]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["1,000 held-out rows", "99 % of bins", "expected"]


def test_files_of_a_fit_and_of_scores(fit, scores, tmp_path):
    assert [path.name for path in save_figures(fit, tmp_path, ["svg"])] == ["calibration.svg", "spectrum.svg"]
    assert [path.name for path in save_figures(scores, tmp_path, ["png"])] == ["scored.png"]
    assert len(spectrum_axes(fit).get_lines()[0].get_ydata()) == 64


def test_what_cannot_be_drawn_is_said(fit, scores, whitening, tmp_path):
    with pytest.raises(InputError, match="no rows were held out, or the model gives no p-values"):
        pit_axes(fit | {"calibration": None})
    with pytest.raises(InputError, match="result holds nothing to draw"):
        save_figures(scores | {"pit": None}, tmp_path)
    with pytest.raises(InputError, match="result is a whitening, which has no pictures"):
        save_figures(whitening, tmp_path)
    with pytest.raises(InputError, match=r"'thinshell/diagnosis/1' \(a diagnosis\) or 'thinshell/fit/1'"):
        spectrum_axes(scores)
