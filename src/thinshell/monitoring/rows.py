"""Rows from wherever they are: arrays as they stand, tensors in blocks, on their device or moved to the host."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from thinshell.errors import InputError
from thinshell.statistics._accelerators import on_accelerator
from thinshell.statistics._validation import as_float

__all__ = ["blocks_in_place", "host_blocks", "sampled_rows"]

# Values of one block, 32 MiB of float32: a transfer that is large against its latency and small against memory.
_BLOCK_VALUES = 2**23


def host_blocks(rows: Any, name: str = "embeddings") -> Iterator[np.ndarray]:
    """Yield the rows of an array or tensor as 2-D float blocks in host memory.

    A tensor on an accelerator is moved block by block, so that the host never holds a second copy of it; bfloat16,
    which NumPy lacks, becomes float32. Arrays and tensors on the CPU are passed on as views.
    """
    torch = sys.modules.get("torch")
    tensor = torch is not None and isinstance(rows, torch.Tensor)
    for block in _parts(rows.detach() if tensor else as_float(rows, name), name):
        if torch is not None and tensor:
            block = (block.float() if block.dtype == torch.bfloat16 else block).cpu().numpy()
        yield as_float(block, name)


def blocks_in_place(rows: Any, name: str = "embeddings") -> Iterator[Any]:
    """Yield the rows as `host_blocks` does, but those of a tensor on an accelerator as float tensors there."""
    if not on_accelerator(rows):
        yield from host_blocks(rows, name)
        return
    from thinshell.statistics._tensors import float_type

    dtype = float_type(rows, name)
    for block in _parts(rows.detach(), name):
        yield block.to(dtype)


def _parts(rows: Any, name: str) -> Iterator[Any]:
    if rows.ndim != 2:
        raise InputError(
            f"{name} must have shape (n_samples, n_features), got shape {tuple(rows.shape)}; give one 2-D part of it"
        )
    step = max(1, _BLOCK_VALUES // max(1, rows.shape[1]))
    for top in range(0, len(rows), step):
        yield rows[top : top + step]


def sampled_rows(n_rows: int, max_samples: int | None, seed: int) -> slice | np.ndarray:
    """Return which rows to look at: all of them, or `max_samples` drawn once with `seed`, in their order."""
    if max_samples is None or n_rows <= max_samples:
        return slice(0, n_rows)
    return np.sort(np.random.default_rng([seed, n_rows]).permutation(n_rows)[:max_samples])
