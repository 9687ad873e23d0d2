"""Whitening: a linear map after which columns are uncorrelated and have variance one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _check_feature_names_in

from thinshell._files import part_of
from thinshell.errors import InputError
from thinshell.gaussian._checks import checked_rows
from thinshell.gaussian.covariance import FittedCovariance, estimate_covariance
from thinshell.gaussian.distances import needs_double
from thinshell.gaussian.storage import Stored
from thinshell.gaussian.sums import CovarianceSums
from thinshell.gaussian.whitening import WhiteningMap, affine, check_whitening, signed, whitening_map
from thinshell.sketch import EmbeddingSketch
from thinshell.statistics._validation import as_sample

__all__ = ["Whitener"]


class Whitener(Stored, TransformerMixin, BaseEstimator):
    """Make columns uncorrelated with variance one, in one pass, in parts or from a sketch.

    Parameters
    ----------
    method : str
        "pca" (default): principal axes, largest variance first; it rotates, so columns lose their meaning. "zca": the
        whitened columns that are nearest to the given ones (``C^-1/2``). "cholesky": each column less what those
        before it tell (``L^-1``, ``C = L L'``).
    covariance : str
        "empirical" (divisor n), "ledoit_wolf", "oas" or "shrunk". Shrunk, the result has variances below one in the
        narrow directions.
    floor : float, optional
        Share of the largest eigenvalue, above 0 and at most 1, that smaller ones are raised to: narrow directions,
        which hold mostly noise, are then not blown up to variance one. By default none is.
    n_components : int, optional
        Columns that "pca" keeps, at most the rank; by default all that vary.
    shrinkage : float
        For "shrunk": share of the mean variance mixed in, in (0, 1].

    Attributes
    ----------
    location_ : ndarray of shape (n_features,), float64
        Mean.
    whitening_ : ndarray of shape (n_features, n_out), float64
        ``transform(X) = (X - location_) @ whitening_``.
    coloring_ : ndarray of shape (n_out, n_features), float64
        ``inverse_transform(Y) = location_ + Y @ coloring_``.
    eigenvalues_ : ndarray of shape (rank_,), float64
        Of the covariance, largest first, before any floor; in squared units of the data.
    components_ : ndarray of shape (rank_, n_features), float64
        Eigenvectors as rows; the largest entry of each is positive.
    rank_ : int
        Directions in which rows vary. Others are left out, never filled with noise: "pca" has no column for them,
        "zca" projects them out, "cholesky" has zeros in the column that those before it determine.
    floored_ : dict
        "floor" (absolute, None without one), "count", "indices" and "eigenvalues" of those raised, "share" of the
        variance they had, "dropped" (directions without variance) and "text", a sentence.
    degenerate_ : list of dict
        Constant columns, copies, linear dependences, too few rows: ``kind``, ``columns`` and ``text``.
    shrinkage_ : float or None
        Share of the mean variance in the covariance.
    n_samples_seen_, n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only if X had column names, all strings.

    Notes
    -----
    The divisor is n, so ``transform(X).T @ transform(X) / n`` is the identity for the fitted rows; scikit-learn's
    ``PCA(whiten=True)`` divides by n - 1 and is smaller by ``sqrt((n - 1) / n)``.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((1000, 3)) @ [[3.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 9.0]]
    >>> white = Whitener("zca").fit_transform(rows)
    >>> np.cov(white.T, bias=True).round(6) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    _sums: CovarianceSums
    _map: WhiteningMap | None

    def __init__(
        self,
        method: str = "pca",
        *,
        covariance: str = "empirical",
        floor: float | None = None,
        n_components: int | None = None,
        shrinkage: float = 0.1,
    ) -> None:
        self.method = method
        self.covariance = covariance
        self.floor = floor
        self.n_components = n_components
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: object = None) -> Whitener:
        """Fit the map, forgetting earlier rows.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            At least 2 rows, finite; a `numpy.memmap` is streamed.
        y : None
            Ignored.

        Returns
        -------
        Whitener

        Raises
        ------
        InputError, InputTypeError
            Fewer than 2 rows, NaN or infinity, no column that varies, parameters out of range, no numbers.
        """
        self._check_parameters()
        rows = checked_rows(self, X, reset=True)
        sums = CovarianceSums().add(rows)
        found = self._worked_out(sums)
        if sums.single and found.covariance.unresolved:
            sums = CovarianceSums(double=True).add(rows)
            found = self._worked_out(sums)
        self._sums, self._map = sums, found
        return self

    def partial_fit(self, X: Any, y: object = None) -> Whitener:
        """Add rows; the result is that of `fit` on all of them.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            One row or more. The map is worked out when it is first asked for, not at every call.
        y : None

        Returns
        -------
        Whitener

        Raises
        ------
        InputError, InputTypeError
            As `fit` does; the rows added before are kept.
        """
        self._check_parameters()
        first = not hasattr(self, "_sums")
        rows = checked_rows(self, X, reset=first)
        sums = CovarianceSums() if first else self._sums
        sums.add(rows)
        self._sums, self._map = sums, None
        return self

    @classmethod
    def from_sketch(cls, sketch: EmbeddingSketch, **params: Any) -> Whitener:
        """Fit to the rows that a sketch stands for.

        Parameters
        ----------
        sketch : EmbeddingSketch
            It must keep the products of columns.
        **params
            Of the whitener.

        Returns
        -------
        Whitener

        Raises
        ------
        InputError
            An empty sketch, one without covariance, parameters out of range.

        Examples
        --------
        >>> sketch = EmbeddingSketch().update(np.random.default_rng(0).standard_normal((500, 4)))
        >>> Whitener.from_sketch(sketch, method="zca").n_samples_seen_
        500
        """
        self = cls(**params)
        self._check_parameters()
        sums = CovarianceSums.from_sketch(sketch)
        self._map = self._worked_out(sums)
        self._sums, self.n_features_in_ = sums, sums.n_features
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Whiten rows.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Of the model that was fitted, finite.

        Returns
        -------
        ndarray of shape (n_samples, n_out)
            float32 for float32 (and float16) rows, else float64.

        Raises
        ------
        InputError, InputTypeError
            Not fitted, another number of features, NaN or infinity.
        """
        found = self._found()
        rows = checked_rows(self, X)
        return affine(rows, found.location, found.whitening, None, needs_double(found.covariance))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Take whitened rows back.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_out)
            What `transform` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The rows, up to what they have in directions that were left out (without variance in the fitted rows, or
            beyond `n_components`). What was floored comes back. float32 stays float32.

        Raises
        ------
        InputError, InputTypeError
            Not fitted, another number of columns, NaN or infinity.
        """
        found = self._found()
        rows = as_sample(X, "X")
        if rows.shape[1] != len(found.coloring):
            raise InputError(
                f"X must have {len(found.coloring)} whitened columns, got {rows.shape[1]}; give what transform returned"
            )
        return affine(rows, None, found.coloring, found.location, needs_double(found.covariance))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the output columns: whitener0, whitener1, ... of "pca", else those of the input.

        Parameters
        ----------
        input_features : array_like of str, optional
            As many as there are features; by default the names that X had at fit, or x0, x1, ...

        Returns
        -------
        ndarray of shape (n_out,), object
        """
        found = self._found()
        names = _check_feature_names_in(self, input_features)
        if self.method != "pca":
            return np.asarray(names, dtype=object)
        return np.array([f"whitener{i}" for i in range(found.whitening.shape[1])], dtype=object)

    def _check_parameters(self) -> None:
        check_whitening(self.method, self.covariance, self.floor, self.n_components)

    def _worked_out(self, sums: CovarianceSums) -> WhiteningMap:
        fitted = estimate_covariance(sums, self.covariance, shrinkage=self.shrinkage)
        matrix = sums.covariance() if self.method == "cholesky" and self.covariance == "empirical" else None
        return whitening_map(fitted, sums.mean(), self.method, self.floor, self.n_components, matrix)

    def _found(self) -> WhiteningMap:
        if not hasattr(self, "_sums"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet; call fit with rows first.")
        if self._map is None:
            self._map = self._worked_out(self._sums)
        return self._map

    def _stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what a file holds: settings that JSON takes, and arrays."""
        found = self._found()
        settings, arrays = found.covariance.stored()
        tensors = {f"covariance.{name}": array for name, array in arrays.items()}
        tensors |= {f"sums.{name}": array for name, array in self._sums.state().items()}
        tensors |= {"location": found.location, "whitening": found.whitening, "coloring": found.coloring}
        header = {
            "params": self.get_params(),
            "covariance": settings,
            "n_samples": self._sums.n_samples,
            "double": self._sums.double,
            "floored": found.floored,
            "feature_names": list(getattr(self, "feature_names_in_", [])),
            "notes": self._sums.notes,
        }
        return header, tensors

    @classmethod
    def _restored(cls, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Whitener:
        self = cls(**header["params"])
        self._check_parameters()
        sums = CovarianceSums.restore(int(header["n_samples"]), part_of(tensors, "sums"))
        sums.notes, sums.double = list(header["notes"]), bool(header["double"])
        fitted = FittedCovariance.restored(header["covariance"], part_of(tensors, "covariance"))
        location, whitening, coloring = (np.array(tensors[key]) for key in ("location", "whitening", "coloring"))
        if whitening.shape[0] != sums.n_features or whitening.shape != coloring.T.shape:
            raise ValueError(f"its maps of shapes {whitening.shape} and {coloring.shape} do not fit its sums")
        self._sums, self.n_features_in_ = sums, sums.n_features
        self._map = WhiteningMap(location, fitted, whitening, coloring, header["floored"])
        if header["feature_names"]:
            self.feature_names_in_ = np.array(header["feature_names"], dtype=object)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_sums")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def location_(self) -> np.ndarray:
        """Mean."""
        return self._found().location

    @property
    def whitening_(self) -> np.ndarray:
        """The matrix that whitens centred rows."""
        return self._found().whitening

    @property
    def coloring_(self) -> np.ndarray:
        """The matrix that takes whitened rows back."""
        return self._found().coloring

    @property
    def eigenvalues_(self) -> np.ndarray:
        """Eigenvalues of the covariance."""
        return self._found().covariance.eigenvalues

    @property
    def components_(self) -> np.ndarray:
        """Eigenvectors as rows."""
        return signed(self._found().covariance.eigenvectors).T

    @property
    def rank_(self) -> int:
        """Directions in which rows vary."""
        return self._found().covariance.rank

    @property
    def floored_(self) -> dict[str, Any]:
        """What was floored and what was left out."""
        return self._found().floored

    @property
    def degenerate_(self) -> list[dict[str, Any]]:
        """What is wrong with columns or the number of rows."""
        return self._found().covariance.degenerate

    @property
    def shrinkage_(self) -> float | None:
        """Share of the mean variance in the covariance."""
        return self._found().covariance.shrinkage

    @property
    def n_samples_seen_(self) -> int:
        """Rows."""
        self._found()
        return self._sums.n_samples
