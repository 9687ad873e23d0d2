"""The sentences at the top of a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

from thinshell.diagnosis.checks import Check
from thinshell.diagnosis.criteria import ENOUGH_SAMPLES
from thinshell.diagnosis.full import FullResult
from thinshell.diagnosis.hints import Hint
from thinshell.diagnosis.paper import PaperResult

__all__ = ["full_reason", "joint_remark", "look_next", "paper_reason", "rounded_count"]

# What the joint checks look at, in a word or two.
_JOINT = {
    "norm_law": "norms",
    "squared_correlation": "squares of coordinates",
    "mardia_skewness": "joint skewness",
    "principal_axes": "principal axes",
    "random_directions": "random directions",
}


def rounded_count(n: int) -> str:
    """Return a count with two significant digits, as it deserves.

    Examples
    --------
    >>> rounded_count(2347), rounded_count(40)
    ('2,300', '40')
    """
    digits = max(len(str(n)) - 2, 0)
    return f"{round(n, -digits):,}"


def paper_reason(paper: PaperResult, verdict: str, hints: Sequence[Hint], n_samples: int) -> str:
    """Say in one sentence why the paper protocol came to its verdict."""
    numbers = (
        f"AD Avg. {paper.ad_avg:.3g} (normal below 0.752), {100 * paper.ad_normal_share:.0f} % and "
        f"{100 * paper.dp_normal_share:.0f} % of the coordinates look normal by AD and DP"
    )
    causes = [hint.message for hint in hints if hint.is_cause]
    if verdict == "not_applicable":
        return "No coordinate varies enough to be tested."
    if verdict == "departure":
        return f"{numbers}; {causes[0] if causes else 'no single pattern stands out'}."
    if verdict == "inconclusive":
        if n_samples < ENOUGH_SAMPLES:
            return f"{numbers}; but {n_samples:,} rows are few, only gross departures would show."
        return f"{numbers}; that is too close to call."
    return f"{numbers}, at {paper.samples_per_test} rows a test."


def full_reason(full: FullResult, verdict: str) -> str:
    """Say in one sentence what all rows show and to whom."""
    rows = f"{full.n_samples:,} rows"
    if verdict == "not_applicable":
        return "No coordinate varies enough to be tested."
    if full.detectable_at is None:
        least = full.detectable_at_interval[0]
        beyond = f"; telling these rows from one would take more than about {rounded_count(least)}" if least else ""
        if verdict == "departure":
            return f"At {rows} a few coordinates depart from a Gaussian, the average one does not{beyond}."
        return f"At {rows} no departure is found{beyond}."
    sentence = f"looks Gaussian to anybody with fewer than about {rounded_count(full.detectable_at)} samples"
    if verdict == "departure":
        return f"At {rows} it shows, but the average coordinate {sentence}."
    return f"At {rows} no clear departure is found; the average coordinate {sentence}."


def joint_remark(verdict: str, checks: Sequence[Check]) -> str:
    """Return a sentence to add where coordinates look fine but the cloud as a whole does not."""
    failed = [_JOINT[check.code] for check in checks if check.code in _JOINT and check.verdict == "departure"]
    if verdict != "consistent" or not failed:
        return ""
    return f" Coordinate by coordinate, that is: jointly it departs ({', '.join(failed)})."


def look_next(verdict: str, checks: Sequence[Check], hints: Sequence[Hint]) -> str:
    """Say in one sentence what to look at."""
    causes = [hint for hint in hints if hint.is_cause]
    copies = [check for check in checks if check.code == "duplicates" and check.verdict == "departure"]
    if copies and not (causes and causes[0].code in ("sparse", "discrete")):  # which have copies by nature
        return str(copies[0].remedy)
    failed = [check for check in checks if check.verdict == "departure" and check.remedy]
    # What coordinates cannot show comes before the remark that many rows reject everything.
    if causes and (verdict == "departure" or failed):
        return causes[0].look_next
    failed.sort(key=lambda check: check.code == "coordinates" or check.code.startswith("paper_"))
    if failed:
        return str(failed[0].remedy)
    if hints:
        return hints[0].look_next
    if verdict == "inconclusive":
        return "Give more rows."
    return "Nothing stands out; compare with another layer, or with the same model before training."
