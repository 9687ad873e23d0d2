"""What each picture of a diagnosis shows, taken from its plain result: no drawing, and nothing computed but scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thinshell.report.console import printable

__all__ = [
    "CosinePanel",
    "NormPanel",
    "PointsPanel",
    "SampleSizePanel",
    "Shape",
    "SpectrumPanel",
    "coordinates_panel",
    "cosine_panel",
    "density",
    "directions_panel",
    "norm_panel",
    "sample_size_panel",
    "spectrum_panel",
]

# 5 % points of A^2 with mean and variance estimated (Stephens 1974) and of a two-sided normal test.
AD_LIMIT = 0.752
Z_LIMIT = 1.96


@dataclass(frozen=True)
class NormPanel:
    """Norms of the rows against the law of a Gaussian with the measured mean and spectrum.

    Attributes
    ----------
    edges : sequence of float, one more than `counts`
    counts : sequence of int
    expected : sequence of float or None
        Rows expected in each bin.
    """

    edges: Sequence[float]
    counts: Sequence[int]
    expected: Sequence[float] | None
    mean: float | None
    cv: float | None
    cv_reference: float | None


@dataclass(frozen=True)
class Shape:
    """One coordinate or direction, in standard deviations from its mean."""

    edges: Sequence[float]
    counts: Sequence[int]
    normal_quantiles: Sequence[float]
    quantiles: Sequence[float]
    n_rows: int


@dataclass(frozen=True)
class PointsPanel:
    """Every coordinate (or random direction): how large A^2 is, and how heavy its tails are.

    Attributes
    ----------
    kind : {"coordinate", "direction"}
    names : sequence of str
        "0", "1", … where the data have none.
    ad, excess_kurtosis, skewness : sequences of float or None
        None where a coordinate is constant.
    ad_words : str
        Of which protocol `ad` is.
    ad_limit : float
        Below it a coordinate looks normal.
    kurtosis_limits : tuple of two floats
        Between them a test of `n_limits` rows finds the tails normal.
    n_limits : int
    shapes : mapping of position to Shape
        Those that the result keeps.
    """

    kind: str
    names: Sequence[str]
    ad: Sequence[float | None]
    excess_kurtosis: Sequence[float | None]
    skewness: Sequence[float | None]
    ad_words: str
    ad_limit: float
    kurtosis_limits: tuple[float, float]
    n_limits: int
    shapes: Mapping[int, Shape]

    def worst(self) -> int | None:
        """Return the position of the largest A^2 among those with a shape; None without any."""
        kept = [place for place in self.shapes if self.ad[place] is not None]
        return max(kept, key=lambda place: self.ad[place] or 0.0, default=None)


@dataclass(frozen=True)
class SpectrumPanel:
    """Eigenvalues of the covariance, largest first, as shares of their sum."""

    shares: Sequence[float]
    effective_rank: float | None
    participation_ratio: float | None
    n_features: int


@dataclass(frozen=True)
class CosinePanel:
    """Cosines of random pairs against the law of independent uniform directions, and of positive pairs."""

    edges: Sequence[float]
    counts: Sequence[int]
    expected: Sequence[float] | None
    positive_edges: Sequence[float] | None
    positive_counts: Sequence[int] | None
    mean: float | None
    std: float | None
    positive_mean: float | None


@dataclass(frozen=True)
class SampleSizePanel:
    """Share of coordinates that look normal in one 5 % test each, against the rows of the test."""

    n: Sequence[int]
    ad_normal_share: Sequence[float | None]
    dp_normal_share: Sequence[float | None]
    expected: float
    detectable_at: float | None


def density(edges: Sequence[float], counts: Sequence[float], total: float | None = None) -> list[float]:
    """Return heights whose area is the share of `total` (of all counts when not given) in each bin.

    Examples
    --------
    >>> density([0.0, 1.0, 3.0], [1, 3])
    [0.25, 0.375]
    """
    whole = (sum(counts) if total is None else total) or 1.0
    return [
        number / (whole * (right - left)) if right > left else 0.0
        for left, right, number in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def norm_panel(result: Mapping[str, Any]) -> NormPanel | None:
    """Return the norms of a diagnosis; None where they do not apply.

    Examples
    --------
    >>> norm_panel({"norms": {"applicable": False}}) is None
    True
    """
    norms = result.get("norms") or {}
    histogram = norms.get("histogram") or {}
    if not norms.get("applicable", True) or not histogram.get("counts"):
        return None
    return NormPanel(
        edges=histogram["edges"],
        counts=histogram["counts"],
        expected=histogram.get("expected"),
        mean=norms.get("mean"),
        cv=norms.get("cv"),
        cv_reference=norms.get("cv_reference"),
    )


def coordinates_panel(result: Mapping[str, Any]) -> PointsPanel | None:
    """Return every coordinate of a diagnosis; None where there are none.

    Examples
    --------
    >>> coordinates_panel({}) is None
    True
    """
    columns = result.get("coordinates") or {}
    if not columns.get("ad") and not columns.get("paper_ad"):
        return None
    paper = result.get("paper") or {}
    if columns.get("paper_ad") and any(value is not None for value in columns["paper_ad"]):
        ad, n_limits = columns["paper_ad"], paper.get("samples_per_test") or 250
        words = f"A², mean of {paper.get('repeats')} tests of {n_limits:,} rows"
        if paper.get("repeats") == 1:
            words = f"A² of {n_limits:,} rows"
    elif columns.get("ad"):
        ad, n_limits = columns["ad"], result.get("n_samples") or 0
        words = f"A² of all {n_limits:,} rows"
    else:
        return None
    names = columns.get("names") or [str(place) for place in range(len(ad))]
    return _points("coordinate", [printable(name) for name in names], ad, columns, words, n_limits, result)


def directions_panel(result: Mapping[str, Any]) -> PointsPanel | None:
    """Return the random directions of a diagnosis; None where there are none.

    Examples
    --------
    >>> directions_panel({"directions": None}) is None
    True
    """
    columns = result.get("directions") or {}
    if not columns.get("ad"):
        return None
    ad, n_rows = columns["ad"], columns.get("n_rows_used") or 0
    names = [str(place) for place in range(len(ad))]
    return _points("direction", names, ad, columns, f"A² of {n_rows:,} rows", n_rows, result)


def _points(
    kind: str,
    names: Sequence[str],
    ad: Sequence[float | None],
    columns: Mapping[str, Any],
    words: str,
    n_limits: int,
    result: Mapping[str, Any],
) -> PointsPanel:
    empty = [None] * len(ad)
    return PointsPanel(
        kind=kind,
        names=names,
        ad=ad,
        excess_kurtosis=columns.get("excess_kurtosis") or empty,
        skewness=columns.get("skewness") or empty,
        ad_words=words,
        ad_limit=AD_LIMIT,
        kurtosis_limits=kurtosis_limits(n_limits),
        n_limits=n_limits,
        shapes=_shapes(columns.get("shapes") or {}, result.get("shape") or {}),
    )


def kurtosis_limits(n_samples: int) -> tuple[float, float]:
    """Return the ends of the central 95 % of a normal sample's excess kurtosis, by its mean and variance.

    Examples
    --------
    >>> [round(limit, 2) for limit in kurtosis_limits(250)]
    [-0.61, 0.57]
    """
    n = float(max(n_samples, 8))
    mean = -6.0 / (n + 1.0)
    variance = 24.0 * n * (n - 2.0) * (n - 3.0) / ((n + 1.0) ** 2 * (n + 3.0) * (n + 5.0))
    reach = Z_LIMIT * math.sqrt(variance)
    return mean - reach, mean + reach


def _shapes(kept: Mapping[str, Any], common: Mapping[str, Any]) -> dict[int, Shape]:
    if not common.get("edges") or not common.get("normal_quantiles"):
        return {}
    entries = zip(kept.get("indices") or [], kept.get("histograms") or [], kept.get("quantiles") or [], strict=False)
    return {
        int(place): Shape(
            edges=common["edges"],
            counts=counts,
            **_known_quantiles(common["normal_quantiles"], quantiles, sum(counts)),
            n_rows=common.get("n_rows_used") or sum(counts),
        )
        for place, counts, quantiles in entries
        if counts is not None and quantiles is not None
    }


def _known_quantiles(normal: Sequence[float], found: Sequence[float], n_rows: int) -> dict[str, list[float]]:
    """Return the quantiles that so many rows have: none lies further out than half a row."""
    pairs = [
        (expected, value)
        for expected, value in zip(normal, found, strict=True)
        if n_rows * 0.5 * math.erfc(abs(expected) / math.sqrt(2)) >= 0.5
    ]
    return {"normal_quantiles": [expected for expected, _ in pairs], "quantiles": [value for _, value in pairs]}


def spectrum_panel(result: Mapping[str, Any]) -> SpectrumPanel | None:
    """Return the spectrum of a diagnosis; None where there is none.

    Examples
    --------
    >>> panel = spectrum_panel({"n_features": 2, "spectrum": {"eigenvalues": [3.0, 1.0]}})
    >>> panel.shares
    [0.75, 0.25]
    """
    spectrum = result.get("spectrum") or {}
    values = [value or 0.0 for value in spectrum.get("eigenvalues") or []]
    if len(values) < 2 or not values[0] > 0:
        return None
    top = spectrum.get("top_share")
    # Only the leading ones are listed for wide data; their sum is then known from the share of the first.
    total = values[0] / top if top else sum(values)
    return SpectrumPanel(
        shares=[value / total for value in values],
        effective_rank=spectrum.get("effective_rank"),
        participation_ratio=spectrum.get("participation_ratio"),
        n_features=result.get("n_features") or len(values),
    )


def cosine_panel(result: Mapping[str, Any]) -> CosinePanel | None:
    """Return the cosines of a diagnosis; None where there are none.

    Examples
    --------
    >>> cosine_panel({"sphere": {"cosine": None}}) is None
    True
    """
    sphere = result.get("sphere") or {}
    cosine = sphere.get("cosine") or {}
    histogram = cosine.get("histogram") or {}
    if not histogram.get("counts"):
        return None
    positive = (sphere.get("positive") or {}).get("cosine") or {}
    pairs = positive.get("histogram") or {}
    return CosinePanel(
        edges=histogram["edges"],
        counts=histogram["counts"],
        expected=histogram.get("expected"),
        positive_edges=pairs.get("edges"),
        positive_counts=pairs.get("counts"),
        mean=cosine.get("mean"),
        std=cosine.get("std"),
        positive_mean=positive.get("mean"),
    )


def sample_size_panel(result: Mapping[str, Any]) -> SampleSizePanel | None:
    """Return how the share of normal coordinates falls with the rows; None where it was not measured.

    Examples
    --------
    >>> sample_size_panel({}) is None
    True
    """
    sizes = result.get("sample_size") or {}
    if not sizes.get("n"):
        return None
    return SampleSizePanel(
        n=sizes["n"],
        ad_normal_share=sizes["ad_normal_share"],
        dp_normal_share=sizes["dp_normal_share"],
        expected=sizes.get("expected") or 0.95,
        detectable_at=(result.get("full") or {}).get("detectable_at"),
    )
