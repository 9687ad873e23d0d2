"""Which data are small: they are worked on by NumPy alone, and Numba is not even imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["SMALL_VALUES", "is_small", "part_of"]

# Numba takes about a second before its first kernel runs (import .35, registries .25, loading the kernels of a
# diagnosis .3), and 20 to 30 where they are not compiled yet. In NumPy a diagnosis, whose tests pass over a value some
# ten times, costs .3 (128 columns) to .6 (768) microseconds a value more: two million values take about that second.
SMALL_VALUES = 2**21

# Values of the data that the present work is part of; 0 where nobody said.
_whole: ContextVar[int] = ContextVar("thinshell_values_of_the_whole", default=0)


def is_small(n_values: int) -> bool:
    """Tell whether `n_values` are worked on by NumPy alone.

    Only sizes decide, never whether Numba happens to be loaded: the same data give the same bytes.

    Examples
    --------
    >>> is_small(10_000 * 128), is_small(100_000 * 128)
    (True, False)
    """
    return max(n_values, _whole.get()) <= SMALL_VALUES


@contextmanager
def part_of(n_values: int) -> Iterator[None]:
    """Treat what is done inside as part of work on `n_values`: of large data the small subsamples are large, too.

    A diagnosis of large data tests hundreds of subsamples, each of them small, which together are not. `thread_map`
    passes this on to its threads.

    Examples
    --------
    >>> with part_of(100_000 * 128):
    ...     is_small(250 * 128)
    False
    """
    token = _whole.set(n_values)
    try:
        yield
    finally:
        _whole.reset(token)
