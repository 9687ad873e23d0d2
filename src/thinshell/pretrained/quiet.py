"""Keeping transformers from drawing bars and tables of weights: what matters of them is said in our own words."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["quiet_transformers"]


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence messages and progress bars of transformers for a while."""
    from transformers.utils import logging as verbosity

    level, bars = verbosity.get_verbosity(), verbosity.is_progress_bar_enabled()
    verbosity.set_verbosity(logging.CRITICAL)
    verbosity.disable_progress_bar()
    try:
        yield
    finally:
        verbosity.set_verbosity(level)
        if bars:
            verbosity.enable_progress_bar()
