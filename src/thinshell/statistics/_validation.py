"""Turning what a caller gives into a checked (n_samples, n_features) array of floats."""

from __future__ import annotations

import numpy as np

from thinshell.errors import InputError, InputTypeError

__all__ = ["as_float", "as_sample"]


def as_float(values: object, name: str = "sample") -> np.ndarray:
    """Return `values` as a float32 or float64 array, refusing what is not real-valued.

    float32 and float64 pass through without a copy; float16 becomes float32; integers and booleans become
    float64. Complex, object, string and structured arrays are refused.
    """
    array = np.asarray(values)
    kind = array.dtype.kind
    if array.dtype in (np.float32, np.float64):
        # Big-endian files arrive with a swapped dtype that compiled kernels do not take.
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if kind == "f":
        return array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    if kind in "iub":
        return array.astype(np.float64)
    raise InputTypeError(
        f"{name} must hold real numbers (float16/32/64 or integers), got dtype {array.dtype}; "
        "convert it first" + (", for example with .real" if kind == "c" else "")
    )


def as_sample(values: object, name: str = "sample", *, min_samples: int = 1) -> np.ndarray:
    """Return `values` as a finite 2-D float array (n_samples, n_features); a 1-D array becomes one column."""
    array = as_float(values, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{name} must have shape (n_samples, n_features) or (n_samples,), got shape {array.shape}; "
            "pick one 2-D part of it"
        )
    if array.shape[0] < min_samples:
        got = array.shape[0]
        raise InputError(f"{name} must have at least {min_samples} rows, got {got}; give more rows")
    if array.size and not np.isfinite(array).all():
        rows = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise InputError(
            f"{name} must be finite, got NaN or infinity in {rows.size} of {array.shape[0]} rows "
            f"(first: row {rows[0]}); drop or repair them"
        )
    return array
