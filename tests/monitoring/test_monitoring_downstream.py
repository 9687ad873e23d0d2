import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from thinshell.errors import InputError, InputTypeError
from thinshell.monitoring import knn_accuracy, linear_probe, linear_probe_accuracy, nearest_neighbours


@pytest.fixture(scope="module")
def digits():
    features, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:1200], order[1200:]
    return features[train], labels[train], features[test], labels[test]


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (20, 0.07), (200, 0.07), (20, 1e3)])
def test_neighbours_against_scikit_learn(digits, k, temperature, monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "_BLOCK_VALUES", 1200 * 50)
    reference = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda distance: np.exp(-distance / temperature)
    )
    expected = reference.fit(*digits[:2]).score(*digits[2:])
    assert knn_accuracy(*digits, k=k, temperature=temperature) == pytest.approx(expected, abs=1e-12)


def test_neighbours_by_hand():
    # Two near neighbours of class 1 against one nearest of class 0: the vote is weighted by exp(cosine / temperature).
    angles = np.radians([0.0, 30.0, -30.0, 180.0])
    train = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [5], [0.2], [1]]
    one_row = (train, [0, 1, 1, 2], [[3.0, 0.0]], [0])
    # exp((1 - cos 30 degrees) / temperature) = 2 at a temperature of .193.
    assert knn_accuracy(*one_row, k=3, temperature=0.15) == 1.0
    assert knn_accuracy(*one_row, k=3, temperature=0.25) == 0.0
    assert knn_accuracy(train, [7, 3, 3, -1], [[3.0, 0.0], [0.0, 0.0]], [7, 5], k=1) == 0.5


@pytest.mark.parametrize("c", [1.0, 0.01])
def test_probe_against_scikit_learn(digits, c):
    train, labels, test, truth = digits
    scaler = StandardScaler().fit(train)
    reference = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(scaler.transform(train), labels)
    expected = reference.score(scaler.transform(test), truth)
    assert expected > 0.9
    got = linear_probe_accuracy(*digits, weight_decay=1 / (c * len(train)))
    assert got == pytest.approx(expected, abs=0.01)


def test_probe_reaches_the_optimum(digits, monkeypatch):
    # The loss of the weights, in NumPy, beside scikit-learn's; blocks change nothing.
    train, labels, *_ = digits
    decay = 1 / len(train)
    scaled = StandardScaler().fit_transform(train)

    def loss(weights, intercept):
        logs = log_softmax(scaled @ weights + intercept, axis=1)[np.arange(len(labels)), labels]
        return 0.5 * decay * (weights**2).sum() - logs.mean()

    reference = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(scaled, labels)
    best = loss(reference.coef_.T, reference.intercept_)
    fits = []
    for block in (2**23, 64 * 100):
        monkeypatch.setattr(linear_probe, "_BLOCK_VALUES", block)
        rows, classes = torch.from_numpy(train), torch.from_numpy(labels)
        fits.append(linear_probe._fit(rows, classes, 10, *linear_probe._standardisation(rows), decay, 200).numpy())
    assert loss(fits[0][:-1], fits[0][-1]) == pytest.approx(best, rel=1e-6)
    np.testing.assert_allclose(fits[0], fits[1], atol=1e-6)


def test_same_answer_whatever_holds_the_numbers(digits):
    train, labels, test, truth = digits
    tensors = [torch.from_numpy(part) for part in (train, labels, test, truth)]
    for score in (knn_accuracy, linear_probe_accuracy):
        expected = score(*digits)
        assert score(*tensors) == score(*digits) == expected
        with torch.inference_mode():
            half = score(tensors[0].to(torch.bfloat16) * 1.0, labels, tensors[2].half(), truth.tolist())
        assert half == pytest.approx(expected, abs=0.01)
        assert score(train.astype(np.float32) + 1e4 * (score is not knn_accuracy), labels, test, truth) <= 1.0
        # Any whole numbers are names of classes.
        assert score(train, labels * 10 - 35, test, truth * 10 - 35) == expected


def test_offsets_and_scales_do_not_matter_to_the_probe(digits):
    train, labels, test, truth = digits
    scale = np.geomspace(1e-3, 1e3, 64)
    moved = linear_probe_accuracy(train * scale + 100, labels, test * scale + 100, truth)
    assert moved == pytest.approx(linear_probe_accuracy(*digits), abs=0.005)


def test_rows_of_the_probe_are_drawn_by_the_seed(digits):
    few = [linear_probe_accuracy(*digits, max_samples=100, seed=seed) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert few[0] < linear_probe_accuracy(*digits)


@pytest.mark.parametrize("score", [knn_accuracy, linear_probe_accuracy])
def test_bad_input(score):
    good = (np.eye(4), [0, 0, 1, 1], np.eye(4), [0, 0, 1, 1])
    with pytest.raises(InputError, match=r"train_features must have shape \(n_samples, n_features\), got shape \(4,\)"):
        score(np.ones(4), *good[1:])
    with pytest.raises(InputError, match="train_features and test_features must have the same columns, got 4 and 3"):
        score(*good[:2], np.ones((4, 3)), good[3])
    with pytest.raises(InputError, match=r"test_labels must hold one label a row, shape \(4,\), got shape \(3,\)"):
        score(*good[:3], [0, 1, 1])
    with pytest.raises(InputTypeError, match=r"train_labels must be whole numbers, got dtype torch.float64"):
        score(good[0], np.zeros(4), *good[2:])
    with pytest.raises(InputError, match="test_features must be finite, got NaN or infinity in 2 of 4 rows"):
        score(*good[:2], np.where(np.eye(4)[:, ::2] == 1, np.nan, np.eye(4)[:, ::2]).repeat(2, axis=1), good[3])
    with pytest.raises(InputError, match="train_labels must hold at least two classes, got 1"):
        score(good[0], np.ones(4, int), *good[2:])
    with pytest.raises(InputTypeError, match="train_features must hold real numbers"):
        score(np.eye(4) * 1j, *good[1:])


def test_bad_options():
    good = (np.eye(4), [0, 0, 1, 1], np.eye(4), [0, 0, 1, 1])
    with pytest.raises(InputError, match="k must lie between 1 and the 4 training rows, got 20"):
        knn_accuracy(*good)
    with pytest.raises(InputError, match="temperature must be a positive number, got 0"):
        knn_accuracy(*good, k=1, temperature=0)
    with pytest.raises(InputError, match="weight_decay must be at least 0, got -1"):
        linear_probe_accuracy(*good, weight_decay=-1)
    with pytest.raises(InputError, match="max_samples must be at least 1, got 0"):
        linear_probe_accuracy(*good, max_samples=0)
