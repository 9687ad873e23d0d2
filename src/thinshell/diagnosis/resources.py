"""What a diagnosis may use: memory, threads, a cluster; none of it changes a printed number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from thinshell.diagnosis.shards import Cluster
from thinshell.errors import InputError, InputTypeError
from thinshell.io import DEFAULT_BLOCK_BYTES
from thinshell.sketch import memory_of_sketch

__all__ = ["Resources", "bytes_of"]

# What the interpreter and the libraries hold before anything is read, and what a diagnosis works with afterwards:
# copies of the row sample.
_INTERPRETER_BYTES = 220 * 2**20
_COPIES_OF_ROWS = 4
# A block, a converted copy of it, and those read ahead.
_BLOCKS = 5
_SMALLEST_BLOCK = 2**20
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


@dataclass(frozen=True)
class Resources:
    """What the work may use.

    Attributes
    ----------
    memory : int, optional
        Bytes that the process should stay below.
    skip_bad_shards : bool
        Go on without files that cannot be read.
    cluster : Cluster, optional
        Who sketches the files instead of this process.
    row_capacity : int, optional
        Rows that a sketch keeps, where it is to fit another one.
    """

    memory: int | None = None
    skip_bad_shards: bool = False
    cluster: Cluster | None = None
    row_capacity: int | None = None

    def block_bytes(self, n_features: int, rows: int, covariance: bool) -> int:
        """Return how large blocks may be.

        Raises
        ------
        InputError
            If `memory` is not enough for what a sketch of so many columns holds.
        """
        if self.memory is None:
            return DEFAULT_BLOCK_BYTES
        # Two sketches: where there are several files the one in the making is merged into those before it.
        fixed = _INTERPRETER_BYTES + 2 * memory_of_sketch(n_features, rows, covariance)
        fixed += _COPIES_OF_ROWS * rows * n_features * 4
        left = (self.memory - fixed) // _BLOCKS
        if left < _SMALLEST_BLOCK:
            least = fixed + _BLOCKS * _SMALLEST_BLOCK
            raise InputError(
                f"memory must be at least {least / 1e6:,.0f} MB for {n_features:,} columns, got "
                f"{self.memory / 1e6:,.0f} MB; allow more"
                + (", or take the spectrum from the row sample (--spectrum sample)" if covariance else "")
            )
        return int(min(DEFAULT_BLOCK_BYTES, left))


def bytes_of(size: object, name: str = "memory") -> int | None:
    """Return bytes for ``"2GB"``, ``"512 MiB"`` or a number; None for None.

    Parameters
    ----------
    size : str, int or None
    name : str
        What the sentence calls it.

    Returns
    -------
    int or None

    Raises
    ------
    InputError, InputTypeError
        If it is no size.

    Examples
    --------
    >>> bytes_of("1.5GB"), bytes_of("512MiB"), bytes_of(1000)
    (1500000000, 536870912, 1000)
    """
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (str, int)):
        raise InputTypeError(f"{name} must be a size such as '2GB' or a number of bytes, got {type(size).__name__}")
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", str(size).upper())
    if not found or found[2] not in _UNITS or float(found[1]) <= 0:
        raise InputError(f"{name} must be a size such as 2GB or 512MiB, got {size!r}")
    return int(float(found[1]) * _UNITS[found[2]])
