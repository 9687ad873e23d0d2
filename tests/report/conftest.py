"""A diagnosis and a comparison with every field of the schema filled, made by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py"]

REFERENCE = {"cv": 0.0884, "ad_avg": 0.384, "ad_normal_share": 1.0, "dp_avg": 0.497, "dp_normal_share": 1.0}
FULL_REFERENCE = {
    "ad_mean": 0.385,
    "ad_normal_share": 0.95,
    "dp_mean": 0.5,
    "dp_normal_share": 0.95,
    "skewness_abs_mean": 0.0195,
    "excess_kurtosis_mean": 0.0,
    "ad_per_sample": 3.85e-05,
    "detectable_at": None,
}
CHECKS = [
    {
        "code": "marginals",
        "title": "Coordinates are normal",
        "verdict": "departure",
        "message": "0 % of 64 coordinates pass; the mean A^2 is 11.9, an exact Gaussian has 0.38.",
        "remedy": "Look at the histogram of the worst coordinates: they are skewed, as after a ReLU.",
        "statistic": 11.9,
        "pvalue": 0.0,
        "effect": {"name": "A^2/n", "value": 0.046},
        "criterion": {"name": "A^2", "threshold": 0.752, "source": "Stephens 1974"},
        "n_samples": 250,
    },
    {
        "code": "norms",
        "title": "Norms follow the law of the spectrum",
        "verdict": "consistent",
        "message": "CV 0.130 against 0.126 expected.",
        "remedy": None,
        "statistic": 1.1,
        "pvalue": 0.27,
        "effect": None,
        "criterion": None,
        "n_samples": 10000,
    },
    {
        "code": "squares",
        "title": "Squared coordinates are uncorrelated",
        "verdict": "inconclusive",
        "message": "Too few rows to tell.",
        "remedy": "Give at least 200 rows.",
        "statistic": None,
        "pvalue": None,
        "effect": None,
        "criterion": None,
        "n_samples": 120,
    },
    {
        "code": "mardia",
        "title": "Mardia skewness",
        "verdict": "not_applicable",
        "message": "n < d.",
        "remedy": None,
        "statistic": None,
        "pvalue": None,
        "effect": None,
        "criterion": None,
        "n_samples": 0,
    },
]
DIAGNOSIS: dict[str, Any] = {
    "schema": "thinshell/diagnosis/1",
    "thinshell_version": "0.1.0",
    "source": {"kind": "npy", "paths": ["emb.npy"], "name": "emb.npy", "dtype": "float16", "notices": []},
    "n_samples": 10000,
    "n_features": 64,
    "n_dropped_nonfinite": 0,
    "constant_features": {"indices": [], "count": 0},
    "duplicates": {"share": 0.0, "n_checked": 4096},
    "normalize": "none",
    "seed": 0,
    "protocol": "both",
    "verdict": "departure",
    "reason": "AD Avg. is 11.9, above 0.752, and 0 % of the coordinates look normal.",
    "look_next": "skewed coordinates with many zeros: are these ReLU outputs?",
    "norms": {
        "applicable": True,
        "reason": None,
        "mean": 11.3,
        "std": 1.47,
        "cv": 0.13,
        "cv_reference": 0.0884,
        "cv_sphere": 0.0,
        "quantiles": {"0.01": 8.2, "0.5": 11.2, "0.99": 15.1},
        "histogram": {
            "edges": [float(e) for e in range(6, 19)],
            "counts": [5, 60, 400, 1500, 2600, 2500, 1600, 800, 350, 130, 45, 10],
        },
        "centered": {"mean": 7.9, "std": 0.81, "cv": 0.102, "cv_reference": 0.0912},
    },
    "paper": {
        "verdict": "departure",
        "reason": "AD Avg. is 11.9.",
        "samples_per_test": 250,
        "repeats": 20,
        "n_rows_used": 5000,
        "ad_avg": 11.87,
        "ad_avg_interval": [11.2, 12.6],
        "ad_normal_share": 0.0,
        "dp_avg": 2.2e-06,
        "dp_normal_share": 0.031,
        "reference": {"gaussian": REFERENCE, "sphere": REFERENCE | {"cv": 0.0}},
    },
    "full": {
        "verdict": "departure",
        "reason": "Anybody with more than about 40 rows can tell it from a Gaussian.",
        "n_samples": 10000,
        "exact": True,
        "ad_mean": 461.0,
        "ad_normal_share": 0.0,
        "dp_mean": 0.0,
        "dp_normal_share": 0.0,
        "skewness_abs_mean": 1.93,
        "skewness_interval": [1.71, 2.14],
        "excess_kurtosis_mean": 5.1,
        "excess_kurtosis_interval": [4.4, 5.9],
        "ad_per_sample": 0.0461,
        "detectable_at": 40,
        "detectable_at_interval": [35, 48],
        "reference": {"gaussian": FULL_REFERENCE, "sphere": FULL_REFERENCE | {"detectable_at": 50000}},
    },
    "sphere": {
        "mean_direction_norm": 0.71,
        "uniformity": -1.83,
        "cosine": {"mean": 0.5, "std": 0.14, "quantiles": {"0.5": 0.49}},
        "n_rows_used": 4096,
        "reference": {
            "gaussian": {"uniformity": -3.88, "mean_direction_norm": 0.01, "cosine_std": 0.125},
            "sphere": {"uniformity": -3.88, "mean_direction_norm": 0.01, "cosine_std": 0.125},
        },
    },
    "spectrum": {
        "effective_rank": 9.8,
        "participation_ratio": 9.1,
        "rankme": 9.8,
        "isotropy": 0.02,
        "top_share": 0.19,
        "eigenvalues": [3.0, 2.0, 1.0],
        "reference": {"gaussian": {"effective_rank": 63.8, "participation_ratio": 63.6}},
    },
    "checks": CHECKS,
    "hints": [{"code": "sparse", "message": "43 % of the values are exactly zero: these look like ReLU outputs."}],
    "coordinates": {"names": None, "mean": [0.1], "ad": [11.9]},
}


@pytest.fixture(scope="session")
def pristine() -> dict[str, Any]:
    """Return the diagnosis that the others are copies of; not to be changed."""
    return DIAGNOSIS


@pytest.fixture
def diagnosis() -> dict[str, Any]:
    """Return a diagnosis of 10,000 x 64 features that depart from a Gaussian."""
    return copy.deepcopy(DIAGNOSIS)


@pytest.fixture
def comparison(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison of that diagnosis with a Gaussian one."""
    after = copy.deepcopy(diagnosis) | {"verdict": "consistent", "reason": "AD Avg. is 0.38."}
    after["paper"] |= REFERENCE
    moved = [
        {
            "field": "paper.ad_avg",
            "before": 11.87,
            "after": 0.384,
            "change": -11.5,
            "message": "AD Avg. fell from 11.87 to 0.38",
        },
        {"field": "norms.cv", "before": 0.13, "after": 0.0884, "change": -0.04, "message": None},
    ]
    return {
        "schema": "thinshell/comparison/1",
        "names": ["before.npy", "after.npy"],
        "diagnoses": [diagnosis, after],
        "differences": [{"name": "after.npy", "versus": "before.npy", "moved": moved}],
    }
