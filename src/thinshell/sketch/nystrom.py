"""The spectrum of a covariance that was seen through random vectors only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from thinshell.sketch.spectral_tail import fitted_tail

__all__ = ["Nystrom", "RandomisedSpectrum"]

# Directions of the core below this share of its largest are rounding of float32 products.
_NOISE = 1e-6
# Eigenvalues this many times as large as kappa are resolved: their error is a few per cent at most.
_RESOLVED = 4.0


@dataclass(frozen=True)
class RandomisedSpectrum:
    """Eigenvalues of a sample covariance from a randomised sketch of all rows.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_features,), float64
        Largest first. The leading `n_resolved` are estimated one by one; the others are a smooth fit to what is known
        of all of them together.
    n_resolved : int
        How many stand out of what the test vectors could not see.
    n_vectors : int
        Test vectors.
    """

    eigenvalues: np.ndarray = field(repr=False)
    n_resolved: int
    n_vectors: int


@dataclass(frozen=True)
class Nystrom:
    """The Nyström approximation ``S Omega (Omega' S Omega)^+ Omega' S`` of a covariance S, and what it leaves.

    Attributes
    ----------
    core, squares : ndarray of shape (n_vectors, n_vectors), float64
        ``Omega' S Omega`` and ``Omega' S^2 Omega``.
    trace : float
        Of S, in the unit of `core`.
    unit : float
        One unit of `core` in squared units of the data.
    rank : int
        Most that S can have.

    Notes
    -----
    With k test vectors whose entries are independent with variance 1, the projection onto the range of ``S^1/2 Omega``
    is on average close to ``S (S + kappa)^-1`` with kappa such that its trace is k (Dereziński et al. 2020). So the
    approximation lacks a trace of ``k kappa``, which gives kappa, as the trace is known; an eigenvalue l that stands
    out is seen as ``l^2 / (l + kappa)``, which is solved for l; and ``sum l / (l + kappa) = k`` is a linear equation
    for the distribution of those that do not stand out, one for each number of test vectors up to k.

    References
    ----------
    Tropp, J. A., Yurtsever, A., Udell, M. and Cevher, V. (2017). Fixed-rank approximation of a positive-semidefinite
    matrix from streaming data. NeurIPS.
    Dereziński, M., Liang, F., Liao, Z. and Mahoney, M. W. (2020). Precise expressions for random projections: low-rank
    approximation and randomized Newton. NeurIPS.
    """

    core: np.ndarray = field(repr=False)
    squares: np.ndarray = field(repr=False)
    trace: float
    unit: float
    rank: int

    def _factor(self, part: slice) -> np.ndarray:
        """Return W with ``W W'`` the pseudo-inverse of that part of the core.

        Where Tropp et al. shift the core by a little and take its Cholesky factor, directions at the noise of float32
        are left out: the noise is known, and copies among few columns' test vectors do no harm.
        """
        values, vectors = np.linalg.eigh(self.core[part, part])
        kept = values > _NOISE * max(values[-1], 0.0)
        return vectors[:, kept] / np.sqrt(values[kept])

    def _seen(self, part: slice) -> np.ndarray:
        """Return the non-zero eigenvalues of the approximation from some of the test vectors, largest first."""
        factor = self._factor(part)
        return np.clip(np.linalg.eigvalsh(factor.T @ self.squares[part, part] @ factor)[::-1], 0.0, None)

    def kappa(self, n_vectors: int) -> tuple[float, float]:
        """Return kappa of so many test vectors and the degrees of freedom it belongs to, averaged over disjoint sets.

        The second is `n_vectors` unless the covariance has no such rank.
        """
        parts = [slice(a, a + n_vectors) for a in range(0, len(self.core) - n_vectors + 1, n_vectors)]
        seen = [self._seen(part) for part in parts]
        left = [max(0.0, self.trace - float(values.sum())) / max(1, len(values)) for values in seen]
        return float(np.mean(left)), float(np.mean([len(values) for values in seen]))

    def square_trace(self) -> float:
        """Return an unbiased estimate of ``tr S^2``.

        ``||S Omega||^2 / k`` is one (Hutchinson), but of a few large eigenvalues it is off by ``sqrt(2 / k)``. So
        the approximation from one half of the vectors is taken out of what the other half sees, and its own square,
        which is known, put in; then the halves change places (as in Hutch++, Meyer et al. 2021).
        """
        k = len(self.core)
        halves = slice(0, k // 2), slice(k // 2, k)
        total = 0.0
        for one, two in (halves, halves[::-1]):
            factor = self._factor(one)
            inner = factor.T @ self.squares[one, one] @ factor
            seen = inner @ (factor.T @ self.core[one, two])
            # ||S_one Omega_two||^2 = tr(core_21 W W' squares_11 W W' core_12).
            predicted = float(((factor.T @ self.core[one, two]) * seen).sum())
            plain = float(np.trace(self.squares[two, two]))
            total += (plain - predicted) / (two.stop - two.start) + float((inner**2).sum())
        return total / 2

    def spectrum(self, n_features: int) -> RandomisedSpectrum:
        """Return all eigenvalues: those that stand out, and a fit of the others to what is known of their sums."""
        k = len(self.core)
        values = np.zeros(n_features)
        seen = self._seen(slice(0, k))
        if not self.trace > 0 or not len(seen):
            return RandomisedSpectrum(values, 0, k)
        kappa = max(0.0, self.trace - float(seen.sum())) / len(seen)
        leading = (seen + np.sqrt(seen**2 + 4 * kappa * seen)) / 2
        leading = leading[leading > max(_RESOLVED * kappa, _NOISE * leading[0])][: self.rank]
        r, n_left = len(leading), self.rank - len(leading)
        rest = self.trace - float(leading.sum())
        if n_left > 0 and rest > _NOISE * self.trace:
            degrees = [self.kappa(q) for q in dict.fromkeys((k // 8, k // 4, k // 2, k)) if q > 1.2 * r or q == k]
            squares = self.square_trace()
            values[r : self.rank] = fitted_tail(leading, self.trace, squares, n_left, degrees, float(seen[0]))
        values[:r] = leading * (self.trace - float(values[r:].sum())) / float(leading.sum()) if r else leading
        return RandomisedSpectrum(np.sort(values)[::-1] * self.unit, r, k)
