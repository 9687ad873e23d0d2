"""The experiments by name. A new one is a file with an `Experiment` record, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from thinshell.errors import unknown_name
from thinshell.experiments.experiment import Experiment

__all__ = ["EXPERIMENTS", "Registry"]

# Where each is defined, in the order of the list that `thinshell reproduce --list` prints.
_HOMES = {
    "table1": "thinshell.experiments.table1:TABLE1",
    "table1-choices": "thinshell.experiments.table1_choices:TABLE1_CHOICES",
    "table2": "thinshell.experiments.table2:TABLE2",
    "fig2": "thinshell.experiments.fig2:FIG2",
    "fig3": "thinshell.experiments.fig3:FIG3",
    "fig4": "thinshell.experiments.fig4:FIG4",
    "fig11": "thinshell.experiments.fig11:FIG11",
    "regulariser": "thinshell.experiments.regulariser:REGULARISER",
    "cifar10": "thinshell.experiments.cifar10:CIFAR10",
    "cifar10-resnet18": "thinshell.experiments.cifar10:CIFAR10_RESNET18",
    "cifar10-choices": "thinshell.experiments.cifar_choices:CIFAR10_CHOICES",
    "ood": "thinshell.experiments.ood:OOD",
}


class Registry(Mapping[str, Experiment]):
    """Experiments by name, imported when they are asked for.

    Parameters
    ----------
    homes : mapping of str to str
        Name and place, as ``"module:ATTRIBUTE"``.

    Examples
    --------
    >>> "table1" in EXPERIMENTS, EXPERIMENTS["table1"].place
    (True, 'Table 1')
    """

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = dict(homes)

    def __getitem__(self, name: str) -> Experiment:
        """Return the experiment, or raise InputError with the nearest name."""
        if name not in self._homes:
            raise unknown_name("experiment", name, self._homes)
        module, attribute = self._homes[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


EXPERIMENTS = Registry(_HOMES)
