"""Passes over the rows of a tensor on the device that holds it; `passes` holds their twins in NumPy.

Hashes and keys are int64 here, the bits those of uint64 there: PyTorch has no arithmetic of the latter, and sums and
products wrap around in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from thinshell.sketch.passes import TAIL_BUCKETS, TAIL_PER_OCTAVE

__all__ = [
    "SIGN",
    "add_counts",
    "exact_products",
    "fingerprints",
    "mix",
    "ordered",
    "row_keys",
    "row_norms",
    "smallest",
    "unit_sum",
]

# The sign bit: unsigned numbers with it flipped are ordered as signed ones.
SIGN = -(2**63)
_COPY_STEP = 0x9E3779B97F4A7C15 - 2**64
# Inside, squares of norms neither overflow nor vanish.
_SAFE = (1e-140, 1e140)


def _shifted(value: Tensor) -> Tensor:
    # The shift of a signed number draws its sign in from the left.
    return (value >> 33).bitwise_and_(2**31 - 1)


def mix(value: Tensor) -> Tensor:
    """Scramble 64 bits as `passes.mix` does."""
    value = value ^ _shifted(value)
    value = value * (0xFF51AFD7ED558CCD - 2**64)
    value ^= _shifted(value)
    value = value * (0xC4CEB9FE1A85EC53 - 2**64)
    return value ^ _shifted(value)


def fingerprints(rows: Tensor, multipliers: tuple[Tensor, Tensor]) -> Tensor:
    """Return the fingerprint of each row of a float32 or float64 tensor, that of `passes.fingerprint_rows`."""
    words = rows.to(torch.float32)
    total = _products(words, multipliers[0])
    if rows.dtype == torch.float64:
        total += _products((rows - words).to(torch.float32), multipliers[1])
    return mix(total)


def _products(words: Tensor, multipliers: Tensor) -> Tensor:
    # Adding 0.0 makes -0.0 the same as 0.0. The mask, int64, widens the bits without their sign.
    mask = torch.full((1,), 2**32 - 1, dtype=torch.int64, device=words.device)
    bits = torch.bitwise_and((words + 0.0).view(torch.int32), mask)
    return bits.mul_(multipliers).sum(dim=1)


def row_norms(rows: Tensor) -> Tensor:
    """Return the Euclidean norm of each row, float64; NaN where the row is not finite."""
    norms = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
    odd = (~((norms > _SAFE[0]) & (norms < _SAFE[1]))).nonzero()[:, 0]
    if len(odd):
        # The square overflowed (or vanished) although the row may be finite: scale by the largest entry first.
        chosen = rows[odd].double()
        largest = chosen.abs().amax(dim=1)
        unit = torch.where(torch.isfinite(largest) & (largest > 0), largest, 1.0)
        scaled = largest * torch.linalg.vector_norm(chosen.div_(unit[:, None]), dim=1)
        norms[odd] = torch.where(torch.isfinite(largest), scaled, torch.nan)
    return norms


def unit_sum(rows: Tensor, norms: Tensor) -> Tensor:
    """Return the sum of the finite rows after division by their norms; zero rows add nothing."""
    scale = torch.where(norms > 0, 1.0 / norms, 0.0)
    return (rows * scale[:, None]).sum(dim=0)


def row_keys(hashes: Tensor) -> Tensor:
    """Return the keys of the rows of a block, copies of one row numbered, as `RowSample` makes them."""
    if not len(hashes):
        return hashes
    ranked, order = torch.sort(hashes, stable=True)
    places = torch.arange(len(hashes), device=hashes.device)
    first = torch.ones(len(hashes), dtype=torch.bool, device=hashes.device)
    torch.ne(ranked[1:], ranked[:-1], out=first[1:])
    starts = torch.where(first, places, 0).cummax(dim=0).values
    numbers = torch.empty_like(places)
    numbers[order] = places - starts
    return mix(hashes + numbers * _COPY_STEP)


def ordered(keys: Tensor) -> Tensor:
    """Return numbers whose signed order is the unsigned order of `keys`; the same call takes them back."""
    return keys ^ SIGN


def smallest(keys: Tensor, count: int) -> Tensor:
    """Return where the `count` smallest keys stand, in order of place; the first ones where keys are equal."""
    if len(keys) <= count:
        return torch.arange(len(keys), device=keys.device)
    return torch.sort(ordered(keys), stable=True).indices[:count].sort().values


def add_counts(tile: Tensor, inverse_width: Tensor, start: Tensor, counts: Tensor, tails: Tensor) -> None:
    """Count each value in its bin, or in a tail bucket beyond the bins, as `passes.add_counts` does.

    `counts` (columns, bins) is int32 here and wraps around where uint32 does not; the bits are the same.
    """
    columns, bins = counts.shape
    position = torch.mul(tile, inverse_width).sub_(start)
    outside = (position < 0.0) | (position >= bins)
    places = position.clamp(0, bins - 1).to(torch.int64)
    places += torch.arange(0, columns * bins, bins, device=tile.device)
    # Values beyond the bins add nothing where they were put.
    counts.view(-1).scatter_add_(0, places.reshape(-1), (~outside).reshape(-1).to(torch.int32))
    column = outside.nonzero()[:, 1]
    if len(column):
        half = 0.5 * bins
        offset = position[outside] - half
        bucket = (torch.log2(offset.abs() / half) * TAIL_PER_OCTAVE).to(torch.int64).clamp_(0, TAIL_BUCKETS - 1)
        places = (2 * column + (offset > 0)) * TAIL_BUCKETS + bucket
        tails.view(-1).scatter_add_(0, places, torch.ones_like(places))


@contextmanager
def exact_products() -> Iterator[None]:
    """Multiply float32 matrices in float32, whatever shortened type the process allows otherwise."""
    matmul = torch.backends.cuda.matmul
    try:
        shortened, precision = matmul.allow_tf32, torch.get_float32_matmul_precision()
        name, exact, before = "allow_tf32", False, shortened
    except RuntimeError:
        # Newer versions do not tell the older settings where a program uses the newer one, nor may the two be mixed.
        name, exact, before = "fp32_precision", "ieee", matmul.fp32_precision
        shortened, precision = before == "tf32", None
    if not shortened:
        yield
        return
    setattr(matmul, name, exact)
    try:
        yield
    finally:
        setattr(matmul, name, before)
        if precision == "medium":
            # The switch knows two of its three values.
            torch.set_float32_matmul_precision(precision)
