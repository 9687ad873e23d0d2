"""The parts of a result as dictionaries, in the order of the schema."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from thinshell._version import __version__
from thinshell.diagnosis.full import FullResult, full_verdict
from thinshell.diagnosis.hints import Hint
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import PaperResult, paper_verdict
from thinshell.diagnosis.reading import Reading
from thinshell.diagnosis.references import full_reference, paper_reference
from thinshell.diagnosis.result import DIAGNOSIS_SCHEMA
from thinshell.diagnosis.verdicts import full_reason, paper_reason
from thinshell.sketch import Summary
from thinshell.statistics.moments import Moments

__all__ = [
    "EMPTY_SECTIONS",
    "about_data",
    "coordinates_section",
    "full_section",
    "paper_section",
    "without_constant",
]

EMPTY_SECTIONS: dict[str, Any] = {
    "norms": None,
    "paper": None,
    "full": None,
    "sphere": None,
    "spectrum": None,
    "checks": [],
    "hints": [],
    "coordinates": None,
    "shape": None,
    "directions": None,
    "sample_size": None,
}


def about_data(reading: Reading, options: Options, summary: Summary) -> dict[str, Any]:
    """Return what was measured and how."""
    return {
        "schema": DIAGNOSIS_SCHEMA,
        "thinshell_version": __version__,
        "provenance": {"versions": _versions()},
        "source": {**reading.source, "fingerprint": reading.sketch.fingerprint},
        "n_samples": summary.n_samples,
        "n_features": summary.n_features,
        "n_dropped_nonfinite": reading.sketch.n_dropped,
        "constant_features": {
            "count": int(summary.constant.sum()),
            "indices": np.flatnonzero(summary.constant).tolist(),
        },
        "duplicates": {"share": summary.copies, "n_checked": summary.n_compared},
        "normalize": options.normalize,
        "seed": options.seed,
        "protocol": options.protocol,
    }


def _versions() -> dict[str, str]:
    # Of Numba the metadata: small data do without the package, which takes a third of a second to import.
    return {"python": platform.python_version(), "numpy": np.__version__, "numba": version("numba")}


def without_constant(summary: Summary) -> Summary | None:
    """Return the summary of the columns that vary, or None where none does."""
    keep = ~summary.constant
    if keep.all():
        return summary
    if not keep.any():
        return None
    measured = summary.moments
    parts = (measured.mean, measured.m2, measured.m3, measured.m4)
    covariance = summary.covariance
    return replace(
        summary,
        n_features=int(keep.sum()),
        columns=summary.columns[keep],
        rows=np.ascontiguousarray(summary.rows[:, keep]),
        moments=Moments(measured.n_samples, *(part[keep] for part in parts)),
        ad=summary.ad[keep],
        minimum=summary.minimum[keep],
        maximum=summary.maximum[keep],
        mean_direction=summary.mean_direction[keep],
        covariance=None if covariance is None else covariance[np.ix_(keep, keep)],
    )


def paper_section(paper: PaperResult, hints: Sequence[Hint], varying: Summary, options: Options) -> dict[str, Any]:
    """Return the numbers of the paper's table, the references beside them, and the verdict."""
    verdict = paper_verdict(paper, varying.n_samples)
    return {
        "verdict": verdict,
        "reason": paper_reason(paper, verdict, hints, varying.n_samples),
        "samples_per_test": paper.samples_per_test,
        "repeats": paper.repeats,
        "asked": {"samples_per_test": options.samples_per_test, "repeats": options.repeats},
        "n_rows_used": paper.n_rows_used,
        **paper.numbers(),
        "ad_avg_interval": paper.ad_avg_interval,
        "reference": paper_reference(len(varying.rows), varying.n_features, options),
    }


def full_section(full: FullResult, n_features: int) -> dict[str, Any]:
    """Return the numbers over all rows, the references beside them, and the verdict."""
    verdict = full_verdict(full)
    return {
        "verdict": verdict,
        "reason": full_reason(full, verdict),
        "n_samples": full.n_samples,
        "exact": full.exact,
        "ad_mean": float(np.nanmean(full.ad)),
        "ad_normal_share": float((full.ad_pvalue > 0.05).mean()),
        "dp_mean": float(np.nanmean(full.dp_pvalue)),
        "dp_normal_share": float((full.dp_pvalue > 0.05).mean()),
        "skewness_abs_mean": float(np.nanmean(np.abs(full.skewness))),
        "skewness_interval": full.skewness_interval,
        "excess_kurtosis_mean": float(np.nanmean(full.excess_kurtosis)),
        "excess_kurtosis_interval": full.excess_kurtosis_interval,
        "ad_per_sample": float(np.nanmean(full.ad)) / full.n_samples,
        "pvalue": full.pvalue,
        "detectable_at": full.detectable_at,
        "detectable_at_interval": full.detectable_at_interval,
        "reference": full_reference(full.n_samples, n_features),
    }


def coordinates_section(
    reading: Reading,
    summary: Summary,
    paper: PaperResult | None,
    full: FullResult | None,
    shapes: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return one list a statistic, one entry a column; None where a column is constant."""
    keep = ~summary.constant
    measured = summary.moments
    section: dict[str, Any] = {
        "names": reading.feature_names,
        "mean": measured.mean,
        "std": measured.std(),
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "skewness": measured.skewness,
        "excess_kurtosis": measured.excess_kurtosis,
    }
    tested = {
        "ad": full and full.ad,
        "ad_pvalue": full and full.ad_pvalue,
        "dp_pvalue": full and full.dp_pvalue,
        "paper_ad": paper and paper.ad,
        "paper_dp": paper and paper.dp,
    }
    for name, values in tested.items():
        section[name] = None
        if values is not None:
            section[name] = np.full(len(keep), np.nan)
            section[name][keep] = values
    section["shapes"] = shapes
    return section
