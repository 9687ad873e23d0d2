"""How Gaussian are your embeddings? Diagnose, train for, reproduce and use Gaussian representations.

Examples
--------
>>> import numpy as np
>>> import thinshell as ts
>>> ts.diagnose(np.random.default_rng(0).standard_normal((1000, 8))).verdict
'consistent'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from thinshell._version import __version__

if TYPE_CHECKING:
    from thinshell.diagnosis import Comparison, Diagnosis, compare, diagnose
    from thinshell.errors import InputError, InputTypeError
    from thinshell.gaussian import GaussianModel, Whitener
    from thinshell.sketch import EmbeddingSketch

# Where each public name lives. They are imported when first asked for: NumPy, Numba and SciPy cost most of a
# second, which `thinshell --help` should not pay.
_HOMES = {
    "Comparison": "thinshell.diagnosis",
    "Diagnosis": "thinshell.diagnosis",
    "EmbeddingSketch": "thinshell.sketch",
    "GaussianModel": "thinshell.gaussian",
    "InputError": "thinshell.errors",
    "InputTypeError": "thinshell.errors",
    "Whitener": "thinshell.gaussian",
    "compare": "thinshell.diagnosis",
    "diagnose": "thinshell.diagnosis",
}

__all__ = [
    "Comparison",
    "Diagnosis",
    "EmbeddingSketch",
    "GaussianModel",
    "InputError",
    "InputTypeError",
    "Whitener",
    "__version__",
    "compare",
    "diagnose",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        try:
            return getattr(importlib.import_module(_HOMES[name]), name)
        except ModuleNotFoundError as error:
            if _HOMES[name] != "thinshell.gaussian" or error.name == _HOMES[name]:
                raise
            sentence = f"thinshell.{name} needs {error.name}, which is not installed: pip install 'thinshell[gaussian]'"
            raise ModuleNotFoundError(sentence, name=error.name) from error
    try:
        # ts.statistics, ts.sketch, ...: rooms are reached without a second import statement.
        return importlib.import_module(f"thinshell.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"thinshell.{name}":
            raise
        raise AttributeError(f"module 'thinshell' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted(__all__)
