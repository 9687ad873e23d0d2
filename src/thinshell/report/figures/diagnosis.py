"""Each panel of a diagnosis on axes of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from thinshell.errors import InputError
from thinshell.report.figures.marks import (
    accepted_region,
    as_percent,
    frame_points,
    histogram,
    log_rows,
    show_middle,
    tail_scale,
)
from thinshell.report.figures.style import COLOURS, REFERENCE, add_legend, axes_for, checked, label, short
from thinshell.report.numbers import count, rounded, share
from thinshell.report.panels import (
    PointsPanel,
    coordinates_panel,
    cosine_panel,
    density,
    directions_panel,
    norm_panel,
    sample_size_panel,
    spectrum_panel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "DIAGNOSIS",
    "FIT",
    "coordinates_axes",
    "cosine_axes",
    "directions_axes",
    "needed",
    "norm_axes",
    "sample_size_axes",
    "spectrum_axes",
]

DIAGNOSIS = "thinshell/diagnosis/1"
FIT = "thinshell/fit/1"
# Eigenvalues that are still told apart as dots.
DOTS = 100
Panel = TypeVar("Panel")


def norm_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw whether the norms form a thin shell: against those of a Gaussian with the same mean and spectrum.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column (3.4 inches) when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no norms to show, or matplotlib is missing.

    Examples
    --------
    >>> norms = {"histogram": {"edges": [0, 1, 2], "counts": [3, 5]}, "cv": 0.2}
    >>> norm_axes({"schema": "thinshell/diagnosis/1", "norms": norms}).get_xlabel()
    'norm'
    """
    panel = needed(norm_panel(checked(result, DIAGNOSIS)), "norms")
    with axes_for(ax) as axes:
        entries = [(histogram(axes, panel.edges, panel.counts, COLOURS[0]), f"rows: CV {rounded(panel.cv)}")]
        if panel.expected is not None:
            line = axes.stairs(panel.expected, panel.edges, baseline=None, **REFERENCE)
            entries.append((line, f"Gaussian, same mean and spectrum: CV {rounded(panel.cv_reference)}"))
        beyond = show_middle(axes, panel.edges, panel.counts, panel.expected)
        label(axes, f"norm ({count(beyond)} rows beyond are not shown)" if beyond else "norm", "rows per bin")
        add_legend(axes, entries)
    return axes


def coordinates_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw which coordinates are odd: A² against excess kurtosis, with the region of normal ones.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no coordinates, or matplotlib is missing.

    Examples
    --------
    >>> columns = {"ad": [0.3, 4.0], "excess_kurtosis": [0.1, 2.0]}
    >>> coordinates_axes({"schema": "thinshell/diagnosis/1", "n_samples": 500, "coordinates": columns}).get_ylabel()
    'A² of all 500 rows'
    """
    panel = needed(coordinates_panel(checked(result, DIAGNOSIS)), "coordinates")
    return _points_axes(panel, f"excess kurtosis of all {count(result.get('n_samples'))} rows", ax)


def directions_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw whether it is only the axes: random directions, A² against excess kurtosis.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no directions, or matplotlib is missing.

    Examples
    --------
    >>> columns = {"ad": [0.3, 0.5], "excess_kurtosis": [0.1, 0.0], "n_rows_used": 500}
    >>> directions_axes({"schema": "thinshell/diagnosis/1", "directions": columns}).get_ylabel()
    'A² of 500 rows'
    """
    panel = needed(directions_panel(checked(result, DIAGNOSIS)), "directions")
    return _points_axes(panel, f"excess kurtosis of {count(panel.n_limits)} rows", ax)


def _points_axes(panel: PointsPanel, words: str, ax: Axes | None) -> Axes:
    places = [i for i, values in enumerate(zip(panel.ad, panel.excess_kurtosis, strict=True)) if None not in values]
    ad = [panel.ad[place] or 0.0 for place in places]
    kurtosis = [panel.excess_kurtosis[place] or 0.0 for place in places]
    with axes_for(ax) as axes:
        frame_points(axes, [ad], panel.ad_limit)
        region = accepted_region(axes, panel.kurtosis_limits, panel.ad_limit)
        (points,) = axes.plot(kurtosis, ad, "o", color=COLOURS[0], alpha=0.6, markeredgewidth=0, clip_on=False)
        tail_scale(axes, [*kurtosis, *panel.kurtosis_limits])
        worst = max(range(len(ad)), key=ad.__getitem__, default=None)
        if worst is not None and ad[worst] > panel.ad_limit:
            _name(axes, kurtosis[worst], ad[worst], short(panel.names[places[worst]], 16))
        label(axes, words, panel.ad_words)
        accepted = f"A² < {panel.ad_limit} and 95 % of {count(panel.n_limits)} normal rows"
        add_legend(axes, [(points, f"{count(len(ad))} {panel.kind}s"), (region, accepted)])
    return axes


def _name(axes: Axes, x: float, y: float, name: str) -> None:
    # Towards the middle of the axes, so that the name stays inside.
    right = axes.transData.transform((x, y))[0] > axes.transAxes.transform((0.5, 0.5))[0]
    axes.annotate(
        name, (x, y), xytext=(-4 if right else 4, 0), textcoords="offset points", fontsize="small",
        ha="right" if right else "left", va="center", parse_math=False,
    )  # fmt: skip


def spectrum_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw which directions dominate: the eigenvalues of the covariance as shares, with the effective rank.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file or that of ``thinshell fit`` read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no spectrum, or matplotlib is missing.

    Examples
    --------
    >>> spectrum = {"eigenvalues": [3.0, 1.0], "effective_rank": 1.8, "participation_ratio": 1.6}
    >>> axes = spectrum_axes({"schema": "thinshell/diagnosis/1", "n_features": 2, "spectrum": spectrum})
    >>> axes.get_lines()[0].get_ydata().tolist()
    [0.75, 0.25]
    """
    panel = needed(spectrum_panel(checked(result, DIAGNOSIS, FIT)), "spectrum")
    with axes_for(ax) as axes:
        shares = [value for value in panel.shares if value > 0]
        (line,) = axes.plot(range(1, len(shares) + 1), shares, ".-" if len(shares) <= DOTS else "-", color=COLOURS[0])
        equal = axes.axhline(1.0 / panel.n_features, **REFERENCE)
        entries = [(line, "this covariance"), (equal, f"all {count(panel.n_features)} alike")]
        for value, words, colour in (
            (panel.effective_rank, "effective rank", COLOURS[1]),
            (panel.participation_ratio, "participation ratio", COLOURS[2]),
        ):
            if value is not None:
                mark = axes.axvline(value, color=colour, linestyle=":" if colour == COLOURS[2] else "-.")
                entries.append((mark, f"{words} {rounded(value)}"))
        axes.set_yscale("log")
        label(axes, "eigenvalue, largest first", "share of the variance")
        add_legend(axes, entries)
    return axes


def cosine_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw the cosines of random pairs, and of positive ones where there are, against uniform directions.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no cosines, or matplotlib is missing.

    Examples
    --------
    >>> cosine = {"histogram": {"edges": [-1, 0, 1], "counts": [30, 10]}, "mean": -0.2}
    >>> axes = cosine_axes({"schema": "thinshell/diagnosis/1", "sphere": {"cosine": cosine}})
    >>> axes.patches[0].get_data().values.tolist()
    [0.75, 0.25]
    """
    panel = needed(cosine_panel(checked(result, DIAGNOSIS)), "cosines")
    with axes_for(ax) as axes:
        bars = histogram(axes, panel.edges, density(panel.edges, panel.counts), COLOURS[0])
        entries = [(bars, f"random pairs: mean {rounded(panel.mean)}")]
        if panel.positive_edges is not None and panel.positive_counts is not None:
            heights = density(panel.positive_edges, panel.positive_counts)
            pairs = histogram(axes, panel.positive_edges, heights, COLOURS[1])
            entries.append((pairs, f"positive pairs: mean {rounded(panel.positive_mean)}"))
        if panel.expected is not None:
            heights = density(panel.edges, panel.expected, sum(panel.counts))
            line = axes.stairs(heights, panel.edges, baseline=None, **REFERENCE)
            entries.append((line, "independent uniform directions"))
        axes.set_ylim(bottom=0)
        label(axes, "cosine of two rows", "density")
        add_legend(axes, entries)
    return axes


def sample_size_axes(result: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw how Gaussian is Gaussian enough: the share of normal coordinates against the rows of a test.

    Parameters
    ----------
    result : mapping
        What ``Diagnosis.to_dict()`` returns, or its JSON file read.
    ax : matplotlib Axes, optional
        Where to draw; new axes of a paper's column when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result has no shares by sample size, or matplotlib is missing.

    Examples
    --------
    >>> sizes = {"n": [100, 1000], "ad_normal_share": [0.95, 0.5], "dp_normal_share": [0.9, 0.4]}
    >>> axes = sample_size_axes({"schema": "thinshell/diagnosis/1", "sample_size": sizes})
    >>> axes.get_lines()[0].get_ydata().tolist()
    [95.0, 50.0]
    """
    panel = needed(sample_size_panel(checked(result, DIAGNOSIS)), "shares by sample size")
    with axes_for(ax) as axes:
        (ad,) = axes.plot(panel.n, as_percent(panel.ad_normal_share), "o-", color=COLOURS[0])
        (dp,) = axes.plot(panel.n, as_percent(panel.dp_normal_share), "s--", color=COLOURS[1])
        entries = [(ad, "Anderson–Darling"), (dp, "D'Agostino–Pearson")]
        entries.append((axes.axhline(100 * panel.expected, **REFERENCE), f"exact Gaussian: {share(panel.expected)}"))
        if panel.detectable_at is not None:
            mark = axes.axvline(panel.detectable_at, color=COLOURS[2], linestyle="-.")
            entries.append((mark, f"detectable at {count(panel.detectable_at)}"))
        log_rows(axes)
        axes.set_ylim(-3, 103)
        label(axes, "rows of a test", "normal coordinates, % (5 % tests)")
        add_legend(axes, entries)
    return axes


def needed(panel: Panel | None, what: str) -> Panel:
    """Return the panel, or say that the result has none."""
    if panel is None:
        raise InputError(
            f"result holds no {what} to draw: they do not apply to these rows, or an older version or another protocol "
            "made it; diagnose again, or draw another panel"
        )
    return panel
