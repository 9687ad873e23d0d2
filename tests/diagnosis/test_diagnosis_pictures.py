"""What figures are drawn from, against NumPy, SciPy and naive loops."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

import thinshell as ts
from thinshell.diagnosis.pictures import EDGES, LEVELS, chosen_columns, round_to_digits
from thinshell.diagnosis.sample_size import curve_columns, grid, sample_size_section
from thinshell.statistics import anderson_darling, project, random_directions, sliced

RNG = np.random.default_rng(0)
ROWS = np.c_[RNG.standard_normal((1500, 3)) * [1, 20, 0.1] + [0, 5, -3], RNG.exponential(size=(1500, 2))]


@pytest.fixture(scope="module")
def result():
    return ts.diagnose(ROWS).to_dict()


def row_sample(rows):
    """Return the rows in the order of the row sample."""
    return ts.EmbeddingSketch().update(rows)._sample.draw()[0]


def test_shape_says_what_the_lists_are(result):
    shape = result["shape"]
    assert shape["n_rows_used"] == 1500
    np.testing.assert_array_equal(shape["edges"], np.linspace(-4.25, 4.25, 35))
    levels = np.array(shape["levels"])
    assert len(levels) == 39
    assert (np.diff(levels) > 0).all()
    np.testing.assert_allclose(levels, 1 - levels[::-1], atol=1e-12)
    np.testing.assert_allclose(shape["normal_quantiles"], stats.norm.ppf(levels), atol=6e-4)


def test_shapes_of_coordinates_are_histograms_and_quantiles(result):
    shapes = result["coordinates"]["shapes"]
    assert shapes["indices"] == [0, 1, 2, 3, 4]
    scores = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    for k in range(5):
        counts = np.histogram(np.clip(scores[:, k], -4.2, 4.2), EDGES)[0]
        assert shapes["histograms"][k] == counts.tolist()
        np.testing.assert_allclose(shapes["quantiles"][k], np.quantile(scores[:, k], LEVELS), rtol=6e-4)
        assert all(value == float(f"{value:.4g}") for value in shapes["quantiles"][k])


def test_what_lies_beyond_is_in_the_outermost_bins():
    rows = RNG.standard_normal((999, 2))
    rows[:5] += [100.0, -50.0]
    low, high = ts.diagnose(rows).to_dict()["coordinates"]["shapes"]["histograms"]
    assert (low[-1], high[0], sum(low), sum(high)) == (5, 5, 999, 999)


def test_constant_columns_have_no_shape():
    rows = np.insert(ROWS, [1, 5], 7.0, axis=1)
    plain = ts.diagnose(rows).to_dict()
    shapes = plain["coordinates"]["shapes"]
    assert shapes["indices"] == list(range(7))
    assert [k for k in range(7) if shapes["histograms"][k] is None] == [1, 6]
    assert [k for k in range(7) if shapes["quantiles"][k] is None] == [1, 6]
    assert shapes["histograms"][0] == ts.diagnose(ROWS).to_dict()["coordinates"]["shapes"]["histograms"][0]
    assert plain["sample_size"]["n_columns"] == 5
    json.dumps(plain, allow_nan=False)


def test_a_spike_that_the_row_sample_misses_has_no_shape():
    rows = RNG.standard_normal((30_000, 3)).astype(np.float32)
    rows[:, 1] = 0
    missed = next(k for k in range(100) if not _sampled(rows, k))
    rows[missed, 1] = 1
    plain = ts.diagnose(rows).to_dict()
    shapes = plain["coordinates"]["shapes"]
    assert plain["constant_features"]["count"] == 0
    assert shapes["histograms"][1] is None
    assert sum(shapes["histograms"][2]) == plain["shape"]["n_rows_used"] == 8192
    json.dumps(plain, allow_nan=False)


def _sampled(rows, k):
    marked = rows.copy()
    marked[k, 1] = 1
    return row_sample(marked)[:, 1].any()


def test_wide_data_show_the_worst_columns_and_some_others():
    rows = RNG.standard_normal((60, 5000)).astype(np.float32)
    rows[:, 40:300] **= 3
    rows[:, 7] = 1
    plain = ts.diagnose(rows).to_dict()
    shapes = plain["coordinates"]["shapes"]
    ad = np.array(plain["coordinates"]["ad"], dtype=float)
    assert len(shapes["indices"]) == len(shapes["histograms"]) == 1024
    assert shapes["indices"] == sorted(set(shapes["indices"]))
    assert set(np.argsort(np.where(np.isnan(ad), -1, ad))[-512:]) <= set(shapes["indices"])
    place = shapes["indices"].index(int(np.nanargmax(ad)))
    column = rows[:, shapes["indices"][place]].astype(float)
    np.testing.assert_allclose(shapes["quantiles"][place], np.quantile(stats.zscore(column), LEVELS), rtol=1e-3)
    assert plain["sample_size"]["n_columns"] == 4096
    json.dumps(plain, allow_nan=False)


def test_chosen_columns():
    np.testing.assert_array_equal(chosen_columns(np.ones(1024)), np.arange(1024))
    ad = np.full(3000, np.nan)
    ad[2000:2600] = np.arange(600)
    chosen = chosen_columns(ad)
    assert len(chosen) == 1024
    assert set(range(2088, 2600)) <= set(chosen)
    assert np.diff(np.setdiff1d(chosen, np.arange(2088, 2600))).max() <= 5 + 512
    assert curve_columns(9000)[[0, -1]].tolist() == [0, 8999]


def test_round_to_digits_is_what_printing_does():
    values = RNG.standard_normal(3000) * 10.0 ** RNG.integers(-9, 9, 3000)
    assert round_to_digits(values, 4).tolist() == pytest.approx([float(f"{v:.4g}") for v in values], rel=1e-12)
    assert sum(len(repr(v)) > 12 for v in round_to_digits(RNG.standard_normal(3000), 4).tolist()) == 0
    assert str(round_to_digits(np.array([-0.0]), 4)[0]) == "0.0"


def test_directions_are_those_of_the_check(result):
    found = result["directions"]
    truth = sliced(anderson_darling, row_sample(ROWS), 256, np.random.default_rng([0, 4]))
    np.testing.assert_array_equal(found["ad"], truth.statistics)
    np.testing.assert_array_equal(found["ad_pvalue"], truth.pvalues)
    assert (found["ad_mean"], found["normal_share"]) == (truth.statistic_mean, truth.normal_share)
    check = next(check for check in result["checks"] if check["code"] == "random_directions")
    assert (check["statistic"], check["pvalue"]) == (truth.statistic_mean, truth.pvalue)
    scores = project(row_sample(ROWS), random_directions(5, 256, np.random.default_rng([0, 4])))
    np.testing.assert_allclose(found["skewness"], stats.skew(scores), rtol=1e-9)
    np.testing.assert_allclose(found["excess_kurtosis"], stats.kurtosis(scores), rtol=1e-9, atol=1e-12)
    assert found["shapes"]["indices"] == list(range(256))
    assert (found["n_directions"], found["n_rows_used"]) == (256, 1500)
    column = stats.zscore(scores[:, 9])
    np.testing.assert_allclose(found["shapes"]["quantiles"][9], np.quantile(column, LEVELS), rtol=1e-3)
    assert found["shapes"]["histograms"][9] == np.histogram(np.clip(column, -4.2, 4.2), EDGES)[0].tolist()


def test_one_column_has_no_directions():
    plain = ts.diagnose(RNG.standard_normal((500, 1))).to_dict()
    assert plain["directions"] is None
    assert len(plain["coordinates"]["shapes"]["quantiles"]) == 1
    histogram = plain["sphere"]["cosine"]["histogram"]
    assert histogram["counts"][0] + histogram["counts"][-1] == plain["sphere"]["cosine"]["n_pairs"]
    assert histogram["expected"][0] == histogram["expected"][-1] == plain["sphere"]["cosine"]["n_pairs"] / 2
    assert (histogram["edges"][0], histogram["edges"][-1]) == (-1, 1)


def test_sample_size_is_single_tests_on_disjoint_subsets(result):
    found = result["sample_size"]
    assert found["n"] == [20, 50, 100, 250, 500, 1000, 1500]
    assert found["subsets"] == [20, 20, 15, 6, 3, 1, 1]
    assert (found["n_rows_used"], found["n_columns"], found["expected"]) == (1500, 5, 0.95)
    rows = row_sample(ROWS)
    for place in (0, 3, 6):
        n, count = found["n"][place], found["subsets"][place]
        parts = [rows[k * n : (k + 1) * n] for k in range(count)]
        ad = np.mean([anderson_darling(part).pvalue > 0.05 for part in parts])
        dp = np.mean([stats.normaltest(part).pvalue > 0.05 for part in parts])
        assert found["ad_normal_share"][place] == pytest.approx(ad)
        assert found["dp_normal_share"][place] == pytest.approx(dp)
    # Three of five columns are normal.
    assert found["ad_normal_share"][-1] <= 0.6
    assert found["ad_normal_share"][0] > 0.6


def test_a_gaussian_keeps_its_share():
    found = ts.diagnose(RNG.standard_normal((9000, 60))).to_dict()["sample_size"]
    assert found["n"][-1] == found["n_rows_used"] == 8192
    np.testing.assert_allclose(found["ad_normal_share"][:6], 0.95, atol=0.03)
    np.testing.assert_allclose(found["dp_normal_share"][:6], 0.95, atol=0.03)


def test_grid():
    assert [grid(n) for n in (8, 19, 20, 24, 62, 63)] == [[], [], [20], [24], [20, 62], [20, 50, 63]]
    assert grid(100_000) == [20, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 100_000]
    for n in range(20, 5000, 7):
        sizes = grid(n)
        assert sizes[-1] == n
        assert all(b / a > 1.2 for a, b in itertools.pairwise(sizes))


def test_many_columns_need_fewer_subsets():
    rows = RNG.standard_normal((2000, 3000)).astype(np.float32)
    ad = np.full(3000, 9.0)
    found = sample_size_section(rows, ad)
    assert found["subsets"] == [20, 20, 13, 5, 2, 1, 1]
    parts = [anderson_darling(rows[k * 100 : (k + 1) * 100]).pvalue > 0.05 for k in range(13)]
    assert found["ad_normal_share"][2] == pytest.approx(np.mean(parts))
    assert found["ad_normal_share"][-1] == 0.0  # taken from what was given


def test_a_column_constant_in_a_subset_is_not_normal():
    rows = RNG.standard_normal((500, 2))
    rows[:, 1] = 0
    rows[:3, 1] = 1
    assert max(ts.diagnose(rows).to_dict()["sample_size"]["ad_normal_share"]) <= 0.5


def test_norms_that_a_gaussian_would_have():
    rows = RNG.standard_normal((8000, 12)) * np.linspace(1, 3, 12) + 0.5
    found = ts.diagnose(rows).to_dict()["norms"]["histogram"]
    counts, expected = np.array(found["counts"]), np.array(found["expected"])
    assert found["n_samples"] == counts.sum() == 8000
    assert len(expected) == len(counts)
    assert expected.sum() == pytest.approx(8000, abs=8)
    full = expected > 20
    # Two parameters or so are estimated: no fewer degrees of freedom than bins are claimed.
    assert (((counts - expected) ** 2 / expected)[full]).sum() < stats.chi2(full.sum()).ppf(0.999)


def test_norms_over_counts_and_norms_that_do_not_apply():
    rows = RNG.standard_normal((20_000, 6)).astype(np.float32)
    found = ts.diagnose(rows).to_dict()["norms"]["histogram"]
    norms = np.linalg.norm(rows.astype(float), axis=1)
    truth = 20_000 * np.diff(stats.chi(6).cdf(found["edges"]))
    np.testing.assert_allclose(found["expected"], truth, atol=40)
    assert found["n_samples"] == len(norms)
    unit = rows[:900] / np.linalg.norm(rows[:900], axis=1, keepdims=True)
    histogram = ts.diagnose(unit).to_dict()["norms"]["histogram"]
    assert histogram["expected"] is None
    assert histogram["n_samples"] == 900


def test_cosines_of_random_pairs():
    rows = RNG.standard_normal((1200, 30))
    cosine = ts.diagnose(rows).to_dict()["sphere"]["cosine"]
    histogram = cosine["histogram"]
    edges, counts, expected = (np.array(histogram[key]) for key in ("edges", "counts", "expected"))
    assert len(counts) == len(expected) == 60
    assert counts.sum() == cosine["n_pairs"] == 200_000
    law = stats.beta(14.5, 14.5, loc=-1, scale=2)
    np.testing.assert_allclose(expected, 200_000 * np.diff(law.cdf(edges)), atol=1e-6)
    assert edges[0] <= law.ppf(0.0005)
    assert edges[-1] >= law.ppf(0.9995)
    assert np.abs(counts - expected).max() < 0.02 * 200_000
    # Shifted rows lie far from the law: the edges span both.
    shifted = ts.diagnose(rows + 3).to_dict()["sphere"]["cosine"]["histogram"]
    assert sum(shifted["counts"]) == 200_000
    assert sum(shifted["expected"]) >= 0.999 * 200_000 - 1


@pytest.mark.parametrize("shape", [(8, 1), (8, 3), (9, 40), (21, 2), (300, 500)])
def test_few_rows(shape):
    plain = ts.diagnose(RNG.standard_normal(shape)).to_dict()
    json.dumps(plain, allow_nan=False)
    assert sum(plain["coordinates"]["shapes"]["histograms"][0]) == plain["shape"]["n_rows_used"] == shape[0]
    assert len(plain["sample_size"]["n"]) == len(grid(shape[0]))
    assert all(0 <= share <= 1 for share in plain["sample_size"]["dp_normal_share"])


def test_nothing_varies():
    plain = ts.diagnose(np.ones((50, 3))).to_dict()
    assert plain["shape"] is plain["directions"] is plain["sample_size"] is None


SECTIONS = ("norms", "sphere", "shape", "coordinates", "directions", "sample_size")


def test_the_split_into_blocks_does_not_show():
    rows = RNG.standard_normal((20_000, 4)).astype(np.float32)
    whole = ts.diagnose(rows).to_dict()
    parts = ts.diagnose([rows[:100], rows[100:9000], rows[9000:]]).to_dict()
    for section in ("shape", "directions", "sample_size"):
        assert parts[section] == whole[section], section
    assert parts["coordinates"]["shapes"] == whole["coordinates"]["shapes"]
    assert parts["sphere"]["cosine"] == whole["sphere"]["cosine"]
    # Fewer rows than a sketch holds: all of it, in any order.
    few = ts.diagnose(rows[:3000]).to_dict()
    turned = ts.diagnose([rows[2000:3000], rows[:2000]]).to_dict()
    assert {section: turned[section] for section in SECTIONS} == {section: few[section] for section in SECTIONS}


def test_the_seed_moves_what_is_drawn_alone():
    one, two = (ts.diagnose(ROWS, seed=seed).to_dict() for seed in (1, 2))
    assert one["directions"]["ad"] != two["directions"]["ad"]
    for section in ("shape", "sample_size", "norms"):
        assert one[section] == two[section]
    assert ts.diagnose(ROWS, seed=1).to_dict() == one


def test_without_pictures_everything_else_is_the_same():
    rows = np.random.default_rng(0).standard_normal((400, 6))
    whole, plain = (ts.diagnose(rows, pictures=wanted).to_dict() for wanted in (True, False))
    assert plain["shape"] is plain["directions"] is plain["sample_size"] is plain["coordinates"]["shapes"] is None
    for section in ("shape", "directions", "sample_size"):
        whole.pop(section)
        plain.pop(section)
    whole["coordinates"].pop("shapes")
    plain["coordinates"].pop("shapes")
    assert plain == whole


@pytest.mark.parametrize("constant", [0, 2])
def test_one_column_that_varies_is_drawn_from_a_copy(constant):
    rows = np.c_[np.random.default_rng(1).standard_normal(1000), np.ones((1000, constant))]
    sizes = ts.diagnose(rows).to_dict()["sample_size"]
    assert sizes["ad_normal_share"][0] >= 0.75  # 20 tests of 20 rows
    assert sizes["subsets"][0] == 20
