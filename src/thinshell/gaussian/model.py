"""A multivariate Gaussian fitted to embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin

from thinshell.errors import InputError, InputTypeError
from thinshell.gaussian._checks import checked_rows
from thinshell.gaussian.calibration import calibrate
from thinshell.gaussian.closed_forms import ClosedForms
from thinshell.gaussian.covariance import covariance_of
from thinshell.gaussian.radius import RadiusLaw
from thinshell.gaussian.storage import Stored
from thinshell.gaussian.sums import CovarianceSums
from thinshell.sketch import EmbeddingSketch

__all__ = ["GaussianModel"]


class GaussianModel(ClosedForms, Stored, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """A multivariate Gaussian fitted to rows, in one pass, in parts or from a sketch.

    Parameters
    ----------
    covariance : str
        "ledoit_wolf" (default), "empirical" (maximum likelihood, divisor n), "oas", "shrunk" or "low_rank"
        (factor analysis: `n_components` factors and a variance of its own for each column).
    shrinkage : float
        For "shrunk": share of the mean variance mixed in, in (0, 1].
    n_components : int, optional
        Factors of "low_rank".
    radius : str
        Law of the distances from the mean: "gaussian" (chi-square), "scaled" or "gamma". The last two make the model
        elliptical; they are fitted by `calibrate` to held-out rows, and scores wait for that.

    Attributes
    ----------
    location_ : ndarray of shape (n_features,), float64
        Mean.
    covariance_, precision_ : ndarray of shape (n_features, n_features), float64
        The precision is the pseudo-inverse where the rank is below n_features.
    eigenvalues_ : ndarray of shape (rank_,), float64
        Of the covariance, largest first, all positive.
    components_ : ndarray of shape (rank_, n_features), float64
        Eigenvectors as rows.
    rank_ : int
        Directions in which rows vary.
    shrinkage_ : float or None
        Share of the mean variance that the covariance has in it.
    n_samples_seen_ : int or None
        Rows; None for a model made from parameters without a number of rows.
    degenerate_ : list of dict
        Constant columns, copies, linear dependences, too few rows: ``kind``, ``columns`` and ``text``. They are also
        told as a `UserWarning`.
    notes_ : list of str
        What in the fit is an estimate.
    calibration_ : dict or None
        What `calibrate` found.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only if X had column names, all strings.

    Notes
    -----
    Directions without variance are taken out of the density, never filled with noise: a row that leaves them has
    log-density -inf, distance inf and p-value 0, as with ``scipy.stats.multivariate_normal(allow_singular=True)``.

    float32 rows are multiplied in float32 and added up in float64: parameters agree with those of float64 rows to about
    1e-6 relative, log-densities to 1e-5 of their spread. `fit` repeats the pass in float64 where the covariance has
    directions that float32 products cannot resolve; `partial_fit`, which cannot, says so in `degenerate_`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.standard_normal((2000, 8)) * np.arange(1, 9)
    >>> model = GaussianModel().fit(rows[:1000])
    >>> odd = np.full((1, 8), 9.0)
    >>> model.pvalues(odd).round(9), model.pvalues(rows[1000:]).mean().round(1)
    (array([0.]), np.float64(0.5))
    """

    def __init__(
        self,
        covariance: str = "ledoit_wolf",
        *,
        shrinkage: float = 0.1,
        n_components: int | None = None,
        radius: str = "gaussian",
    ) -> None:
        self.covariance = covariance
        self.shrinkage = shrinkage
        self.n_components = n_components
        self.radius = radius

    def fit(self, X: Any, y: object = None) -> GaussianModel:
        """Fit mean and covariance, forgetting earlier rows.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            At least 2 rows, finite. float32 rows are taken as they are; a `numpy.memmap` is streamed.
        y : None
            Ignored.

        Returns
        -------
        GaussianModel
            Itself.

        Raises
        ------
        InputError
            Fewer than 2 rows, NaN or infinity, no column that varies, parameters out of range.
        InputTypeError
            X is sparse or holds no numbers.
        """
        self._check_parameters()
        rows = checked_rows(self, X, reset=True)
        sums = CovarianceSums().add(rows)
        fitted = self._estimate(sums)
        if sums.single and fitted.unresolved:
            sums = CovarianceSums(double=True).add(rows)
            fitted = self._estimate(sums)
        self._begin(sums)
        self._settle(fitted)
        return self

    def partial_fit(self, X: Any, y: object = None) -> GaussianModel:
        """Add rows; the result is that of `fit` on all of them.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            One row or more. Parameters are worked out when first asked for, not at every call.
        y : None
            Ignored.

        Returns
        -------
        GaussianModel
            Itself.

        Raises
        ------
        InputError
            As `fit` does, and if the model holds no sums (made from parameters). It is then as it was.
        """
        self._check_parameters()
        first = not hasattr(self, "_sums")
        rows = checked_rows(self, X, reset=first)
        if first:
            self._begin(CovarianceSums().add(rows))
        else:
            self._held_sums().add(rows)
            self._change()
        return self

    def merge(self, other: GaussianModel) -> GaussianModel:
        """Add the rows that another model was fitted on; `other` is left as it is.

        Parameters
        ----------
        other : GaussianModel
            With the same parameters and number of features.

        Returns
        -------
        GaussianModel
            Itself.

        Raises
        ------
        InputError
            If the two were not fitted alike or one of them holds no sums.
        InputTypeError
            If `other` is no GaussianModel.

        Examples
        --------
        >>> rows = np.random.default_rng(0).standard_normal((200, 3))
        >>> parts = [GaussianModel().fit(part) for part in (rows[:80], rows[80:])]
        >>> parts[0].merge(parts[1]).n_samples_seen_
        200
        """
        if not isinstance(other, GaussianModel):
            raise InputTypeError(f"other must be a GaussianModel, got {type(other).__name__}")
        mine, its = self.get_params(), other.get_params()
        for name, value in mine.items():
            if value != its[name]:
                raise InputError(
                    f"models to merge must have the same {name}, got {value!r} and {its[name]!r}; fit both alike"
                )
        self._held_sums().merge(other._held_sums())
        self._change()
        return self

    @classmethod
    def from_sketch(cls, sketch: EmbeddingSketch, **params: Any) -> GaussianModel:
        """Fit to the rows that a sketch stands for.

        Parameters
        ----------
        sketch : EmbeddingSketch
            Loaded or made; it must keep the products of columns.
        **params
            Of the model.

        Returns
        -------
        GaussianModel

        Raises
        ------
        InputError
            An empty sketch, one without covariance, parameters out of range.

        Examples
        --------
        >>> sketch = EmbeddingSketch().update(np.random.default_rng(0).standard_normal((500, 4)))
        >>> GaussianModel.from_sketch(sketch, covariance="oas").n_samples_seen_
        500
        """
        self = cls(**params)
        self._check_parameters()
        sums = CovarianceSums.from_sketch(sketch)
        fitted = self._estimate(sums)
        self.n_features_in_ = sums.n_features
        self._begin(sums)
        self._settle(fitted)
        return self

    @classmethod
    def from_parameters(cls, mean: object, covariance: object, n_samples: int | None = None) -> GaussianModel:
        """Make a model of a given mean and covariance, which may be singular; it holds no sums to add rows to.

        Parameters
        ----------
        mean : array_like of shape (n_features,)
        covariance : array_like of shape (n_features, n_features)
            Symmetric, positive semi-definite.
        n_samples : int, optional
            Rows that they were estimated from, for `calibrate`.

        Returns
        -------
        GaussianModel

        Raises
        ------
        InputError
            Wrong shapes, not finite, not symmetric, a negative eigenvalue.

        Examples
        --------
        >>> model = GaussianModel.from_parameters([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
        >>> model.mahalanobis([[0.0, 2.0]])
        array([1.])
        """
        location, matrix = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
        d = location.size
        if location.ndim != 1 or not d or matrix.shape != (d, d):
            raise InputError(
                f"mean must have shape (n_features,) and covariance (n_features, n_features), got {location.shape} and "
                f"{matrix.shape}; give one of each"
            )
        if not (np.isfinite(location).all() and np.isfinite(matrix).all()):
            raise InputError("mean and covariance must be finite, got NaN or infinity; repair them")
        size = np.sqrt(np.abs(np.outer(np.diag(matrix), np.diag(matrix))))
        if (np.abs(matrix - matrix.T) > 1e-8 * size).any():
            raise InputError("covariance must be symmetric, got one that is not; average it with its transpose")
        self = cls("empirical")
        self.n_features_in_ = d
        self._set(location, covariance_of((matrix + matrix.T) / 2, location), n_samples)
        return self

    def calibrate(self, X: Any) -> GaussianModel:
        """Compare the distances of held-out rows with the law that the model gives them.

        Sets `calibration_` and, for ``radius="scaled"`` or ``"gamma"``, fits that law. Use rows that the model was
        not fitted on: those it was fitted on lie too near.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Held-out rows.

        Returns
        -------
        GaussianModel
            Itself.

        Raises
        ------
        InputError
            As `mahalanobis` does; too few rows; rows off the support.

        Examples
        --------
        >>> rows = np.random.default_rng(0).standard_t(3, (4000, 5))
        >>> GaussianModel().fit(rows[:2000]).calibrate(rows[2000:]).calibration_["verdict"]
        'heavier tails'
        """
        m2 = self.mahalanobis(X)
        self.calibration_ = calibrate(m2, self.rank_, self.n_samples_seen_, shrunk=self.shrinkage_ is not None)
        self._law = RadiusLaw.fit(m2, self.rank_, self.radius)
        return self
