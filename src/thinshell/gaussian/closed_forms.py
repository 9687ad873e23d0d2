"""What follows from the parameters of a Gaussian alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import digamma, gammaln

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian.covariance import covariance_of
from thinshell.gaussian.distances import squared_distances
from thinshell.gaussian.information import frechet_distance, gaussian_kl
from thinshell.gaussian.scoring import Scoring

if TYPE_CHECKING:
    from thinshell.gaussian.model import GaussianModel

__all__ = ["ClosedForms"]


class ClosedForms(Scoring):
    """Entropy, divergences, marginals and conditionals of a fitted model."""

    def entropy(self) -> float:
        """Return the differential entropy in nats, on the support where the rank is below n_features.

        Returns
        -------
        float
            ``rank / 2 log(2 pi e) + log det / 2``, minus the mean log-density of rows from the model; of the elliptical
            law once `calibrate` fitted one.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> round(GaussianModel.from_parameters([0.0], [[1.0]]).entropy(), 4)
        1.4189
        """
        fitted, law = self._ready(), self._radius_law()
        half = fitted.rank / 2
        if law.name == "gaussian":
            return float(half * np.log(2 * np.pi * np.e) + fitted.log_determinant / 2)
        of_m2 = law.shape + np.log(law.scale) + gammaln(law.shape) + (1 - law.shape) * digamma(law.shape)
        surface = half * np.log(np.pi) - gammaln(half) + (half - 1) * (digamma(law.shape) + np.log(law.scale))
        return float(of_m2 + surface + fitted.log_determinant / 2)

    def kl_divergence(self, other: GaussianModel) -> float:
        """Return the Kullback-Leibler divergence of `other` from this model, ``E_self[log p_self - log p_other]``.

        Parameters
        ----------
        other : GaussianModel
            Of as many features.

        Returns
        -------
        float
            Nats, at least 0; infinity where this model has rows that are impossible under `other`.

        Raises
        ------
        InputError
            Another number of features, or a radius law other than "gaussian".

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> near, far = (GaussianModel.from_parameters([m], [[1.0]]) for m in (0.0, 3.0))
        >>> near.kl_divergence(far)
        4.5
        """
        self._check_pair(other)
        return gaussian_kl(self.location_, self.covariance_, other.location_, other.covariance_)

    def frechet_distance(self, other: GaussianModel) -> float:
        """Return the Fréchet (2-Wasserstein) distance between two models, in units of the data; not its square.

        Parameters
        ----------
        other : GaussianModel
            Of as many features.

        Returns
        -------
        float
            At least 0. The "FID" of two sets of image embeddings is the square of this.

        Raises
        ------
        InputError
            Another number of features, or a radius law other than "gaussian".

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> near, far = (GaussianModel.from_parameters([m], [[1.0]]) for m in (0.0, 3.0))
        >>> near.frechet_distance(far)
        3.0
        """
        self._check_pair(other)
        return frechet_distance(self.location_, self.covariance_, other.location_, other.covariance_)

    def _check_pair(self, other: Any) -> None:
        if not isinstance(other, ClosedForms):
            raise InputTypeError(f"other must be a GaussianModel, got {type(other).__name__}")
        if len(self.location_) != len(other.location_):
            raise InputError(
                f"other must have {len(self.location_)} features like this model, got {len(other.location_)}; "
                "compare models of the same embeddings"
            )
        self._check_gaussian()
        other._check_gaussian()

    def _check_gaussian(self) -> None:
        if self.radius != "gaussian":
            raise InputError(f"radius must be 'gaussian' for this closed form, got {self.radius!r}; fit such a model")

    def marginal(self, indices: Any) -> GaussianModel:
        """Return the model of some columns, parameters only.

        Parameters
        ----------
        indices : array_like of int
            Different columns, in the order wanted.

        Returns
        -------
        GaussianModel

        Raises
        ------
        InputError
            Columns that do not exist or come twice; only constant ones; an elliptical model.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> GaussianModel.from_parameters([1.0, 2.0], [[1.0, 0.5], [0.5, 4.0]]).marginal([1]).covariance_
        array([[4.]])
        """
        self._check_gaussian()
        columns = self._columns(indices)
        return self._part(columns, self.location_[columns], self.covariance_[np.ix_(columns, columns)])

    def conditional(self, given: Any, values: Any) -> GaussianModel:
        """Return the model of the other columns once some are known, parameters only.

        Parameters
        ----------
        given : array_like of int, shape (k,)
            Columns that are known.
        values : array_like of shape (k,)
            Their values.

        Returns
        -------
        GaussianModel
            Of the remaining columns, in their order.

        Raises
        ------
        InputError
            Columns that do not exist, come twice or leave none; values that are impossible under a singular
            model; columns that leave nothing open; an elliptical model.

        Examples
        --------
        >>> from thinshell.gaussian import GaussianModel
        >>> joint = GaussianModel.from_parameters([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])
        >>> known = joint.conditional([0], [2.0])
        >>> known.location_, known.covariance_
        (array([1.]), array([[0.75]]))
        """
        self._check_gaussian()
        known = self._columns(given)
        at = np.asarray(values, np.float64)
        if at.shape != known.shape or not np.isfinite(at).all():
            raise InputError(f"values must hold {len(known)} finite numbers, one for each column given, got {values!r}")
        rest = np.setdiff1d(np.arange(len(self.location_)), known)
        if not len(rest):
            raise InputError("given must leave a column open, got all of them; leave one out")
        matrix, mean = self.covariance_, self.location_
        own = matrix[np.ix_(rest, rest)]
        impossible = InputError("values must be possible under the model, got some off its support; see degenerate_")
        if not np.diag(matrix)[known].any():
            if not np.allclose(at, mean[known], rtol=1e-8, atol=0.0):
                raise impossible
            return self._part(rest, mean[rest], own)
        first = covariance_of(matrix[np.ix_(known, known)], mean[known])
        if np.isinf(squared_distances(at[None], mean[known], first)[0]):
            raise impossible
        across = matrix[np.ix_(rest, known)]
        turned = across @ first.whitening()
        moved = mean[rest] + turned @ (first.whitening().T @ (at - mean[known]))
        return self._part(rest, moved, own - turned @ turned.T)

    def _columns(self, indices: Any) -> np.ndarray:
        columns, d = np.asarray(indices), len(self.location_)
        if columns.ndim != 1 or not len(columns) or columns.dtype.kind not in "iu":
            raise InputError(f"columns must be a list of whole numbers, got {indices!r}; give at least one")
        if columns.min() < 0 or columns.max() >= d or len(np.unique(columns)) < len(columns):
            raise InputError(f"columns must be different numbers from 0 to {d - 1}, got {columns.tolist()}")
        return columns

    def _part(self, columns: np.ndarray, mean: np.ndarray, matrix: np.ndarray) -> GaussianModel:
        twin = type(self)("empirical")  # type: ignore[call-arg]
        twin.n_features_in_ = len(columns)
        if hasattr(self, "feature_names_in_"):
            twin.feature_names_in_ = self.feature_names_in_[columns]
        scale = np.diag(self.covariance_)[columns]
        twin._set(mean, covariance_of((matrix + matrix.T) / 2, mean, scale), self.n_samples_seen_)
        return twin  # type: ignore[return-value]
