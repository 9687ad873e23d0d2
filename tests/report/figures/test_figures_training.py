import math

import pytest

from thinshell.errors import InputError
from thinshell.report.figures import training_axes
from thinshell.report.training_panels import norm_frames, training_numbers, training_panel

matplotlib = pytest.importorskip("matplotlib")


def points(line):
    return list(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_numbers_that_were_measured(training):
    assert training_numbers(training) == ["loss", "cv", "ad_avg", "ad_normal_share"]
    assert training_panel(training, "alignment") is None
    assert training_numbers({"history": [], "gaussianity": []}) == []


def test_epochs_in_order_with_epoch_0(training):
    axes = training_axes(training, "ad_avg")
    raw, unit, limit = axes.get_lines()
    assert points(raw) == points(unit) == [(0, 2.0), (1, 1.0), (2, 0.0)]
    assert limit.get_ydata()[0] == 0.752
    assert axes.get_ylabel() == "A², mean of 20 tests of 250 rows"
    assert axes.get_xlabel() == "epochs trained"
    assert legend(axes) == ["representation, raw", "representation, unit rows", "A² = 0.752, 5 % point"]


def test_cv_has_its_reference_and_only_raw_rows(training):
    axes = training_axes(training, "cv")
    raw, reference = axes.get_lines()
    assert points(raw) == [(0, 0.3), (1, pytest.approx(0.2)), (2, pytest.approx(0.1))]
    assert points(reference) == [(0, 0.25), (1, 0.25), (2, 0.25)]


def test_shares_are_in_per_cent_and_gaps_stay(training):
    training["gaussianity"][0]["ad_normal_share"] = None
    axes = training_axes(training, "ad_normal_share")
    assert axes.get_ylabel() == "coordinates normal by AD, %"
    values = axes.get_lines()[0].get_ydata().tolist()
    assert values[:2] == [20.0, 50.0]
    assert math.isnan(values[2])
    training["gaussianity"][0]["ad_avg"] = None
    assert math.isnan(training_axes(training, "ad_avg").get_lines()[0].get_ydata()[2])


def test_directions_are_one_line_and_lengths_only_of_raw_rows(training):
    for record in training["gaussianity"]:
        record |= {"uniformity": -1.0 - record["epoch"], "norm_mean": 1.0 + record["epoch"]}
    (directions,) = training_axes(training, "uniformity").get_lines()
    assert points(directions) == [(0, -1.0), (1, -2.0), (2, -3.0)]
    assert legend(training_axes(training, "uniformity")) == ["representation"]
    assert legend(training_axes(training, "norm_mean")) == ["representation, raw"]


def test_loss_has_one_line(training):
    axes = training_axes(training, "loss")
    (line,) = axes.get_lines()
    assert points(line) == [(1, 2.5), (2, 2.25)]
    assert axes.get_legend() is None


def test_protocol_in_words(training):
    training["config"]["monitor"]["samples_per_test"] = 1000
    assert training_panel(training, "ad_avg").label == "A², mean of 1 test of 900 rows"
    training["config"]["monitor"] = None
    assert training_panel(training, "ad_avg").label == "A², mean of its tests"


def test_frames_of_the_norms(training):
    frames = norm_frames(training)
    assert [(frame.epoch, frame.layer, frame.counts) for frame in frames] == [
        (0, "representation", [4, 5]),
        (1, "representation", [4, 6]),
        (2, "representation", [4, 7]),
    ]
    assert frames[0].cv_reference == 0.25
    assert norm_frames({}) == []


def test_bad_input(training, diagnosis):
    with pytest.raises(InputError, match=r"number must be one of 'ad_avg'.*got 'ad_av'; did you mean 'ad_avg'"):
        training_axes(training, "ad_av")
    with pytest.raises(InputError, match=r"must have the schema 'thinshell/training/1'.*got 'thinshell/diagnosis/1'"):
        training_axes(diagnosis, "cv")
