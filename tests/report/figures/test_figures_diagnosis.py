import math
import subprocess
import sys

import numpy as np
import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.report import figures
from thinshell.report.panels import coordinates_panel, kurtosis_limits

matplotlib = pytest.importorskip("matplotlib")


def points(line):
    return list(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def stairs(axes):
    return [patch for patch in axes.patches if isinstance(patch, matplotlib.patches.StepPatch)]


def test_norms(pictured):
    axes = figures.norm_axes(pictured)
    rows, gaussian = stairs(axes)
    histogram = pictured["norms"]["histogram"]
    assert rows.get_data().values.tolist() == histogram["counts"]
    assert rows.get_data().edges.tolist() == histogram["edges"]
    assert gaussian.get_data().values.tolist() == histogram["expected"]
    assert legend(axes) == ["rows: CV 0.13", "Gaussian, same mean and spectrum: CV 0.0884"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("norm", "rows per bin")
    assert axes.get_xlim()[0] < histogram["edges"][0]
    assert axes.get_xlim()[1] > histogram["edges"][-1]


def test_an_outlier_does_not_press_the_norms_together(pictured):
    pictured["norms"]["histogram"] = {"edges": [0.0, *range(10, 21), 90.0], "counts": [0, *[1000] * 10, 3]}
    axes = figures.norm_axes(pictured)
    assert axes.get_xlim()[1] < 25
    assert axes.get_xlabel() == "norm (3 rows beyond are not shown)"
    # Where a Gaussian would have rows there, they are shown.
    pictured["norms"]["histogram"]["expected"] = [0.0, *[1000.0] * 10, 100.0]
    axes = figures.norm_axes(pictured)
    assert axes.get_xlim()[1] > 90
    assert axes.get_xlabel() == "norm"


def test_coordinates(pictured):
    axes = figures.coordinates_axes(pictured)
    (line,) = axes.get_lines()
    # The constant coordinate has no place.
    assert points(line) == [(0.1, 0.3), (5.0, 9.5), (-0.2, 0.5), (0.4, 1.2), (-0.6, 0.7)]
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "A², mean of 20 tests of 250 rows"
    assert axes.get_xlabel() == "excess kurtosis of all 10,000 rows"
    (region,) = axes.patches
    low, high = kurtosis_limits(250)
    assert region.get_x() == pytest.approx(low)
    assert region.get_x() + region.get_width() == pytest.approx(high)
    assert region.get_y() + region.get_height() == pytest.approx(0.752)
    assert region.get_y() == pytest.approx(axes.get_ylim()[0])
    assert legend(axes) == ["5 coordinates", "A² < 0.752 and 95 % of 250 normal rows"]
    (name,) = axes.texts
    assert name.get_text() == "feature 1"
    for (x, y), ((left, right), (bottom, top)) in zip(
        points(line), [(axes.get_xlim(), axes.get_ylim())] * 5, strict=True
    ):
        assert left < x < right
        assert bottom < y < top


def test_heavy_tails_keep_the_others_apart(pictured):
    pictured["coordinates"]["excess_kurtosis"][0] = 400.0
    assert figures.coordinates_axes(pictured).get_xscale() == "symlog"


def test_no_name_where_all_are_normal(pictured):
    pictured["coordinates"]["paper_ad"] = [0.3, 0.4, 0.5, 0.3, 0.2, 0.7]
    assert not figures.coordinates_axes(pictured).texts


def test_directions(pictured):
    axes = figures.directions_axes(pictured)
    assert points(axes.get_lines()[0]) == [(0.0, 0.4), (0.3, 0.9), (-0.1, 0.3)]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("excess kurtosis of 1,000 rows", "A² of 1,000 rows")
    assert legend(axes)[0] == "3 directions"


def test_kurtosis_limits_hold_the_middle_of_normal_samples():
    rows = np.random.default_rng(0).standard_normal((250, 20_000))
    centred = rows - rows.mean(axis=0)
    kurtosis = (centred**4).mean(axis=0) / (centred**2).mean(axis=0) ** 2 - 3
    low, high = kurtosis_limits(250)
    # Mean and variance are exact (Fisher 1930); their normal law leaves out a skewness that moves the ends a little.
    assert kurtosis.mean() == pytest.approx((low + high) / 2, abs=0.01)
    assert kurtosis.std() == pytest.approx((high - low) / 2 / 1.96, rel=0.03)
    assert ((kurtosis > low) & (kurtosis < high)).mean() == pytest.approx(0.95, abs=0.015)


def test_shape_is_a_density(pictured):
    axes = figures.shape_axes(pictured)
    (bars,) = stairs(axes)
    values, edges = bars.get_data().values, bars.get_data().edges
    shape = coordinates_panel(pictured).shapes[1]
    assert edges.tolist() == list(shape.edges)
    np.testing.assert_allclose(values * np.diff(edges) * shape.n_rows, shape.counts)
    (normal,) = axes.get_lines()
    x, y = normal.get_data()
    np.testing.assert_allclose(y, np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi))
    assert axes.get_xlabel() == "coordinate feature 1, standard deviations from its\nmean"
    assert legend(axes)[0].endswith("skewness 1, excess kurtosis 5")


def test_outermost_bins_that_hold_more_are_told(pictured):
    assert "beyond" not in legend(figures.shape_axes(pictured))[0]
    pictured["coordinates"]["shapes"]["histograms"][0][-1] = 9
    assert legend(figures.shape_axes(pictured))[0].endswith("\n(outermost bins: and beyond)")


def test_quantiles(pictured):
    axes = figures.quantile_axes(pictured, 4)
    quantiles, diagonal = axes.get_lines()
    kept = pictured["coordinates"]["shapes"]["quantiles"][1]
    assert points(quantiles) == list(zip(pictured["shape"]["normal_quantiles"], kept, strict=True))
    assert points(diagonal) == [(-2.3, -2.3), (2.3, 2.3)]
    by_name = figures.quantile_axes(pictured, "feature 4")
    assert points(by_name.get_lines()[0]) == points(quantiles)
    direction = figures.quantile_axes(pictured, 2, kind="direction")
    assert direction.get_ylabel() == "direction 2, standard deviations\nfrom its mean"


def test_spectrum(pictured):
    axes = figures.spectrum_axes(pictured)
    shares, equal, rank, ratio = axes.get_lines()
    assert axes.get_yscale() == "log"
    # Three of 64 eigenvalues are listed; their sum is known from the first one's share.
    assert points(shares) == [(place, pytest.approx(0.19 * value / 3)) for place, value in ((1, 3), (2, 2), (3, 1))]
    assert equal.get_ydata()[0] == 1 / 64
    assert (rank.get_xdata()[0], ratio.get_xdata()[0]) == (9.8, 9.1)
    assert legend(axes) == ["this covariance", "all 64 alike", "effective rank 9.8", "participation ratio 9.1"]
    pictured["spectrum"] = {"eigenvalues": [3.0, 1.0, 0.0]}
    assert len(figures.spectrum_axes(pictured).get_lines()[0].get_xdata()) == 2


def test_cosines_are_densities(pictured):
    axes = figures.cosine_axes(pictured)
    random, positive, uniform = stairs(axes)
    assert random.get_data().values.tolist() == pytest.approx([0.1, 0.8, 1.0])
    assert positive.get_data().values.tolist() == pytest.approx([1.2, 2.8])
    assert positive.get_data().edges.tolist() == [0.5, 0.75, 1.0]
    assert uniform.get_data().values.tolist() == pytest.approx([0.5, 0.8, 0.2])
    assert legend(axes)[:2] == ["random pairs: mean 0.5", "positive pairs: mean 0.8"]
    del pictured["sphere"]["positive"]
    assert len(stairs(figures.cosine_axes(pictured))) == 2


def test_sample_sizes(pictured):
    axes = figures.sample_size_axes(pictured)
    ad, dp, expected, detectable = axes.get_lines()
    assert points(ad) == [(100, 90.0), (1000, 50.0), (10000, 0.0)]
    assert math.isnan(dp.get_ydata()[1])
    assert expected.get_ydata()[0] == 95.0
    assert detectable.get_xdata()[0] == 40
    assert "detectable at 40" in legend(axes)
    assert axes.get_xscale() == "log"
    axes.figure.canvas.draw()
    assert "1,000" in [text.get_text() for text in axes.get_xticklabels()]


def test_own_axes_keep_their_settings(pictured):
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"legend.fontsize": 13}):
        mine = Figure().add_subplot()
        drawn = figures.norm_axes(pictured, ax=mine)
        assert drawn is mine
        assert mine.get_legend().get_texts()[0].get_fontsize() == 13
    assert figures.norm_axes(pictured).get_legend().get_texts()[0].get_fontsize() == 7


def test_settings_and_pyplot_are_left_alone(pictured):
    before = dict(matplotlib.rcParams)
    for draw in (figures.norm_axes, figures.coordinates_axes, figures.shape_axes, figures.sample_size_axes):
        draw(pictured)
    assert dict(matplotlib.rcParams) == before


def test_names_from_data_are_only_text(pictured):
    pictured["coordinates"]["names"][1] = "_$\\frac$\x1b[31m"
    shape = figures.shape_axes(pictured)
    assert shape.get_xlabel() == "coordinate _$\\frac$\\x1b[31m, standard deviations\nfrom its mean"
    for axes in (shape, figures.coordinates_axes(pictured)):
        axes.figure.canvas.draw()


@pytest.mark.parametrize(
    ("draw", "key", "what"),
    [
        (figures.norm_axes, "norms", "norms"),
        (figures.coordinates_axes, "coordinates", "coordinates"),
        (figures.directions_axes, "directions", "directions"),
        (figures.shape_axes, "coordinates", "coordinates"),
        (figures.spectrum_axes, "spectrum", "spectrum"),
        (figures.cosine_axes, "sphere", "cosines"),
        (figures.sample_size_axes, "sample_size", "shares by sample size"),
    ],
)
def test_a_panel_that_is_not_there(pictured, draw, key, what):
    pictured[key] = None
    with pytest.raises(InputError, match=f"result holds no {what} to draw"):
        draw(pictured)


def test_bad_input(pictured, comparison):
    with pytest.raises(InputError, match=r"must have the schema 'thinshell/diagnosis/1'.*got 'thinshell/comparison/1'"):
        figures.norm_axes(comparison)
    with pytest.raises(InputTypeError, match=r"result must be a mapping.*got list; give result.to_dict\(\)"):
        figures.norm_axes([pictured])
    with pytest.raises(InputTypeError, match="ax must be one matplotlib Axes, got list"):
        figures.norm_axes(pictured, ax=[1])
    with pytest.raises(InputError, match="keeps no histogram of coordinate 0; choose one of 1, 4"):
        figures.shape_axes(pictured, 0)
    with pytest.raises(InputError, match="keeps no histogram of coordinate 'no such'; choose one of 1, 4"):
        figures.shape_axes(pictured, "no such")
    with pytest.raises(InputError, match="kind must be 'coordinate' or 'direction', got 'axis'"):
        figures.shape_axes(pictured, 0, kind="axis")
    pictured["coordinates"]["shapes"] = None
    with pytest.raises(InputError, match="keeps no histogram of any coordinate; an older version made it"):
        figures.shape_axes(pictured)


def test_without_matplotlib(pictured, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"figures need matplotlib.*pip install 'thinshell\[figures\]'"):
        figures.norm_axes(pictured)
    with pytest.raises(InputError, match=r"pip install 'thinshell\[figures\]'"):
        figures.save_figures(pictured, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_importing_loads_no_matplotlib():
    code = "import sys, thinshell.report, thinshell.report.figures; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
