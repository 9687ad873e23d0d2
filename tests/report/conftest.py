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


def _histogram(counts: list[int], expected: float) -> dict[str, Any]:
    edges = [round(0.05 * place, 2) for place in range(21)]
    band = {"expected": [expected] * 20, "low": [0.6 * expected] * 20, "high": [1.4 * expected] * 20}
    return {"edges": edges, "counts": counts, **band}


@pytest.fixture
def fit() -> dict[str, Any]:
    """Return a fit of 900 x 64 features whose held-out rows have heavier tails."""
    eigenvalues = [3.0 * 0.95**place for place in range(64)]
    sentence = (
        "The data have heavier tails than the model: 6.7 % of 1,000 held-out rows lie beyond its 99 % radius (1.1 % "
        "expected). Its p-values call too many rows odd."
    )
    return {
        "schema": "thinshell/fit/1",
        "thinshell_version": "1.0",
        "command": "thinshell fit emb.parquet --out model.safetensors",
        "provenance": {"commit": "abc1234", "versions": {"python": "3.12"}},
        "kind": "GaussianModel",
        "model": "model.safetensors",
        "source": {"name": "emb.parquet", "paths": ["emb.parquet"], "notices": [], "fingerprint": "f" * 64},
        "n_samples": 900,
        "n_held_out": 1000,
        "n_features": 65,
        "rank": 64,
        "covariance": {"method": "ledoit_wolf", "shrinkage": 0.0123, "n_components": None, "tied": None},
        "radius": {"name": "gaussian", "parameters": {"scale": 2.0, "shape": 32.0}},
        "entropy": {"nats": 81.2, "bits_per_dimension": 1.83},
        "spectrum": {
            "eigenvalues": eigenvalues,
            "effective_rank": 31.2,
            "participation_ratio": 24.1,
            "top_share": eigenvalues[0] / sum(eigenvalues),
            "condition": 25.3,
        },
        "degenerate": [{"kind": "constant", "columns": [5], "text": "Column 5 is constant: left out."}],
        "notes": ["the quartic term is estimated from 500 rows"],
        "calibration": {
            "verdict": "heavier tails",
            "sentence": sentence,
            "pvalue": 1e-9,
            "histogram": _histogram([120, *[45] * 18, 70], 50.0),
            "ks_statistic": 0.1,
            "ks_pvalue": 1e-8,
            "mean": {"observed": 66.2, "chi2": 64, "expected": 69.0},
            "variance": {"observed": 598.4, "chi2": 128, "expected": 160.5},
            "beyond": [
                {"quantile": 0.99, "observed": 0.067, "nominal": 0.01, "expected": 0.0113},
                {"quantile": 0.999, "observed": 0.0, "nominal": 0.001, "expected": 0.0013},
            ],
            "n_samples": 1000,
            "rank": 64,
            "n_fitted": 900,
            "reference": "F with 64 and 836 degrees: 900 fitted rows",
            "inflation": 1.08,
        },
        "held_out": {"log_density": {"mean": -81.0, "std": 5.0}, "bits_per_dimension": {"mean": 1.83}},
        "classes": None,
    }


@pytest.fixture
def scores() -> dict[str, Any]:
    """Return the scores of 500 rows, three of them odd, two too near the mean."""
    named = {
        "log_density": ("nats", "more typical", False),
        "mahalanobis": ("none", "odder", False),
        "pvalue": ("probability", "more typical", False),
        "typicality": ("standard deviations", "odder", True),
    }
    numbers = {"mean": 0.5, "std": 0.25, "minimum": 0.0, "maximum": 64.0}
    ids = ["img_17", "\x1b[31mred", "<script>alert(1)</script>"]
    return {
        "schema": "thinshell/scores/1",
        "thinshell_version": "1.0",
        "command": "thinshell score model.safetensors new.parquet",
        "provenance": None,
        "source": {"name": "new.parquet", "paths": ["new.parquet"], "notices": [], "fingerprint": "e" * 64},
        "model": {
            "path": "model.safetensors",
            "kind": "GaussianModel",
            "provenance": {"command": "thinshell fit emb.parquet"},
            "rank": 64,
            "n_samples": 900,
            "calibration_verdict": "calibrated",
        },
        "n_samples": 500,
        "n_features": 65,
        "out": "scores.parquet",
        "scores": {
            name: {"unit": unit, "higher_is": end, "two_sided": both, "text": f"What {name} says.", **numbers}
            for name, (unit, end, both) in named.items()
        },
        "pit": _histogram([25] * 20, 25.0),
        "far": {
            "0.05": {"n": 30, "expected": 25.0},
            "0.01": {"n": 9, "expected": 5.0},
            "0.001": {"n": 4, "expected": 0.5},
        },
        "discoveries": {"level": 0.05, "n": 3, "threshold": 1e-5},
        "near": {"z": -3.0, "n": 2, "expected": 0.7},
        "by": "pvalue",
        "top": [
            {"row": 1017 + place, "id": name, "log_density": -200.5, "mahalanobis": 393.2, "pvalue": 1e-47 * place,
             "typicality": 18.7}
            for place, name in enumerate(ids)
        ],
    }  # fmt: skip


@pytest.fixture
def whitening() -> dict[str, Any]:
    """Return what whitening did to 1,203 x 512 features."""
    return {
        "schema": "thinshell/whitening/1",
        "source": {"name": "emb.npy", "paths": ["emb.npy"], "notices": []},
        "n_samples": 1203,
        "n_features": 512,
        "n_out": 510,
        "method": "zca",
        "floor": 1e-6,
        "floored": {"n": 2, "share": 1e-9, "text": "2 eigenvalues were raised to the floor."},
        "out": "white.npy",
        "model": None,
        "before": {"uniformity": -2.1, "mean_cosine": 0.61, "n_rows": 1203},
        "after": {"uniformity": -3.97, "mean_cosine": 0.002, "n_rows": 1203},
    }
