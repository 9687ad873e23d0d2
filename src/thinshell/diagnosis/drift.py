"""Whether two clouds are samples of one law: effect sizes, and p-values that hold for a thousand rows and a million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import kolmogorov, ndtri

from thinshell.diagnosis.criteria import ALPHA
from thinshell.sketch import Summary
from thinshell.sketch.common_bins import column_marginals, common_counts, norm_marginals
from thinshell.statistics._columns import sample_covariance
from thinshell.statistics.moments import Moments, moments
from thinshell.statistics.multiplicity import benjamini_hochberg, cauchy_combination, holm
from thinshell.statistics.two_sample import (
    TwoSampleResult,
    kolmogorov_smirnov_test,
    mean_difference_test,
    mean_vector_pvalue,
    variance_ratio_test,
)

__all__ = ["drift_between"]

# Random directions, and leading principal axes beside them, along which variances and distributions are compared.
_DIRECTIONS, _AXES = 48, 16
_LISTED = 5
# Below these an effect has no name but "negligible": Cohen (1988) calls .2, .5 and .8 small, medium and large.
_NAMES = ((0.02, "negligible"), (0.2, "very small"), (0.5, "small"), (0.8, "medium"))


@dataclass(frozen=True)
class _Cloud:
    """What the tests need of one side, columns as they stand in the data."""

    summary: Summary
    covariance: np.ndarray
    n_covariance: int

    @classmethod
    def of(cls, summary: Summary) -> _Cloud:
        if summary.covariance is not None and np.isfinite(summary.covariance).all():
            return cls(summary, summary.covariance, summary.n_samples)
        rows = summary.rows
        # Fewer rows than columns as well: the products of columns are what is asked for, not an inverse.
        centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
        wide = rows.shape[1] > rows.shape[0]
        covariance = centred.T @ centred / (len(rows) - 1) if wide else sample_covariance(rows)
        return cls(summary, covariance, len(rows))


def drift_between(first: Summary, second: Summary, seed: int) -> dict[str, Any] | None:
    """Test whether two sets of embeddings are samples of one law.

    Parameters
    ----------
    first, second : Summary
        Read off two sketches.
    seed : int
        Draws the random directions.

    Returns
    -------
    dict or None
        `verdict` ("drift", "none_found"), `pvalue` over all tests (Holm), the tests, and the columns that moved most.
        None where the two have different numbers of columns.

    Notes
    -----
    Rows are taken as independent. Two embeddings of the *same* items are paired, which makes the tests conservative.
    """
    if first.n_features != second.n_features:
        return None
    one, two = _Cloud.of(first), _Cloud.of(second)
    means = mean_difference_test(first.moments, second.moments)
    variances = variance_ratio_test(first.moments, second.moments)
    n = [first.n_samples, second.n_samples]
    tests = [_means(means, one, two), _variances(variances, n), _marginals(first, second)]
    tests += [_norms(first, second), *_along_directions(one, two, seed)]
    adjusted = holm([np.nan if test["pvalue"] is None else test["pvalue"] for test in tests])
    for test, pvalue in zip(tests, adjusted, strict=True):
        test["adjusted_pvalue"] = None if np.isnan(pvalue) else float(pvalue)
    known = adjusted[np.isfinite(adjusted)]
    pvalue = float(known.min()) if len(known) else None
    return {
        "verdict": "drift" if pvalue is not None and pvalue < ALPHA else "none_found",
        "pvalue": pvalue,
        "n_samples": n,
        "tests": tests,
        "columns": _columns(means, variances),
        "size": _size(means, variances),
    }


def _test(code: str, title: str, pvalue: float, effect: tuple[str, float], where: int | None, n: list[int]) -> dict:
    return {
        "code": code,
        "title": title,
        "pvalue": None if np.isnan(pvalue) else float(pvalue),
        "effect": {"name": effect[0], "value": float(effect[1])},
        "column": where,
        "n_samples": n,
    }


def _both(*pvalues: float) -> float:
    """Return one p-value of two tests of one thing (Bonferroni)."""
    known = [value for value in pvalues if not np.isnan(value)]
    return min(1.0, len(known) * min(known)) if known else float("nan")


def _worst(values: np.ndarray) -> int | None:
    known = np.where(np.isnan(values), -np.inf, np.abs(values))
    return int(np.argmax(known)) if np.isfinite(known).any() or np.isinf(values).any() else None


def _means(result: TwoSampleResult, one: _Cloud, two: _Cloud) -> dict[str, Any]:
    first, second = one.summary, two.summary
    together = mean_vector_pvalue(first.moments, second.moments, one.covariance, two.covariance)
    worst = _worst(result.effect)
    value = 0.0 if worst is None else result.effect[worst]
    n = [first.n_samples, second.n_samples]
    return _test("mean", "Means of the columns", _both(result.pvalue, together), ("largest d", value), worst, n)


def _variances(result: TwoSampleResult, n: list[int]) -> dict[str, Any]:
    worst = _worst(result.effect)
    value = 1.0 if worst is None else float(np.exp(result.effect[worst]))
    return _test("variance", "Spread of the columns", result.pvalue, ("std ratio", value), worst, n)


def _marginals(first: Summary, second: Summary) -> dict[str, Any]:
    pieces = [kolmogorov_smirnov_test(*pair) for pair in common_counts(*map(column_marginals, (first, second)))]
    distance = np.concatenate([piece.effect for piece in pieces])
    pvalues = np.concatenate([piece.pvalues for piece in pieces])
    worst = int(np.argmax(distance))
    n = [first.n_samples, second.n_samples]
    pvalue = float(cauchy_combination(pvalues))
    return _test("marginals", "Distributions of the columns", pvalue, ("largest D", distance[worst]), worst, n)


def _norms(first: Summary, second: Summary) -> dict[str, Any]:
    means = mean_difference_test(first.norm_moments(), second.norm_moments())
    counts = next(iter(common_counts(*map(norm_marginals, (first, second)))))
    whole = kolmogorov_smirnov_test(*counts)
    n = [first.n_samples, second.n_samples]
    pvalue = _both(means.pvalue, whole.pvalue)
    return _test("norms", "Norms of the rows", pvalue, ("d of the norms", means.effect[0]), None, n)


def _along_directions(one: _Cloud, two: _Cloud, seed: int) -> list[dict[str, Any]]:
    """Compare variances (from all rows) and distributions (from the row samples) along directions."""
    first, second = one.summary, two.summary
    share = first.n_samples / (first.n_samples + second.n_samples)
    pooled = share * one.covariance + (1 - share) * two.covariance
    scale = np.sqrt(np.diag(pooled))
    scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    axes = _axes(pooled * np.outer(scale, scale), seed) * scale[:, None]
    samples = [_projected(cloud.summary.rows, axes) for cloud in (one, two)]
    kept = [_with_variance(moments(p), c, axes) for p, c in zip(samples, (one, two), strict=True)]
    spread = variance_ratio_test(*kept)
    worst = _worst(spread.effect)
    difference, expected = _frobenius(one, two, scale)
    covariance = _test(
        "covariance",
        "Covariance, along axes and random directions",
        spread.pvalue,
        ("std ratio along the worst", 1.0 if worst is None else float(np.exp(spread.effect[worst]))),
        None,
        [one.n_covariance, two.n_covariance],
    )
    covariance["relative_difference"] = {"value": difference, "expected_without_drift": expected}
    random = [sample[:, _AXES:] for sample in samples] if len(axes) > 1 else samples
    pvalues, distances = _smirnov(*random)
    directions = _test(
        "directions",
        "Distributions along random directions",
        float(cauchy_combination(pvalues)),
        ("mean Wasserstein-1, std", float(distances.mean())),
        None,
        [len(sample) for sample in samples],
    )
    return [covariance, directions]


def _axes(correlation: np.ndarray, seed: int) -> np.ndarray:
    """Return unit directions in standardised coordinates as columns: principal axes, then random ones."""
    d = len(correlation)
    random = np.random.default_rng([seed, 5]).standard_normal((d, _DIRECTIONS))
    random /= np.linalg.norm(random, axis=0)
    vectors = np.linalg.eigh(correlation)[1][:, ::-1][:, :_AXES]
    padded = np.concatenate([vectors, np.zeros((d, max(0, _AXES - d)))], axis=1)
    return np.concatenate([padded, random], axis=1)


def _projected(rows: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) @ axes


def _with_variance(projected: Moments, cloud: _Cloud, axes: np.ndarray) -> Moments:
    """Return moments of projections of all rows that the covariance is of: only their kurtosis is the sample's."""
    n = cloud.n_covariance
    variance = np.einsum("ij,ij->j", axes, cloud.covariance @ axes) * (n - 1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        m4 = (3 + projected.excess_kurtosis) * variance**2 * n
    constant = projected.constant
    zero = np.zeros_like(variance)
    m2 = np.where(constant, 0.0, variance * n)
    return Moments(n, np.where(constant, zero, projected.mean), m2, zero, np.where(constant, 0.0, m4))


def _frobenius(one: _Cloud, two: _Cloud, scale: np.ndarray) -> tuple[float, float]:
    """Return how far the covariances are apart, relative to their size, and how far two Gaussian samples would be."""
    unit = np.outer(scale, scale)
    share = one.n_covariance / (one.n_covariance + two.n_covariance)
    pooled = (share * one.covariance + (1 - share) * two.covariance) * unit
    size = float((pooled**2).sum())
    if size == 0:
        return 0.0, 0.0
    difference = float((((two.covariance - one.covariance) * unit) ** 2).sum())
    noise = (1 / one.n_covariance + 1 / two.n_covariance) * (float(np.trace(pooled)) ** 2 + size)
    return float(np.sqrt(difference / size)), float(np.sqrt(noise / size))


def _smirnov(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return p-values of the Kolmogorov-Smirnov test and Wasserstein-1 distances in units of the pooled deviation."""
    pvalues, distances = np.empty(first.shape[1]), np.empty(first.shape[1])
    n1, n2 = len(first), len(second)
    for k in range(first.shape[1]):
        both = np.concatenate([first[:, k], second[:, k]])
        order = np.argsort(both, kind="stable")
        values, mine = both[order], order < n1
        gap = np.cumsum(np.where(mine, 1 / n1, -1 / n2))
        # Between equal values the distribution functions have not met yet.
        steps = np.diff(values)
        ends = np.append(steps > 0, True)
        pvalues[k] = kolmogorov(np.sqrt(n1 * n2 / (n1 + n2)) * np.abs(gap[ends]).max())
        std = both.std()
        distances[k] = float((np.abs(gap[:-1]) * steps).sum() / std) if std > 0 else 0.0
    return pvalues, distances


def _columns(means: TwoSampleResult, variances: TwoSampleResult) -> dict[str, Any]:
    """Return which columns moved, with the false discovery rate held at 5 %, and the farthest of them."""
    entry: dict[str, Any] = {}
    for name, result in (("mean", means), ("variance", variances)):
        found = benjamini_hochberg(result.pvalues) < ALPHA
        largest = np.argsort(-np.where(found, np.abs(result.effect), -1.0), kind="stable")[:_LISTED]
        entry[name] = {
            "n_moved": int(found.sum()),
            "largest": [_column(result, int(j), name) for j in largest if found[j]],
        }
    return entry


def _column(result: TwoSampleResult, j: int, name: str) -> dict[str, Any]:
    reach = _reach(result, j)
    ends = np.array([result.effect[j], result.effect[j] - reach, result.effect[j] + reach])
    value, low, high = np.exp(ends) if name == "variance" else ends
    interval = None if np.isnan(reach) else [float(low), float(high)]
    return {"column": j, "effect": float(value), "interval": interval, "pvalue": float(result.pvalues[j])}


def _reach(result: TwoSampleResult, j: int) -> float:
    """Half of a 95 % interval that holds for all columns together: the column was picked for being the farthest."""
    return float(ndtri(1 - 0.025 / len(result.effect)) * result.effect_se[j])


def _size(means: TwoSampleResult, variances: TwoSampleResult) -> dict[str, Any]:
    """Return the largest shift of a column in standard deviations, with its interval and a name."""
    worst = _worst(means.effect)
    if worst is None:
        return {"name": "none", "column": None, "d": 0.0, "interval": None}
    value, reach = float(means.effect[worst]), _reach(means, worst)
    name = next((word for limit, word in _NAMES if abs(value) < limit), "large")
    interval = None if np.isnan(reach) else [value - reach, value + reach]
    return {"name": name, "column": worst, "d": value, "interval": interval}
