"""Simulated null quantiles of D'Agostino and Pearson's K^2.

``python tests/statistics/reference/dagostino_pearson_null.py`` prints the table of
``src/thinshell/statistics/_dagostino_pearson_null.py``: for each n the root K = sqrt(K^2) that normal samples
exceed with the probabilities `PROBABILITIES`. About ten minutes on one core (4e10 normal deviates).
``--smoke`` does the same with a thousandth of the samples.
"""

from __future__ import annotations

import sys

import numpy as np

from thinshell.statistics.dagostino_pearson import dagostino_pearson_from_moments
from thinshell.statistics.moments import Moments, power_sums

SEED = 11
PROBABILITIES = (
    *(0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001),
    *(0.0005, 0.0002, 0.0001, 0.00002),
)
# Samples for each n: as many as keep the relative error of the last probability below a fifth.
REPEATS = {
    **dict.fromkeys((8, 10, 14, 20, 30, 50, 100, 250), 10_000_000),
    500: 6_000_000,
    1000: 4_000_000,
    3000: 1_500_000,
    10_000: 1_000_000,
}


def simulate(n: int, repeats: int, seed: int = SEED) -> np.ndarray:
    """Return K^2 of normal samples of size n."""
    rng = np.random.default_rng([seed, n])
    columns = max(1, min(repeats, 8_000_000 // n))
    shift = np.zeros(columns)
    parts = []
    for _ in range(0, repeats, columns):
        block = rng.standard_normal((n, columns), dtype=np.float32)
        summary = Moments.from_power_sums(n, shift, power_sums(block, shift, small=False))
        statistic, _ = dagostino_pearson_from_moments(n, summary.skewness, summary.excess_kurtosis)
        parts.append(statistic.astype(np.float32))
    return np.concatenate(parts)


def roots(statistic: np.ndarray) -> np.ndarray:
    return np.sqrt(np.quantile(statistic.astype(np.float64), 1 - np.array(PROBABILITIES)))


def main() -> None:
    scale = 1000 if "--smoke" in sys.argv[1:] else 1
    for n, repeats in REPEATS.items():
        values = " ".join(f"{root:.3f}" for root in roots(simulate(n, repeats // scale)))
        print(f"{n:>5} {values}", flush=True)


if __name__ == "__main__":
    main()
