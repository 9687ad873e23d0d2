"""Reading ahead in a thread, so that the next block is there when it is wanted."""

from __future__ import annotations

import operator
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from thinshell.errors import InputError, InputTypeError

__all__ = ["prefetch"]

T = TypeVar("T")
END = object()


def prefetch(iterable: Iterable[T], depth: int = 1) -> Iterator[T]:
    """Yield the items of `iterable`, in order, while a thread fetches up to `depth` of them ahead.

    An exception raised by `iterable` is raised here, after the items before it. Closing the returned
    generator, or leaving its loop by ``break`` or Ctrl-C, ends the thread; it is a daemon, so it never keeps
    a process alive.

    Parameters
    ----------
    iterable : iterable
        Usually ``source.blocks()``. It is iterated, and closed if it can be, in the thread only.
    depth : int
        Items waiting at most, at least 1; up to `depth` + 2 exist at a time (one in the making, one in use).

    Returns
    -------
    iterator
        The same items.

    Raises
    ------
    InputError
        If `depth` is below 1.
    InputTypeError
        If `depth` is not an integer.

    Examples
    --------
    >>> from thinshell.io import prefetch
    >>> list(prefetch(range(4), depth=2))
    [0, 1, 2, 3]
    """
    try:
        size = operator.index(depth)
    except TypeError:
        raise InputTypeError(f"depth must be a whole number, got {type(depth).__name__}") from None
    if size < 1:
        raise InputError(f"depth must be at least 1, got {size}; leave prefetch out to read without a thread")
    return _consume(iterable, size)


def _consume(iterable: Iterable[T], depth: int) -> Iterator[T]:
    items: queue.Queue = queue.Queue(maxsize=depth)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(iterable, items, stop), name="thinshell-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = items.get()
            if error is not None:
                raise error
            if item is END:
                return
            yield item
    finally:
        stop.set()
        # The thread is at most inside one put: emptying the queue lets it through, then it sees `stop`.
        while thread.is_alive():
            _drain(items)
            thread.join(timeout=0.05)


def _drain(items: queue.Queue) -> None:
    while True:
        try:
            items.get_nowait()
        except queue.Empty:
            return


def _produce(iterable: Iterable[T], items: queue.Queue, stop: threading.Event) -> None:
    iterator = iter(())
    try:
        iterator = iter(iterable)
        for item in iterator:
            items.put((item, None))
            if stop.is_set():
                return
        items.put((END, None))
    except BaseException as error:  # whatever it is, it belongs to the consumer
        items.put((None, error))
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
