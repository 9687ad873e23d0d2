"""Passes of NumPy over a block of rows, for small data; `kernels` holds their compiled twins."""

from __future__ import annotations

import numpy as np

__all__ = ["TAIL_BUCKETS", "TAIL_PER_OCTAVE", "add_counts", "fingerprint_rows", "mix"]

# Values outside the bins are counted in buckets that grow geometrically with the distance from the centre of the
# bins: 16 to a doubling, 16 doublings on each side, so out to 5 * 2**16 standard deviations; the last is open.
TAIL_PER_OCTAVE = 16
TAIL_BUCKETS = 256

# Values worked on at once: a few float64 copies of so many stay in the caches, calls cost little beside them.
_TILE_VALUES = 2**15


def mix(value):
    """Scramble 64 bits: the finaliser of MurmurHash3 (Appleby 2011), a bijection with full avalanche.

    Written for arrays of uint64, which wrap around silently; compiled, it takes single values as well.
    """
    value = value ^ (value >> np.uint64(33))
    value = value * np.uint64(0xFF51AFD7ED558CCD)
    value = value ^ (value >> np.uint64(33))
    value = value * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


def fingerprint_rows(
    block: np.ndarray,
    multipliers: tuple[np.ndarray, np.ndarray],
    hashes: np.ndarray,
    norms: np.ndarray,
    unit_sum: np.ndarray,
) -> None:
    """Fill fingerprint and Euclidean norm of each row (NaN where it is not finite); add the unit rows up.

    Zero rows have no direction and add nothing to `unit_sum`. Rows that are not finite keep the hash they had.
    """
    step = max(1, _TILE_VALUES // block.shape[1])
    for top in range(0, len(block), step):
        part = slice(top, top + step)
        tile = block[part].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            norms[part] = _norms(tile)
            finite = ~np.isnan(norms[part])
            hashes[part][finite] = mix(_multilinear(block[part], multipliers))[finite]
        positive = finite & (norms[part] > 0)
        scale = np.divide(1.0, norms[part], out=np.zeros(len(tile)), where=positive)
        unit_sum += np.einsum("i,ij->j", scale, tile if positive.all() else np.where(positive[:, None], tile, 0.0))


def _norms(tile: np.ndarray) -> np.ndarray:
    squares = np.einsum("ij,ij->i", tile, tile)
    norms = np.sqrt(squares)
    odd = np.flatnonzero(~((squares > 1e-280) & (squares < 1e280)))
    if len(odd):
        # The square overflowed (or vanished) although the row may be finite: scale by the largest entry first.
        largest = np.abs(tile[odd]).max(axis=1)
        unit = np.where(np.isfinite(largest) & (largest > 0.0), largest, 1.0)[:, None]
        scaled = largest * np.sqrt(np.square(tile[odd] / unit).sum(axis=1))
        norms[odd] = np.where(np.isfinite(largest), scaled, np.nan)
    return norms


def _multilinear(rows: np.ndarray, multipliers: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the multilinear hash (Lemire & Kaser 2014): a sum of products with odd multipliers modulo 2**64.

    A float64 is hashed as the nearest float32 and the float32 of what is left: rows that float32 holds exactly get
    the same fingerprint in either type.
    """
    words = rows.astype(np.float32, copy=False)
    total = _products(words, multipliers[0])
    return total if words is rows else total + _products((rows - words).astype(np.float32), multipliers[1])


def _products(words: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    # Adding 0.0 makes -0.0, which equals it and must not get another fingerprint, the same; it changes nothing else.
    bits = (words + np.float32(0.0)).view(np.uint32).astype(np.uint64)
    return np.einsum("ij,j->i", bits, multipliers)


def add_counts(
    block: np.ndarray,
    left: int,
    inverse_width: np.ndarray,
    start: np.ndarray,
    counts: np.ndarray,
    tails: np.ndarray,
) -> None:
    """Count each value of columns `left` onward in its bin, or in a tail bucket beyond the bins.

    `counts` (columns, bins) and `tails` (columns, 2, TAIL_BUCKETS: below, above) belong to these columns. The bin
    of x is ``floor(x * inverse_width) - start``; the width is a power of two, so the product is exact.
    """
    columns, bins = counts.shape
    flat, first = counts.reshape(-1), np.arange(columns)[:, None] * bins
    step = max(1, _TILE_VALUES // columns)
    for top in range(0, len(block), step):
        # Columns one after the other, so that one histogram at a time is in the cache.
        position = np.array(block[top : top + step, left : left + columns].T, np.float64, order="C")
        position *= inverse_width[:, None]
        position -= start[:, None]
        inside = (position >= 0.0) & (position < bins)
        if inside.all():
            # Also fast where few values meet many bins, which counting them all up and adding would not be.
            np.add.at(flat, (position.astype(np.intp) + first).reshape(-1), np.uint32(1))
            continue
        places, rows = np.nonzero(inside)
        np.add.at(flat, position[places, rows].astype(np.intp) + places * bins, np.uint32(1))
        places, rows = np.nonzero(~inside)
        _add_tails(position[places, rows], places, 0.5 * bins, tails)


def _add_tails(position: np.ndarray, places: np.ndarray, half: float, tails: np.ndarray) -> None:
    bucket = (np.log2(np.abs(position - half) / half) * TAIL_PER_OCTAVE).astype(np.intp)
    side = 2 * places + (position > half)
    np.add.at(tails.reshape(-1), side * TAIL_BUCKETS + np.clip(bucket, 0, TAIL_BUCKETS - 1), 1)
