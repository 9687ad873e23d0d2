"""A sketch on disk: tensors in a safetensors file, what they mean in its JSON header."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from thinshell._files import part_of, replacing, safetensors_header
from thinshell._version import __version__
from thinshell.errors import InputError
from thinshell.sketch.embedding_sketch import EmbeddingSketch
from thinshell.sketch.marginals import Marginals
from thinshell.sketch.range_finder import restored_products

__all__ = ["SKETCH_SCHEMA", "is_sketch_file", "load_sketch", "save_sketch"]

SKETCH_SCHEMA = "thinshell/sketch/1"


def save_sketch(sketch: EmbeddingSketch, path: str | Path) -> None:
    """Write `sketch` to `path`; an interrupted write leaves what was there before."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    if not sketch.n_samples:
        raise InputError("sketch must hold at least one row to be saved, got an empty one; update it first")
    tensors = {f"sample.{k}": v for k, v in sketch._sample.state().items()} | {"unit_sum": sketch._unit_sum}
    tensors |= {f"distinct.{k}": v for k, v in sketch._distinct.state().items()}
    for name in ("columns", "norms", "gram"):
        part = getattr(sketch, f"_{name}")
        if part is not None:
            tensors |= {f"{name}.{k}": v for k, v in part.state().items()}
    header = {
        "schema": SKETCH_SCHEMA,
        "thinshell_version": __version__,
        "n_samples": sketch.n_samples,
        "n_features": sketch.n_features,
        "n_dropped": sketch.n_dropped,
        "row_capacity": sketch.row_capacity,
        "covariance": sketch.keeps_covariance,
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    try:
        with replacing(path) as temporary:
            save_file(contiguous, temporary, metadata={"thinshell": json.dumps(header)})
    except SafetensorError as error:
        raise InputError(f"{path} could not be written ({error}); choose another place") from None


def is_sketch_file(path: str | Path) -> bool:
    """Tell by its header whether a file is a saved sketch.

    Parameters
    ----------
    path : str or Path
        Any file, or none.

    Returns
    -------
    bool
        True for every schema version; False where the file is missing or something else.

    Examples
    --------
    >>> is_sketch_file("no such file")
    False
    """
    header = safetensors_header(path)
    return header is not None and str(header.get("schema", "")).startswith("thinshell/sketch/")


def load_sketch(path: str | Path) -> EmbeddingSketch:
    """Read what `save_sketch` wrote."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not Path(path).is_file():
        raise InputError(f"{path} is not a file; name a sketch written by EmbeddingSketch.save or --save-sketch")
    header = safetensors_header(path)
    if header is None or not is_sketch_file(path):
        raise InputError(f"{path} is not a sketch; make one with EmbeddingSketch.save or --save-sketch")
    if header["schema"] != SKETCH_SCHEMA:
        raise InputError(
            f"{path} has schema {header['schema']!r}, this version reads {SKETCH_SCHEMA!r}; update thinshell"
        )
    try:
        tensors = load_file(path)
        return _rebuild(header, tensors)
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise InputError(f"{path} is a damaged sketch ({error}); make it again") from error


def _rebuild(header: dict, tensors: dict[str, np.ndarray]) -> EmbeddingSketch:
    n, d = int(header["n_samples"]), int(header["n_features"])
    kept = bool(header.get("covariance", True))
    sketch = EmbeddingSketch(d, row_capacity=int(header["row_capacity"]), covariance=kept)
    sketch.n_samples, sketch.n_dropped = n, int(header["n_dropped"])
    sample = part_of(tensors, "sample")
    if sample["rows"].shape[1] != d or len(sample["rows"]) != min(n, sketch.row_capacity):
        raise ValueError(f"its {len(sample['rows'])} rows do not fit its header")
    sketch._sample.restore(sample)
    sketch._distinct.restore(part_of(tensors, "distinct"))
    sketch._unit_sum = np.array(tensors["unit_sum"])
    if n > sketch.row_capacity:
        sketch._columns = Marginals.restore(n, part_of(tensors, "columns"))
        sketch._norms = Marginals.restore(n, part_of(tensors, "norms"))
        sketch._gram = restored_products(n, part_of(tensors, "gram"))
    return sketch
