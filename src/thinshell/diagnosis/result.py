"""What a diagnosis returns: plain, frozen, and convertible to JSON."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thinshell.sketch import EmbeddingSketch, Summary

__all__ = ["COMPARISON_SCHEMA", "DIAGNOSIS_SCHEMA", "Comparison", "Diagnosis", "plain"]

DIAGNOSIS_SCHEMA = "thinshell/diagnosis/1"
COMPARISON_SCHEMA = "thinshell/comparison/1"


def plain(value: Any) -> Any:
    """Return `value` in types that JSON has; what is not finite becomes None.

    Examples
    --------
    >>> plain({"a": np.array([1.0, np.nan]), "b": (np.int64(3), True)})
    {'a': [1.0, None], 'b': [3, True]}
    """
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "iub" or (value.dtype.kind == "f" and np.isfinite(value).all()):
            return value.tolist()
        return [plain(entry) for entry in value.tolist()]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


@dataclass(frozen=True)
class Diagnosis:
    """The outcome of `thinshell.diagnose`.

    Attributes
    ----------
    verdict : {"consistent", "departure", "inconclusive", "not_applicable"}
        By the paper protocol (by the full one where only that was run). "consistent" means that nothing was
        found at this protocol's number of rows, never that the law is Gaussian.
    reason : str
        One sentence why.
    look_next : str
        One sentence on what to look at.
    sketch : EmbeddingSketch
        What all numbers come from; merge, save or diagnose it again.
    """

    verdict: str
    reason: str
    look_next: str
    sketch: EmbeddingSketch = field(repr=False)
    _fields: dict[str, Any] = field(repr=False)
    _summary: Summary | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain, JSON-able values (schema "thinshell/diagnosis/1")."""
        return plain(self._fields)

    def _repr_html_(self) -> str:
        """Return the summary for a notebook, which calls this by its name."""
        return _notebook().diagnosis_html(self.to_dict())


@dataclass(frozen=True)
class Comparison:
    """The outcome of `thinshell.compare`.

    Attributes
    ----------
    names : tuple of str
    diagnoses : tuple of Diagnosis
    differences : tuple of dict
        For every data set but the first, what moved against the first.
    pairs : dict or None
        Of the two sides of pairs (`diagnose_pairs`): alignment, cosines and the modality gap.
    """

    names: tuple[str, ...]
    diagnoses: tuple[Diagnosis, ...]
    differences: tuple[dict[str, Any], ...]
    pairs: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain, JSON-able values (schema "thinshell/comparison/1")."""
        result = {
            "schema": COMPARISON_SCHEMA,
            "names": self.names,
            "diagnoses": [diagnosis.to_dict() for diagnosis in self.diagnoses],
            "differences": self.differences,
        }
        return plain(result if self.pairs is None else result | {"pairs": self.pairs})

    def _repr_html_(self) -> str:
        """Return the summary for a notebook, which calls this by its name."""
        return _notebook().comparison_html(self.to_dict())


def _notebook() -> Any:
    # A notebook asks the object itself, so the object has to answer; but how a result looks is `report`'s business, a
    # room above this one that nothing here may import. It is fetched by name when a notebook asks, as the package's own
    # `__getattr__` fetches rooms: a diagnosis neither needs nor loads it, and it is given plain data only.
    return importlib.import_module("thinshell.report.notebook")
