"""The one door to data outside the project."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """Leave thousands of tests, which stay to the end, out of every search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real embeddings that may lie beside the checkout (``../shared/data``).

    It is not part of the project: without it the tests that ask for it are skipped, and the others cover the same
    code on data made on the spot.
    """
    if not SHARED.is_dir():
        pytest.skip(f"no real data beside the checkout: {SHARED} does not exist")
    return SHARED


@pytest.fixture(autouse=True)
def ctrl_c_as_it_was() -> Iterator[None]:
    """Let no test leave the process deaf to Ctrl-C: Lightning does that to whatever interrupts it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after is before
