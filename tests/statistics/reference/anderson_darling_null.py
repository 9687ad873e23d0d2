"""Null law of the Anderson-Darling statistic, computed from its eigenvalues.

``python tests/statistics/reference/anderson_darling_null.py`` prints the tables of
``src/thinshell/statistics/_anderson_darling_null.py`` (about ten seconds), and with ``--simulate`` the check of
the small-sample factor and the simulated null means as well (about a minute).

The limit law of A^2 is that of ``sum_k lambda_k chi2_1``. With the parameters known, the covariance kernel of
the weighted empirical process has eigenvalues ``1 / (k (k + 1))`` and as eigenfunctions ``e_k(s)`` the
normalised ``sqrt(s (1 - s)) P_k'(2 s - 1)`` (Anderson & Darling 1952). Estimating mean and variance subtracts
``J1(s) J1(t) + J2(s) J2(t)`` with ``J1 = phi(x_s)`` and ``J2 = x_s phi(x_s) / sqrt(2)`` (Stephens 1976), which in that
basis is a diagonal matrix less two rank-one ones: its eigenvalues are found by a dense solver.

The survival function is then `thinshell.statistics._weighted_chi2.weighted_chi2_log_survival`.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from thinshell.statistics._weighted_chi2 import weighted_chi2_log_survival

# Eigenvalues inverted one by one; 1.1e-5 = 1 / (300 * 301) is the next.
LEADING = 300


def simple_eigenvalues(size: int = 600) -> np.ndarray:
    k = np.arange(1.0, size + 1)
    return 1.0 / (k * (k + 1))


def composite_eigenvalues(size: int = 600, points: int = 20_000) -> np.ndarray:
    x = np.linspace(-12.0, 12.0, points)
    t = 2.0 * ndtr(x) - 1.0
    # ds = phi(x) dx; the trapezoid converges exponentially for such integrands.
    weight = np.exp(-x * x) / (2.0 * np.pi) * (x[1] - x[0])
    mean_part, scale_part = np.empty(size), np.empty(size)
    p_before, p, d_before, d = np.ones_like(t), t.copy(), np.zeros_like(t), np.ones_like(t)
    for j in range(1, size + 1):
        norm = np.sqrt(4.0 * (2 * j + 1) / (j * (j + 1)))
        mean_part[j - 1] = norm * (weight * d).sum()
        scale_part[j - 1] = norm * (weight * x * d).sum() / np.sqrt(2.0)
        p_next = ((2 * j + 1) * t * p - j * p_before) / (j + 1)
        p_before, p, d_before, d = p, p_next, d, d_before + (2 * j + 1) * p
    kernel = np.diag(simple_eigenvalues(size))
    kernel -= np.outer(mean_part, mean_part) + np.outer(scale_part, scale_part)
    return np.linalg.eigvalsh(kernel)[::-1]


def log_survival(x: np.ndarray, eigenvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log P(Q > x) and its derivative; the small eigenvalues enter by their first two cumulants."""
    # The composite eigenvalues approach the simple ones, whose sum from k = size + 1 on is 1 / (size + 1).
    rest = eigenvalues[LEADING:].sum() + 1.0 / (len(eigenvalues) + 1)
    rest_squared = (eigenvalues[LEADING:] ** 2).sum()
    return weighted_chi2_log_survival(x, eigenvalues[:LEADING], rest=rest, rest_squared=rest_squared, points=3000)


def table(eigenvalues: np.ndarray, grid: np.ndarray) -> np.ndarray:
    return np.stack([grid, *log_survival(grid, eigenvalues)], axis=1)


def nodes(low: float, high: float, count: int) -> np.ndarray:
    """Return rounded nodes, evenly spaced in the logarithm."""
    return np.array([float(f"{x:.3g}") for x in np.geomspace(low, high, count)])


def composite_nodes() -> np.ndarray:
    return nodes(0.05, 20.0, 60)


def simple_nodes() -> np.ndarray:
    return nodes(0.06, 60.0, 66)


def simulate_composite(n: int, repeats: int, seed: int) -> np.ndarray:
    from thinshell.statistics.anderson_darling import anderson_darling

    rng = np.random.default_rng(seed)
    batch = min(repeats, 5_000_000 // n)
    return np.concatenate(
        [np.asarray(anderson_darling(rng.standard_normal((n, batch))).statistic) for _ in range(repeats // batch)]
    )


def report_simulation() -> None:
    limit = composite_eigenvalues()
    levels = (0.5, 0.1, 0.05, 0.01, 0.001, 0.0001)
    points = [brentq(lambda x, p=p: log_survival(x, limit)[0][0] - np.log(p), 0.05, 5.0) for p in levels]
    for n, repeats in (
        (8, 2_000_000),
        (10, 1_000_000),
        (14, 1_000_000),
        (20, 2_000_000),
        (50, 1_000_000),
        (100, 1_000_000),
        (250, 400_000),
        (1000, 100_000),
    ):
        statistic = simulate_composite(n, repeats, seed=1)
        factored = statistic * (1 + 0.75 / n + 2.25 / n**2)
        ratios = [round(float((factored > x).mean() / p), 3) for x, p in zip(points, levels, strict=True)]
        print(f"# n = {n}: mean A^2 = {statistic.mean():.5f}; rejected / nominal at {levels}: {ratios}")


def main() -> None:
    for name, eigenvalues, grid in (
        ("COMPOSITE", composite_eigenvalues(), composite_nodes()),
        ("SIMPLE", simple_eigenvalues(), simple_nodes()),
    ):
        print(f"# sum of eigenvalues {eigenvalues.sum() + 1 / (len(eigenvalues) + 1):.6f}")
        print(f"_{name} = SurvivalTable(\n    np.array(\n        [")
        for x, value, slope in table(eigenvalues, grid):
            print(f"            [{x:.4g}, {value:.12g}, {slope:.12g}],")
        print(f"        ]\n    ),\n    rate={0.5 / eigenvalues[0]:.10g},\n)")
    if "--simulate" in sys.argv[1:]:
        report_simulation()


if __name__ == "__main__":
    main()
