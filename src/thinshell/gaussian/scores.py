"""Every score of a row: its name, its unit, which end is odd, and all of a model's scores in one pass."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thinshell.errors import InputError, InputTypeError, unknown_name
from thinshell.statistics._validation import as_float

__all__ = ["BASELINES", "SCORES", "Score", "oddness", "score_table", "scores_of"]

_LEE = (
    "Lee, K., Lee, K., Lee, H. and Shin, J. (2018). A simple unified framework for detecting out-of-distribution "
    "samples and adversarial attacks. NeurIPS."
)
_REN = (
    "Ren, J., Fort, S., Liu, J., Guha Roy, A., Padhy, S. and Lakshminarayanan, B. (2021). A simple fix to Mahalanobis "
    "distance for improving near-OOD detection. arXiv:2106.09022."
)
_NALISNICK = (
    "Nalisnick, E., Matsukawa, A., Teh, Y. W. and Lakshminarayanan, B. (2019). Detecting out-of-distribution inputs to "
    "deep generative models using typicality. arXiv:1906.02994."
)
_HENDRYCKS = (
    "Hendrycks, D. and Gimpel, K. (2017). A baseline for detecting misclassified and out-of-distribution examples in "
    "neural networks. ICLR."
)


@dataclass(frozen=True)
class Score:
    """One way to say how odd a row is.

    Attributes
    ----------
    name : str
        Key in `SCORES` or `BASELINES`.
    unit : str
        Such as "nats"; "none" for a pure number.
    higher_is : str
        "odder" or "more typical".
    text : str
        What it says, in one sentence.
    reference : str
        Where it comes from; empty where it is a textbook's.
    two_sided : bool
        Whether both ends are odd: the size then counts, and the sign tells which end.
    """

    name: str
    unit: str
    higher_is: str
    text: str
    reference: str = ""
    two_sided: bool = False


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("log_density", "nats", "more typical", "Logarithm of the density that the model gives the row."),
        Score(
            "bits_per_dimension",
            "bits",
            "odder",
            "Minus the base-2 logarithm of the density, per direction in which rows vary.",
        ),
        Score(
            "mahalanobis",
            "none",
            "odder",
            "Squared distance from the mean in units of the model's spread; the rank on average.",
            "Mahalanobis, P. C. (1936). On the generalized distance in statistics. Proceedings of the National "
            "Institute of Sciences of India 2, 49-55.",
        ),
        Score(
            "pvalue",
            "probability",
            "more typical",
            "Share of the model's own rows that lie farther from the mean.",
        ),
        Score(
            "typicality",
            "standard deviations",
            "odder",
            "Distance from the thin shell where the model's rows lie: positive too far, negative too near the mean.",
            _NALISNICK,
            two_sided=True,
        ),
        Score(
            "relative_mahalanobis",
            "none",
            "odder",
            "Squared distance from the nearest class less that from all rows together.",
            _REN,
        ),
        Score("class_mahalanobis", "none", "odder", "Squared distance from the mean of the nearest class.", _LEE),
    )
}

BASELINES: dict[str, Score] = {
    score.name: score
    for score in (
        Score(
            "knn_distance",
            "none",
            "odder",
            "Distance to the k-th nearest fitted row, directions only.",
            "Sun, Y., Ming, Y., Zhu, X. and Li, Y. (2022). Out-of-distribution detection with deep nearest neighbors. "
            "ICML.",
        ),
        Score(
            "norm", "unit of the data", "more typical", "Length of the row; networks give rows they know larger ones."
        ),
        Score("max_softmax", "probability", "more typical", "Probability of the likeliest class.", _HENDRYCKS),
    )
}

_ONE_GAUSSIAN = {
    "log_density": "score_samples",
    "bits_per_dimension": "bits_per_dimension",
    "mahalanobis": "mahalanobis",
    "pvalue": "pvalues",
    "typicality": "typicality",
}
# What a model of classes calls `mahalanobis` is the distance to the nearest of them.
_CLASSES = {
    "log_density": "score_samples",
    "relative_mahalanobis": "relative_mahalanobis",
    "class_mahalanobis": "mahalanobis",
}


def _methods(model: Any) -> dict[str, str]:
    methods = _CLASSES if hasattr(model, "class_mahalanobis") else _ONE_GAUSSIAN
    if not all(hasattr(model, method) for method in methods.values()):
        raise InputTypeError(
            f"model must be a GaussianModel or a ClassConditionalGaussian, got {type(model).__name__}; fit one first"
        )
    return methods


def scores_of(model: Any) -> tuple[str, ...]:
    """Return the names of the scores that a model gives, in the order of `SCORES`.

    Parameters
    ----------
    model : GaussianModel or ClassConditionalGaussian

    Returns
    -------
    tuple of str

    Raises
    ------
    InputTypeError
        For anything else.

    Examples
    --------
    >>> from thinshell.gaussian import GaussianModel
    >>> scores_of(GaussianModel())
    ('log_density', 'bits_per_dimension', 'mahalanobis', 'pvalue', 'typicality')
    """
    methods = _methods(model)
    return tuple(name for name in SCORES if name in methods)


def score_table(model: Any, X: Any, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Give rows all scores of a model; the distances, which cost all the time, are worked out once.

    Parameters
    ----------
    model : GaussianModel or ClassConditionalGaussian
        Fitted.
    X : array_like of shape (n_samples, n_features)
    names : iterable of str, optional
        Of `scores_of`; by default all of them.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        float64, in the order asked for; units and signs are in `SCORES`.

    Raises
    ------
    InputError, InputTypeError
        A name that this model has no score for, no model, and whatever the model says of X.

    Examples
    --------
    >>> from thinshell.gaussian import GaussianModel
    >>> model = GaussianModel.from_parameters([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    >>> table = score_table(model, [[0.0, 0.0], [3.0, 4.0]])
    >>> table["mahalanobis"], table["typicality"].round(1)
    (array([ 0., 13.]), array([-1.9,  3.6]))
    """
    methods = _methods(model)
    if isinstance(names, str):
        raise InputTypeError(f"names must be a list of scores, got the text {names!r}; put it into a list")
    wanted = list(scores_of(model) if names is None else names)
    for name in wanted:
        if name not in methods:
            raise unknown_name("score", name, methods)
    if len(wanted) > 1:
        model = _with_distances(model, X)
    return {name: getattr(model, methods[name])(X) for name in wanted}


def _with_distances(model: Any, X: Any) -> Any:
    """Return a shallow copy that knows the distances of X, of which every score is a function."""
    twin = copy.copy(model)
    if _methods(model) is _CLASSES:
        from_classes = model.class_mahalanobis(X)
        twin._by_class = lambda rows, reduce: reduce(from_classes)
    else:
        distances = model.mahalanobis(X)
        twin.mahalanobis = lambda rows: distances
    return twin


def oddness(name: str, values: object) -> np.ndarray:
    """Turn a score so that larger is odder, for sorting and for `detection_metrics`.

    Parameters
    ----------
    name : str
        In `SCORES` or `BASELINES`.
    values : array_like of shape (n_samples,)
        The score.

    Returns
    -------
    ndarray of shape (n_samples,)
        float64: as they are, negated, or the size of a two-sided score.

    Raises
    ------
    InputError, InputTypeError
        An unknown name, NaN, no numbers.

    Examples
    --------
    >>> oddness("typicality", [-3.0, 1.0]), oddness("pvalue", [0.25, 1.0])
    (array([3., 1.]), array([-0.25, -1.  ]))
    """
    known = SCORES | BASELINES
    if name not in known:
        raise unknown_name("score", name, known)
    array = as_float(values, "values").astype(np.float64)
    if np.isnan(array).any():
        raise InputError(f"values must hold no NaN, got {np.isnan(array).sum():,}; drop or repair those rows")
    if known[name].two_sided:
        return np.abs(array)
    return array if known[name].higher_is == "odder" else -array
