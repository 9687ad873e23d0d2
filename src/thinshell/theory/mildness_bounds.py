"""Lower bounds on the augmentation mildness eta2 from samples of two views.

Two views X, Y that are independent given their source satisfy Cov(g(X), g(Y)) = Var(E[g(X)|X0]), so that eta2 is the
largest correlation of g(X) with g(Y) over all functions g. Every estimator here looks for g in some class on half of
the rows and reports its correlation on the other half: a lower bound up to its standard error, whatever the class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thinshell.errors import InputError
from thinshell.statistics._validation import as_sample
from thinshell.theory._mildness_functions import Function, ace_function, correlation, kernel_function, linear_function

__all__ = ["MildnessEstimate", "eta2_ace_bound", "eta2_kernel_bound", "eta2_linear_bound", "eta2_lower_bound"]

_Finder = Callable[[np.ndarray, np.ndarray, np.random.Generator], Function]


@dataclass(frozen=True)
class MildnessEstimate:
    """A lower bound on eta2 from data.

    Attributes
    ----------
    value : float
        Correlation of the two views under one function of them, on rows that did not choose the function.
    standard_error : float
        Of `value`.
    n_samples : int
        Rows that `value` comes from.
    direction : ndarray
        Of the function. Linear: its coefficients, shape (n_features,). ACE: what each column reached by itself on the
        rows that chose, shape (n_features,); the largest one is the column used. Kernel: coefficients of its features.
    functions : str
        The class searched: "linear", "ace" or "kernel".
    """

    value: float
    standard_error: float
    n_samples: int
    direction: np.ndarray
    functions: str


def _halves(
    first: object, second: object, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    x, y = as_sample(first, "first", min_samples=16), as_sample(second, "second", min_samples=16)
    if x.shape != y.shape:
        raise InputError(f"first and second must have one shape, got {x.shape} and {y.shape}; pair the views by rows")
    order = rng.permutation(len(x))
    fit, judge = order[: len(x) // 2], order[len(x) // 2 :]
    return (x[fit], y[fit]), (x[judge], y[judge])


def _judged(function: Function, views: tuple[np.ndarray, np.ndarray], name: str) -> MildnessEstimate:
    value, error = correlation(*(function.scores(view) for view in views))
    return MildnessEstimate(value, error, len(views[0]), function.direction, name)


def eta2_linear_bound(first: object, second: object, rng: np.random.Generator | int = 0) -> MildnessEstimate:
    """Return a lower bound on eta2 from the best linear function of a view.

    Exact for the Gaussian channel; blind to what only the size of a feature tells, such as random sign flips.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Two views of the same samples, row by row, made by the same augmentation; independent given the sample.
    rng : numpy.random.Generator or int
        Splits the rows into halves.

    Returns
    -------
    MildnessEstimate

    Raises
    ------
    InputError
        If the shapes differ or there are fewer than 16 rows.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 5; Hotelling (1936), "Relations between two sets of variates".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((4000, 8))
    >>> views = [0.6 * source + 0.8 * rng.standard_normal(source.shape) for _ in range(2)]
    >>> estimate = eta2_linear_bound(*views)
    >>> abs(estimate.value - 0.36) < 3 * estimate.standard_error
    True
    """
    rng = np.random.default_rng(rng)
    fit, judge = _halves(first, second, rng)
    return _judged(linear_function(*fit, rng), judge, "linear")


def eta2_ace_bound(first: object, second: object, rng: np.random.Generator | int = 0) -> MildnessEstimate:
    """Return a lower bound on eta2 from the best function of a single column.

    Alternating conditional expectations, g <- E[g(Y) | X] over and over, end in the function of largest correlation;
    in a finite basis that is a leading eigenvector. The basis of each column is piecewise linear with 16 pieces between
    quantiles (or a knot at every value where there are few: then every function). With independent columns that are
    augmented independently, the best column decides (Witsenhausen 1975) and nothing is lost but what the pieces cannot
    follow; where columns are mixed, see `eta2_kernel_bound`.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Two views of the same samples, row by row, made by the same augmentation; independent given the sample.
    rng : numpy.random.Generator or int
        Splits the rows into halves.

    Returns
    -------
    MildnessEstimate

    Raises
    ------
    InputError
        If the shapes differ or there are fewer than 16 rows.

    References
    ----------
    Breiman & Friedman (1985), "Estimating optimal transformations for multiple regression and correlation", JASA 80;
    Witsenhausen (1975), SIAM J. Appl. Math. 28.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((2000, 3))
    >>> views = [source * rng.choice([-1, 1], source.shape) for _ in range(2)]  # only sizes are left
    >>> round(eta2_ace_bound(*views).value, 2), abs(eta2_linear_bound(*views).value) < 0.1
    (1.0, True)
    """
    rng = np.random.default_rng(rng)
    fit, judge = _halves(first, second, rng)
    return _judged(ace_function(*fit, rng), judge, "ace")


def eta2_kernel_bound(first: object, second: object, rng: np.random.Generator | int = 0) -> MildnessEstimate:
    """Return a lower bound on eta2 from functions of all columns together.

    Kernel canonical correlation with Gaussian kernels of widths from .5 to 4 median distances, through 256 random
    Fourier features (fewer where there are fewer than 8 rows for each) beside the columns themselves. The ridge is the
    one that does best on a third of the rows it is found on. It sees what no single column shows, such as the length of
    a randomly rotated vector, but in many dimensions only smooth functions are within its reach.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Two views of the same samples, row by row, made by the same augmentation; independent given the sample.
    rng : numpy.random.Generator or int
        Splits the rows into halves and draws the features.

    Returns
    -------
    MildnessEstimate

    Raises
    ------
    InputError
        If the shapes differ or there are fewer than 16 rows.

    References
    ----------
    Bach & Jordan (2002), "Kernel independent component analysis", JMLR 3; Rahimi & Recht (2007), "Random features for
    large-scale kernel machines"; Lopez-Paz, Hennig & Schoelkopf (2013), "The randomized dependence coefficient".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((2000, 2))
    >>> turns = [np.exp(1j * rng.uniform(0, 2 * np.pi, 2000)) for _ in range(2)]
    >>> views = [turn * (source[:, 0] + 1j * source[:, 1]) for turn in turns]  # only lengths are left
    >>> views = [np.column_stack([view.real, view.imag]) for view in views]
    >>> eta2_kernel_bound(*views).value > 0.95 > 0.5 > eta2_ace_bound(*views).value
    True
    """
    rng = np.random.default_rng(rng)
    fit, judge = _halves(first, second, rng)
    return _judged(kernel_function(*fit, rng), judge, "kernel")


_FINDERS: dict[str, _Finder] = {"linear": linear_function, "ace": ace_function, "kernel": kernel_function}


def eta2_lower_bound(first: object, second: object, rng: np.random.Generator | int = 0) -> MildnessEstimate:
    """Return the best lower bound on eta2 that this module finds: linear, of single columns, or of all of them.

    The class of functions is chosen on rows that found none of them, and judged on rows that neither found nor chose,
    so that taking the best of three adds nothing to the value.

    Parameters
    ----------
    first, second : array_like of shape (n_samples, n_features)
        Two views of the same samples, row by row, made by the same augmentation; independent given the sample.
    rng : numpy.random.Generator or int
        Splits the rows and draws the kernel's features.

    Returns
    -------
    MildnessEstimate
        Its `functions` says which class won.

    Raises
    ------
    InputError
        If the shapes differ or there are fewer than 16 rows.

    References
    ----------
    Betser et al. (ICLR 2026), Equation 5.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.standard_normal((2000, 3))
    >>> estimate = eta2_lower_bound(*[source * rng.choice([-1, 1], source.shape) for _ in range(2)])
    >>> estimate.functions == "linear", round(estimate.value, 1)
    (False, 1.0)
    """
    rng = np.random.default_rng(rng)
    (x, y), judge = _halves(first, second, rng)
    find, choose = slice(0, 2 * len(x) // 3), slice(2 * len(x) // 3, None)

    def kept(name: str) -> float:
        function = _FINDERS[name](x[find], y[find], np.random.default_rng(rng.integers(2**63)))
        return correlation(function.scores(x[choose]), function.scores(y[choose]))[0]

    best = max(_FINDERS, key=kept)
    return _judged(_FINDERS[best](x, y, rng), judge, best)
