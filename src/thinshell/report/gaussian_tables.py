"""The cells of the tables of a fitted model, of scored and of whitened rows, for the terminal and the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thinshell.report.console import printable
from thinshell.report.gaussian_words import covariance_words, score_words
from thinshell.report.numbers import MISSING, count, fixed, percent, rounded

__all__ = [
    "CALIBRATION_HEAD",
    "FAR_HEAD",
    "SCORES_HEAD",
    "WHITENING_HEAD",
    "calibration_lines",
    "class_lines",
    "far_lines",
    "fit_lines",
    "score_lines",
    "top_head",
    "top_lines",
    "whitening_lines",
]

Lines = list[list[str]]
CALIBRATION_HEAD = ["", "observed", "expected", "chi-square"]
FAR_HEAD = ["", "rows", "expected"]
SCORES_HEAD = ["score", "unit", "odd end", "mean", "std"]
WHITENING_HEAD = ["", "before", "after"]
# Below it a p-value is zero in double precision.
SMALLEST = 1e-300
_RADII = {"gaussian": "Gaussian: chi-square", "scaled": "scaled chi-square", "gamma": "gamma"}


def fit_lines(result: Mapping[str, Any]) -> Lines:
    """Return label and value of everything about a fit that is one number; what is not known is left out.

    Examples
    --------
    >>> fit_lines({"n_samples": 900, "covariance": {"method": "oas", "shrinkage": 0.02}})
    [['rows fitted', '900'], ['covariance', 'oracle approximating shrinkage, 2 % shrinkage']]
    """
    entropy, spectrum = result.get("entropy") or {}, result.get("spectrum") or {}
    held_out = result.get("held_out") or {}
    density, bits = held_out.get("log_density") or {}, held_out.get("bits_per_dimension") or {}
    lines = [
        ["rows fitted", count(result.get("n_samples"))],
        ["rows held out", count(result.get("n_held_out"))],
        ["features", count(result.get("n_features"))],
        ["rank", count(result.get("rank"))],
        ["covariance", covariance_words(result)],
        ["radius", _radius(result.get("radius") or {})],
        ["entropy", _joined((rounded(entropy.get("nats")), "nats"), (fixed(entropy.get("bits_per_dimension")), BITS))],
        ["log-density held out", _joined((rounded(density.get("mean")), "nats"), (rounded(density.get("std")), "std"))],
        ["bits held out", _joined((fixed(bits.get("mean")), BITS))],
        ["effective rank", rounded(spectrum.get("effective_rank"))],
        ["participation ratio", rounded(spectrum.get("participation_ratio"))],
        ["largest direction", _joined((percent(spectrum.get("top_share")), "of the variance"))],
        ["condition number", rounded(spectrum.get("condition"))],
    ]
    return [line for line in lines if line[1] != MISSING]


BITS = "bits a dimension"


def _joined(*parts: tuple[str, str]) -> str:
    """Return the numbers that are known, each with its unit."""
    return ", ".join(f"{number} {unit}" for number, unit in parts if number != MISSING) or MISSING


def _radius(radius: Mapping[str, Any]) -> str:
    name = str(radius.get("name") or MISSING)
    known = [(key, value) for key, value in (radius.get("parameters") or {}).items() if value is not None]
    parameters = ", ".join(f"{printable(key)} {rounded(value)}" for key, value in known)
    words = _RADII.get(name, printable(name))
    return f"{words} ({parameters})" if parameters and name != "gaussian" else words


def calibration_lines(calibration: Mapping[str, Any]) -> Lines:
    """Return what was observed of the held-out rows beside what is expected.

    Parameters
    ----------
    calibration : mapping
        Of a fit's result; what ``thinshell.gaussian.calibrate`` returns.

    Returns
    -------
    list of list of str
        Label, observed, expected of rows like the fitted ones, and of chi-square: a covariance known without error.

    Examples
    --------
    >>> calibration_lines({"beyond": [{"quantile": 0.99, "observed": 0.012, "nominal": 0.01, "expected": 0.0113}]})
    [['beyond the 99 % radius', '1.2 %', '1.13 %', '1 %']]
    """
    lines = []
    for entry in filter(None, calibration.get("beyond") or []):
        shares = [percent(entry.get(key)) for key in ("observed", "expected", "nominal")]
        lines.append([f"beyond the {percent(entry.get('quantile'))} radius", *shares])
    for key, label in (("mean", "squared distance, mean"), ("variance", "squared distance, variance")):
        if block := calibration.get(key):
            lines.append([label, *(rounded(block.get(one), 4) for one in ("observed", "expected", "chi2"))])
    return lines


def class_lines(result: Mapping[str, Any]) -> Lines:
    """Return label and number of fitted rows of each class."""
    return [[printable(one.get("label")), count(one.get("n"))] for one in result.get("classes") or [] if one]


def far_lines(result: Mapping[str, Any]) -> Lines:
    """Return how many rows lie far from the mean, how many too near it, and how many chance would give.

    Examples
    --------
    >>> far_lines({"far": {"0.01": {"n": 9, "expected": 5.0}}, "near": {"z": -3.0, "n": 2, "expected": 0.7}})
    [['p-value below 1 %', '9', '5'], ['too near the mean (typicality below -3)', '2', '0.7']]
    """
    lines = [
        [f"p-value below {_level(level)}", count(entry.get("n")), rounded(entry.get("expected"))]
        for level, entry in (result.get("far") or {}).items()
        if entry
    ]
    near = result.get("near") or {}
    if near.get("n") is not None:
        label = f"too near the mean (typicality below {rounded(near.get('z'))})"
        lines.append([label, count(near["n"]), rounded(near.get("expected"))])
    return lines


def _level(level: str) -> str:
    try:
        return percent(float(level))
    except ValueError:
        return printable(level)


def score_lines(result: Mapping[str, Any]) -> Lines:
    """Return each score in words: name, unit, which end is odd, mean, standard deviation, minimum, maximum, meaning.

    Examples
    --------
    >>> score_lines({"scores": {"log_density": {"unit": "nats", "higher_is": "more typical", "mean": -80.0}}})
    [['log-density', 'nats', 'low', '-80', '-', '-', '-', '']]
    """
    lines = []
    for name, score in (result.get("scores") or {}).items():
        score = score or {}
        unit = score.get("unit")
        numbers = [rounded(score.get(key)) for key in ("mean", "std", "minimum", "maximum")]
        shown = "" if unit in (None, "none") else printable(unit)
        lines.append([score_words(name), shown, _odd_end(score), *numbers, printable(score.get("text") or "")])
    return lines


def _odd_end(score: Mapping[str, Any]) -> str:
    if score.get("two_sided"):
        return "both"
    return {"odder": "high", "more typical": "low"}.get(str(score.get("higher_is")), MISSING)


def top_head(result: Mapping[str, Any], but: Sequence[str] = ()) -> list[str]:
    """Return the heads of the oddest rows' table, without the scores of `but`.

    Examples
    --------
    >>> top_head({"top": [{"row": 17, "id": None, "pvalue": 0.001}]})
    ['row', 'p-value']
    """
    named = ["id"] if _has_ids(result) else []
    return ["row", *named, *map(score_words, _shown(result, but))]


def top_lines(result: Mapping[str, Any], but: Sequence[str] = ()) -> Lines:
    """Return the oddest rows: number, name where they have names, scores without those of `but`.

    Examples
    --------
    >>> top_lines({"top": [{"row": 1017, "id": "img_17", "mahalanobis": 93.2, "pvalue": 0.0}]})
    [['1017', 'img_17', '93.2', '< 1e-300']]
    """
    shown, named = _shown(result, but), _has_ids(result)
    lines = []
    for entry in _top(result):
        name = [MISSING if entry.get("id") is None else printable(entry["id"])] if named else []
        row = MISSING if entry.get("row") is None else str(entry["row"])
        lines.append([row, *name, *(_number(key, entry.get(key)) for key in shown)])
    return lines


def _top(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in result.get("top") or [] if entry]


def _shown(result: Mapping[str, Any], but: Sequence[str]) -> list[str]:
    """Return the scores that any of the oddest rows has, in their order."""
    keys = dict.fromkeys(key for entry in _top(result) for key, value in entry.items() if value is not None)
    return [key for key in keys if key not in ("row", "id", "bits_per_dimension", *but)]


def _has_ids(result: Mapping[str, Any]) -> bool:
    return any(entry.get("id") is not None for entry in _top(result))


def _number(key: str, value: Any) -> str:
    if key == "pvalue" and value is not None and 0 <= value < SMALLEST:
        return f"< {SMALLEST:.0e}"
    return rounded(value) if value is None or isinstance(value, int | float) else printable(value)


def whitening_lines(result: Mapping[str, Any]) -> Lines:
    """Return how directions filled the sphere before and after whitening.

    Examples
    --------
    >>> whitening_lines({"before": {"uniformity": -2.1}, "after": {"uniformity": -3.97}})[0]
    ['uniformity', '-2.10', '-3.97']
    """
    sides = [result.get(side) or {} for side in ("before", "after")]
    return [
        ["uniformity", *(fixed(side.get("uniformity")) for side in sides)],
        ["mean cosine of two rows", *(fixed(side.get("mean_cosine"), 3) for side in sides)],
        ["rows compared", *(count(side.get("n_rows")) for side in sides)],
    ]
