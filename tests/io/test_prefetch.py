"""Reading ahead: same items, same errors, and no thread left behind."""

import gc
import threading
import time

import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.io import prefetch


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "thinshell-prefetch"]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


class Counted:
    """An iterator that counts what was taken from it and whether it was closed."""

    def __init__(self, n, fail_at=None):
        self.n, self.fail_at, self.taken, self.closed_by = n, fail_at, 0, None

    def __iter__(self):
        return self

    def __next__(self):
        if self.taken == self.fail_at:
            raise InputError("row 3 is bad")
        if self.taken == self.n:
            raise StopIteration
        self.taken += 1
        return self.taken - 1

    def close(self):
        self.closed_by = threading.current_thread().name


@pytest.mark.parametrize("depth", [1, 2, 7, 200])
@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_same_items_in_order(n, depth):
    source = Counted(n)
    assert list(prefetch(source, depth)) == list(range(n))
    assert source.closed_by == "thinshell-prefetch"
    assert threads() == []


def test_reads_ahead_but_not_further_than_depth():
    source = Counted(100)
    items = prefetch(source, depth=3)
    assert source.taken == 0
    assert next(items) == 0
    # One in use, three waiting, one in the thread's hand.
    assert wait_until(lambda: source.taken == 5)
    time.sleep(0.05)
    assert source.taken == 5
    items.close()
    assert threads() == []


def test_errors_come_after_the_items_before_them():
    items = prefetch(Counted(10, fail_at=3))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="row 3 is bad"):
        next(items)
    assert threads() == []
    with pytest.raises(StopIteration):
        next(items)


def test_error_before_the_first_item():
    with pytest.raises(TypeError, match="not iterable"):
        list(prefetch(3))  # type: ignore[arg-type]
    assert threads() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_interrupted_consumer_leaves_no_thread(error):
    source = Counted(10**9)

    def consume():
        for item in prefetch(source):
            if item == 2:
                raise error

    with pytest.raises(error):
        consume()
    gc.collect()
    assert wait_until(lambda: threads() == [])
    assert source.taken <= 6
    assert source.closed_by == "thinshell-prefetch"


def test_break_and_close():
    source = Counted(10**9)
    items = prefetch(source)
    for item in items:
        if item == 4:
            break
    items.close()
    assert threads() == []


@pytest.mark.parametrize(
    ("depth", "error", "text"),
    [
        (0, InputError, "depth must be at least 1, got 0; leave prefetch out"),
        ("2", InputTypeError, "depth must be a whole number, got str"),
    ],
)
def test_depth(depth, error, text):
    with pytest.raises(error, match=text):
        prefetch([1], depth)
