"""What a fitted Gaussian says of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import chdtrc, gammaln

from thinshell.errors import InputError
from thinshell.gaussian._checks import checked_rows
from thinshell.gaussian.distances import squared_distances
from thinshell.gaussian.radius import RadiusLaw
from thinshell.gaussian.state import FittedState

__all__ = ["Scoring"]


class Scoring(FittedState):
    """Scores of rows under a fitted model, and rows drawn from it."""

    def mahalanobis(self, X: Any) -> np.ndarray:
        """Return the squared Mahalanobis distance of every row from the mean.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            ``(x - mean)' precision (x - mean)``, no unit, larger = odder; `rank_` on average. Infinity for a row
            that leaves the directions in which the fitted rows varied.

        Raises
        ------
        InputError
            NaN or infinity, another number of features.
        NotFittedError
            If the model is not fitted.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> GaussianModel.from_parameters([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]]).mahalanobis([[3.0, 4.0]])
        array([13.])
        """
        fitted = self._ready()
        rows = checked_rows(self, X)
        return squared_distances(rows, self._location, fitted)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log-density of every row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats, larger = likelier; -inf off the support. With a rank below n_features it is the density on the
            support.

        Raises
        ------
        InputError
            As `mahalanobis`; ``radius`` other than "gaussian" before `calibrate`.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> GaussianModel.from_parameters([0.0], [[1.0]]).score_samples([[0.0], [1.0]]).round(4)
        array([-0.9189, -1.4189])
        """
        m2 = self.mahalanobis(X)
        return self._radius_law().log_density_of(m2, self._ready().log_determinant, self.rank_)

    def score(self, X: Any, y: object = None) -> float:
        """Return the mean log-density of the rows, in nats.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        float
        """
        return float(self.score_samples(X).mean())

    def bits_per_dimension(self, X: Any) -> np.ndarray:
        """Return ``-log2 p(x) / rank_`` of every row, float64 of shape (n_samples,), smaller = likelier.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Bits; may be negative, it depends on the units of the data. +inf off the support.
        """
        return -self.score_samples(X) / (self.rank_ * np.log(2.0))

    def pvalues(self, X: Any) -> np.ndarray:
        """Return the probability of a row farther from the mean.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In [0, 1], smaller = odder: the upper tail of chi-square with `rank_` degrees of freedom at `mahalanobis`,
            or of the law that `calibrate` fitted. Parameters are taken as known: with few rows for each column,
            p-values of new rows are too small (see `calibrate`).

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> GaussianModel.from_parameters([0.0], [[1.0]]).pvalues([[1.959964]]).round(4)
        array([0.05])
        """
        m2 = self.mahalanobis(X)
        law = self._radius_law()
        return chdtrc(self.rank_, m2) if law.name == "gaussian" else law.sf(m2)

    def typicality(self, X: Any) -> np.ndarray:
        """Return how far a row is from the thin shell, in standard deviations of the radius.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            ``(sqrt(m2) - E) / sd`` with mean and standard deviation of the radius under the model: positive = too
            far from the mean, negative = too near it, 0 = on the shell.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> model = GaussianModel.from_parameters(np.zeros(100), np.eye(100))
        >>> model.typicality([np.zeros(100), np.ones(100), np.full(100, 1.5)]).round(1)
        array([-14.1,   0. ,   7.1])
        """
        mean, std = self._shell()
        return (np.sqrt(self.mahalanobis(X)) - mean) / std

    def near_share(self, z: float) -> float:
        """Return the share of the model's own rows whose `typicality` is below `z`.

        Parameters
        ----------
        z : float
            In standard deviations of the radius; negative ones are nearer to the mean than the shell.

        Returns
        -------
        float
            In [0, 1]; 0 where no radius is so small.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> round(GaussianModel.from_parameters(np.zeros(100), np.eye(100)).near_share(-3.0), 4)
        0.0009
        """
        mean, std = self._shell()
        radius = mean + z * std
        return float(self._radius_law().cdf([radius**2])[0]) if radius > 0 else 0.0

    def _shell(self) -> tuple[float, float]:
        """Return mean and standard deviation of the model's radius."""
        law = self._radius_law()
        mean = float(np.sqrt(law.scale) * np.exp(gammaln(law.shape + 0.5) - gammaln(law.shape)))
        return mean, _radius_std(law, mean)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows from the model.

        Parameters
        ----------
        n_samples : int
            At least 1.
        random_state : int, Generator or None
            Anything `numpy.random.default_rng` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64

        Raises
        ------
        InputError
            If `n_samples` is below 1.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> GaussianModel.from_parameters([5.0], [[4.0]]).sample(1000, random_state=0).shape
        (1000, 1)
        """
        fitted = self._ready()
        if not isinstance(n_samples, (int, np.integer)) or n_samples < 1:
            raise InputError(
                f"n_samples must be a whole number of at least 1, got {n_samples!r}; ask for a row or more"
            )
        rng, law = _generator(random_state), self._radius_law()
        white = rng.standard_normal((n_samples, fitted.rank))
        if law.name != "gaussian":
            radii = np.sqrt(law.scale * rng.standard_gamma(law.shape, n_samples))
            white *= (radii / np.linalg.norm(white, axis=1))[:, None]
        return self._location + white * np.sqrt(fitted.eigenvalues) @ fitted.eigenvectors.T

    def _radius_law(self) -> RadiusLaw:
        self._ready()
        if self._law is not None:
            return self._law
        if self.radius != "gaussian":
            raise InputError(
                f"radius={self.radius!r} must be fitted to held-out rows before scoring; call calibrate with some"
            )
        return RadiusLaw.gaussian(self.rank_)


def _radius_std(law: RadiusLaw, mean: float) -> float:
    """Return the standard deviation of the root of a gamma variable, by a series where it is large."""
    if law.shape > 1e4:
        return float(np.sqrt(law.scale / 4 * (1 - 1 / (8 * law.shape))))
    return float(np.sqrt(law.scale * law.shape - mean**2))


def _generator(random_state: Any) -> np.random.Generator:
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(random_state)
