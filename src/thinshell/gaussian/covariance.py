"""Covariances with eigenvalues, from sums: the usual estimators, on the directions in which the data vary."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.linalg import eigh, eigvalsh, svd

from thinshell.errors import InputError, unknown_name
from thinshell.gaussian.degenerate import Support, find_support, rounding_floor
from thinshell.gaussian.factors import factor_analysis
from thinshell.gaussian.sums import CovarianceSums
from thinshell.statistics._threads import single_threaded_blas

__all__ = ["COVARIANCES", "FittedCovariance", "check_choice", "covariance_of", "estimate_covariance"]

COVARIANCES = ("ledoit_wolf", "empirical", "oas", "shrunk", "low_rank")
# Ratio of standard deviations from which eigenvalues are taken by way of the correlations, or the small ones would
# drown in the rounding of the large.
_WIDE = 1e4
_NO_INTENSITY = 1e-13
# Columns up to which one thread decomposes the covariance: several save tenths of a second, and where other processes
# have the CPUs too they wait for each other fifty times as long.
_FEW_COLUMNS = 1024
# Share of a column's variance below which its noise is too small to divide by.
_LITTLE_NOISE = 1e-3
_ARRAYS = ("eigenvalues", "eigenvectors", "loadings", "noise", "constraints")


@dataclass(frozen=True)
class FittedCovariance:
    """A covariance on its support: the directions in which rows may differ from the mean.

    Attributes
    ----------
    method : str
        One of `COVARIANCES`, or "given".
    eigenvalues : ndarray of shape (r,), float64
        Largest first, all positive, in squared units of the data.
    eigenvectors : ndarray of shape (d, r), float64
        Orthonormal columns.
    shrinkage : float or None
        Share of the mean variance in it, in [0, 1]; None where nothing is shrunk.
    degenerate : list of dict
        ``{"kind": "constant" | "duplicate" | "dependent" | "few_rows", "columns": [...], "text": sentence}``.
    loadings : ndarray of shape (d, k) or None
        Of "low_rank" without degenerate columns: the covariance is ``loadings @ loadings.T + diag(noise)``.
    noise : ndarray of shape (d,) or None
    unresolved : bool
        Whether some direction is so narrow that float32 products could not tell it from none.
    constraints : ndarray of shape (d, k)
        ``(x - mean) @ constraints`` is zero for every row on the support.
    slack : float
        How far a row may be off them, relative to the size of its terms, beyond its own rounding.
    """

    method: str
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    shrinkage: float | None = None
    degenerate: list[dict[str, Any]] = field(default_factory=list)
    loadings: np.ndarray | None = None
    noise: np.ndarray | None = None
    constraints: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    slack: float = 0.0
    unresolved: bool = False

    @property
    def rank(self) -> int:
        """Dimensions of the support."""
        return len(self.eigenvalues)

    @property
    def log_determinant(self) -> float:
        """Sum of the logarithms of the eigenvalues: the pseudo-determinant's where the rank is below d."""
        if self.loadings is not None and self.noise is not None:
            # Eigenvalues of a covariance with hardly any noise in a column have fewer digits than this.
            scaled = self.loadings / np.sqrt(self.noise)[:, None]
            inner = np.eye(scaled.shape[1]) + scaled.T @ scaled
            return float(np.log(self.noise).sum() + np.linalg.slogdet(inner)[1])
        return float(np.log(self.eigenvalues).sum())

    def matrix(self) -> np.ndarray:
        """Return the covariance, shape (d, d)."""
        return (self.eigenvectors * self.eigenvalues) @ self.eigenvectors.T

    def precision(self) -> np.ndarray:
        """Return the (pseudo-)inverse of the covariance, shape (d, d)."""
        return (self.eigenvectors / self.eigenvalues) @ self.eigenvectors.T

    def stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what JSON takes and the arrays, for a file."""
        settings = {key: getattr(self, key) for key in ("method", "shrinkage", "degenerate", "slack", "unresolved")}
        tensors = {key: getattr(self, key) for key in _ARRAYS if getattr(self, key) is not None}
        return settings, tensors

    @classmethod
    def restored(cls, settings: dict[str, Any], tensors: dict[str, np.ndarray]) -> FittedCovariance:
        """Rebuild from what `stored` returned; raises ValueError where the arrays do not fit together."""
        arrays: dict[str, Any] = {key: tensors[key] for key in _ARRAYS if key in tensors}
        self = cls(**settings, **arrays)
        d, r = self.eigenvectors.shape
        if self.eigenvalues.shape != (r,) or len(self.constraints) != d or not (self.eigenvalues > 0).all():
            raise ValueError(f"its {self.eigenvalues.shape} eigenvalues do not fit {(d, r)} eigenvectors")
        return self

    def stds(self) -> np.ndarray:
        """Return the standard deviation of every column, shape (d,)."""
        return np.sqrt(np.square(self.eigenvectors) @ self.eigenvalues)

    def woodbury(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return scales (d,) and projection (d, k) with ``m2 = |z|^2 - |z @ projection|^2``, ``z = (x - mean) scales``.

        By the identity of Woodbury; None without factors, with so many that whitening takes no longer, and where a
        column has so little noise that the difference would lose its digits.
        """
        if self.loadings is None or self.noise is None or 4 * self.loadings.shape[1] > len(self.noise):
            return None
        if (self.noise < _LITTLE_NOISE * np.square(self.loadings).sum(axis=1)).any():
            return None
        scales = 1.0 / np.sqrt(self.noise)
        scaled = self.loadings * scales[:, None]
        values, turned = eigh(np.eye(scaled.shape[1]) + scaled.T @ scaled)
        return scales, scaled @ (turned / np.sqrt(values))

    def whitening(self) -> np.ndarray:
        """Return the matrix of shape (d, r) that turns centred rows into uncorrelated ones of variance 1."""
        return self.eigenvectors / np.sqrt(self.eigenvalues)


def check_choice(
    method: object, shrinkage: object, n_components: object, n_features: int | None = None, n_samples: int | None = None
) -> None:
    """Raise unless covariance, shrinkage and number of factors are such that a model can be fitted."""
    if method not in COVARIANCES:
        raise unknown_name("covariance", method, COVARIANCES)
    if isinstance(shrinkage, bool) or not isinstance(shrinkage, (int, float, np.number)) or not 0 < shrinkage <= 1:
        raise InputError(
            f"shrinkage must be above 0 and at most 1, got {shrinkage!r}; use covariance='empirical' for none"
        )
    if method != "low_rank":
        return
    if n_features is not None and n_features < 2:
        raise InputError(f"X must have at least 2 columns for covariance='low_rank', got n_features = {n_features}")
    allowed = "of at least 1" if n_features is None else f"from 1 to {n_features - 1}"
    whole = isinstance(n_components, (int, np.integer)) and not isinstance(n_components, bool)
    if not whole or n_components < 1 or (n_features is not None and n_components >= n_features):  # type: ignore[operator]
        raise InputError(
            f"n_components must be a whole number {allowed} for covariance='low_rank', got {n_components!r}; "
            "give the number of factors"
        )
    if n_samples is not None and n_components >= n_samples:  # type: ignore[operator]
        raise InputError(
            f"n_components must be below the number of rows, got {n_components} for {n_samples} rows; "
            "take fewer factors"
        )


def estimate_covariance(
    sums: CovarianceSums, method: str = "ledoit_wolf", *, shrinkage: float = 0.1, n_components: int | None = None
) -> FittedCovariance:
    """Estimate the covariance of the rows that were added up.

    Constant columns and exactly dependent directions are taken out of the support under every method: they are named
    in `degenerate` and never replaced by noise. Where there are no more rows than columns, "empirical" keeps the
    directions that the rows span; the methods that shrink, and "low_rank", fill the others and say so.

    Parameters
    ----------
    sums : CovarianceSums
        At least 2 rows.
    method : str
        "ledoit_wolf", "empirical" (divisor n), "oas", "shrunk" or "low_rank" (factor analysis).
    shrinkage : float
        In (0, 1]; for "shrunk": ``(1 - shrinkage) S + shrinkage trace(S) / r I``.
    n_components : int, optional
        Factors of "low_rank".

    Returns
    -------
    FittedCovariance

    Raises
    ------
    InputError
        Fewer than 2 rows, an unknown method, shrinkage or n_components out of range, no column that varies.

    References
    ----------
    Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88, 365-411.
    Chen, Y., Wiesel, A., Eldar, Y. C. and Hero, A. O. (2010). Shrinkage algorithms for MMSE covariance estimation. IEEE
    Transactions on Signal Processing 58, 5016-5029; as scikit-learn has it.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((500, 3)) * [1.0, 2.0, 3.0]
    >>> fitted = estimate_covariance(CovarianceSums().add(rows), "empirical")
    >>> np.allclose(fitted.matrix(), np.cov(rows.T, bias=True)), fitted.rank
    (True, 3)
    """
    n = sums.n_samples
    if n < 2:
        raise InputError(f"X must have at least 2 rows, got n_samples = {n}; give more rows")
    check_choice(method, shrinkage, n_components, sums.n_features, n)
    with single_threaded_blas() if sums.n_features <= _FEW_COLUMNS else nullcontext():
        return _estimated(sums, method, shrinkage, n_components)


def _estimated(sums: CovarianceSums, method: str, shrinkage: float, n_components: int | None) -> FittedCovariance:
    n = sums.n_samples
    covariance = sums.covariance()
    assert sums.gram is not None
    second = np.diag(sums.gram.products) / sums.gram.scale**2 / n
    support = find_support(covariance, sums.mean(), second, n, single=sums.single)
    if not len(support.kept):
        raise InputError(f"X must have a column that varies, got {sums.n_features} constant columns; give other rows")
    core, basis = _core(covariance, support)
    told = {
        "constraints": _constraints(support),
        "slack": 1e-3 if sums.single and support.degenerate else 0.0,
        "unresolved": support.unresolved,
    }
    if method == "low_rank":
        return replace(_low_rank(covariance, support, basis, n, int(n_components or 0)), **told)
    values, vectors = _eigen(core)
    r = len(values)
    degenerate = list(support.degenerate)
    if method == "empirical":
        reached = values > rounding_floor(r, sums.single) * values[0] * (n <= r)
        reached[n - 1 :] = False
        if n <= r:
            degenerate.append(_few_rows(n, r, int(reached.sum()), None))
        told["constraints"] = np.hstack([told["constraints"], basis @ vectors[:, ~reached]])
        return FittedCovariance(method, values[reached], basis @ vectors[:, reached], None, degenerate, **told)
    values[n - 1 :] = 0.0
    share = _intensity(method, values, n, sums, shrinkage)
    if n <= r:
        filled = f"{method} with shrinkage {share:.3g}" if share else None
        degenerate.append(_few_rows(n, r, n - 1, filled))
    shrunk = (1.0 - share) * np.maximum(values, 0.0) + share * values.mean()
    kept = shrunk > 0
    told["constraints"] = np.hstack([told["constraints"], basis @ vectors[:, ~kept]])
    return FittedCovariance(method, shrunk[kept], basis @ vectors[:, kept], share, degenerate, **told)


def covariance_of(matrix: np.ndarray, mean: np.ndarray, scale: np.ndarray | None = None) -> FittedCovariance:
    """Return the support and eigenvalues of a given covariance matrix, which may be singular.

    `scale`, by default the diagonal, holds variances of which those in the matrix may be rounding.
    """
    given = np.diag(matrix) if scale is None else scale
    stds = np.sqrt(np.where(given > 0, given, 1.0))
    lowest = eigvalsh(matrix / np.outer(stds, stds), subset_by_index=[0, 0])[0]
    if lowest < -1e-8:
        raise InputError(
            f"covariance must be positive semi-definite, got an eigenvalue of {lowest:.3g} (columns scaled to variance "
            "1); give a covariance"
        )
    support = find_support(matrix, mean, given, None, single=False)
    if not len(support.kept):
        raise InputError("covariance must have a positive variance on its diagonal, got none; give another matrix")
    core, basis = _core(matrix, support)
    values, vectors = _eigen(core)
    constraints = _constraints(support)
    return FittedCovariance("given", values, basis @ vectors, None, support.degenerate, constraints=constraints)


def _constraints(support: Support) -> np.ndarray:
    """Return the combinations of centred columns that are zero, shape (d, d - r): one for each column left out."""
    d = len(support.relation)
    out = np.setdiff1d(np.arange(d), support.kept)
    constraints = np.zeros((d, len(out)))
    constraints[support.kept] = -support.relation[out].T
    constraints[out, np.arange(len(out))] = 1.0
    return constraints


def _core(covariance: np.ndarray, support: Support) -> tuple[np.ndarray, np.ndarray]:
    """Return the covariance in an orthonormal basis of the support, and that basis of shape (d, r)."""
    kept, relation = support.kept, support.relation
    inner = covariance[np.ix_(kept, kept)]
    if len(kept) == len(relation):
        return inner, np.eye(len(kept))
    basis, factor = np.linalg.qr(relation)
    return factor @ inner @ factor.T, basis


def _eigen(core: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues, largest first, and eigenvectors; small ones keep their digits under unequal scales."""
    stds = np.sqrt(np.diag(core))
    if stds.max() > _WIDE * stds.min() > 0:
        inner, turned = eigh(core / np.outer(stds, stds))
        left, sizes, _ = svd(stds[:, None] * turned * np.sqrt(np.maximum(inner, 0.0)))
        return sizes**2, left
    values, vectors = eigh(core)
    return values[::-1].copy(), vectors[:, ::-1].copy()


def _intensity(method: str, values: np.ndarray, n: int, sums: CovarianceSums, shrinkage: float) -> float:
    """Return the share of the mean variance that the method mixes in."""
    r, mean, square = len(values), float(values.mean()), float((values**2).sum())
    if method == "shrunk":
        return float(shrinkage)
    if r == 1:
        return 0.0
    if method == "oas":
        alpha = square / r**2
        below = (n + 1.0) * (alpha - mean**2 / r)
        return 1.0 if below <= 0 else min((alpha + mean**2) / below, 1.0)
    distance = (square - r * mean**2) / r
    beta = min((sums.quartic() - square) / n / r, distance)
    # Rounding of two equal numbers is not an intensity.
    return 0.0 if beta <= _NO_INTENSITY * distance else beta / distance


def _few_rows(n: int, r: int, reached: int, filled: str | None) -> dict[str, Any]:
    head = f"{n:,} rows cannot fill {r:,} directions (they span {reached:,}): "
    if filled is None:
        text = f"{head}the density is on their span only, and a row off it has log-density -inf."
    else:
        text = f"{head}{filled} made up the other {r - reached:,} from the mean variance."
    return {"kind": "few_rows", "columns": [], "text": text}


def _low_rank(
    covariance: np.ndarray, support: Support, basis: np.ndarray, n: int, n_components: int
) -> FittedCovariance:
    """Fit factors to the columns that determine the others and carry them over."""
    kept, relation = support.kept, support.relation
    factors = min(n_components, max(1, len(kept) - 1))
    loadings, noise = factor_analysis(covariance[np.ix_(kept, kept)], factors)
    inner = loadings @ loadings.T + np.diag(noise)
    degenerate = list(support.degenerate)
    if n <= len(kept):
        degenerate.append(_few_rows(n, len(kept), n - 1, f"low_rank with {factors} factors"))
    if len(kept) == len(relation):
        values, vectors = _eigen(inner)
        return FittedCovariance("low_rank", values, vectors, None, degenerate, loadings, noise)
    factor = basis.T @ relation
    values, vectors = _eigen(factor @ inner @ factor.T)
    return FittedCovariance("low_rank", values, basis @ vectors, None, degenerate)
