"""How thin the shell is: the spread of the norms beside the law of a Gaussian of the same spectrum."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from thinshell.errors import InputError
from thinshell.statistics._columns import column_means, row_blocks
from thinshell.statistics._shrinkage import shrunk_eigenvalues
from thinshell.statistics._validation import as_float, as_sample
from thinshell.statistics.norm_law import NormLaw, offset_nodes
from thinshell.statistics.spectrum import covariance_eigenvalues

__all__ = ["NORMALISED_CV", "NormConcentration", "chi_cv", "norm_concentration", "spectral_norm_cv"]

# Below this CV the rows count as already normalised. Unit rows stored as float16 still spread by rounding:
# each coordinate is off by a relative 2**-12 rms, the norm by less than 5e-4. A Gaussian would need d =
# 1/(2 CV^2) = 500,000 dimensions to be that thin.
NORMALISED_CV = 1e-3
# ... and only while the cloud itself would spread more than that: a cloud far from the origin (an offset of 1e4
# sigma) has norms of tiny CV, too, but it is the CV that its covariance and its mean call for.
HELD_TOGETHER = 0.5

QUANTILE_LEVELS = (1, 5, 25, 50, 75, 95, 99)

# From here on the asymptotic series below has a relative error under 1e-10; before it, gamma functions are
# exact.
SERIES_FROM = 300


@dataclass(frozen=True)
class NormConcentration:
    """Summary of the row norms and of what a Gaussian would show instead.

    Attributes
    ----------
    n_samples : int
        Rows.
    mean, std, cv : float
        Of the row norms; `std` has divisor n and ``cv = std / mean`` (Eq. 20 of the paper). NaN if all rows
        are 0.
    quantiles : dict of int to float
        Norm at 1, 5, 25, 50, 75, 95 and 99 %.
    cv_gaussian_isotropic : float
        CV of the chi law with n_features degrees of freedom, about ``1 / sqrt(2 d)``.
    cv_reference : float
        CV of a Gaussian with the estimated covariance (and, unless centred, the estimated mean). The value to
        compare `cv` with.
    center : bool
        Whether the mean row was subtracted first.
    applicable : bool
        False when the norms carry no information about the shell.
    reason : str
        Why not; empty when applicable.
    law : NormLaw or None
        The Gaussian's law of the norm that `cv_reference` is of; None for a single row.
    """

    n_samples: int
    mean: float
    std: float
    cv: float
    quantiles: dict[int, float]
    cv_gaussian_isotropic: float
    cv_reference: float
    center: bool
    applicable: bool
    reason: str
    law: NormLaw | None = field(default=None, repr=False, compare=False)


def chi_cv(d: float) -> float:
    """Coefficient of variation of the chi law: the norm of a standard Gaussian in `d` dimensions.

    Parameters
    ----------
    d : float
        Degrees of freedom, greater than 0. Accurate to 1e-9 relative up to 1e7 and beyond.

    Returns
    -------
    float
        ``sqrt(d / mu^2 - 1)`` with ``mu = sqrt(2) Gamma((d + 1) / 2) / Gamma(d / 2)``; close to
        ``1 / sqrt(2 d)``.

    Raises
    ------
    InputError
        `d` not a finite number above 0.

    References
    ----------
    Johnson, N. L., Kotz, S. and Balakrishnan, N. (1994). Continuous Univariate Distributions 1, Section 18.3.

    Examples
    --------
    >>> round(chi_cv(512), 5)
    0.03126
    """
    if not (np.isfinite(d) and d > 0):
        raise InputError(f"d must be a finite number above 0, got {d}; give the number of dimensions")
    if d < SERIES_FROM:
        mean_squared = 2.0 * float(np.exp(2.0 * (gammaln((d + 1) / 2) - gammaln(d / 2))))
        return float(np.sqrt((d - mean_squared) / mean_squared))
    # d - mu^2 cancels for large d; Gamma(x + 1/2) / Gamma(x) expanded in 1/x and squared gives it directly.
    variance = 1 / 2 - 1 / (8 * d) - 1 / (16 * d**2) + 5 / (128 * d**3)
    return float(np.sqrt(variance / (d - variance)))


def spectral_norm_cv(eigenvalues: np.ndarray, offset: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> float:
    """CV of the norm of x ~ N(m, S), from the eigenvalues of S.

    With ``q = |x|^2`` and its Laplace transform ``phi``, the mean norm is
    ``E sqrt(q) = (1 / (2 sqrt(pi))) * integral of (1 - phi(t)) t^(-3/2) dt``, and ``E q = tr S + |m|^2``:
    exact to rounding without an offset. Of m, the part in directions of small variance is placed at
    eigenvalue 0 and the rest at ``m'S^2 m / m'Sm``, which keeps mean, variance and third cumulant of q exact.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_features,)
        Of S, non-negative.
    offset : tuple of three floats, default zeros
        ``|m|^2``, ``m'Sm`` and ``m'S^2 m``.

    Returns
    -------
    float
        NaN when all eigenvalues and the offset are zero.

    References
    ----------
    Mathai, A. M. and Provost, S. B. (1992). Quadratic Forms in Random Variables, Sections 3.1 and 3.2.

    Examples
    --------
    >>> round(spectral_norm_cv(np.ones(64)) / chi_cv(64), 9)
    1.0
    """
    total = float(eigenvalues.sum()) + offset[0]
    if not total > 0:
        return float("nan")
    # Trapezoidal rule in s = log t: the integrand falls off as exp(-|s|/2) and is analytic in a strip of half
    # width pi/2, so steps of .2 over +-80 leave exp(-pi^2 / .2) and exp(-40), both below rounding.
    step = 0.2
    s = np.arange(-80.0, 80.0, step)
    t = np.exp(s)
    scaled = eigenvalues[eigenvalues > 0] / total
    still, moving, node = offset_nodes(*offset)
    log_phi = -t * (still / total + (moving / total) / (1.0 + 2.0 * t * node / total))
    for value, count in zip(*np.unique(scaled, return_counts=True), strict=True):
        log_phi -= 0.5 * count * np.log1p(2.0 * t * value)
    mean = float((-np.expm1(log_phi) * np.exp(-s / 2)).sum()) * step / (2.0 * np.sqrt(np.pi))
    return float(np.sqrt(max(0.0, 1.0 / mean**2 - 1.0)))


def _offset(sample: np.ndarray, mean: np.ndarray, eigenvalues: np.ndarray, unit: float) -> tuple[float, float, float]:
    """``|m|^2``, ``m'Sm`` and ``m'S^2 m`` without what errors of the estimated moments add, lengths in `unit`."""
    n, through = len(sample), np.zeros(sample.shape[1])
    for rows in row_blocks(*sample.shape):
        centred = (sample[rows] - mean) / unit
        through += (centred @ (mean / unit)) @ centred
    through /= n - 1
    mean = mean / unit
    t1, t2, t3 = (float((eigenvalues**k).sum()) for k in (1, 2, 3))
    squared = max(0.0, float(mean @ mean) - t1 / n)
    first = max(0.0, float(mean @ through) - t2 / n)
    second = max(0.0, float(through @ through) - t3 / n - t1 * first / (n - 1)) * (n - 1) / n
    return squared, first, second


def _reference(sample: np.ndarray, mean: np.ndarray, eigenvalues: np.ndarray, center: bool) -> NormLaw:
    # A CV has no unit; in units of the largest spread third moments of tiny or huge rows stay inside float64.
    unit = float(np.sqrt(eigenvalues.max())) or 1.0
    spectrum = shrunk_eigenvalues(eigenvalues / unit**2, len(sample))
    return NormLaw(spectrum, (0.0, 0.0, 0.0) if center else _offset(sample, mean, spectrum, unit), unit)


def _row_norms(sample: np.ndarray, center: np.ndarray | float) -> np.ndarray:
    norms = np.empty(len(sample))
    for rows in row_blocks(*sample.shape):
        block = sample[rows].astype(np.float64) - center
        norms[rows] = np.sqrt(np.einsum("ij,ij->i", block, block))
    return norms


def _cv(norms: np.ndarray) -> float:
    mean = norms.mean()
    return float(norms.std() / mean) if mean > 0 else float("nan")


def _why_not(raw_cv: float, raw_reference: float, n_samples: int) -> str:
    if n_samples < 2:
        return "one row has no spread of norms"
    if np.isnan(raw_cv):
        return "all rows are zero, so their norms say nothing"
    if raw_cv < NORMALISED_CV and raw_cv < HELD_TOGETHER * raw_reference:
        return (
            f"the rows are already normalised (coefficient of variation of the norms {raw_cv:.1e}, below "
            f"{NORMALISED_CV:g}), so their concentration says nothing; give the unnormalised embeddings"
        )
    return ""


def _checked_eigenvalues(eigenvalues: object, sample: np.ndarray) -> np.ndarray:
    if eigenvalues is None:
        return covariance_eigenvalues(sample)
    values = as_float(eigenvalues, "eigenvalues").astype(np.float64)
    if values.shape != (sample.shape[1],) or not (values >= 0).all():
        raise InputError(
            f"eigenvalues must be {sample.shape[1]} numbers >= 0, one a feature, got shape {values.shape}; "
            "take them from covariance_eigenvalues(embeddings)"
        )
    return values


def norm_concentration(embeddings: object, *, center: bool = False, eigenvalues: object = None) -> NormConcentration:
    """Coefficient of variation of the row norms, and the value a Gaussian of the same spectrum would have.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        Unnormalised rows.
    center : bool, default False
        Subtract the mean row first. A common offset moves the raw CV; report both, each with its own
        reference.
    eigenvalues : array_like of shape (n_features,), optional
        Of the sample covariance (`covariance_eigenvalues`), if they are at hand.

    Returns
    -------
    NormConcentration
        `applicable` is False when the rows come already normalised (raw CV below 1e-3), are all zero, or are
        fewer than two.

    Raises
    ------
    InputError
        Not finite, not 1-D/2-D, no row, or eigenvalues that do not fit.

    Notes
    -----
    For x ~ N(m, S) the squared norm has mean ``tr S + m'm`` and variance ``2 tr S^2 + 4 m'Sm``; to first
    order the centred CV is ``sqrt(tr(S^2) / 2) / tr S``, which is ``1 / sqrt(2 d)`` only if S is isotropic.
    The traces are estimated without the bias that finitely many rows add.

    References
    ----------
    Betser, R., Gofer, E., Levi, M. Y. and Gilboa, G. (2026). InfoNCE induces Gaussian distribution. ICLR,
    Eq. 20.

    Examples
    --------
    >>> import numpy as np
    >>> shell = norm_concentration(np.random.default_rng(0).standard_normal((4000, 128)))
    >>> round(shell.cv, 3), round(shell.cv_reference, 3), shell.applicable
    (0.061, 0.063, True)
    """
    sample = as_sample(embeddings, "embeddings", min_samples=1)
    mean = column_means(sample)
    raw = _row_norms(sample, 0.0)
    norms = _row_norms(sample, mean) if center else raw
    reference = raw_reference = float("nan")
    law = None
    if len(sample) > 1:
        values = _checked_eigenvalues(eigenvalues, sample)
        law = _reference(sample, mean, values, center=False)
        reference = raw_reference = spectral_norm_cv(law.eigenvalues, law.offset)
        if center:
            law = _reference(sample, mean, values, center=True)
            reference = spectral_norm_cv(law.eigenvalues)
    reason = _why_not(_cv(raw), raw_reference, len(sample))
    levels = np.percentile(norms, QUANTILE_LEVELS)
    return NormConcentration(
        n_samples=len(sample),
        mean=float(norms.mean()),
        std=float(norms.std()),
        cv=_cv(norms),
        quantiles={level: float(value) for level, value in zip(QUANTILE_LEVELS, levels, strict=True)},
        cv_gaussian_isotropic=chi_cv(sample.shape[1]),
        cv_reference=reference,
        center=center,
        applicable=not reason,
        reason=reason,
        law=law,
    )
