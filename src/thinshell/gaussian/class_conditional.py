"""A Gaussian for each class, and the distances that tell rows of no class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from thinshell._files import part_of
from thinshell.errors import InputError
from thinshell.gaussian._checks import checked_labels, checked_rows
from thinshell.gaussian.class_sums import class_means, tied_distances, within_sums
from thinshell.gaussian.covariance import FittedCovariance, check_choice, estimate_covariance
from thinshell.gaussian.distances import distance_function, for_pieces, squared_distances
from thinshell.gaussian.state import tell
from thinshell.gaussian.storage import Stored
from thinshell.gaussian.sums import CovarianceSums

__all__ = ["ClassConditionalGaussian"]

_Reduce = Callable[[np.ndarray], np.ndarray]


class ClassConditionalGaussian(Stored, ClassifierMixin, BaseEstimator):
    """A Gaussian for each class, with one covariance for all (tied) or one each.

    Parameters
    ----------
    covariance : str
        As for `GaussianModel`.
    tied : bool
        One covariance about the class means (Lee et al. 2018) or one for each class.
    shrinkage : float
        For "shrunk".
    n_components : int, optional
        Factors of "low_rank".

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted.
    means_ : ndarray of shape (n_classes, n_features), float64
    priors_ : ndarray of shape (n_classes,), float64
        Shares of the rows.
    covariance_ : ndarray of shape (n_features, n_features), or (n_classes, n_features, n_features) if not tied
        float64.
    degenerate_ : list of dict
        As for `GaussianModel`; of all classes where the covariance is not tied.
    n_features_in_ : int
    n_samples_seen_ : int

    References
    ----------
    Lee, K., Lee, K., Lee, H. and Shin, J. (2018). A simple unified framework for detecting out-of-distribution samples
    and adversarial attacks. NeurIPS.
    Ren, J., Fort, S., Liu, J., Roy, A. G., Padhy, S. and Lakshminarayanan, B. (2021). A simple fix to Mahalanobis
    distance for improving near-OOD detection. arXiv:2106.09022.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(2, size=600)
    >>> rows = rng.standard_normal((600, 4)) + 8.0 * labels[:, None]
    >>> model = ClassConditionalGaussian().fit(rows, labels)
    >>> model.predict([[0.0] * 4, [8.0] * 4]), bool(model.mahalanobis([[4.0] * 4])[0] > 50)
    (array([0, 1]), True)
    """

    classes_: np.ndarray
    means_: np.ndarray
    priors_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_samples_seen_: int

    def __init__(
        self,
        covariance: str = "ledoit_wolf",
        *,
        tied: bool = True,
        shrinkage: float = 0.1,
        n_components: int | None = None,
    ) -> None:
        self.covariance = covariance
        self.tied = tied
        self.shrinkage = shrinkage
        self.n_components = n_components

    def fit(self, X: Any, y: Any) -> ClassConditionalGaussian:
        """Fit means and covariances.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite; float32 rows are multiplied in float32.
        y : array_like of shape (n_samples,)
            Labels: whole numbers, strings or booleans, each of at least 2 rows.

        Returns
        -------
        ClassConditionalGaussian
            Itself.

        Raises
        ------
        InputError
            NaN or infinity, labels of another length, a class of fewer than 2 rows, parameters out of range.
        InputTypeError
            X is sparse or holds no numbers.
        """
        check_choice(self.covariance, self.shrinkage, self.n_components)
        rows = checked_rows(self, X, reset=True)
        if len(rows) < 2:
            raise InputError(f"X must have at least 2 rows, got n_samples = {len(rows)}; give more rows")
        classes, codes = checked_labels(y, len(rows))
        counts = np.bincount(codes, minlength=len(classes))
        means, covariances, whole = self._worked_out(rows, codes, len(classes))
        single = rows.dtype.kind == "f" and rows.dtype.itemsize <= 4
        if single and any(one.unresolved for one in (*covariances, whole[1])):
            # Products in float32 leave open which directions vary.
            means, covariances, whole = self._worked_out(rows.astype(np.float64), codes, len(classes))
        self.classes_, self.means_, self.priors_ = classes, means, counts / len(rows)
        self.n_samples_seen_ = len(rows)
        self._covariances, self._whole = covariances, whole
        tell(self.degenerate_)
        return self

    def _worked_out(
        self, rows: np.ndarray, codes: np.ndarray, n_classes: int
    ) -> tuple[np.ndarray, list[FittedCovariance], tuple[np.ndarray, FittedCovariance]]:
        """Return the class means, the covariances about them, and mean and covariance without classes."""
        everything = CovarianceSums().add(rows)  # first: it refuses rows that are not finite
        means = class_means(rows, codes, n_classes)
        if self.tied:
            covariances = [self._estimated(within_sums(rows, codes, means))]
        else:
            covariances = [self._estimated(CovarianceSums().add(rows[codes == k])) for k in range(n_classes)]
        return means, covariances, (everything.mean(), self._estimated(everything))

    def _estimated(self, sums: CovarianceSums) -> FittedCovariance:
        return estimate_covariance(sums, self.covariance, shrinkage=self.shrinkage, n_components=self.n_components)

    @property
    def covariance_(self) -> np.ndarray:
        """Covariance about the class means, or one for each class, float64."""
        matrices = [fitted.matrix() for fitted in self._ready()]
        return matrices[0] if self.tied else np.stack(matrices)

    @property
    def degenerate_(self) -> list[dict[str, Any]]:
        """Constants, copies, dependences and lacking rows: kind, columns and text of each."""
        found = []
        for k, fitted in enumerate(self._ready()):
            head = "Within classes: " if self.tied else f"Class {self.classes_[k]}: "
            found += [
                entry | {"text": head + entry["text"][0].lower() + entry["text"][1:]} for entry in fitted.degenerate
            ]
        return found

    def _ready(self) -> list[FittedCovariance]:
        if not hasattr(self, "_covariances"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet; call fit first")
        return self._covariances

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_covariances")

    def class_mahalanobis(self, X: Any) -> np.ndarray:
        """Return the squared Mahalanobis distance of every row from every class.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            No unit, in the order of `classes_`; infinity off the support of a class.

        Raises
        ------
        InputError
            NaN or infinity, another number of features.
        NotFittedError
            If the model is not fitted.
        """
        return self._by_class(X, lambda distances: distances)

    def mahalanobis(self, X: Any) -> np.ndarray:
        """Return the squared distance from the nearest class (Lee et al. 2018).

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            No unit, larger = odder.
        """
        return self._by_class(X, lambda distances: distances.min(axis=1))

    def relative_mahalanobis(self, X: Any) -> np.ndarray:
        """Return ``min_k M_k - M_0``, M_0 being the squared distance under one Gaussian of all rows (Ren et al. 2021).

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            No unit, larger = odder, may be negative; infinity off the support of every class.
        """
        nearest = self.mahalanobis(X)
        whole = squared_distances(checked_rows(self, X), *self._whole)
        return np.where(np.isinf(nearest), np.inf, nearest - np.where(np.isinf(nearest), 0.0, whole))

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log-density of every row under the mixture of the classes with their shares of the rows.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Nats, larger = likelier; -inf off the support.
        """
        return self._by_class(X, lambda distances: _log_sum(self._joint(distances)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every class given the row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1; the shares of the classes for a row that is impossible under all of them.
        """
        return self._by_class(X, self._posterior)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of every row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            Of `classes_`.
        """
        best = self._by_class(X, lambda distances: self._posterior(distances).argmax(axis=1))
        return self.classes_[best]

    def _joint(self, distances: np.ndarray) -> np.ndarray:
        """Return log prior plus log-density of every class."""
        fitted = self._ready()
        ranks = np.array([one.rank for one in fitted])
        logs = np.array([one.log_determinant for one in fitted])
        return np.log(self.priors_) - (distances + ranks * np.log(2 * np.pi) + logs) / 2

    def _posterior(self, distances: np.ndarray) -> np.ndarray:
        joint = self._joint(distances)
        total = _log_sum(joint)
        nowhere = np.isinf(total)
        joint[nowhere], total[nowhere] = np.log(self.priors_), 0.0
        return np.exp(joint - total[:, None])

    def _by_class(self, X: Any, reduce: _Reduce) -> np.ndarray:
        """Apply `reduce` to the distances from all classes, piece by piece of rows."""
        fitted = self._ready()
        rows = checked_rows(self, X)
        work: Callable[[np.ndarray], np.ndarray]
        if self.tied:
            work = tied_distances(rows.dtype, self.means_, self.priors_, fitted[0])
        else:
            pairs = zip(self.means_, fitted, strict=True)
            each = [distance_function(rows.dtype, mean, covariance) for mean, covariance in pairs]

            work = partial(_stacked, each)
        if not len(rows):
            return reduce(np.empty((0, len(self.means_))))
        return for_pieces(rows, lambda piece: reduce(work(piece)))

    def _stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        covariances = [*self._ready(), self._whole[1]]
        tensors = {"means": self.means_, "priors": self.priors_, "whole_mean": self._whole[0]}
        settings = []
        for k, fitted in enumerate(covariances):
            head, arrays = fitted.stored()
            settings.append(head)
            tensors |= {f"covariance{k}.{key}": array for key, array in arrays.items()}
        header = {
            "params": self.get_params(),
            "covariances": settings,
            "classes": self.classes_.tolist(),
            "class_dtype": self.classes_.dtype.str if self.classes_.dtype != object else "object",
            "n_samples": self.n_samples_seen_,
            "feature_names": list(getattr(self, "feature_names_in_", [])),
        }
        return header, tensors

    @classmethod
    def _restored(cls, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> ClassConditionalGaussian:
        self = cls(**header["params"])
        self.classes_ = np.array(header["classes"], dtype=header["class_dtype"])
        self.means_, self.priors_ = tensors["means"], tensors["priors"]
        self.n_samples_seen_ = int(header["n_samples"])
        n_classes, self.n_features_in_ = self.means_.shape
        restored = [
            FittedCovariance.restored(settings, part_of(tensors, f"covariance{k}"))
            for k, settings in enumerate(header["covariances"])
        ]
        *self._covariances, whole = restored
        self._whole = tensors["whole_mean"], whole
        if len(self._covariances) != (1 if self.tied else n_classes) or len(self.classes_) != n_classes:
            raise ValueError(f"its {len(restored)} covariances do not fit {n_classes} classes")
        if header["feature_names"]:
            self.feature_names_in_ = np.array(header["feature_names"], dtype=object)
        return self


def _stacked(each: list[Callable[[np.ndarray], np.ndarray]], rows: np.ndarray) -> np.ndarray:
    return np.stack([one(rows) for one in each], axis=1)


def _log_sum(joint: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(logsumexp(joint, axis=1))
