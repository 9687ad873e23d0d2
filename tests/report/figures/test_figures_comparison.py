import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.report.comparison_panels import PANELS
from thinshell.report.figures import comparison_axes

matplotlib = pytest.importorskip("matplotlib")


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def colour(artist):
    found = artist.get_edgecolor() if hasattr(artist, "get_edgecolor") else artist.get_color()
    return matplotlib.colors.to_hex(found)


def test_norms_are_compared_by_their_spread(pictured_comparison):
    before, after = pictured_comparison["diagnoses"]
    after["norms"] = {
        "mean": 113.0,
        "cv": 0.13,
        "histogram": {"edges": [10 * edge for edge in before["norms"]["histogram"]["edges"]],
                      "counts": before["norms"]["histogram"]["counts"]},
    }  # fmt: skip
    axes = comparison_axes(pictured_comparison, "norms")
    first, law, second = axes.patches
    # The same shell ten times as large is the same picture.
    np.testing.assert_allclose(first.get_data().values, second.get_data().values)
    np.testing.assert_allclose(first.get_data().edges, second.get_data().edges)
    np.testing.assert_allclose(np.sum(first.get_data().values * np.diff(first.get_data().edges)), 1)
    assert colour(law) == colour(first) != colour(second)
    assert legend(axes) == [
        "before.npy: CV 0.13 (Gaussian 0.0884)",
        "after.npy: CV 0.13 (Gaussian -)",
        "Gaussian, same mean and spectrum",
    ]


def test_points_share_axes_and_region(pictured_comparison):
    axes = comparison_axes(pictured_comparison, "coordinates")
    first, second = axes.get_lines()
    assert first.get_ydata().tolist() == [0.3, 9.5, 0.5, 1.2, 0.7]
    assert second.get_ydata().tolist() == [0.3, 0.6, 0.5, 1.2, 0.7]
    assert first.get_marker() != second.get_marker()
    assert len(axes.patches) == 1
    assert axes.get_ylabel() == "A², mean of 20 tests of 250 rows"
    # Other numbers of rows have other limits: then only that of A² is drawn.
    pictured_comparison["diagnoses"][1]["paper"]["samples_per_test"] = 100
    axes = comparison_axes(pictured_comparison, "coordinates")
    assert not axes.patches
    assert axes.get_lines()[-1].get_ydata()[0] == 0.752
    assert axes.get_ylabel() == "A²"


def test_spectra_cosines_and_sample_sizes(pictured_comparison):
    pictured_comparison["diagnoses"][1]["spectrum"] = {"eigenvalues": [1.0, 1.0]}
    axes = comparison_axes(pictured_comparison, "spectrum")
    assert axes.get_lines()[1].get_ydata().tolist() == [0.5, 0.5]
    assert legend(axes) == ["before.npy: effective rank 9.8", "after.npy", "all 64 alike"]
    axes = comparison_axes(pictured_comparison, "cosines")
    assert axes.patches[0].get_data().values.tolist() == pytest.approx([0.1, 0.8, 1.0])
    assert len(axes.patches) == 4
    pictured_comparison["diagnoses"][1]["full"]["detectable_at"] = None
    axes = comparison_axes(pictured_comparison, "sample_size")
    assert axes.get_lines()[0].get_ydata().tolist() == [90.0, 50.0, 0.0]
    assert legend(axes) == ["before.npy: detectable at 40", "after.npy", "exact Gaussian: 95 %"]


def test_many_data_sets_can_be_told_apart(pictured_comparison):
    one = pictured_comparison["diagnoses"][0]
    many = pictured_comparison | {"names": [f"n{place}" for place in range(13)], "diagnoses": [one] * 13}
    lines = comparison_axes(many, "spectrum").get_lines()[:13]
    assert len({(colour(line), str(line.get_linestyle()), line._unscaled_dash_pattern) for line in lines}) == 13


def test_a_data_set_without_the_panel_is_left_out_and_colours_stay(pictured_comparison):
    whole = comparison_axes(pictured_comparison, "directions").get_lines()
    pictured_comparison["diagnoses"][0]["directions"] = None
    (line,) = comparison_axes(pictured_comparison, "directions").get_lines()
    assert colour(line) == colour(whole[1])
    pictured_comparison["diagnoses"][1]["directions"] = None
    with pytest.raises(InputError, match="comparison holds no directions to draw"):
        comparison_axes(pictured_comparison, "directions")


def test_names_are_only_text(pictured_comparison):
    pictured_comparison["names"] = ["_$x$ <script>", "a/long/path/to/some_more_embeddings.npy"]
    for panel in PANELS:
        axes = comparison_axes(pictured_comparison, panel)
        axes.figure.canvas.draw()
        assert legend(axes)[0].startswith("_$x$ <script>")
        assert legend(axes)[1].startswith("some_more..dings.npy")
    pictured_comparison["names"] = ["a/emb.npy", "b/emb.npy"]
    assert legend(comparison_axes(pictured_comparison, "directions"))[:2] == ["a/emb.npy", "b/emb.npy"]


def test_bad_input(pictured_comparison, diagnosis):
    with pytest.raises(InputError, match=r"panel must be one of 'coordinates'.*got 'norm'; did you mean 'norms'"):
        comparison_axes(pictured_comparison, "norm")
    with pytest.raises(InputError, match=r"must have the schema 'thinshell/comparison/1'.*got 'thinshell/diagnosis/1'"):
        comparison_axes(diagnosis, "norms")
