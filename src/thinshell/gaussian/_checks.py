"""Taking rows in as scikit-learn does, with sentences of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d, validate_data

from thinshell.errors import InputError, InputTypeError

__all__ = ["checked_labels", "checked_rows"]


def checked_rows(estimator: Any, X: Any, *, reset: bool = False, name: str = "X") -> np.ndarray:
    """Return rows as a 2-D array of numbers, after setting or comparing the estimator's number and names of features.

    Whether they are finite is left to the pass over them. Nothing is copied where X is an array of numbers already.

    Raises
    ------
    InputError
        Wrong shape, no rows, or another number or other names of features than at fit.
    InputTypeError
        Sparse, or not numbers.
    """
    try:
        checked: Any = validate_data(
            estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=0
        )
    except ValueError as error:
        sentence = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"{sentence}; {_advice(sentence, name)}") from None
    except TypeError as error:
        raise InputTypeError(str(error)) from None
    return checked


def _advice(sentence: str, name: str) -> str:
    if "is expecting" in sentence or "feature names" in sentence:
        return "give embeddings of the model it was fitted on"
    if "1D array" in sentence or "dim " in sentence:
        return f"{name} must have shape (n_samples, n_features). Reshape your data"
    return f"{name} must be an array of numbers of shape (n_samples, n_features)"


def checked_labels(y: object, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and which of them each row belongs to.

    Raises
    ------
    InputError
        If there are not as many labels as rows, or a class has fewer than 2 rows.
    """
    if y is None:
        raise InputError("y must hold one label a row: requires y to be passed, but the target y is None")
    try:
        labels = column_or_1d(y, warn=True)
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
    except ValueError as error:
        sentence = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"{sentence}; y must hold one label for each of the {n_samples:,} rows of X") from None
    if len(labels) != n_samples:
        raise InputError(
            f"y must hold one label for each of the {n_samples:,} rows of X, got {len(labels):,}; pair them by rows"
        )
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) and counts.min() < 2:
        raise InputError(
            f"every class must have at least 2 rows, got {counts.min()} of class {classes[counts.argmin()]}; "
            "leave the class out or give it more rows"
        )
    return classes, codes
