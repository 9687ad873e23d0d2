"""Running work that lets go of the GIL over independent pieces on the CPUs this process may use."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

__all__ = ["available_cpus", "thread_map"]

T = TypeVar("T")
R = TypeVar("R")

_lock = threading.Lock()
# One pool a process, kept: a sketch calls thread_map several times a block, and starting threads for each call
# costs as much as the kernels. Keyed by process, because threads do not survive a fork.
_pools: dict[int, ThreadPoolExecutor] = {}
_this_thread = threading.local()


def available_cpus() -> int:
    """Return the number of CPUs this process may run on (its affinity mask, not the machine's count)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _pool(helpers: int) -> ThreadPoolExecutor:
    with _lock:
        if os.getpid() not in _pools:
            _pools.clear()
            _pools[os.getpid()] = ThreadPoolExecutor(helpers, thread_name_prefix="thinshell-kernel")
        return _pools[os.getpid()]


def thread_map(function: Callable[[T], R], pieces: Iterable[T]) -> list[R]:
    """Apply `function` to every piece and return the results in the order of the pieces.

    The pieces are cut by the caller and never depend on the number of workers, so results do not either. A
    single piece, a single CPU and calls from inside a piece run in the calling thread, which otherwise works
    along: whoever is free takes the next piece. Waking a thread for each piece cost as much as small pieces do.

    Examples
    --------
    >>> thread_map(lambda piece: piece + 1, [1, 2, 3])
    [2, 3, 4]
    """
    pieces = list(pieces)
    helpers = min(available_cpus(), len(pieces)) - 1
    if helpers < 1 or getattr(_this_thread, "inside", False):
        return [function(piece) for piece in pieces]
    results: dict[int, R] = {}
    # `next` of a counter is one step for the interpreter: no two threads get the same number.
    numbers, stopped = itertools.count(), threading.Event()

    def work() -> None:
        _this_thread.inside = True
        try:
            while not stopped.is_set() and (number := next(numbers)) < len(pieces):
                results[number] = function(pieces[number])
        except BaseException:
            stopped.set()
            raise
        finally:
            _this_thread.inside = False

    pool = _pool(available_cpus() - 1)
    # Each helper works in a copy of the context, as in `part_of`, that the caller is in.
    futures = [pool.submit(copy_context().run, work) for _ in range(helpers)]
    try:
        work()
    finally:
        # A helper that has not begun by now finds nothing left to do: it is not waited for.
        running = [future for future in futures if not future.cancel()]
        errors = [future.exception() for future in running]
    for error in errors:
        if error is not None:
            raise error
    return [results[number] for number in range(len(pieces))]
