"""Running work that lets go of the GIL over independent pieces on the CPUs this process may use."""

from __future__ import annotations

import itertools
import operator
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from thinshell.errors import InputError, InputTypeError

__all__ = ["available_cpus", "limited_threads", "thread_map"]

T = TypeVar("T")
R = TypeVar("R")

_lock = threading.Lock()
# One pool a process, kept: a sketch calls thread_map several times a block, and starting threads for each call
# costs as much as the kernels. Keyed by process, because threads do not survive a fork.
_pools: dict[int, ThreadPoolExecutor] = {}
_this_thread = threading.local()
_most_threads: ContextVar[int | None] = ContextVar("thinshell_most_threads", default=None)


def available_cpus() -> int:
    """Return the number of CPUs this process may run on (its affinity mask, not the machine's count)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Let `thread_map` use at most so many threads; None sets no limit of its own.

    Raises
    ------
    InputError, InputTypeError
        If `threads` is not a whole number of at least 1.

    Examples
    --------
    >>> with limited_threads(1):
    ...     thread_map(lambda piece: threading.current_thread().name, [1, 2])
    ['MainThread', 'MainThread']
    """
    if threads is None:
        yield
        return
    try:
        most = operator.index(threads)
    except TypeError:
        raise InputTypeError(f"threads must be a whole number, got {type(threads).__name__}") from None
    if most < 1:
        raise InputError(f"threads must be at least 1, got {most}; leave it out for as many as there are CPUs")
    from threadpoolctl import threadpool_limits

    token = _most_threads.set(most)
    try:
        with threadpool_limits(limits=most):
            yield
    finally:
        _most_threads.reset(token)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let BLAS use one thread in each thread that calls it, whoever else is inside."""
    with _lock:
        _blas.inside += 1
        if _blas.inside == 1:
            from threadpoolctl import ThreadpoolController

            _blas.controller = _blas.controller or ThreadpoolController()
            _blas.limit = _blas.controller.limit(limits=1, user_api="blas")
            _blas.limit.__enter__()
    try:
        yield
    finally:
        with _lock:
            _blas.inside -= 1
            if _blas.inside == 0:
                _blas.limit.__exit__(None, None, None)


class _Blas:
    """How many are inside `single_threaded_blas`; the number of threads belongs to the process, not to a thread."""

    inside = 0
    controller: Any = None
    limit: Any = None


_blas = _Blas()


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
    helpers = min(available_cpus(), _most_threads.get() or len(pieces), len(pieces)) - 1
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
