"""Every score of a fitted Gaussian, and the baselines, on rows that are known and rows that are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thinshell.gaussian.class_conditional import ClassConditionalGaussian
from thinshell.gaussian.detection import detection_metrics, knn_distance, max_softmax, norm_score
from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.scores import BASELINES, SCORES, oddness, score_table

__all__ = ["ALL_SCORES", "Rows", "detected", "scored", "space_result"]

# One side of the typicality each: rows too far out, rows too near the mean.
SIDES = {"typicality_far": 1.0, "typicality_near": -1.0}
ALL_SCORES = (*SCORES, *SIDES, *BASELINES)
# What the model of classes is asked for.
CLASS_SCORES = ("relative_mahalanobis", "class_mahalanobis")


@dataclass(frozen=True)
class Rows:
    """The rows of one space: of a layer of an encoder, or raw pixels.

    Attributes
    ----------
    train : ndarray of float32 of shape (n, d)
        What the Gaussian is fitted to.
    labels : ndarray of int64 of shape (n,)
        Their classes.
    test : ndarray of float32 of shape (m, d)
        Rows that are known.
    out : dict of str to ndarray of float32 of shape (m_k, d)
        Rows that are not, by name of the set.
    logits : dict of str to ndarray, optional
        Of a classifier on the rows of ``"test"`` and of each set.
    """

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    out: Mapping[str, np.ndarray]
    logits: Mapping[str, np.ndarray] | None = None


def scored(rows: Rows, *, covariance: str, n_neighbours: int) -> tuple[dict[str, dict[str, np.ndarray]], GaussianModel]:
    """Return all scores of the test rows (``"test"``) and of every set, and the model without classes.

    Parameters
    ----------
    rows : Rows
    covariance : str
        A name of ``thinshell.gaussian.COVARIANCES``; of both models.
    n_neighbours : int
        Of the kNN distance.

    Returns
    -------
    values : dict of str to dict of str to ndarray
        Set, score, one number a row.
    model : GaussianModel
    """
    # Embeddings and neighbouring pixels can be so near to dependent that products in float32 cannot tell.
    fitted = rows.train.astype(np.float64)
    model = GaussianModel(covariance).fit(fitted)
    classes = ClassConditionalGaussian(covariance).fit(fitted, rows.labels)
    values = {}
    for name, plain in {"test": rows.test, **rows.out}.items():
        part = plain.astype(np.float64)
        values[name] = score_table(model, part) | score_table(classes, part, CLASS_SCORES)
        values[name]["knn_distance"] = knn_distance(rows.train, plain, k=n_neighbours)
        values[name]["norm"] = norm_score(part)
        if rows.logits is not None:
            values[name]["max_softmax"] = max_softmax(rows.logits[name])
    return values, model


def detected(
    values: Mapping[str, Mapping[str, np.ndarray]], *, n_bootstrap: int, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return how well each score tells each set from the test rows.

    Parameters
    ----------
    values : mapping
        What `scored` returns first.
    n_bootstrap, seed : int

    Returns
    -------
    dict
        Score, set, then what ``thinshell.gaussian.detection_metrics`` returns.
    """
    odd = {name: _odd(part) for name, part in values.items()}
    metrics: dict[str, dict[str, Any]] = {score: {} for score in odd["test"]}
    for name in values:
        if name == "test":
            continue
        known: list[tuple[np.ndarray, dict[str, Any]]] = []
        for score, by_set in metrics.items():
            first, second = odd["test"][score], odd[name][score]
            # Scores that order all rows alike (log-density and Mahalanobis distance) are measured once.
            order = np.unique(np.concatenate([first, second]), return_inverse=True)[1]
            found = next((numbers for before, numbers in known if np.array_equal(before, order)), None)
            if found is None:
                found = detection_metrics(first, second, n_bootstrap=n_bootstrap, seed=seed)
                known.append((order, found))
            by_set[name] = found
    return metrics


def space_result(rows: Rows, *, covariance: str, n_neighbours: int, n_bootstrap: int, seed: int) -> dict[str, Any]:
    """Fit, score, compare and check the calibration in one space; plain numbers only."""
    values, model = scored(rows, covariance=covariance, n_neighbours=n_neighbours)
    return {
        "d": int(rows.train.shape[1]),
        "n_fitted": len(rows.train),
        "covariance": covariance,
        "n_neighbours": n_neighbours,
        "rank": int(model.rank_),
        "shrinkage": model.shrinkage_,
        "medians": {name: {key: float(np.median(v)) for key, v in part.items()} for name, part in values.items()},
        "calibration": model.calibrate(rows.test.astype(np.float64)).calibration_,
        "metrics": detected(values, n_bootstrap=n_bootstrap, seed=seed),
    }


def _odd(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return each score so that a higher one is odder, and both sides of the typicality on their own."""
    odd = {name: oddness(name, array) for name, array in values.items()}
    return odd | {name: sign * values["typicality"] for name, sign in SIDES.items()}
