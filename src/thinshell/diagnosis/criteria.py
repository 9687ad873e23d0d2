"""Every threshold by which something is judged, with where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from thinshell.statistics.anderson_darling import AD_CRITICAL_5

__all__ = [
    "ALPHA",
    "CRITERIA",
    "ENOUGH_SAMPLES",
    "Criterion",
]


@dataclass(frozen=True)
class Criterion:
    """A named threshold.

    Attributes
    ----------
    name : str
        What is compared with the threshold, and in which direction.
    threshold : float
    source : str
    """

    name: str
    threshold: float
    source: str

    def to_dict(self) -> dict[str, object]:
        """Return the fields as a plain dictionary."""
        return asdict(self)


_PAPER = "Betser et al. (ICLR 2026), Table 1"
# Level of every check outside the paper protocol: with about eight checks, an exact Gaussian raises any of them
# in well under one run in ten.
ALPHA = 0.01
# Below this a test sees only gross departures (power against t(5) under one half at n = 100), so that
# finding nothing means little.
ENOUGH_SAMPLES = 100

CRITERIA = {
    "ad_avg": Criterion("AD Avg. <", AD_CRITICAL_5, f"{_PAPER}; 5 % point of A^2, Stephens (1986), Table 4.7"),
    "dp_avg": Criterion("DP Avg. >", 0.05, _PAPER),
    # The paper gives no bound for the shares; its "yes" columns have 89 % or more, its "no" columns 49 % or less.
    "normal_share": Criterion("share of normal coordinates >=", 0.5, f"majority; between the yes and no of {_PAPER}"),
    "pvalue": Criterion("p-value >=", ALPHA, "thinshell: level of each check outside the paper protocol"),
    # A quarter: what CV ratios of Gaussian samples with n >= 100 and d >= 8 stay well inside of.
    "shell": Criterion("CV over its Gaussian reference, distance from 1 <=", 0.25, "thinshell: effect size"),
    "duplicates": Criterion("share of exact copies <=", 0.01, "thinshell: a continuous law has none"),
}
