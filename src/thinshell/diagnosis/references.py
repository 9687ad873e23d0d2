"""The same numbers for an exactly Gaussian sample and for a uniform sphere of the same shape."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from thinshell.diagnosis.full import detectable_at
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import paper_protocol
from thinshell.statistics.anderson_darling import anderson_darling_null_mean
from thinshell.statistics.norms import chi_cv
from thinshell.statistics.spectrum import gaussian_spectrum_reference
from thinshell.statistics.sphere import uniformity_of_sphere
from thinshell.theory.sphere import anderson_darling_rate

__all__ = [
    "directions_reference",
    "full_reference",
    "paper_reference",
    "spectrum_reference",
]

# Coordinates simulated for the paper's protocol: their average is then known to about .01 in A^2.
_COLUMNS = 256


def paper_reference(n_rows: int, n_features: int, options: Options) -> dict[str, dict[str, float]]:
    """Run the paper protocol on simulated rows of both laws and average over 256 coordinates or a few more.

    Of wider clouds no more coordinates are simulated, of narrower ones several clouds side by side: a reference is what
    to expect, not one draw. The protocol sees no more of the data than the rows it draws, so no more are simulated.
    """
    n = min(n_rows, options.samples_per_test * options.repeats)
    rng = np.random.default_rng([options.seed, 1])
    kept = min(n_features, _COLUMNS)
    clouds = rng.standard_normal((n, -(-_COLUMNS // kept), kept))
    # Coordinates beyond those kept enter a row's norm only, as one chi-square variable.
    rest = rng.chisquare(n_features - kept, n) if n_features > kept else np.zeros(n)
    radii = np.sqrt((clouds**2).sum(axis=2) + rest[:, None])[:, :, None]
    cloud, sphere = clouds.reshape(n, -1), (clouds / radii).reshape(n, -1)
    same = replace(options, normalize="none")
    reference = {"gaussian": paper_protocol(cloud, same).numbers() | {"cv": chi_cv(n_features)}}
    if n_features > 1:
        reference["sphere"] = paper_protocol(sphere, same).numbers() | {"cv": 0.0}
    return reference


def full_reference(n_samples: int, n_features: int) -> dict[str, dict[str, float | None]]:
    """Return expected values of the full protocol under both laws, in closed form."""
    n = n_samples
    null = anderson_darling_null_mean(n)
    # Mean of |g1| when g1 is normal with its exact variance (Fisher 1930), and exact mean of g2.
    absolute = math.sqrt(2 / math.pi) * math.sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))
    gaussian: dict[str, float | None] = {
        "ad_mean": null,
        "ad_normal_share": 0.95,
        "dp_mean": 0.5,
        "dp_normal_share": 0.95,
        "skewness_abs_mean": absolute,
        "excess_kurtosis_mean": -6 / (n + 1),
        "ad_per_sample": null / n,
        "detectable_at": None,
    }
    if n_features == 1:
        return {"gaussian": gaussian}
    sphere_mean = null + n * anderson_darling_rate(n_features)
    crossing = detectable_at(sphere_mean, n)
    # Moments of the coordinate scaled to variance 1. To first order the variance of g1 is (m6 - 6 m4 + 9) / n (6 / n
    # for a normal) and the mean of g2 is m4 - 3 + (6 - 2 m6 + 3 m4^2 - 3 m4) / n (-6 / n for a normal).
    d = n_features
    m4, m6 = 3 * d / (d + 2), 15 * d * d / ((d + 2) * (d + 4))
    spread, bias = (m6 - 6 * m4 + 9) / 6, (6 - 2 * m6 + 3 * m4**2 - 3 * m4) / n
    sphere: dict[str, float | None] = {
        "ad_mean": sphere_mean,
        "skewness_abs_mean": absolute * math.sqrt(spread),
        "excess_kurtosis_mean": m4 - 3 + bias,
        "ad_per_sample": sphere_mean / n,
        "detectable_at": None if math.isinf(crossing) else round(crossing),
    }
    return {"gaussian": gaussian, "sphere": sphere}


def directions_reference(n_samples: int, n_features: int) -> dict[str, dict[str, float]]:
    """Return uniformity, ||m|| and spread of cosines of directions that are uniform on the sphere.

    An isotropic centred Gaussian has uniform directions, so both laws share them.
    """
    if n_features == 1:
        return {}
    both = {
        "uniformity": uniformity_of_sphere(n_features),
        "mean_direction_norm": 1 / math.sqrt(n_samples),
        "cosine_std": 1 / math.sqrt(n_features),
    }
    return {"gaussian": both, "sphere": dict(both)}


def spectrum_reference(n_samples: int, n_features: int) -> dict[str, dict[str, Any]]:
    """Return effective rank and participation ratio of an isotropic Gaussian sample of this shape."""
    expected = gaussian_spectrum_reference(n_samples, n_features)
    numbers = {
        "effective_rank": expected.effective_rank,
        "participation_ratio": expected.participation_ratio,
    }
    return {"gaussian": numbers, "sphere": dict(numbers)}
