"""Laws of the squared Mahalanobis distance, and the elliptical densities that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import digamma, gammainc, gammaincc, gammaln, xlogy

from thinshell.errors import InputError, unknown_name
from thinshell.statistics._validation import as_float

__all__ = ["RADII", "RadiusLaw", "checked_distances", "checked_rank"]

# chi-square; chi-square times a scale; gamma of any shape.
RADII = ("gaussian", "scaled", "gamma")


def checked_distances(m2: object, *, min_samples: int = 1, finite: bool = True) -> np.ndarray:
    """Return squared distances as a float64 array, refusing what cannot be one.

    Parameters
    ----------
    m2 : array_like of shape (n_samples,)
    min_samples : int
    finite : bool
        Whether infinity, the distance of a row outside the span of a model, is refused.

    Returns
    -------
    ndarray of shape (n_samples,), float64

    Raises
    ------
    InputError, InputTypeError
        Not one number a row, too few, negative, NaN, infinite.

    Examples
    --------
    >>> checked_distances([4, 9])
    array([4., 9.])
    """
    array = as_float(m2, "m2").astype(np.float64)
    if array.ndim != 1:
        raise InputError(f"m2 must have shape (n_samples,), got shape {array.shape}; give one squared distance a row")
    if len(array) < min_samples:
        raise InputError(f"m2 must have at least {min_samples} values, got {len(array)}; give more rows")
    if np.isnan(array).any() or (array < 0).any():
        raise InputError("m2 must hold squared distances, got NaN or negative values; give what mahalanobis returns")
    if finite and not np.isfinite(array).all():
        raise InputError(
            f"m2 must be finite, got infinity for {np.isinf(array).sum():,} of {len(array):,} rows: they lie outside "
            "the span of the rows that the model was fitted on; fit more rows than columns or shrink the covariance"
        )
    return array


def checked_rank(r: object) -> int:
    """Return the rank as an int, refusing what is not a whole number of at least 1.

    Examples
    --------
    >>> checked_rank(3.0)
    3
    """
    if not isinstance(r, (int, float, np.number)) or r != r or r < 1 or r != int(r):
        raise InputError(f"r must be a whole number of at least 1, got {r!r}; give the rank of the model's covariance")
    return int(r)


@dataclass(frozen=True)
class RadiusLaw:
    """A law of the squared Mahalanobis distance m2 of a row.

    Every one is a gamma law. With ``shape = r / 2`` and ``scale = 2`` it is chi-square with r degrees of freedom, and
    the elliptical distribution of that radius is the Gaussian.

    Parameters
    ----------
    name : str
        "gaussian" (chi-square), "scaled" (chi-square times a scale: the Gaussian with its covariance times that
        scale) or "gamma" (any shape: a smaller one than r / 2 has heavier tails).
    parameters : dict of str to float
        "shape" (no unit, > 0) and "scale" (of m2, > 0).

    Raises
    ------
    InputError
        An unknown name, or parameters that are missing or not above 0.

    Examples
    --------
    >>> law = RadiusLaw.gaussian(2)
    >>> law.parameters
    {'shape': 1.0, 'scale': 2.0}
    >>> law.sf([0.0, 2.0]).round(4)  # exp(-m2 / 2)
    array([1.    , 0.3679])
    """

    name: str
    parameters: dict[str, float]

    def __post_init__(self) -> None:
        if self.name not in RADII:
            raise unknown_name("radius", self.name, RADII)
        values = [self.parameters.get(key, float("nan")) for key in ("shape", "scale")]
        if not all(np.isfinite(value) and value > 0 for value in values):
            raise InputError(
                f"parameters must hold a shape and a scale above 0, got {self.parameters}; make a law with fit"
            )

    @property
    def shape(self) -> float:
        """Shape of the gamma law."""
        return float(self.parameters["shape"])

    @property
    def scale(self) -> float:
        """Scale of the gamma law, in units of m2."""
        return float(self.parameters["scale"])

    @classmethod
    def gaussian(cls, r: int) -> RadiusLaw:
        """Return the chi-square law with r degrees of freedom, the one of a Gaussian."""
        return cls("gaussian", {"shape": checked_rank(r) / 2, "scale": 2.0})

    @classmethod
    def fit(cls, m2: object, r: int, name: str = "gamma") -> RadiusLaw:
        """Fit a law by maximum likelihood.

        Parameters
        ----------
        m2 : array_like of shape (n_samples,)
            Squared distances of rows, held out where possible: those of the fitted rows themselves spread less.
            Not looked at for "gaussian".
        r : int
            Rank of the model's covariance.
        name : str
            One of `RADII`.

        Returns
        -------
        RadiusLaw

        Raises
        ------
        InputError
            An unknown name; NaN, negative or infinite distances; all 0 ("scaled"); any 0, or all equal ("gamma").

        Examples
        --------
        >>> m2 = np.random.default_rng(0).gamma(3.0, 5.0, 100_000)
        >>> law = RadiusLaw.fit(m2, 16)
        >>> round(law.shape, 1), round(law.scale, 1)
        (3.0, 5.0)
        """
        if name not in RADII:
            raise unknown_name("radius", name, RADII)
        if name == "gaussian":
            return cls.gaussian(r)
        rank, distances = checked_rank(r), checked_distances(m2, min_samples=2)
        mean = float(distances.mean())
        if not mean > 0:
            raise InputError("m2 must not be all 0 to fit a radius law, got only zeros; give rows of some spread")
        if name == "scaled":
            return cls(name, {"shape": rank / 2, "scale": 2 * mean / rank})
        shape = _gamma_shape(distances / mean)
        return cls(name, {"shape": shape, "scale": mean / shape})

    def cdf(self, m2: object) -> np.ndarray:
        """Return the probability of a smaller squared distance, float64 in [0, 1], shape as `m2`."""
        return gammainc(self.shape, checked_distances(m2, finite=False) / self.scale)

    def sf(self, m2: object) -> np.ndarray:
        """Return the probability of a larger squared distance, accurate far out, shape as `m2`."""
        return gammaincc(self.shape, checked_distances(m2, finite=False) / self.scale)

    def logpdf(self, m2: object) -> np.ndarray:
        """Return the log-density of the squared distance itself, in nats, shape as `m2`."""
        scaled = checked_distances(m2, finite=False) / self.scale
        with np.errstate(invalid="ignore"):
            values = xlogy(self.shape - 1, scaled) - scaled - gammaln(self.shape) - np.log(self.scale)
        return np.where(np.isinf(scaled), -np.inf, values)

    def log_density_of(self, m2: object, log_det: float, r: int) -> np.ndarray:
        """Return the log-density of rows under the elliptical distribution of this radius.

        ``logpdf(m2) - log(pi^(r/2) / Gamma(r/2)) - (r/2 - 1) log m2 - log_det / 2``, with the powers of m2 taken
        together: the Gaussian's is exactly ``-(r log(2 pi) + log_det + m2) / 2``, at m2 = 0 too.

        Parameters
        ----------
        m2 : array_like of shape (n_samples,)
            Squared Mahalanobis distances; infinity outside the span.
        log_det : float
            Log-determinant of the covariance that `m2` was measured with (on its span).
        r : int
            Its rank.

        Returns
        -------
        ndarray of shape (n_samples,)
            Nats, float64. At the mean itself +inf for a gamma law of shape under r / 2 and -inf above; -inf outside
            the span.

        Raises
        ------
        InputError
            NaN or negative distances.

        References
        ----------
        Fang, K.-T., Kotz, S. and Ng, K. W. (1990). Symmetric Multivariate and Related Distributions, Section 2.2.

        Examples
        --------
        >>> RadiusLaw.gaussian(2).log_density_of([0.0], 0.0, 2).round(6)  # -log(2 pi)
        array([-1.837877])
        """
        rank, distances = checked_rank(r), checked_distances(m2, finite=False)
        constant = gammaln(rank / 2) - gammaln(self.shape) - rank / 2 * np.log(np.pi) - self.shape * np.log(self.scale)
        with np.errstate(invalid="ignore"):
            values = xlogy(self.shape - rank / 2, distances) - distances / self.scale + (constant - log_det / 2)
        return np.where(np.isinf(distances), -np.inf, values)


def _gamma_shape(ratios: np.ndarray) -> float:
    """Shape of largest likelihood of a gamma law from values of mean 1: ``log k - digamma(k) = -mean log``."""
    if not ratios.all():
        raise InputError(
            "m2 must be above 0 to fit a gamma law, got 0: a row lies at the mean itself; leave it out or "
            "take radius='scaled'"
        )
    spread = -float(np.log(ratios).mean())
    # 1 / (2 k) < log k - digamma(k) < 1 / k brackets the root.
    if not spread > 1e-12:
        raise InputError("m2 must vary to fit a gamma law, got equal distances; take radius='scaled'")
    found = root_scalar(lambda k: np.log(k) - digamma(k) - spread, bracket=(0.4 / spread, 1.1 / spread), rtol=1e-13)
    return float(found.root)
