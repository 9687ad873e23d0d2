"""Results with everything that figures show, made by formulas."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py"]

EDGES = [-4.0 + 0.5 * step for step in range(17)]
QUANTILES = [-2.3, -1.2, -0.5, 0.0, 0.5, 1.2, 2.3]
NORMAL = [round(1000 * math.exp(-0.5 * (edge + 0.25) ** 2) * 0.5 / math.sqrt(2 * math.pi)) for edge in EDGES[:-1]]


def _with_pictures(diagnosis: dict[str, Any], ad: float) -> dict[str, Any]:
    names = [f"feature {place}" for place in range(6)]
    shapes = {"indices": [1, 4], "histograms": [NORMAL, NORMAL[::-1]], "quantiles": [QUANTILES, QUANTILES[::-1]]}
    return diagnosis | {
        "norms": diagnosis["norms"]
        | {"histogram": diagnosis["norms"]["histogram"] | {"expected": [0.5 * n for n in range(12)]}},
        "coordinates": {
            "names": names,
            "ad": [100.0 * ad] * 6,
            "paper_ad": [0.3, ad, 0.5, None, 1.2, 0.7],
            "excess_kurtosis": [0.1, 5.0, -0.2, None, 0.4, -0.6],
            "skewness": [0.0, 1.0, 0.1, None, 0.2, 0.0],
            "shapes": shapes,
        },
        "directions": {
            "ad": [0.4, 0.9, 0.3],
            "excess_kurtosis": [0.0, 0.3, -0.1],
            "skewness": [0.0, 0.1, 0.0],
            "n_rows_used": 1000,
            "shapes": {"indices": [2], "histograms": [NORMAL], "quantiles": [QUANTILES]},
        },
        "shape": {"n_rows_used": sum(NORMAL), "edges": EDGES, "normal_quantiles": QUANTILES, "levels": QUANTILES},
        "sphere": diagnosis["sphere"]
        | {
            "cosine": {
                "mean": 0.5,
                "std": 0.14,
                "histogram": {"edges": [-1.0, 0.0, 0.5, 1.0], "counts": [1, 4, 5], "expected": [5.0, 4.0, 1.0]},
            },
            "positive": {"cosine": {"mean": 0.8, "histogram": {"edges": [0.5, 0.75, 1.0], "counts": [3, 7]}}},
        },
        "sample_size": {
            "n": [100, 1000, 10000],
            "ad_normal_share": [0.9, 0.5, 0.0],
            "dp_normal_share": [0.8, None, 0.1],
            "subsets": [20, 10, 1],
            "n_rows_used": 10000,
            "expected": 0.95,
        },
    }


@pytest.fixture
def pictured(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """Return a diagnosis that has every panel."""
    return _with_pictures(diagnosis, 9.5)


@pytest.fixture
def pictured_comparison(comparison: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison of two such."""
    first, second = comparison["diagnoses"]
    return comparison | {"diagnoses": [_with_pictures(first, 9.5), _with_pictures(copy.deepcopy(second), 0.6)]}


@pytest.fixture
def training() -> dict[str, Any]:
    """Return a training run measured at three epochs, raw and normalised."""
    records = [
        {
            "epoch": epoch,
            "layer": "representation",
            "normalize": normalize,
            "n_samples": 900,
            "cv": None if normalize == "l2" else 0.3 - 0.1 * epoch,
            "cv_reference": None if normalize == "l2" else 0.25,
            "ad_avg": 2.0 - epoch,
            "ad_normal_share": 0.2 + 0.3 * epoch,
            "alignment": None,
            "norm_histogram": None if normalize == "l2" else {"edges": [1.0, 2.0, 3.0], "counts": [4, 5 + epoch]},
        }
        for epoch in (2, 0, 1)
        for normalize in ("none", "l2")
    ]
    return {
        "schema": "thinshell/training/1",
        "config": {"monitor": {"samples_per_test": 250, "repeats": 20}},
        "history": [{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 2.25}],
        "gaussianity": records,
    }
