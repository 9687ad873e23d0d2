"""What a command may use: how many CPUs, and which cluster."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from thinshell.errors import InputError

if TYPE_CHECKING:
    from thinshell.scale import Dask

__all__ = ["at_hand"]

# Who has threads of its own, and listens to which variable when it is loaded.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@contextlib.contextmanager
def at_hand(threads: int | None, dask: str | None) -> Iterator[Dask | None]:
    """Bound the threads of libraries that are not loaded yet, and yield the cluster of `dask`, if any.

    Raises
    ------
    InputError
        If Dask is not installed, or nobody answers at the address.
    """
    if threads is not None and threads >= 1 and "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    if dask is None:
        yield None
        return
    try:
        from thinshell.scale import Dask as Cluster
    except ModuleNotFoundError as error:
        raise InputError(
            f"--dask needs the scale extra ({error.name} is not installed): pip install 'thinshell[scale]'"
        ) from error
    with Cluster(dask) as cluster:
        yield cluster
