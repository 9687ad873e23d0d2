"""Statistics of the columns of a tensor, worked out on the device that holds it: all sums in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics.moments import _PILOT_ROWS, Moments, _pilot_shift

__all__ = [
    "TILE_VALUES",
    "alignment_sum",
    "anderson_darling_tensor",
    "as_tensor_sample",
    "fetched",
    "float_type",
    "moments_tensor",
    "plain_arithmetic",
    "tensor_power_sums",
    "tile_rows",
    "tiles",
    "unit_rows",
]

# Values of a tile: 32 MiB in float64, of which there are two or three at a time. Large against the start of a kernel.
TILE_VALUES = 2**22


@contextmanager
def plain_arithmetic(device: torch.device) -> Iterator[None]:
    """Compute as written: no gradients, and no 16-bit products where the caller is inside an autocast region."""
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        yield


def float_type(values: Tensor, name: str = "sample") -> torch.dtype:
    """Return the type in which a tensor is worked on: float32 for it and shorter ones, else float64.

    Raises
    ------
    InputTypeError
        If it does not hold real numbers.
    """
    if values.is_complex():
        raise InputTypeError(
            f"{name} must hold real numbers (float16/32/64 or integers), got dtype "
            f"{str(values.dtype).removeprefix('torch.')}; convert it first, for example with .real"
        )
    return torch.float32 if values.is_floating_point() and values.dtype != torch.float64 else torch.float64


def tile_rows(n_features: int) -> int:
    """Return how many rows a tile has."""
    return max(1, TILE_VALUES // max(1, n_features))


def tiles(values: Tensor, dtype: torch.dtype, rows: int | None = None) -> Iterator[Tensor]:
    """Yield consecutive rows of a 2-D tensor as a tile at a time, or `rows` rows if that is less."""
    step = tile_rows(values.shape[1])
    for part in values.split(step if rows is None else min(step, rows)):
        yield part.to(dtype)


def fetched(values: Tensor) -> np.ndarray:
    """Return a tensor as a NumPy array of its own."""
    return values.to("cpu", copy=True).numpy()


def as_tensor_sample(values: Tensor, name: str = "sample", *, min_samples: int = 1) -> Tensor:
    """Return a finite 2-D tensor; a 1-D one becomes one column. The twin of `as_sample`."""
    values = values.detach()
    dtype = float_type(values, name)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise InputError(
            f"{name} must have shape (n_samples, n_features) or (n_samples,), got shape {tuple(values.shape)}; "
            "pick one 2-D part of it"
        )
    if len(values) < min_samples:
        raise InputError(f"{name} must have at least {min_samples} rows, got {len(values)}; give more rows")
    with plain_arithmetic(values.device):
        bad = torch.cat([~torch.isfinite(tile).all(dim=1) for tile in tiles(values, dtype)]).nonzero()[:, 0]
        if len(bad):
            raise InputError(
                f"{name} must be finite, got NaN or infinity in {len(bad)} of {len(values)} rows "
                f"(first: row {int(bad[0])}); drop or repair them"
            )
    return values


def tensor_power_sums(block: Tensor, shift: Tensor) -> Tensor:
    """Return the sums over rows of ``(block - shift) ** k`` for k = 1, 2, 3, 4; `shift` is float64."""
    x = torch.sub(block, shift)
    square = x * x
    # Read from left to right: the later ones overwrite what is no longer needed.
    return torch.stack([x.sum(0), square.sum(0), x.mul_(square).sum(0), square.mul_(square).sum(0)])


def moments_tensor(x: Tensor) -> Moments:
    """Return count, mean and central moments two to four of every column. The twin of `moments`."""
    x = as_tensor_sample(x)
    n, dtype = len(x), float_type(x)
    with plain_arithmetic(x.device):
        rows = np.linspace(0, n - 1, min(_PILOT_ROWS, n - 1 + n % 2)).astype(np.intp)
        shift = _pilot_shift(fetched(x[torch.from_numpy(rows).to(x.device)].to(dtype)))
        there = torch.from_numpy(shift).to(x.device)
        sums = torch.zeros((4, x.shape[1]), dtype=torch.float64, device=x.device)
        for tile in tiles(x, dtype):
            sums += tensor_power_sums(tile, there)
        return Moments.from_power_sums(n, shift, fetched(sums))


def anderson_darling_tensor(x: Tensor, mean: np.ndarray | None = None, std: np.ndarray | None = None) -> Tensor:
    """Return A^2 of every column, sorted on its device.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Finite, at least 8 rows.
    mean, std : ndarray of shape (n_features,), optional
        What each column is standardised with, by default its sample mean and standard deviation (ddof=1): the
        composite null. A column whose std is zero or NaN gives NaN.

    Returns
    -------
    Tensor of shape (n_features,), float64
        On the device of `x`, without a small-sample factor.
    """
    if mean is None or std is None:
        measured = moments_tensor(x)
        mean, std = measured.mean, np.where(measured.constant, np.nan, measured.std(ddof=1))
    known = np.isfinite(mean) & (std > 0)
    scale = np.divide(1.0, std, out=np.zeros(len(std)), where=known)
    n, d, dtype = *x.shape, float_type(x)
    with plain_arithmetic(x.device):
        centre = torch.from_numpy(np.where(known, mean, 0.0)).to(x.device)[:, None]
        factor = torch.from_numpy(scale).to(x.device)[:, None]
        parts = []
        width = max(1, TILE_VALUES // n)
        for left in range(0, d, width):
            part = slice(left, left + width)
            panel = x[:, part].to(dtype).T.contiguous().sort(dim=1).values
            parts.append(_of_sorted(panel, centre[part], factor[part]))
        statistic = torch.cat(parts) if parts else torch.empty(0, dtype=torch.float64, device=x.device)
        return torch.where(torch.from_numpy(known).to(x.device), statistic, torch.nan)


def _of_sorted(panel: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return A^2 of each row of `panel`, in ascending order; a column may be longer than a tile."""
    width, n = panel.shape
    total = torch.zeros(width, dtype=torch.float64, device=panel.device)
    step = max(1, TILE_VALUES // width)
    for top in range(0, n, step):
        bottom = min(top + step, n)
        low = (panel[:, top:bottom] - mean).mul_(scale)
        high = (mean - panel[:, n - bottom : n - top].flip(1)).mul_(scale)
        terms = torch.special.log_ndtr(low).add_(torch.special.log_ndtr(high))
        weights = torch.arange(2 * top + 1, 2 * bottom, 2, dtype=torch.float64, device=panel.device)
        total += terms.mul_(weights.div_(n)).sum(dim=1)
    return -n - total


def unit_rows(block: Tensor) -> Tensor:
    """Return the rows of a float32 or float64 tensor divided by their norms; zero rows stay where they are."""
    with plain_arithmetic(block.device):
        norms = torch.linalg.vector_norm(block, dim=1, keepdim=True, dtype=torch.float64)
        return (block / torch.where(norms == 0, 1.0, norms)).to(block.dtype)


def alignment_sum(first: Tensor, second: Tensor) -> float:
    """Return the sum over pairs of ``|u - v|^2`` of the unit rows of two float tensors without zero rows."""
    with plain_arithmetic(first.device):
        total = torch.zeros((), dtype=torch.float64, device=first.device)
        for left, right in zip(tiles(first, first.dtype), tiles(second, second.dtype), strict=True):
            gap = _directions(left).double().sub_(_directions(right))
            total += gap.square_().sum()
        return float(total)


def _directions(rows: Tensor) -> Tensor:
    # The largest entry is taken out first so that squares neither overflow nor vanish.
    block = rows.double() / rows.abs().amax(dim=1, keepdim=True)
    return (block / torch.linalg.vector_norm(block, dim=1, keepdim=True)).to(rows.dtype)
