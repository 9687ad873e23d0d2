"""Watching Gaussianity while an encoder trains: a metric, a callback, a plain loop, and downstream scores."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from thinshell.monitoring.measure import measure
from thinshell.monitoring.monitor import GaussianityMonitor

if TYPE_CHECKING:
    from thinshell.monitoring.callback import GaussianityCallback
    from thinshell.monitoring.linear_probe import linear_probe_accuracy
    from thinshell.monitoring.metric import GaussianityMetric
    from thinshell.monitoring.nearest_neighbours import knn_accuracy

# Imported when first asked for: what stands above needs neither torch nor Lightning.
_HOMES = {
    "GaussianityCallback": "callback",
    "GaussianityMetric": "metric",
    "knn_accuracy": "nearest_neighbours",
    "linear_probe_accuracy": "linear_probe",
}

__all__ = [
    "GaussianityCallback",
    "GaussianityMetric",
    "GaussianityMonitor",
    "knn_accuracy",
    "linear_probe_accuracy",
    "measure",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'thinshell.monitoring' has no attribute {name!r}")
    return getattr(importlib.import_module(f"thinshell.monitoring.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
