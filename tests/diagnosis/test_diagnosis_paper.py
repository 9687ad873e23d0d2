import numpy as np
import pytest
from scipy import stats

import thinshell as ts
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import PaperResult, paper_protocol, paper_verdict, subset_rows


def test_subsets_are_disjoint_where_the_rows_allow():
    disjoint = subset_rows(5000, 250, 20, seed=3)
    assert [len(rows) for rows in disjoint] == [250] * 20
    assert len(np.unique(np.concatenate(disjoint))) == 5000
    overlapping = subset_rows(600, 250, 20, seed=3)
    assert [len(np.unique(rows)) for rows in overlapping] == [250] * 20
    assert [len(rows) for rows in subset_rows(250, 250, 20, seed=3)] == [250]
    again = subset_rows(600, 250, 20, seed=3)
    np.testing.assert_array_equal(np.stack(overlapping), np.stack(again))
    assert not np.array_equal(np.stack(overlapping), np.stack(subset_rows(600, 250, 20, seed=4)))


def test_numbers_are_those_of_plain_scipy_loops():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((900, 3)), rng.exponential(size=(900, 2))], axis=1)
    options = Options(samples_per_test=200, repeats=7, seed=5)
    result = paper_protocol(rows, options)
    subsets = subset_rows(900, 200, 7, seed=5)
    ad = [[stats.anderson(rows[s, j], method="interpolate").statistic for j in range(5)] for s in subsets]
    dp = [stats.normaltest(rows[s], axis=0).pvalue for s in subsets]
    np.testing.assert_allclose(result.ad, np.mean(ad, axis=0), rtol=1e-9)
    np.testing.assert_allclose(result.dp, np.mean(dp, axis=0), rtol=1e-9)
    assert result.ad_avg == pytest.approx(np.mean(ad))
    assert result.dp_avg == pytest.approx(np.mean(dp))
    assert result.ad_normal_share == (np.mean(ad, axis=0) < 0.752).mean() == 0.6
    assert result.dp_normal_share == (np.mean(dp, axis=0) > 0.05).mean() == 0.6
    assert (result.samples_per_test, result.repeats) == (200, 7)


def test_interval_covers_the_average_of_fresh_rows():
    # Mean A^2 of t(5) coordinates with a shared scale: strongly dependent between coordinates.
    rng = np.random.default_rng(1)

    def cloud(n):
        return rng.standard_normal((n, 10)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5)

    truth = paper_protocol(cloud(100_000), Options(repeats=400)).ad_avg
    for n, least in ((600, 80), (5000, 85)):
        inside = 0
        for _ in range(100):
            low, high = paper_protocol(cloud(n), Options()).ad_avg_interval
            inside += low <= truth <= high
        assert inside >= least, n


def test_a_rare_spike_counts_as_not_normal():
    rows = np.random.default_rng(2).standard_normal((2000, 4))
    rows[:, 3] = 0.0
    rows[:2, 3] = 1.0
    result = paper_protocol(rows, Options())
    assert result.ad_normal_share == 0.75
    assert result.dp_normal_share == 0.75
    assert np.isfinite(result.ad_avg)


def result_with(**changes):
    base = {
        "samples_per_test": 250,
        "repeats": 20,
        "n_rows_used": 5000,
        "ad": np.zeros(1),
        "dp": np.zeros(1),
        "ad_avg": 0.4,
        "dp_avg": 0.45,
        "ad_normal_share": 0.96,
        "dp_normal_share": 0.94,
        "ad_avg_interval": None,
    }
    return PaperResult(**(base | changes))


@pytest.mark.parametrize(
    ("changes", "n", "verdict"),
    [
        ({}, 1000, "consistent"),
        ({}, 99, "inconclusive"),
        ({"ad_avg": 0.752}, 1000, "departure"),
        ({"ad_avg": 5.0}, 20, "departure"),
        ({"dp_avg": 0.05}, 1000, "departure"),
        ({"ad_normal_share": 0.49}, 1000, "departure"),
        ({"dp_normal_share": 0.49}, 1000, "departure"),
        ({"ad_avg": 0.7, "ad_avg_interval": (0.6, 0.8)}, 1000, "inconclusive"),
        ({"ad_avg": 0.8, "ad_avg_interval": (0.6, 1.0)}, 1000, "inconclusive"),
        ({"ad_avg": 0.8, "ad_avg_interval": (0.76, 1.0)}, 1000, "departure"),
        ({"ad_avg": 0.8, "ad_avg_interval": (0.6, 1.0), "dp_avg": 0.01}, 1000, "departure"),
        ({"ad_avg": np.nan}, 1000, "not_applicable"),
        # The columns of the paper's Table 1 and the rows of Table 2 (unnormalised).
        ({"ad_avg": 0.38, "ad_normal_share": 1.0, "dp_avg": 0.49, "dp_normal_share": 1.0}, 5000, "consistent"),
        ({"ad_avg": 1.64, "ad_normal_share": 0.3, "dp_avg": 0.02, "dp_normal_share": 0.15}, 5000, "departure"),
        ({"ad_avg": 0.41, "ad_normal_share": 0.93, "dp_avg": 0.44, "dp_normal_share": 0.89}, 5000, "consistent"),
        ({"ad_avg": 3.3, "ad_normal_share": 0.062, "dp_avg": 0.041, "dp_normal_share": 0.039}, 5000, "departure"),
        ({"ad_avg": 2.982, "ad_normal_share": 0.422, "dp_avg": 0.155, "dp_normal_share": 0.493}, 5000, "departure"),
        ({"ad_avg": 0.53, "ad_normal_share": 0.94, "dp_avg": 0.38, "dp_normal_share": 0.994}, 5000, "consistent"),
    ],
)
def test_verdict(changes, n, verdict):
    assert paper_verdict(result_with(**changes), n) == verdict


def test_exact_gaussian_has_the_papers_best_column():
    paper = ts.diagnose(np.random.default_rng(3).standard_normal((20_000, 256))).to_dict()["paper"]
    assert 0.36 <= paper["ad_avg"] <= 0.41
    assert 0.45 <= paper["dp_avg"] <= 0.55
    assert paper["ad_normal_share"] >= 0.99
    assert paper["dp_normal_share"] >= 0.99
    assert paper["verdict"] == "consistent"
    gaussian = paper["reference"]["gaussian"]
    for name in ("ad_avg", "dp_avg", "ad_normal_share", "dp_normal_share"):
        assert gaussian[name] == pytest.approx(paper[name], abs=0.02)
