"""How the constants of thinshell.statistics.mardia were fitted. Run: python tests/statistics/reference/mardia_null.py

Under normality n * b1 / 6 tends to chi-square with f = d (d + 1)(d + 2) / 6 degrees of freedom, but slowly: its
standard deviation depends on d/n. This simulates N(0, I) samples over a grid of (n, d), which is enough because b1
does not change under affine maps, and fits

    variance ratio = (n - d - 1)(n - d - 3) / n^2 (1 + a d / n)     -> VARIANCE_SLOPE = a
    skewness       = sqrt(8 / f) + b / sqrt(n)                      -> EXTRA_SKEWNESS = b

Both are rounded in the module to two digits. Takes about a minute on one core.
"""

import numpy as np

from thinshell.statistics.mardia import _skewness, whitened

SAMPLE_SIZES = (50, 100, 200, 400)
LOADS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
# Arithmetic spent on one grid point: 4e9 products are about a second.
BUDGET = 4e9


def simulate(n: int, d: int, rng: np.random.Generator) -> tuple[float, float, int]:
    """Variance ratio and skewness of n * b1 / 6, and how many samples they come from."""
    repeats = int(np.clip(BUDGET / (n * n * d + 20 * n * n), 200, 4000))
    scaled = np.array([_skewness(whitened(rng.standard_normal((n, d)))) for _ in range(repeats)]) * n / 6
    degrees = d * (d + 1) * (d + 2) / 6
    standard = (scaled - scaled.mean()) / scaled.std()
    return scaled.var() / (2 * degrees), float((standard**3).mean() - np.sqrt(8 / degrees)), repeats


def main() -> None:
    rng = np.random.default_rng(1970)
    sizes, widths, ratios, extra, weights = [], [], [], [], []
    for n in SAMPLE_SIZES:
        for load in LOADS:
            d = max(5, round(load * n))
            ratio, skewness, repeats = simulate(n, d, rng)
            print(f"n {n:4d}  d {d:4d}  variance ratio {ratio:.3f}  extra skewness * sqrt(n) {skewness * n**0.5:.2f}")
            sizes.append(n)
            widths.append(d)
            ratios.append(ratio)
            extra.append(skewness * np.sqrt(n))
            weights.append(repeats)
    n, d, w = np.array(sizes), np.array(widths), np.array(weights, dtype=float)
    g, shape = d / n, (n - d - 1) * (n - d - 3) / n**2
    # The relative error of a variance is sqrt(2 / repeats): weight by repeats over the squared expected ratio.
    w_ratio = w / (shape * (1 + 4.5 * g)) ** 2
    slope = (w_ratio * shape * g * (np.array(ratios) - shape)).sum() / (w_ratio * (shape * g) ** 2).sum()
    print(f"VARIANCE_SLOPE {slope:.2f}   EXTRA_SKEWNESS {(w * np.array(extra)).sum() / w.sum():.2f}")


if __name__ == "__main__":
    main()
