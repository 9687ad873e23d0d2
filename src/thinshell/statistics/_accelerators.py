"""Which values are tensors on an accelerator, told without importing PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["on_accelerator", "tensors_everywhere"]

# They have no float64, which every sum here is made in: their tensors are worked on by the CPU.
_WITHOUT_FLOAT64 = ("mps",)

_everywhere: ContextVar[bool] = ContextVar("thinshell_tensors_everywhere", default=False)


def on_accelerator(values: object) -> bool:
    """Tell whether `values` are a tensor that is worked on where it is, instead of as a NumPy array.

    Examples
    --------
    >>> on_accelerator([1.0, 2.0])
    False
    """
    # Who has a tensor has imported PyTorch; nobody else has to.
    torch = sys.modules.get("torch")
    tensor = getattr(torch, "Tensor", None)
    if tensor is None or not isinstance(values, tensor):
        return False
    kind = cast("Tensor", values).device.type
    return _everywhere.get() if kind == "cpu" else kind not in _WITHOUT_FLOAT64


@contextmanager
def tensors_everywhere() -> Iterator[None]:
    """Treat tensors on the CPU as if they were on an accelerator: the tests of that path run without one."""
    token = _everywhere.set(True)
    try:
        yield
    finally:
        _everywhere.reset(token)
