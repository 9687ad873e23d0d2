"""How Gaussian a batch of embeddings is, in a dozen numbers: the function behind metric, callback and monitor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import paper_protocol
from thinshell.diagnosis.sections import without_constant
from thinshell.errors import InputError, unknown_name
from thinshell.monitoring.paired_sketch import PairedSketch
from thinshell.sketch import Summary, row_capacity_for, summarize
from thinshell.sketch.summary import MIN_SAMPLES
from thinshell.statistics._small import part_of
from thinshell.statistics.norms import norm_concentration
from thinshell.statistics.spectrum import covariance_eigenvalues, effective_rank, participation_ratio
from thinshell.statistics.sphere import uniformity

__all__ = [
    "DIRECTIONS",
    "NORMALIZATIONS",
    "measure",
    "measure_rows",
    "measured",
    "measuring_options",
    "n_columns",
    "new_sketch",
    "pair_numbers",
]

# What can be done to rows without reading them twice.
NORMALIZATIONS = ("none", "l2")
# Numbers that do not depend on the length of the rows.
DIRECTIONS = ("mean_direction_norm", "uniformity")
_TABLE = ("ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share")
_NUMBERS = ("norm_mean", "cv", "cv_reference", *_TABLE, *DIRECTIONS, "effective_rank", "participation_ratio")
# Rows whose pairs enter the uniformity, as many as `diagnose` takes: two million pairs.
_PAIR_ROWS = 2048


def measure(
    embeddings: Any,
    positives: Any = None,
    *,
    normalize: str = "none",
    samples_per_test: int = 250,
    repeats: int = 20,
    seed: int = 0,
) -> dict[str, float]:
    """Measure how Gaussian embeddings are, and how the directions of positive pairs agree.

    Parameters
    ----------
    embeddings : array_like or torch.Tensor of shape (n_samples, n_features)
        At least 8 rows, as the encoder makes them (not normalised). A tensor on an accelerator is
        sketched there.
    positives : array_like or torch.Tensor of shape (n_samples, n_features), optional
        The other view of each row; enters `alignment` and `positive_cosine` only.
    normalize : {"none", "l2"}
        What is done to the rows first.
    samples_per_test, repeats : int
        Of the paper's protocol: rows of one test, tests averaged for each coordinate.
    seed : int
        Draws the rows of each test.

    Returns
    -------
    dict of str to float
        NaN where a number does not apply (``cv`` of normalised rows, everything of a collapsed cloud).

        - `n_samples`: rows measured.
        - `norm_mean`, `cv`, `cv_reference`: mean norm, its coefficient of variation, and the one a Gaussian of the
          same mean and covariance would have.
        - `ad_avg`, `ad_normal_share`, `dp_avg`, `dp_normal_share`: the paper's Table 1 (null hypothesis of each test:
          the coordinate is normal with any mean and variance); about .38, 1, .50, 1 for an exact Gaussian.
        - `mean_direction_norm`: length of the mean unit row, in [0, 1].
        - `uniformity`: Wang & Isola's with t = 2, of at most 2,048 rows.
        - `effective_rank`, `participation_ratio`: of the covariance, in [1, n_features].
        - `alignment`, `positive_cosine`: ``E|u - v|^2`` and ``E u.v`` of the unit positive pairs.

    Raises
    ------
    InputError
        If there are fewer than 8 rows, the shapes do not fit, a value is not finite or an option is unknown.
    InputTypeError
        If the rows do not hold real numbers.

    Notes
    -----
    The numbers are those of ``thinshell.diagnose(embeddings)``: both read the same sketch.

    References
    ----------
    Betser et al. (ICLR 2026), "InfoNCE Induces Gaussian Distribution", Tables 1 and 2, Equation 20; Wang & Isola
    (2020), Sections 4.1.1 and 4.1.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((2000, 16))
    >>> views = [0.8 * source + 0.6 * rng.standard_normal(source.shape) for _ in range(2)]
    >>> numbers = measure(*views)
    >>> round(numbers["ad_avg"], 1), numbers["dp_normal_share"], round(numbers["positive_cosine"], 1)
    (0.4, 1.0, 0.6)
    """
    options = measuring_options(normalize, samples_per_test, repeats, seed)
    numbers = measure_rows(embeddings, positives, options)
    if numbers["n_samples"] < MIN_SAMPLES:
        raise InputError(f"embeddings must have at least {MIN_SAMPLES} rows, got {numbers['n_samples']:.0f}; give more")
    return numbers


def measuring_options(normalize: str, samples_per_test: int, repeats: int, seed: int) -> Options:
    """Return the choices of a measurement, checked."""
    if normalize not in NORMALIZATIONS:
        raise unknown_name("normalize", normalize, NORMALIZATIONS)
    return Options("paper", normalize, samples_per_test, repeats, seed)


def new_sketch(n_features: int, options: Options, *, drop_nonfinite: bool = False) -> PairedSketch:
    """Return an empty sketch that will hold all rows that the tests take together."""
    capacity = max(row_capacity_for(n_features), options.samples_per_test * options.repeats)
    return PairedSketch(options.normalize, row_capacity=capacity, drop_nonfinite=drop_nonfinite)


def n_columns(embeddings: Any) -> int:
    """Return the length of a row; 1 for what has none and will be refused with a sentence."""
    return max(1, (np.shape(embeddings) or (1,))[-1])


def measure_rows(
    embeddings: Any,
    positives: Any,
    options: Options,
    *,
    known: dict[str, float] | None = None,
    drop_nonfinite: bool = False,
) -> dict[str, float]:
    """Measure rows, taking over the numbers that are `known` of them already."""
    held = new_sketch(n_columns(embeddings), options, drop_nonfinite=drop_nonfinite)
    held.add(embeddings, positives)
    return measured(held, options, known)


def measured(held: PairedSketch, options: Options, known: dict[str, float] | None = None) -> dict[str, float]:
    """Read a sketch; all NaN but the counts where it holds fewer rows than a test needs."""
    if held.sketch.n_samples < MIN_SAMPLES:
        return {"n_samples": float(held.sketch.n_samples)} | dict.fromkeys(_NUMBERS, math.nan) | pair_numbers(held)
    with part_of(held.sketch.n_samples * held.sketch.n_features):
        return _measured(held, options, known) | pair_numbers(held)


def _measured(held: PairedSketch, options: Options, known: dict[str, float] | None) -> dict[str, float]:
    summary = summarize(held.sketch)
    eigenvalues = covariance_eigenvalues(summary.rows)
    return {
        "n_samples": float(summary.n_samples),
        **_norms(summary, eigenvalues),
        **_normality(summary, options),
        **(known or _directions(summary)),
        "effective_rank": effective_rank(eigenvalues),
        "participation_ratio": participation_ratio(eigenvalues),
    }


def _norms(summary: Summary, eigenvalues: np.ndarray) -> dict[str, float]:
    of_norms = summary.norm_moments()
    mean, std = float(of_norms.mean[0]), float(of_norms.std()[0])
    shell = norm_concentration(summary.rows, eigenvalues=eigenvalues)
    cv = (std / mean, shell.cv_reference) if shell.applicable else (math.nan, math.nan)
    return {"norm_mean": mean, "cv": cv[0], "cv_reference": cv[1]}


def _normality(summary: Summary, options: Options) -> dict[str, float]:
    varying = without_constant(summary)
    return dict.fromkeys(_TABLE, math.nan) if varying is None else paper_protocol(varying.rows, options).numbers()


def _directions(summary: Summary) -> dict[str, float]:
    # A zero row has no direction.
    rows = summary.rows[summary.rows.any(axis=1)][:_PAIR_ROWS]
    length = float(np.linalg.norm(summary.mean_direction))
    return {"mean_direction_norm": length, "uniformity": uniformity(rows) if len(rows) > 1 else math.nan}


def pair_numbers(held: PairedSketch) -> dict[str, float]:
    """Return what is known of the positive pairs, nothing where there are none."""
    if not held.n_pairs:
        return {}
    value = held.squared_distance / held.n_pairs
    # |u - v|^2 = 2 - 2 u.v for unit rows.
    return {"alignment": value, "positive_cosine": 1.0 - value / 2.0}
