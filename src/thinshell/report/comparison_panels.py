"""The panels of several diagnoses together, by name: for pictures with common axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from thinshell.errors import unknown_name
from thinshell.report.panels import (
    coordinates_panel,
    cosine_panel,
    directions_panel,
    norm_panel,
    sample_size_panel,
    spectrum_panel,
)

__all__ = ["PANELS", "comparison_panels"]

# In the order of a report.
PANELS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "norms": norm_panel,
    "coordinates": coordinates_panel,
    "directions": directions_panel,
    "spectrum": spectrum_panel,
    "cosines": cosine_panel,
    "sample_size": sample_size_panel,
}


def comparison_panels(comparison: Mapping[str, Any], panel: str) -> list[tuple[str, Any]]:
    """Return name and panel of every data set of a comparison, None for one that lacks it.

    Examples
    --------
    >>> comparison_panels({"names": ["a.npy"], "diagnoses": [{"norms": None}]}, "norms")
    [('a.npy', None)]
    """
    if panel not in PANELS:
        raise unknown_name("panel", panel, PANELS)
    names, diagnoses = comparison.get("names") or [], comparison.get("diagnoses") or []
    return [(str(name), PANELS[panel](diagnosis)) for name, diagnosis in zip(names, diagnoses, strict=False)]
