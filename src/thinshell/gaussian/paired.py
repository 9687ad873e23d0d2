"""A joint Gaussian of paired rows: text and image, two views of one source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from thinshell._files import part_of
from thinshell.errors import InputError, unknown_name
from thinshell.gaussian.covariance import covariance_of
from thinshell.gaussian.distances import squared_distances
from thinshell.gaussian.information import canonical_correlations, gaussian_mutual_information
from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.storage import Stored
from thinshell.gaussian.sums import CovarianceSums
from thinshell.statistics._validation import as_float

__all__ = ["PairedGaussian"]

_STEP_BYTES = 32 * 2**20


class PairedGaussian(Stored, BaseEstimator):
    """A Gaussian of the joined rows [x, y], and what x tells of y under it.

    Parameters
    ----------
    covariance : str
        As for `GaussianModel`, of the joined columns.
    shrinkage : float
        For "shrunk".
    n_components : int, optional
        Factors of "low_rank".

    Attributes
    ----------
    joint_ : GaussianModel
        Of the columns of X, then those of Y.
    n_first_, n_second_ : int
        Columns of X and of Y.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((4000, 2))
    >>> y = 0.6 * x[:, :1] + 0.8 * rng.standard_normal((4000, 1))
    >>> model = PairedGaussian("empirical").fit(x, y)
    >>> model.canonical_correlations().round(1), round(model.mutual_information(), 1)
    (array([0.6]), 0.2)
    >>> model.conditional([[2.0, 5.0]])[1].round(1)  # what is left of y's variance of 1
    array([[0.6]])
    """

    joint_: GaussianModel
    n_first_: int
    n_second_: int

    def __init__(
        self, covariance: str = "ledoit_wolf", *, shrinkage: float = 0.1, n_components: int | None = None
    ) -> None:
        self.covariance = covariance
        self.shrinkage = shrinkage
        self.n_components = n_components

    def fit(self, X: Any, Y: Any) -> PairedGaussian:
        """Fit the joint Gaussian.

        Parameters
        ----------
        X, Y : array_like of shape (n_samples, n_first) and (n_samples, n_second)
            Paired by rows, finite, at least 2 rows.

        Returns
        -------
        PairedGaussian
            Itself.

        Raises
        ------
        InputError
            Different numbers of rows, NaN or infinity, fewer than 2 rows, parameters out of range.
        InputTypeError
            No real numbers.
        """
        x, y = _pair(X, Y)
        joint = GaussianModel(self.covariance, shrinkage=self.shrinkage, n_components=self.n_components)
        joint._check_parameters()
        joint.n_features_in_ = x.shape[1] + y.shape[1]
        sums = _joined_sums(x, y, double=False)
        fitted = joint._estimate(sums)
        if sums.single and fitted.unresolved:
            sums = _joined_sums(x, y, double=True)
            fitted = joint._estimate(sums)
        joint._begin(sums)
        joint._settle(fitted)
        self.joint_, self.n_first_, self.n_second_ = joint, x.shape[1], y.shape[1]
        return self

    def _ready(self) -> GaussianModel:
        if not hasattr(self, "joint_"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet; call fit first")
        return self.joint_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "joint_")

    def _regression(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return both means, the coefficients (n_first, n_second) of y on x, and the covariance left of y."""
        joint, split = self._ready(), self.n_first_
        mean, matrix = joint.location_, joint.covariance_
        across, own = matrix[:split, split:], matrix[split:, split:]
        if not np.diag(matrix)[:split].any():
            return mean[:split], mean[split:], np.zeros_like(across), own
        white = covariance_of(matrix[:split, :split], mean[:split]).whitening()
        turned = white.T @ across
        return mean[:split], mean[split:], white @ turned, own - turned.T @ turned

    def conditional(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the law of y given every row x.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_first)

        Returns
        -------
        mean : ndarray of shape (n_samples, n_second), float64
            ``E[y | x]``, the linear regression of y on x.
        covariance : ndarray of shape (n_second, n_second), float64
            The same for every x.

        Raises
        ------
        InputError
            Another number of columns, NaN or infinity.
        """
        self._ready()
        x = self._side(X, "X", self.n_first_)
        if not np.isfinite(x).all():
            raise InputError("X must be finite, got NaN or infinity; drop or repair such rows")
        mean_x, mean_y, coefficients, left = self._regression()
        return mean_y + (x - mean_x) @ coefficients, left

    def log_conditional(self, X: Any, Y: Any) -> np.ndarray:
        """Return ``log p(y | x)`` of every pair.

        Parameters
        ----------
        X, Y : array_like of shape (n_samples, n_first) and (n_samples, n_second)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Nats, larger = the two fit together better; -inf where the pair is impossible under a singular model.

        Raises
        ------
        InputError
            Other shapes than at fit, NaN or infinity, or Y wholly determined by X: there is no density then.
        """
        self._ready()
        x, y = self._side(X, "X", self.n_first_), self._side(Y, "Y", self.n_second_)
        if len(x) != len(y):
            raise InputError(f"X and Y must have as many rows, got {len(x):,} and {len(y):,}; pair them by rows")
        mean_x, mean_y, coefficients, left = self._regression()
        scale = np.diag(self.joint_.covariance_)[self.n_first_ :]
        if not (np.diag(left) > 1e-13 * scale).any():
            raise InputError("Y must not be determined by X, got a linear function of it; p(y | x) has no density")
        fitted = covariance_of((left + left.T) / 2, mean_y, scale)
        # Float32 rows keep a dependence only to their own rounding, which float64 residuals do not show.
        fitted = replace(fitted, slack=1e-3 if min(x.itemsize, y.itemsize) < 8 else 1e-7)
        constant = np.log(2 * np.pi) * fitted.rank + fitted.log_determinant
        values = np.empty(len(x))
        for step in _steps(x, y):
            residual = y[step] - (x[step] - mean_x) @ coefficients
            values[step] = -(squared_distances(residual, mean_y, fitted) + constant) / 2
        return values

    def mutual_information(self) -> float:
        """Return the mutual information of x and y under the model, in nats.

        Returns
        -------
        float
            At least 0; a lower bound on the true one where each side is Gaussian. In sample it is too large by about
            ``n_first n_second / (2 n)`` under "empirical".
        """
        return gaussian_mutual_information(self._ready().covariance_, self.n_first_)

    def canonical_correlations(self) -> np.ndarray:
        """Return the canonical correlations of x and y under the model.

        Returns
        -------
        ndarray of shape (min(n_first, n_second),), float64
            In [0, 1], largest first.
        """
        return canonical_correlations(self._ready().covariance_, self.n_first_)

    def eta2_lower_bound(self, pair: str = "views") -> float:
        """Return the lower bound on the augmentation mildness eta2 that linear functions give.

        eta2 is the squared maximal correlation of a source and its view. Two views that are independent given their
        source correlate at most by eta2, whatever functions of them are taken: their largest canonical correlation
        bounds it. A source and its view correlate at most by eta: the square bounds it.

        Parameters
        ----------
        pair : str
            "views": X and Y are two views of one source, the number that `thinshell.theory.eta2_linear_bound` estimates
            (on rows that did not choose the function, so without the upward bias of this one in few rows).
            "source": X is the source and Y its view.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        InputError
            An unknown pair.

        References
        ----------
        Betser et al. (ICLR 2026), Equation 5; Hotelling (1936).

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> source = rng.standard_normal((20_000, 4))
        >>> views = [0.6 * source + 0.8 * rng.standard_normal(source.shape) for _ in range(2)]
        >>> round(PairedGaussian().fit(*views).eta2_lower_bound(), 1)
        0.4
        >>> round(PairedGaussian().fit(source, views[0]).eta2_lower_bound("source"), 1)
        0.4
        """
        if pair not in ("views", "source"):
            raise unknown_name("pair", pair, ("views", "source"))
        largest = float(self.canonical_correlations()[0])
        return largest if pair == "views" else largest**2

    def _side(self, rows: Any, name: str, n_features: int) -> np.ndarray:
        array = _as_rows(rows, name)
        if array.shape[1] != n_features:
            raise InputError(
                f"{name} must have {n_features} columns as at fit, got {array.shape[1]}; "
                "give embeddings of the model it was fitted on"
            )
        return array

    def _stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header, tensors = self._ready()._stored()
        own = {"params": self.get_params(), "joint": header, "n_first": self.n_first_}
        return own, {f"joint.{key}": array for key, array in tensors.items()}

    @classmethod
    def _restored(cls, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> PairedGaussian:
        self = cls(**header["params"])
        self.joint_ = GaussianModel._restored(header["joint"], part_of(tensors, "joint"))
        self.n_first_ = int(header["n_first"])
        self.n_second_ = len(self.joint_.location_) - self.n_first_
        if self.n_first_ < 1 or self.n_second_ < 1:
            raise ValueError(f"its {self.n_first_} first columns do not fit its mean")
        return self


def _as_rows(rows: Any, name: str) -> np.ndarray:
    array = np.asarray(rows)
    if array.ndim != 2 or not array.shape[1]:
        raise InputError(f"{name} must have shape (n_samples, n_features), got shape {array.shape}; give rows")
    return array if array.dtype.kind in "fiub" else as_float(array, name)


def _pair(X: Any, Y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = _as_rows(X, "X"), _as_rows(Y, "Y")
    if len(x) != len(y):
        raise InputError(f"X and Y must have as many rows, got {len(x):,} and {len(y):,}; pair them by rows")
    return x, y


def _steps(x: np.ndarray, y: np.ndarray) -> list[slice]:
    step = max(1, _STEP_BYTES // (8 * (x.shape[1] + y.shape[1])))
    return [slice(top, top + step) for top in range(0, len(x), step)]


def _joined_sums(x: np.ndarray, y: np.ndarray, *, double: bool) -> CovarianceSums:
    sums = CovarianceSums(double=double)
    for step in _steps(x, y):
        sums.add(np.hstack([as_float(x[step], "X"), as_float(y[step], "Y")]))
    return sums
