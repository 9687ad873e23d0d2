"""Detection metrics against scikit-learn and naive counts; bootstrap coverage; baselines."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binom, norm
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian import detection
from thinshell.gaussian.detection import detection_metrics, knn_distance, max_softmax, norm_score


def values(metrics):
    return {name: part["value"] for name, part in metrics.items()}


def naive(inside, outside):
    """By scikit-learn and, for FPR@95, by trying every threshold."""
    scores = np.concatenate([inside, outside])
    labels = np.repeat([0, 1], [len(inside), len(outside)])
    threshold = min(t for t in inside if sum(inside <= t) * 20 >= 19 * len(inside))
    return {
        "auroc": roc_auc_score(labels, scores),
        "aupr_in": average_precision_score(1 - labels, -scores),
        "aupr_out": average_precision_score(labels, scores),
        "fpr_at_95_tpr": (outside <= threshold).mean(),
    }


some_scores = st.lists(st.integers(-3, 3), min_size=2, max_size=45).map(lambda x: np.array(x, dtype=float))


@settings(max_examples=60, deadline=None)
@given(some_scores, some_scores)
def test_metrics_are_scikit_learns_with_ties(inside, outside):
    assert values(detection_metrics(inside, outside, n_bootstrap=0)) == pytest.approx(naive(inside, outside), abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_metrics_are_scikit_learns_without_ties(dtype):
    rng = np.random.default_rng(0)
    inside, outside = rng.standard_normal(700).astype(dtype), rng.standard_normal(300).astype(dtype) + 1
    assert values(detection_metrics(inside, outside, n_bootstrap=0)) == pytest.approx(naive(inside, outside), abs=1e-12)


def test_the_other_sign_is_the_negated_score():
    rng = np.random.default_rng(0)
    inside, outside = rng.standard_normal(100), rng.standard_normal(80) - 1
    one = detection_metrics(inside, outside, higher_is_odder=False, n_bootstrap=50)
    assert one == detection_metrics(-inside, -outside, n_bootstrap=50)
    assert one["auroc"]["value"] > 0.7


def test_extremes():
    apart = detection_metrics([0.0, 1.0], [2.0, np.inf], n_bootstrap=20)
    assert apart["auroc"] == {"value": 1, "low": 1, "high": 1}
    assert apart["fpr_at_95_tpr"] == {"value": 0, "low": 0, "high": 0}
    same = values(detection_metrics(np.zeros(10), np.zeros(30), n_bootstrap=0))
    assert same == {"auroc": 0.5, "aupr_in": 0.25, "aupr_out": 0.75, "fpr_at_95_tpr": 1}
    assert np.isnan(detection_metrics([0.0, 1.0], [1.0, 2.0], n_bootstrap=0)["auroc"]["low"])


def test_intervals_hold_the_value_and_depend_on_the_seed_alone(monkeypatch):
    rng = np.random.default_rng(0)
    inside, outside = rng.standard_normal(200), rng.standard_normal(200) + 1
    first = detection_metrics(inside, outside, n_bootstrap=120, seed=3)
    assert all(part["low"] < part["value"] < part["high"] for part in first.values())
    monkeypatch.setattr(detection, "_PIECE", 7)
    assert detection_metrics(inside, outside, n_bootstrap=120, seed=3) == first
    assert detection_metrics(inside, outside, n_bootstrap=120, seed=4) != first
    narrow = detection_metrics(inside, outside, n_bootstrap=120, seed=3, level=0.5)
    assert all(narrow[name]["low"] > first[name]["low"] for name in first)


def coverage(repeats, n, resamples):
    """How often the intervals hold what infinitely many rows would give (aupr aside: it has no closed form)."""
    rng = np.random.default_rng(0)
    truth = {"auroc": norm.cdf(1.5 / np.sqrt(2)), "fpr_at_95_tpr": norm.cdf(norm.ppf(0.95) - 1.5)}
    hits = dict.fromkeys(truth, 0)
    for seed in range(repeats):
        inside, outside = rng.standard_normal(n), rng.standard_normal(n) + 1.5
        found = detection_metrics(inside, outside, n_bootstrap=resamples, seed=seed)
        for name in truth:
            hits[name] += found[name]["low"] <= truth[name] <= found[name]["high"]
    return hits


def test_intervals_cover():
    # A percentile interval of 200 rows covers a little less than it says: .92 is allowed for.
    assert min(coverage(60, 200, 200).values()) >= binom.ppf(0.001, 60, 0.92)


@pytest.mark.slow
def test_intervals_cover_long():
    hits = coverage(1000, 300, 1000)
    assert binom.ppf(0.001, 1000, 0.93) <= hits["auroc"] <= binom.ppf(0.999, 1000, 0.96)
    assert binom.ppf(0.001, 1000, 0.92) <= hits["fpr_at_95_tpr"] <= binom.ppf(0.999, 1000, 0.97)


def test_a_thousand_resamples_of_many_scores_take_seconds():
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    detection_metrics(rng.standard_normal(10_000), rng.standard_normal(10_000) + 1)
    assert time.perf_counter() - start < 30  # 2 s on one idle core


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_knn_distance_is_scikit_learns(dtype, normalize, k, monkeypatch):
    monkeypatch.setattr(detection, "_ROWS", 16)
    monkeypatch.setattr(detection, "_TRAIN", 25)  # smaller than k, and a ragged last one
    rng = np.random.default_rng(0)
    train, rows = rng.standard_normal((113, 7)).astype(dtype), rng.standard_normal((37, 7)).astype(dtype)
    unit = (lambda x: x / np.linalg.norm(x.astype(float), axis=1, keepdims=True)) if normalize else np.asarray
    exact = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(unit(train)).kneighbors(unit(rows))[0][:, -1]
    np.testing.assert_allclose(knn_distance(train, rows, k, normalize=normalize), exact, rtol=1e-6)


def test_equal_rows_are_at_distance_zero():
    rows = 1e3 + np.random.default_rng(0).standard_normal((50, 4))
    assert (knn_distance(rows, rows, 1, normalize=False) == 0).all()


def test_knn_distance_holds_no_matrix_of_all_distances():
    rng = np.random.default_rng(0)
    train, rows = rng.standard_normal((20_000, 4)), rng.standard_normal((4000, 4))
    tracemalloc.start()
    knn_distance(train, rows, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.4 * 8 * len(train) * len(rows)


def test_norms_and_softmax():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 5)).astype(np.float32)
    np.testing.assert_allclose(norm_score(rows), np.linalg.norm(rows, axis=1), rtol=1e-6)
    np.testing.assert_allclose(max_softmax(rows), softmax(rows.astype(float), axis=1).max(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(max_softmax([[1e4, -1e4], [-1e4, -1e4], [0.0, 1e4]]), [1, 0.5, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: detection_metrics([1.0], [1.0, 2.0]), "in_scores must hold at least 2 scores, got 1"),
        (lambda: detection_metrics([1.0, 2.0], [1.0, np.nan]), "out_scores must hold no NaN, got 1"),
        (lambda: detection_metrics([[1.0], [2.0]], [1.0, 2.0]), "in_scores must have shape"),
        (lambda: detection_metrics([1.0, 2.0], [1.0, 2.0], n_bootstrap=-1), "n_bootstrap must be at least 0"),
        (lambda: detection_metrics([1.0, 2.0], [1.0, 2.0], level=95), "level must be between 0 and 1"),
        (lambda: knn_distance(np.eye(3), np.eye(2), 1), "rows must have 3 features"),
        (lambda: knn_distance(np.eye(3), np.eye(3), 4), "k must be from 1 to 3"),
        (lambda: knn_distance(np.eye(3), np.eye(3), 0), "k must be from 1 to 3"),
        (lambda: knn_distance(np.zeros((3, 3)), np.eye(3), 1), "no all-zero row"),
        (lambda: knn_distance(np.full((3, 3), np.nan), np.eye(3), 1), "train must be finite"),
        (lambda: knn_distance(np.eye(3), np.empty((0, 3)), 1), "rows must have at least 1 rows"),
        (lambda: norm_score([[np.inf]]), "rows must be finite"),
        (lambda: max_softmax([1.0, 2.0]), "at least 2 columns, one a class, got 1"),
        (lambda: max_softmax([[np.nan, 1.0]]), "logits must be finite"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_bad_types_are_told():
    with pytest.raises(InputTypeError, match="n_bootstrap must be a whole number, got float"):
        detection_metrics([1.0, 2.0], [1.0, 2.0], n_bootstrap=10.5)
    with pytest.raises(InputTypeError, match="k must be a whole number, got float"):
        knn_distance(np.eye(3), np.eye(3), 1.5)
