"""From the shape of a stored array to rows and columns."""

from __future__ import annotations

import operator
from math import prod

from thinshell.errors import InputError, InputTypeError

__all__ = ["checked_dim", "checked_index", "matrix_shape"]


def checked_index(index: object) -> int | None:
    """Return `index` as an int or None, refusing anything else."""
    if index is None:
        return None
    try:
        return operator.index(index)  # type: ignore[arg-type]
    except TypeError:
        raise InputTypeError(f"index must be a whole number or None, got {type(index).__name__}") from None


def checked_dim(dim: object) -> int | None:
    """Return `dim` as an int of at least 1 or None, refusing anything else."""
    if dim is None:
        return None
    try:
        number = operator.index(dim)  # type: ignore[arg-type]
    except TypeError:
        raise InputTypeError(f"dim must be a whole number or None, got {type(dim).__name__}") from None
    if number < 1:
        raise InputError(f"dim must be at least 1, got {number}; it is how many float32 numbers make a row")
    return number


def matrix_shape(
    shape: tuple[int, ...], where: str, index: int | None = None, *, how: str = "index=0 (--index 0)"
) -> tuple[int, int]:
    """Return (n_samples, n_features) of the array, or of its part `index` if it is 3-D.

    `where` starts every sentence; `how` says how the reader of the sentence picks a part.
    """
    _check_dimensions(shape, where, index, how)
    n_samples, n_features = shape[-2:]
    if n_features == 0:
        raise InputError(f"{where} has shape {shape}: no columns; save an array with at least one feature")
    return n_samples, n_features


def _check_dimensions(shape: tuple[int, ...], where: str, index: int | None, how: str) -> None:
    wanted = "thinshell reads (n_samples, n_features)"
    ndim = len(shape)
    if ndim == 3:
        allowed = f"0 <= index < {shape[0]}"
        if index is None:
            raise InputError(f"{where} has shape {shape}, 3-D; {wanted}: pick one part with {how}, {allowed}")
        if not 0 <= index < shape[0]:
            raise InputError(f"{where} has shape {shape}; index must be {allowed}, got {index}: parts count from 0")
        return
    if ndim == 0:
        raise InputError(f"{where} has shape (), a single number; {wanted}: save a 2-D array")
    if ndim == 1:
        raise InputError(
            f"{where} has shape {shape}, 1-D; {wanted}: reshape it first, array.reshape(-1, 1) for one "
            "feature or array.reshape(1, -1) for one row"
        )
    if ndim > 3:
        example = (prod(shape[:-1]), shape[-1])
        raise InputError(f"{where} has shape {shape}, {ndim}-D; {wanted}: reshape it first, for example to {example}")
    if index is not None:
        raise InputError(f"{where} has shape {shape}, 2-D; index is only for 3-D arrays: leave it out")
