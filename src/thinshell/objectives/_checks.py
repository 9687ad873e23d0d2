"""What the objectives ask of their options and of the embeddings that they are given."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError


def positive_number(name: str, value: float, advice: str) -> float:
    """Return `value` as a float if it is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{name} must be a positive number, got {type(value).__name__}; {advice}")
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be a positive number, got {value}; {advice}")
    return float(value)


def nonnegative_number(name: str, value: float) -> float:
    """Return `value` as a float if it is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{name} must be a number of at least 0, got {type(value).__name__}")
    if not 0 <= value < math.inf:
        raise InputError(f"{name} must be a number of at least 0, got {value}; 0 leaves its term out")
    return float(value)


def whole_number(name: str, value: int, least: int, advice: str) -> int:
    """Return `value` as an int if it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputTypeError(f"{name} must be a whole number, got {value!r}; {advice}")
    if value < least:
        raise InputError(f"{name} must be at least {least}, got {value}; {advice}")
    return int(value)


def _checked_tensor(name: str, z: object) -> Tensor:
    if not isinstance(z, Tensor):
        raise InputTypeError(f"{name} must be a torch.Tensor, got {type(z).__name__}; use torch.as_tensor")
    if not z.is_floating_point():
        raise InputTypeError(f"{name} must hold floating-point numbers, got {z.dtype}; convert it with {name}.float()")
    if z.ndim != 2:
        raise InputError(
            f"{name} must be of shape (batch, n_features), got {tuple(z.shape)}; flatten what follows the first axis"
        )
    return z


def checked_views(z0: object, z1: object | None) -> tuple[Tensor, Tensor | None]:
    """Return the two views, of one shape and in one dtype that is float32 at least."""
    first = _checked_tensor("z0", z0)
    if z1 is None:
        return first.to(torch.promote_types(first.dtype, torch.float32)), None
    second = _checked_tensor("z1", z1)
    if first.shape != second.shape:
        raise InputError(
            "z0 and z1 must have the same shape, row i of one paired with row i of the other, got "
            f"{tuple(first.shape)} and {tuple(second.shape)}; give one row of each per pair"
        )
    dtype = torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)
    return first.to(dtype), second.to(dtype)


def check_rows(rows: int, least: int, why: str) -> None:
    """Refuse a batch that is too small for the objective."""
    if rows < least:
        raise InputError(f"the batch must have at least {least} rows, got {rows}: {why}; use a larger batch")


def checked_labels(labels: object, rows: int, device: torch.device) -> Tensor:
    """Return one whole number a row, on the device of the embeddings."""
    if labels is None:
        raise InputError("labels must be given to SupCon, one class number a row; without labels use NTXent")
    if not isinstance(labels, Tensor):
        raise InputTypeError(f"labels must be a torch.Tensor, got {type(labels).__name__}; use torch.as_tensor")
    if labels.is_floating_point() or labels.is_complex():
        raise InputTypeError(f"labels must hold whole numbers, got {labels.dtype}; convert them with labels.long()")
    if labels.shape != (rows,):
        raise InputError(f"labels must be of shape ({rows},), one a row of z0, got {tuple(labels.shape)}")
    return labels.to(device=device, dtype=torch.int64)
