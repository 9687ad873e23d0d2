"""What a fitted Gaussian holds, worked out from its sums when first asked for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from thinshell._files import part_of
from thinshell.errors import InputError, unknown_name
from thinshell.gaussian.covariance import FittedCovariance, check_choice, estimate_covariance
from thinshell.gaussian.radius import RADII, RadiusLaw
from thinshell.gaussian.sums import CovarianceSums

__all__ = ["FittedState", "tell"]

# Sentences of one warning; the others are in `degenerate_`.
_TOLD = 3


def tell(degenerate: list[dict[str, Any]]) -> None:
    """Warn of what is degenerate, in one warning of a few sentences."""
    texts = [entry["text"] for entry in degenerate]
    if len(texts) > _TOLD:
        texts = [*texts[:_TOLD], f"And {len(texts) - _TOLD:,} more, see degenerate_."]
    if texts:
        warnings.warn(" ".join(texts), UserWarning, stacklevel=4)


class FittedState:
    """Sums, the covariance estimated from them, and attributes that are read off it."""

    covariance: str
    shrinkage: float
    n_components: int | None
    radius: str
    n_features_in_: int
    feature_names_in_: np.ndarray
    calibration_: dict[str, Any] | None
    _sums: CovarianceSums | None
    _fitted: FittedCovariance | None
    _law: RadiusLaw | None
    _location: np.ndarray
    _n_samples: int | None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _check_parameters(self) -> None:
        check_choice(self.covariance, self.shrinkage, self.n_components)
        if self.radius not in RADII:
            raise unknown_name("radius", self.radius, RADII)

    def _estimate(self, sums: CovarianceSums) -> FittedCovariance:
        return estimate_covariance(sums, self.covariance, shrinkage=self.shrinkage, n_components=self.n_components)

    def _begin(self, sums: CovarianceSums) -> None:
        self._sums = sums
        self._change()

    def _change(self) -> None:
        """Forget what was worked out before rows were added."""
        self._fitted = self._law = self.calibration_ = None

    def _set(self, location: np.ndarray, fitted: FittedCovariance, n_samples: int | None) -> None:
        """Become a model of given parameters."""
        self._begin(None)  # type: ignore[arg-type]
        self._location, self._fitted, self._n_samples = location, fitted, n_samples

    def _settle(self, fitted: FittedCovariance) -> None:
        sums = self._held_sums()
        self._location, self._fitted, self._n_samples = sums.mean(), fitted, sums.n_samples
        tell(fitted.degenerate)

    def _held_sums(self) -> CovarianceSums:
        if not hasattr(self, "_fitted"):
            self._refuse_unfitted()
        if self._sums is None:
            raise InputError("model must hold sums to add rows to, got one made from parameters; fit one to rows")
        return self._sums

    def needs_float64(self) -> bool:
        """Return whether sums of float32 rows leave open which directions vary; those of float64 rows tell.

        Examples
        --------
        >>> import numpy as np
        >>> from thinshell.gaussian import GaussianModel
        >>> rows = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float32)
        >>> GaussianModel().partial_fit(rows).needs_float64()
        False
        """
        return self._held_sums().single and self._ready().unresolved

    def _refuse_unfitted(self) -> None:
        raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet; call fit first")

    def _stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what a file holds: settings that JSON takes, and arrays."""
        settings, tensors = self._ready().stored()
        tensors = {f"covariance.{key}": array for key, array in tensors.items()} | {"location": self._location}
        header = {
            "params": self.get_params(),  # type: ignore[attr-defined]
            "covariance": settings,
            "n_samples": self.n_samples_seen_,
            "calibration": self.calibration_,
            "law": None if self._law is None else {"name": self._law.name, "parameters": self._law.parameters},
            "feature_names": list(getattr(self, "feature_names_in_", [])),
            "notes": self.notes_,
        }
        if self._sums is not None:
            tensors |= {f"sums.{key}": array for key, array in self._sums.state().items()}
        return header, tensors

    @classmethod
    def _restored(cls, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Any:
        self = cls(**header["params"])
        self._check_parameters()
        fitted = FittedCovariance.restored(header["covariance"], part_of(tensors, "covariance"))
        location = tensors["location"]
        if location.shape != (len(fitted.eigenvectors),):
            raise ValueError(f"its mean of shape {location.shape} does not fit its covariance")
        self.n_features_in_ = len(location)
        self._set(location, fitted, header["n_samples"])
        if sums := part_of(tensors, "sums"):
            self._sums = CovarianceSums.restore(int(header["n_samples"]), sums)
            self._sums.notes = list(header["notes"])
            if self._sums.n_features != len(location):
                raise ValueError("its sums do not fit its mean")
        if header["feature_names"]:
            self.feature_names_in_ = np.array(header["feature_names"], dtype=object)
        self.calibration_ = header["calibration"]
        self._law = None if header["law"] is None else RadiusLaw(**header["law"])
        return self

    def _ready(self) -> FittedCovariance:
        """Return the covariance, estimated now if rows were added since."""
        if not hasattr(self, "_fitted"):
            self._refuse_unfitted()
        if self._fitted is None:
            self._settle(self._estimate(self._held_sums()))
        assert self._fitted is not None
        return self._fitted

    @property
    def location_(self) -> np.ndarray:
        """Mean, float64 of shape (n_features,)."""
        self._ready()
        return self._location

    @property
    def covariance_(self) -> np.ndarray:
        """Covariance, float64 of shape (n_features, n_features)."""
        return self._ready().matrix()

    @property
    def precision_(self) -> np.ndarray:
        """(Pseudo-)inverse of the covariance, float64 of shape (n_features, n_features)."""
        return self._ready().precision()

    @property
    def eigenvalues_(self) -> np.ndarray:
        """Eigenvalues of the covariance, largest first, float64 of shape (rank,)."""
        return self._ready().eigenvalues

    @property
    def components_(self) -> np.ndarray:
        """Eigenvectors as rows, float64 of shape (rank, n_features)."""
        return self._ready().eigenvectors.T

    @property
    def rank_(self) -> int:
        """Directions in which rows vary."""
        return self._ready().rank

    @property
    def shrinkage_(self) -> float | None:
        """Share of the mean variance in the covariance; None where nothing was shrunk."""
        return self._ready().shrinkage

    @property
    def n_samples_seen_(self) -> int | None:
        """Rows taken in; None where parameters were given without."""
        if not hasattr(self, "_fitted"):
            self._refuse_unfitted()
        return self._n_samples if self._sums is None else self._sums.n_samples

    @property
    def degenerate_(self) -> list[dict[str, Any]]:
        """Constants, copies, dependences and lacking rows: kind, columns and text of each."""
        return self._ready().degenerate

    @property
    def notes_(self) -> list[str]:
        """What in the fit is an estimate, in sentences."""
        self._ready()
        return [] if self._sums is None else list(self._sums.notes)
