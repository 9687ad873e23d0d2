"""Running compiled, GIL-free kernels over independent pieces of work on the CPUs this process may use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["available_cpus", "thread_map"]

T = TypeVar("T")
R = TypeVar("R")

_PREFIX = "thinshell-kernel"
_lock = threading.Lock()
# One pool a process, kept: a sketch calls thread_map several times a block, and starting threads for each call
# costs as much as the kernels. Keyed by process, because threads do not survive a fork.
_pools: dict[int, ThreadPoolExecutor] = {}


def available_cpus() -> int:
    """Return the number of CPUs this process may run on (its affinity mask, not the machine's count)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _pool() -> ThreadPoolExecutor:
    with _lock:
        if os.getpid() not in _pools:
            _pools.clear()
            _pools[os.getpid()] = ThreadPoolExecutor(available_cpus(), thread_name_prefix=_PREFIX)
        return _pools[os.getpid()]


def thread_map(function: Callable[[T], R], pieces: Iterable[T]) -> list[R]:
    """Apply `function` to every piece and return the results in the order of the pieces.

    The pieces are cut by the caller and never depend on the number of workers, so results do not either. A
    single piece, a single CPU and calls from inside a piece run in the calling thread.

    Examples
    --------
    >>> thread_map(lambda piece: piece + 1, [1, 2, 3])
    [2, 3, 4]
    """
    pieces = list(pieces)
    inside = threading.current_thread().name.startswith(_PREFIX)
    if len(pieces) <= 1 or inside or available_cpus() == 1:
        return [function(piece) for piece in pieces]
    return list(_pool().map(function, pieces))
