"""Every experiment at a size with which it ends within seconds, run once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from thinshell.experiments import reproduce

# --doctest-modules would import it a second time and stumble over the conftest.py next door.
collect_ignore = ["conftest.py"]


class Reproduced(NamedTuple):
    """A result and where its files are."""

    result: dict[str, Any]
    folder: Path


def linear(group: str) -> dict[str, Any]:
    """Return a run of a linear encoder of 64 inputs, two epochs long."""
    small = {"n_train": 320, "n_test": 300, "n_inputs": 64, "n_features": 16, "batch_size": 32, "epochs": 2}
    return {f"{group}.{name}": value for name, value in (small | {"every_n_epochs": 1}).items()}


LAWS = linear("laplace") | linear("gmm") | linear("binary") | {"gmm.n_components": 4}
SMALL: dict[str, dict[str, Any]] = {
    "table1": LAWS | {"binary.density": 0.1, "binary.reported": (0, 1, 2)},
    "table1-choices": LAWS
    | {"densities": (0.05, 0.1), "mean_stds": (0.1, 1.0), "dimensions": (8, 16), "samples_per_test": (100, 300)},
    "fig2": linear("run") | {"dimensions": (8, 16), "batch_sizes": (16, 32), "at_batch_size": 32, "at_dimension": 16},
    "fig3": linear("run") | {"dimensions": (8, 32), "batch_sizes": (8, 128)},
    "fig11": linear("run") | {"run.n_features": 32, "dimensions": (8, 16), "strengths": (0.2, 0.5)},
    "regulariser": {
        "run.n_train": 320,
        "run.n_test": 300,
        "run.n_inputs": 16,
        "run.n_hidden": 16,
        "run.batch_size": 64,
        "run.epochs": 2,
        "dimensions": (4, 8),
        "factors": (0.0, 1.0),
    },
}


@pytest.fixture(scope="session")
def small() -> dict[str, dict[str, Any]]:
    """Return the changed settings of each experiment."""
    return SMALL


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reproduced]:
    """Return a function that runs an experiment the first time it is asked for."""
    done: dict[str, Reproduced] = {}

    def reproduced(name: str) -> Reproduced:
        if name not in done:
            out = tmp_path_factory.mktemp("results")
            done[name] = Reproduced(reproduce(name, out=out, settings=SMALL[name]), out / name)
        return done[name]

    return reproduced
