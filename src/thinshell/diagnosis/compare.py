"""compare(): several diagnoses side by side, and what moved against the first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from thinshell.diagnosis.diagnose import diagnose
from thinshell.diagnosis.drift import drift_between
from thinshell.diagnosis.result import Comparison, Diagnosis
from thinshell.errors import InputError, InputTypeError

__all__ = ["compare"]

# (field, words, how much is a move): shares and p-values move by .05, ratios by a tenth of their value. These
# decide what is listed, not a verdict; drift tests are another matter.
_ABSOLUTE, _RELATIVE = 0.05, 0.1
_FIELDS = (
    ("norms.cv", "CV of the norms", "relative"),
    ("paper.ad_avg", "AD Avg.", "interval"),
    ("paper.ad_normal_share", "share of coordinates normal by AD", "absolute"),
    ("paper.dp_avg", "DP Avg.", "absolute"),
    ("paper.dp_normal_share", "share of coordinates normal by DP", "absolute"),
    ("full.skewness_abs_mean", "mean |skewness|", "interval"),
    ("full.excess_kurtosis_mean", "mean excess kurtosis", "interval"),
    ("full.detectable_at", "rows at which it is detectable", "relative"),
    ("sphere.uniformity", "uniformity", "relative"),
    ("sphere.mean_direction_norm", "length of the mean direction", "absolute"),
    ("spectrum.effective_rank", "effective rank", "relative"),
)
_INTERVALS = {
    "paper.ad_avg": "paper.ad_avg_interval",
    "full.skewness_abs_mean": "full.skewness_interval",
    "full.excess_kurtosis_mean": "full.excess_kurtosis_interval",
}


def compare(data: Any, **options: Any) -> Comparison:
    """Diagnose two or more data sets alike, say what moved, and test whether they are samples of one law.

    Parameters
    ----------
    data : mapping of name to data, or list of data
        Two or more of anything that `diagnose` takes; the first is what the others are compared with.
    **options
        As for `diagnose`, the same for all.

    Returns
    -------
    Comparison
        Each of its `differences` has `moved`, numbers of the two diagnoses that differ by more than their noise, and
        `drift`, two-sample tests with effect sizes (None where the numbers of columns differ).

    Raises
    ------
    InputError, InputTypeError
        As `diagnose` does, or if there are fewer than two data sets.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> both = {"before": rng.exponential(size=(500, 8)), "after": rng.standard_normal((500, 8))}
    >>> [result.verdict for result in compare(both).diagnoses]
    ['departure', 'consistent']
    """
    named = _named(data)
    diagnoses = tuple(diagnose(part, name=name, **options) for name, part in named)
    names = tuple(name for name, _ in named)
    plain = [diagnosis.to_dict() for diagnosis in diagnoses]
    seed = plain[0].get("seed") or 0
    differences = tuple(
        {
            "name": name,
            "versus": names[0],
            "moved": list(_moved(plain[0], plain[number])),
            "drift": _drift(diagnoses[0], diagnoses[number], seed),
        }
        for number, name in enumerate(names[1:], 1)
    )
    return Comparison(names, diagnoses, differences)


def _drift(first: Diagnosis, second: Diagnosis, seed: int) -> dict[str, Any] | None:
    assert first._summary is not None
    assert second._summary is not None
    return drift_between(first._summary, second._summary, seed)


def _named(data: Any) -> list[tuple[str, Any]]:
    if isinstance(data, Mapping):
        named = [(str(name), part) for name, part in data.items()]
    elif isinstance(data, (list, tuple)):
        paths = [isinstance(part, (str, os.PathLike)) for part in data]
        named = [
            (str(part) if is_path else f"data {number}", part)
            for number, (part, is_path) in enumerate(zip(data, paths, strict=True))
        ]
    else:
        raise InputTypeError(f"data must be a mapping of names or a list, got {type(data).__name__}")
    if len(named) < 2:
        raise InputError(f"data must hold at least two data sets to compare, got {len(named)}; add another")
    return named


def _get(result: dict[str, Any], path: str) -> Any:
    section, field = path.split(".")
    return (result.get(section) or {}).get(field)


def _moved(before: dict[str, Any], after: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the fields that differ by more than their noise or a tenth."""
    if before["verdict"] != after["verdict"]:
        message = f"verdict: {before['verdict']} -> {after['verdict']}"
        yield {
            "field": "verdict",
            "before": before["verdict"],
            "after": after["verdict"],
            "change": None,
            "message": message,
        }
    for path, words, rule in _FIELDS:
        old, new = _get(before, path), _get(after, path)
        if old is None or new is None or not _differs(path, rule, before, after):
            continue
        verb = "rose" if new > old else "fell"
        yield {
            "field": path,
            "before": old,
            "after": new,
            "change": new - old,
            "message": f"{words} {verb} from {_short(old, path)} to {_short(new, path)}",
        }


def _differs(path: str, rule: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    old, new = _get(before, path), _get(after, path)
    if rule == "interval":
        ends = [_get(result, _INTERVALS[path]) for result in (before, after)]
        if all(ends):
            return ends[0][1] < ends[1][0] or ends[1][1] < ends[0][0]
        rule = "relative"
    if rule == "absolute":
        return abs(new - old) > _ABSOLUTE
    return abs(new - old) > _RELATIVE * max(abs(old), abs(new))


def _short(value: float, path: str) -> str:
    if path.endswith("_share"):
        return f"{100 * value:.3g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
