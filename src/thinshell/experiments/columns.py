"""The columns of Table 1: which there are, and what a column is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from thinshell.errors import unknown_name
from thinshell.experiments.experiment import Choice

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["COLUMNS", "Column", "load_column"]

# Where each column is defined. The modules are light: torch is imported when a column is run.
COLUMNS = {
    "laplace": "thinshell.experiments.synthetic:LAPLACE",
    "gmm": "thinshell.experiments.synthetic:GMM",
    "binary": "thinshell.experiments.synthetic:BINARY",
    "cifar-supervised": "thinshell.experiments.cifar_columns:SUPERVISED",
    "cifar-contrastive": "thinshell.experiments.cifar_columns:CONTRASTIVE",
}


@dataclass(frozen=True)
class Column:
    """One training run whose measurements fill one or more of the paper's columns.

    Attributes
    ----------
    name : str
        As ``--columns`` takes it.
    settings, quick : object
        Frozen dataclasses of one type.
    units : callable
        ``units(settings)``: seconds it is expected to take, for the progress bar.
    run : callable
        ``run(settings, context)`` returns plain data:

        - ``"columns"``: of each of the paper's columns (a key of ``paper_values()["table1"]["columns"]``) the record
          of ``GaussianityCallback`` that belongs beside it;
        - ``"baseline"``: the record before training;
        - ``"records"``: all of them; ``"history"``: of the training;
        - ``"downstream"``: list of dict with layer, epoch, knn, linear_probe; empty without labels;
        - ``"layer"``: which layer was measured, in words; ``"data"``: facts of the data set.
    choices : tuple of Choice
        What the paper leaves unstated; the names are those of the column's settings.
    notes : tuple of str
        What to know before reading the column.
    needs_data : bool
        Whether it reads a data set (``--data-dir``) instead of drawing one.
    """

    name: str
    settings: Any
    quick: Any
    units: Callable[[Any], float]
    run: Callable[[Any, Context], dict[str, Any]]
    choices: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()
    needs_data: bool = False


def load_column(name: str) -> Column:
    """Return a column of Table 1 by name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Column

    Raises
    ------
    InputError
        For an unknown name, with the nearest one.

    Examples
    --------
    >>> load_column("gmm").settings.n_components
    25
    """
    if name not in COLUMNS:
        raise unknown_name("column", name, COLUMNS)
    module, attribute = COLUMNS[name].split(":")
    return getattr(importlib.import_module(module), attribute)
