"""Whether a Gaussian's squared distances are what it says they are: on held-out rows, in numbers and in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import gammainc, ndtr

from thinshell.errors import InputError
from thinshell.gaussian.radius import checked_distances, checked_rank

__all__ = ["VERDICTS", "calibrate", "in_sample_pit", "pit"]

VERDICTS = ("calibrated", "heavier tails", "lighter tails", "shifted", "inconclusive")
# The verdict leaves "calibrated" when the smallest of its four p-values is under this, Bonferroni. Gaussian rows are
# accused once in a hundred times at most.
LEVEL = 0.01
# With fewer rows not even a share beyond the 99 % quantile three times as large as it should be is seen.
MIN_ROWS = 200
N_BINS = 20
QUANTILES = (0.99, 0.999)
# Standard errors by which the spread must exceed (fall below) the law's, with the middle matched, to be called so.
_CLEARLY = 2.576
# Inflation of the distances by estimation that is worth a sentence.
_INFLATED = 1.02


def pit(m2: object, r: int) -> np.ndarray:
    """Probability integral transform: the share of a Gaussian's rows that lie nearer to its mean.

    Parameters
    ----------
    m2 : array_like of shape (n_samples,)
        Squared Mahalanobis distances of held-out rows.
    r : int
        Rank of the covariance.

    Returns
    -------
    ndarray of shape (n_samples,)
        ``chi2_r.cdf(m2)``, float64 in [0, 1]; uniform if the model is right and was fitted on very many rows.

    Raises
    ------
    InputError
        NaN or negative distances; a rank that is no whole number of at least 1.

    Examples
    --------
    >>> pit([0.0, 2.0], 2).round(4)  # 1 - exp(-m2 / 2)
    array([0.    , 0.6321])
    """
    rank = checked_rank(r)
    return gammainc(rank / 2, checked_distances(m2, finite=False) / 2)


def in_sample_pit(m2: object, r: int, n_fitted: int, *, ddof: int = 0) -> np.ndarray:
    """Probability integral transform of the rows that mean and covariance were fitted on themselves.

    They pull the mean and the covariance towards themselves: their distances are bounded, and follow
    ``(n - 1)^2 / n Beta(r / 2, (n - r - 1) / 2)`` for the covariance with divisor n - 1, and ``(n - 1) Beta(...)`` for
    that with divisor n which the models here have; not chi-square.

    Parameters
    ----------
    m2 : array_like of shape (n_samples,)
        Squared distances of the fitted rows by their own mean and unshrunk covariance of full rank.
    r : int
        Rank of the covariance.
    n_fitted : int
        Rows of the fit, more than r + 1.
    ddof : {0, 1}
        The covariance's divisor is ``n_fitted - ddof``.

    Returns
    -------
    ndarray of shape (n_samples,)
        float64 in [0, 1], uniform for Gaussian rows (which depend on each other a little).

    Raises
    ------
    InputError
        NaN or negative distances, `n_fitted` not above r + 1, `ddof` neither 0 nor 1.

    References
    ----------
    Gnanadesikan, R. and Kettenring, J. R. (1972). Robust estimates, residuals, and outlier detection with
    multiresponse data. Biometrics 28, 81-124.

    Examples
    --------
    >>> in_sample_pit([0.0, 4.5, 9.0], 2, 10)  # nothing lies beyond n - 1 = 9
    array([0.       , 0.9116..., 1.       ])
    """
    rank, distances = checked_rank(r), checked_distances(m2, finite=False)
    if ddof not in (0, 1):
        raise InputError(f"ddof must be 0 or 1, got {ddof}; the models here divide by n, ddof=0")
    if n_fitted <= rank + 1:
        raise InputError(
            f"n_fitted must be above r + 1 = {rank + 1}, got {n_fitted}; with so few rows all distances are equal"
        )
    largest = n_fitted - 1 if ddof == 0 else (n_fitted - 1) ** 2 / n_fitted
    return stats.beta(rank / 2, (n_fitted - rank - 1) / 2).cdf(distances / largest)


class _Reference:
    """The law that squared distances of held-out Gaussian rows follow, and how far the fit may have moved it.

    Parameters
    ----------
    rank : int
    n_fitted : int or None
        None: the parameters are known, chi-square holds exactly.
    shrunk : bool
        A shrunk covariance has no law of its own: chi-square, moved as much as the fit can.
    """

    def __init__(self, rank: int, n_fitted: int | None, shrunk: bool) -> None:
        self.rank, self.text = rank, f"chi-square with {rank} degrees"
        self.law: Any = stats.chi2(rank)
        self.noise = self.log_scale_std = 0.0
        if n_fitted is None:
            return
        free = n_fitted if shrunk else n_fitted - rank
        # Given the fit, all held-out rows share its error. The mean of their distances moves by
        # tr(S^-1)/r, relative variance 2 n / (r (n - r)^2) (inverse Wishart): in units of the distances' spread that is
        # 1 / (n - r), as if so many rows less were there.
        self.noise = 1 / free
        self.log_scale_std = float(np.sqrt(2 * n_fitted / self.rank) / free)
        if not shrunk:
            # Hotelling's T^2 of one new row, covariance with divisor n.
            self.law = stats.f(rank, free, scale=rank * (n_fitted + 1) / free)
            self.text = f"F with {rank} and {free} degrees: {n_fitted} fitted rows"

    @property
    def inflation(self) -> float:
        """Mean of the law over that of chi-square; infinite for a fit on hardly more rows than columns."""
        return float(self.law.mean()) / self.rank

    def effective(self, n: int) -> float:
        """Rows that are as informative without the error of the fit."""
        return 1 / (1 / n + self.noise)

    def tail(self, n: int, q: float, scale: float = 1.0) -> tuple[Any, float]:
        """Return the law of the number of n rows beyond the chi-square quantile q, and the mean share there."""
        x = stats.chi2.ppf(q, self.rank) if scale == 1.0 else self.law.ppf(q)
        share = float(self.law.sf(x))
        std = x * float(self.law.pdf(x)) * self.log_scale_std
        if std == 0.0:
            return stats.binom(n, share), share
        # A beta law of this mean and standard deviation for the share, given the fit.
        total = max(share * (1 - share) / std**2 - 1, 1.0)
        return stats.betabinom(n, share * total, (1 - share) * total), share


def _scores(u: np.ndarray, rows: float) -> tuple[float, float]:
    """Legendre scores of order 1 (where the values are) and 2 (how many are at the ends), standardised.

    Neyman's smooth test: bounded functions of uniform values, near normal from a few dozen rows on.
    """
    root = np.sqrt(rows)
    first = np.sqrt(12.0) * float(u.mean() - 0.5)
    second = np.sqrt(5.0) * float((6 * u * u - 6 * u + 1).mean())
    return root * first, root * second


def _two_sided(law: Any, count: int) -> float:
    return min(1.0, 2 * min(float(law.cdf(count)), float(law.sf(count - 1))))


def _classify(m2: np.ndarray, reference: _Reference, location: float) -> str:
    """Tell what is wrong: the spread of the distances once their medians agree, or else where they are."""
    n = len(m2)
    middle = float(np.median(m2)) / float(reference.law.median())
    if not middle > 0:
        return "shifted"
    matched = m2 / middle
    spread = _scores(reference.law.cdf(matched), reference.effective(n))[1]
    beyond = int((matched > reference.law.ppf(QUANTILES[1])).sum())
    far = float(reference.tail(n, QUANTILES[1], middle)[0].sf(beyond - 1))
    if spread > _CLEARLY or far < LEVEL / 4:
        return "heavier tails"
    if spread < -_CLEARLY and abs(spread) > abs(location):
        return "lighter tails"
    return "shifted"


def _histogram(values: np.ndarray, reference: _Reference) -> dict[str, list[float]]:
    n, edges = len(values), np.linspace(0, 1, N_BINS + 1)
    shares = np.diff(reference.law.cdf(stats.chi2.ppf(edges, reference.rank)))
    return {
        "edges": edges.tolist(),
        "counts": np.histogram(values, edges)[0].tolist(),
        "expected": (n * shares).tolist(),
        "low": stats.binom.ppf(0.005, n, shares).tolist(),
        "high": stats.binom.ppf(0.995, n, shares).tolist(),
    }


def calibrate(m2: object, r: int, n_fitted: int | None = None, *, shrunk: bool = False) -> dict[str, Any]:
    """Compare squared distances of held-out rows with what the Gaussian that measured them says.

    Parameters
    ----------
    m2 : array_like of shape (n_samples,)
        Squared Mahalanobis distances of rows that were not fitted (those of the fitted rows: `in_sample_pit`),
        independent of each other.
    r : int
        Rank of the covariance.
    n_fitted : int, optional
        Rows that mean and covariance were estimated from. What the estimate adds is then allowed for: held-out
        Gaussian rows follow ``r (n + 1) / (n - r) F(r, n - r)`` for a covariance with divisor n, not chi-square. By
        default mean and covariance are taken as known. Up to r + 4 rows the law has no variance: then, too, chi-square.
    shrunk : bool
        The covariance was shrunk: chi-square is the reference, and only the error shared by all rows is allowed for.

    Returns
    -------
    dict
        Plain numbers, lists and strings, ready for JSON.

        - ``"verdict"``: "calibrated"; "heavier tails" or "lighter tails" (distances spread more or less than the law's
          once their medians agree); "shifted" (they spread alike but lie farther or nearer); "inconclusive" (nothing
          found, in fewer than 200 rows). Gaussian rows get one of the first kind wrongly at most once in 100 times.
        - ``"sentence"``: the same in words, with numbers.
        - ``"pvalue"``: Bonferroni over four tests: Neyman's smooth scores of order 1 and 2, the number beyond the
          99.9 % quantile, Kolmogorov-Smirnov.
        - ``"histogram"``: of `pit`: "edges" (21,), "counts", "expected" and its 99 % binomial band "low", "high" (20,).
        - ``"ks_statistic"``, ``"ks_pvalue"``: against the reference law.
        - ``"mean"``, ``"variance"``: each {"observed", "chi2": r or 2 r, "expected": of the reference law}.
        - ``"beyond"``: a list over 99 % and 99.9 % of {"quantile", "observed", "nominal", "expected"} shares beyond
          the quantile of chi-square.
        - ``"n_samples"``, ``"rank"``, ``"n_fitted"``, ``"reference"`` (the law in words) and ``"inflation"``
          (its mean over r).

    Raises
    ------
    InputError
        NaN, negative or infinite distances, none at all, a rank or number of rows below 1.

    Notes
    -----
    All held-out rows share the error of one fit. It counts as if they were ``1 / (1 / n + 1 / (n_fitted - r))`` rows;
    type-I error and power were simulated (tests/gaussian/test_gaussian_calibration.py).

    References
    ----------
    Neyman, J. (1937). "Smooth test" for goodness of fit. Skandinavisk Aktuarietidskrift 20, 149-199.
    Hotelling, H. (1931). The generalization of Student's ratio. Annals of Mathematical Statistics 2, 360-378.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> calibrate(rng.chisquare(8, 5000), 8)["sentence"]
    'The model is calibrated: 1.1 % of 5,000 held-out rows lie beyond its 99 % radius (1 % expected).'
    >>> calibrate(rng.chisquare(8, 5000) / rng.gamma(5, 1 / 5, 5000), 8)["verdict"]
    'heavier tails'
    """
    rank, distances = checked_rank(r), checked_distances(m2)
    if n_fitted is not None and n_fitted < 1:
        raise InputError(f"n_fitted must be at least 1, got {n_fitted}; leave it out for known parameters")
    # An F law of at most four degrees has no variance.
    lawless = n_fitted is not None and n_fitted <= rank + 4
    reference, n = _Reference(rank, n_fitted, shrunk or lawless), len(distances)
    effective = reference.effective(n)
    uniform = reference.law.cdf(distances)
    location, spread = _scores(uniform, effective)
    found: Any = stats.ks_1samp(uniform, stats.uniform.cdf)
    ks = float(found.statistic)
    ks_pvalue = float(stats.kstwo.sf(ks, max(1, round(effective))))
    beyond = []
    for q in QUANTILES:
        count = int((distances > stats.chi2.ppf(q, rank)).sum())
        expected = reference.tail(n, q)[1]
        beyond.append({"quantile": q, "observed": count / n, "nominal": round(1 - q, 4), "expected": expected})
    tail = _two_sided(reference.tail(n, QUANTILES[1])[0], round(beyond[1]["observed"] * n))
    pvalues = (2 * float(ndtr(-abs(location))), 2 * float(ndtr(-abs(spread))), tail, ks_pvalue)
    pvalue = min(1.0, len(pvalues) * min(pvalues))
    verdict = "calibrated" if n >= MIN_ROWS else "inconclusive"
    if pvalue < LEVEL:
        verdict = _classify(distances, reference, location)
    result = {
        "verdict": verdict,
        "pvalue": pvalue,
        "histogram": _histogram(pit(distances, rank), reference),
        "ks_statistic": ks,
        "ks_pvalue": ks_pvalue,
        "mean": {"observed": float(distances.mean()), "chi2": rank, "expected": float(reference.law.mean())},
        "variance": {"observed": float(distances.var()), "chi2": 2 * rank, "expected": float(reference.law.var())},
        "beyond": beyond,
        "n_samples": n,
        "rank": rank,
        "n_fitted": n_fitted,
        "reference": reference.text,
        "inflation": reference.inflation,
    }
    middle = float(np.median(distances)) / float(reference.law.median())
    return result | {"sentence": _sentence(result, middle)}


def _by_holding_out(n_held: int, n_fitted: int | None) -> str:
    """Name the share of the rows that would do, in steps of a twentieth, where it is not most of them."""
    # A fifth more than are wanted: which rows are held out is drawn.
    twentieths = math.ceil(20 * 1.2 * MIN_ROWS / (n_held + (n_fitted or 0)))
    return f", such as by holdout={twentieths / 20:g}" if n_fitted and twentieths <= 10 else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _sentence(result: dict[str, Any], middle: float) -> str:
    """Put the verdict in words for who has never seen a PIT histogram."""
    n, (first, second) = result["n_samples"], result["beyond"]
    seen = f"{_percent(first['observed'])} of {n:,} held-out rows lie beyond its 99 % radius "
    seen += f"({_percent(first['expected'])} expected)"
    texts = {
        "calibrated": f"The model is calibrated: {seen}.",
        "heavier tails": (
            f"The data have heavier tails than the model: {seen}, and {_percent(second['observed'])} beyond "
            f"its 99.9 % radius ({_percent(second['expected'])} expected). Its p-values call too many rows odd; "
            "radius='gamma' fits the tails."
        ),
        "lighter tails": (
            f"The data have lighter tails than the model: {seen}. Distances are more alike than a "
            "Gaussian's, and its p-values are no longer probabilities; radius='gamma' fits them."
        ),
        "shifted": (
            f"The held-out rows lie {'farther from' if middle > 1 else 'nearer to'} the model's mean than it says, at "
            f"{middle:.3g} times the squared distance: {seen}. Either they come from elsewhere than the "
            "fitted rows, or the covariance is off in scale, which radius='scaled' corrects."
        ),
        "inconclusive": (
            f"{n:,} held-out rows are too few to tell whether the model is calibrated; nothing was found. Give at "
            f"least {MIN_ROWS}{_by_holding_out(n, result['n_fitted'])}."
        ),
    }
    text = texts[result["verdict"]]
    inflation = result["inflation"]
    if inflation > _INFLATED:
        text += (
            f" With {result['n_fitted'] / result['rank']:.3g} fitted rows a dimension even Gaussian rows lie at "
            f"{inflation:.3g} times the squared distance that a known covariance gives: the verdict allows for that, "
            "the model's p-values do not and come out too small."
        )
    return text
