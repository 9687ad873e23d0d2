"""Which page a result becomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thinshell.errors import InputError, InputTypeError

__all__ = ["html_page"]

KINDS = {
    "thinshell/diagnosis/": "diagnosis",
    "thinshell/comparison/": "comparison",
    "thinshell/training/": "training",
    "thinshell/reproduction/": "reproduction",
    "thinshell/fit/": "fit",
    "thinshell/scores/": "scores",
}


def html_page(result: Mapping[str, Any], *, folder: str | Path | None = None) -> str:
    """Return a result as one self-contained HTML page: no server, no network, readable without JavaScript.

    Parameters
    ----------
    result : mapping
        What ``to_dict()`` of a diagnosis, a comparison or a training run returns, or what ``reproduce`` does; the
        same after a round trip through JSON; the JSON of ``thinshell fit`` or ``score``. Nothing is measured here.
    folder : str or Path, optional
        Where the pictures of a reproduction lie.

    Returns
    -------
    str
        Text in UTF-8, the same for the same result.

    Raises
    ------
    InputError
        If `result` has a schema that no page is known for, or is a whitening, which has none.
    InputTypeError
        If it is not a mapping.

    Examples
    --------
    >>> page = html_page({"schema": "thinshell/diagnosis/1", "verdict": "consistent", "n_samples": 9, "n_features": 2})
    >>> page[:15], "Consistent with a Gaussian" in page
    ('<!doctype html>', True)
    """
    if not isinstance(result, Mapping):
        raise InputTypeError(f"result must be a mapping, got {type(result).__name__}; give what to_dict() returns")
    schema = str(result.get("schema"))
    kind = next((kind for prefix, kind in KINDS.items() if schema.startswith(prefix)), None)
    if kind == "diagnosis":
        from thinshell.report.html.diagnosis_page import diagnosis_page

        return diagnosis_page(result)
    if kind == "comparison":
        from thinshell.report.html.comparison_page import comparison_page

        return comparison_page(result)
    if kind == "training":
        from thinshell.report.html.training_page import training_page

        return training_page(result)
    if kind == "reproduction":
        from thinshell.report.html.reproduction_page import reproduction_page

        return reproduction_page(result, None if folder is None else Path(folder))
    if kind in ("fit", "scores"):
        from thinshell.report.html.gaussian_pages import fit_page, scores_page

        return fit_page(result) if kind == "fit" else scores_page(result)
    if schema.startswith("thinshell/whitening/"):
        raise InputError(
            "result is a whitening, which has no page: leave --html out for its numbers, and diagnose the whitened rows"
        )
    known = ", ".join(f"{prefix}1" for prefix in KINDS)
    raise InputError(f"result must have one of the schemas {known}, got {schema!r}; give the JSON that thinshell wrote")
