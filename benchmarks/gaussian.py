"""Fitting and scoring a Gaussian model beside the matrix products that they cannot do without.

``python -m benchmarks.gaussian`` prints the numbers as JSON; ``--rows 200000`` is a smaller run.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import numpy as np

from benchmarks.measure import measure
from thinshell.gaussian import GaussianModel
from thinshell.statistics._threads import available_cpus

# Rows of one bare product; larger and smaller blocks are no faster (8,192 rows of 768 float32 are 24 MiB).
_BLOCK_ROWS = 8192


def gram_of(rows: np.ndarray) -> np.ndarray:
    """Bare blocked products of the columns: NumPy's ``X.T @ X``, which is a symmetric rank update."""
    total = np.zeros((rows.shape[1],) * 2)
    for top in range(0, len(rows), _BLOCK_ROWS):
        block = rows[top : top + _BLOCK_ROWS]
        total += block.T @ block
    return total


def product_of(rows: np.ndarray) -> np.ndarray:
    """Bare blocked products of the columns as a general matrix product: twice the operations of a symmetric one.

    The right side starts a row further down: NumPy takes a symmetric update where both sides are the same memory.
    """
    total = np.zeros((rows.shape[1],) * 2)
    for top in range(0, len(rows) - 1, _BLOCK_ROWS):
        right = rows[top + 1 : top + 1 + _BLOCK_ROWS]
        total += rows[top : top + len(right)].T @ right
    return total


def turned(rows: np.ndarray, matrix: np.ndarray) -> None:
    """Bare blocked products of the rows with a square matrix."""
    out = np.empty((_BLOCK_ROWS, matrix.shape[1]), rows.dtype)
    for top in range(0, len(rows), _BLOCK_ROWS):
        block = rows[top : top + _BLOCK_ROWS]
        np.matmul(block, matrix, out=out[: len(block)])


def measure_gaussian(n: int, d: int, runs: int) -> dict[str, Any]:
    """Return the seconds of each and their ratios."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, d), dtype=np.float32)
    # Spread and correlated like embeddings, in place.
    rows *= np.geomspace(3.0, 0.1, d, dtype=np.float32)
    rows[:, 1:] += 0.3 * rows[:, :-1]
    rows += rng.standard_normal(d, dtype=np.float32)
    matrix = rng.standard_normal((d, d), dtype=np.float32)
    model = GaussianModel().fit(rows)
    timings = {
        "bare symmetric product": measure(lambda: gram_of(rows), runs),
        "bare general product": measure(lambda: product_of(rows), runs),
        "fit": measure(lambda: GaussianModel().fit(rows), runs),
        "bare product with a matrix": measure(lambda: turned(rows, matrix), runs),
        "score_samples": measure(lambda: model.score_samples(rows), runs),
    }
    seconds = {name: timing.seconds for name, timing in timings.items()}
    return {
        "n_samples": n,
        "n_features": d,
        "cpus": available_cpus(),
        "load_before": os.getloadavg()[0],
        "fit_over_general_product": seconds["fit"] / seconds["bare general product"],
        "fit_over_symmetric_product": seconds["fit"] / seconds["bare symmetric product"],
        "score_over_product": seconds["score_samples"] / seconds["bare product with a matrix"],
        "both_over_products": (seconds["fit"] + seconds["score_samples"])
        / (seconds["bare general product"] + seconds["bare product with a matrix"]),
        "bytes_of_rows": rows.nbytes,
        "timings": {name: timing.to_dict() for name, timing in timings.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gaussian", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=768)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(measure_gaussian(options.rows, options.columns, options.runs), indent=1))


if __name__ == "__main__":
    main()
