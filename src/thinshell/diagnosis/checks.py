"""Checks: one question each, answered with a verdict, the number behind it and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from thinshell.diagnosis.criteria import ALPHA, CRITERIA, ENOUGH_SAMPLES, Criterion
from thinshell.diagnosis.directions import Directions
from thinshell.diagnosis.full import FullResult, full_verdict
from thinshell.diagnosis.geometry import Geometry
from thinshell.diagnosis.paper import PaperResult
from thinshell.sketch import Summary
from thinshell.statistics.mardia import MardiaCheck
from thinshell.statistics.principal_axes import PrincipalAxesResult
from thinshell.statistics.squared_correlation import SquaredCorrelationResult
from thinshell.statistics.thin_shell import SpectrumNormResult

__all__ = ["Check", "full_checks", "joint_checks", "paper_checks"]


@dataclass(frozen=True)
class Check:
    """One question about the data.

    Attributes
    ----------
    code : str
        Stable identifier.
    title : str
        The claim that is tested.
    verdict : {"consistent", "departure", "inconclusive", "not_applicable"}
        "consistent" never means proven.
    message : str
        One sentence with the numbers.
    remedy : str or None
        What to look at next.
    statistic, pvalue : float or None
    effect : tuple of (str, float) or None
        Size of what was found, on a scale that does not grow with the number of rows.
    criterion : Criterion
        What decided.
    n_samples : int
        Rows that entered.
    """

    code: str
    title: str
    verdict: str
    message: str
    remedy: str | None
    statistic: float | None
    pvalue: float | None
    effect: tuple[str, float] | None
    criterion: Criterion
    n_samples: int

    def to_dict(self) -> dict[str, object]:
        """Return the fields as plain values."""
        plain = asdict(self)
        plain["effect"] = {"name": self.effect[0], "value": self.effect[1]} if self.effect else None
        return plain


def _by_pvalue(pvalue: float, n_samples: int) -> str:
    if np.isnan(pvalue):
        return "not_applicable"
    if pvalue < ALPHA:
        return "departure"
    return "consistent" if n_samples >= ENOUGH_SAMPLES else "inconclusive"


def _p(pvalue: float) -> str:
    return "p < 1e-300" if pvalue < 1e-300 else f"p = {pvalue:.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def paper_checks(paper: PaperResult, n_samples: int) -> Iterator[Check]:
    """Yield the four comparisons of the paper's table."""
    protocol = f"{paper.samples_per_test} rows a test, {paper.repeats} averaged"
    few = "consistent" if n_samples >= ENOUGH_SAMPLES else "inconclusive"
    remedy = "Look at histograms of the coordinates with the largest A^2 (coordinates.paper_ad in the JSON)."
    rows = (
        (
            "ad_avg",
            "Anderson-Darling, average A^2",
            paper.ad_avg,
            paper.ad_avg < CRITERIA["ad_avg"].threshold,
        ),
        ("ad_normal_share", "Anderson-Darling, normal coordinates", paper.ad_normal_share, None),
        (
            "dp_avg",
            "D'Agostino-Pearson, average p-value",
            paper.dp_avg,
            paper.dp_avg > CRITERIA["dp_avg"].threshold,
        ),
        ("dp_normal_share", "D'Agostino-Pearson, normal coordinates", paper.dp_normal_share, None),
    )
    for name, title, value, passed in rows:
        criterion = CRITERIA.get(name, CRITERIA["normal_share"])
        passed = value >= criterion.threshold if passed is None else passed
        shown = _percent(value) if "share" in name else f"{value:.3g}"
        bound = _percent(criterion.threshold) if "share" in name else f"{criterion.threshold:g}"
        sign = criterion.name.rsplit(" ", 1)[1]
        verdict = "not_applicable" if np.isnan(value) else few if passed else "departure"
        yield Check(
            code=f"paper_{name}",
            title=f"{title} (paper protocol)",
            verdict=verdict,
            message=f"{shown}, normal if {sign} {bound} ({protocol}).",
            remedy=remedy if verdict == "departure" else None,
            statistic=value,
            pvalue=None,
            effect=None,
            criterion=criterion,
            n_samples=paper.samples_per_test,
        )


def full_checks(full: FullResult, columns: np.ndarray) -> Iterator[Check]:
    """Yield the check of all coordinates over all rows; `columns` says where they stand in the data."""
    verdict = full_verdict(full)
    worst = int(np.nanargmax(full.ad))
    yield Check(
        code="coordinates",
        title="Every coordinate is normal (all rows)",
        verdict=verdict,
        message=f"Largest A^2 {full.ad[worst]:.3g} (coordinate {columns[worst]}), all together {_p(full.pvalue)}.",
        remedy=(
            "At many rows everything is rejected: read detectable_at and the effect sizes before worrying."
            if verdict == "departure"
            else None
        ),
        statistic=float(full.ad[worst]),
        pvalue=full.pvalue,
        effect=("A^2 / n", float(np.nanmean(full.ad)) / full.n_samples),
        criterion=CRITERIA["pvalue"],
        n_samples=full.n_samples,
    )


def joint_checks(
    summary: Summary,
    geometry: Geometry,
    axes: PrincipalAxesResult,
    norm_law: SpectrumNormResult,
    squares: SquaredCorrelationResult | None,
    mardia: MardiaCheck | None,
    directions: Directions | None,
) -> Iterator[Check]:
    """Yield the checks that see what coordinates one by one cannot, then the one of copies.

    `squares`, `mardia` and `directions` are None where one column is all there is.
    """
    yield _thin_shell(geometry, len(summary.rows))
    if squares is not None and mardia is not None and directions is not None:
        yield _norm_law(norm_law, geometry)
        yield _squares(squares, summary.columns)
        yield _mardia(mardia)
        yield axes_check(axes)
        yield _directions(directions)
    yield _copies(summary)


def _joint(
    code: str,
    title: str,
    message: str,
    remedy: str,
    numbers: tuple[float, float, int],
    effect: tuple[str, float],
) -> Check:
    """Make a check that a p-value decides; `numbers` are statistic, p-value and rows."""
    statistic, pvalue, n_samples = numbers
    verdict = _by_pvalue(pvalue, n_samples)
    known = not np.isnan(pvalue)
    return Check(
        code=code,
        title=title,
        verdict=verdict,
        message=f"{message} ({_p(pvalue)})." if known else "Every column is constant.",
        remedy=remedy if verdict == "departure" else None,
        statistic=statistic if known else None,
        pvalue=pvalue if known else None,
        effect=effect if known else None,
        criterion=CRITERIA["pvalue"],
        n_samples=n_samples,
    )


def _thin_shell(geometry: Geometry, n_samples: int) -> Check:
    norms, shell, criterion = geometry.norms, geometry.shell, CRITERIA["shell"]
    title = "Thin shell: norms concentrate as a Gaussian's"
    known = norms["applicable"] and shell.cv_reference > 0
    ratio = shell.cv / shell.cv_reference if known else float("nan")
    if not known:
        verdict, message = "not_applicable", f"{norms['reason'] or 'the rows do not vary'}."
        message = message[0].upper() + message[1:]
    else:
        verdict = "consistent" if n_samples >= ENOUGH_SAMPLES else "inconclusive"
        # With fewer rows the ratio of Gaussian samples strays farther: its error goes with 1 / sqrt(n).
        allowed = criterion.threshold * max(1.0, (ENOUGH_SAMPLES / n_samples) ** 0.5)
        verdict = verdict if abs(ratio - 1) <= allowed else "departure"
        message = f"Centred CV {shell.cv:.3g}, {ratio:.2f} times the {shell.cv_reference:.3g} of a Gaussian."
    thick = "Look at the rows of largest and smallest norm: heavy tails, a mixture, or a scale of their own."
    thin = "Look for what holds the norms together: a normalisation layer, or clusters at one distance."
    return Check(
        code="thin_shell",
        title=title,
        verdict=verdict,
        message=message,
        remedy=None if verdict != "departure" else thick if ratio > 1 else thin,
        statistic=shell.cv if known else None,
        pvalue=None,
        effect=("CV / reference", ratio) if known else None,
        criterion=criterion,
        n_samples=n_samples,
    )


def _norm_law(result: SpectrumNormResult, geometry: Geometry) -> Check:
    how = "thinner" if result.ratio < 1 else "thicker"
    if geometry.norms["applicable"]:
        thin = "Look for what ties the norms together: a normalisation layer, or clusters at one distance."
        thick = "Look at the largest and smallest norms: heavy tails, magnitudes that go together, or clusters."
    else:
        thin = (
            "The rows lie on a sphere, which is no Gaussian whatever the coordinates look like; that is so by "
            "construction when rows are normalised."
        )
        thick = (
            "The rows lie on a sphere around the origin, not around their mean: look at them before they are "
            "normalised, and for clusters."
        )
    return _joint(
        "norm_law",
        "Squared norms spread as the spectrum says",
        f"About the mean, they vary {result.ratio:.3g} times as much as a Gaussian's of this spectrum: the shell is "
        f"{how}",
        thin if result.ratio < 1 else thick,
        (result.statistic, result.pvalue, result.n_samples),
        ("variance ratio", result.ratio),
    )


def _squares(result: SquaredCorrelationResult, columns: np.ndarray) -> Check:
    first, second = (columns[place] for place in result.pair)
    return _joint(
        "squared_correlation",
        "Squared coordinates are uncorrelated",
        f"Beyond what their correlation explains, columns {first} and {second} by {result.excess:.2g}",
        f"Plot column {first} against column {second}: their magnitudes depend on each other.",
        (result.statistic, result.pvalue, result.n_samples),
        ("excess correlation of squares", result.excess),
    )


def _mardia(result: MardiaCheck) -> Check:
    split = result.n_groups > 1
    return _joint(
        "mardia_skewness",
        "No joint skewness (Mardia)",
        f"z = {result.statistic:.3g} on {result.n_samples:,} rows"
        + (f", the worst of {result.n_groups} groups of up to {result.group_size} columns" if split else ""),
        "Coordinates are skewed jointly: look for clusters, or for triples of coordinates that act together.",
        (result.statistic, result.pvalue, result.n_samples),
        ("z", result.statistic),
    )


def axes_check(result: PrincipalAxesResult) -> Check:
    """Make the check of the principal axes."""
    known = result.axis >= 0
    kurtosis = float(result.excess_kurtosis[result.axis]) if known else float("nan")
    statistic = float(result.statistic[result.axis]) if known else float("nan")
    return _joint(
        "principal_axes",
        "Scores on the leading principal axes are normal",
        f"Worst: axis {result.axis}, A^2 {statistic:.3g}, excess kurtosis {kurtosis:.2g}",
        f"Plot the scores on principal axis {result.axis}: "
        + (
            "two or more clusters flatten them."
            if kurtosis < -0.3
            else "a few rows stretch it, or clusters do."
            if kurtosis > 0.3
            else "it leans to one side, or clusters of unequal size do."
        ),
        (statistic, result.pvalue, result.n_samples),
        ("excess kurtosis", kurtosis),
    )


def _directions(result: Directions) -> Check:
    return _joint(
        "random_directions",
        "Random directions are normal",
        f"{len(result.ad)} directions, mean A^2 {result.ad_mean:.3g}, {_percent(result.normal_share)} normal; "
        "nearly blind in many dimensions",
        "Even averages over many coordinates are not normal: rows share a scale, or there are clusters.",
        (result.ad_mean, result.pvalue, result.n_samples),
        ("mean A^2 / n", result.ad_mean / result.n_samples),
    )


def _copies(summary: Summary) -> Check:
    share = summary.copies
    return Check(
        code="duplicates",
        title="Rows are different",
        verdict="departure" if share > CRITERIA["duplicates"].threshold else "consistent",
        message=f"{_percent(share)} of {summary.n_compared:,} rows are exact copies of another.",
        remedy="Remove duplicates: a continuous law has none." if share > CRITERIA["duplicates"].threshold else None,
        statistic=share,
        pvalue=None,
        effect=("share", share),
        criterion=CRITERIA["duplicates"],
        n_samples=summary.n_compared,
    )
