"""What the paper prints, read from the one file that holds it."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from thinshell.errors import unknown_name

__all__ = ["TABLE1_NUMBERS", "paper_values", "table1_column"]

# The five numbers of a column of Table 1, in the paper's order.
TABLE1_NUMBERS = ("cv", "ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share")


def paper_values() -> dict[str, Any]:
    """Return every number that we know the paper to print, each block with its place.

    Returns
    -------
    dict
        Keys ``"source"``, ``"table1"``, ``"table2"``, ``"fig2"``, ``"fig3"``, ``"fig4"``, ``"fig6"``, ``"fig11"`` and
        ``"stated"`` (sizes, augmentations and optimiser, as far as the paper states them). Shares lie in [0, 1]. The
        dictionary is yours to change.

    References
    ----------
    Betser et al. (ICLR 2026), Tables 1 and 2, Figures 2, 3, 4, 6 and 11, Section 5 and appendix.

    Examples
    --------
    >>> values = paper_values()
    >>> values["table1"]["columns"]["laplace"]["ad_avg"], values["fig11"]["place"]
    (0.38, 'Figure 11')
    """
    return copy.deepcopy(_read())


def table1_column(name: str) -> dict[str, Any]:
    """Return one column of the paper's Table 1.

    Parameters
    ----------
    name : str
        ``"laplace"``, ``"gmm"``, ``"binary-e0"``, ``"binary-e50"``, ``"binary-e100"``, ``"cifar-supervised"`` or
        ``"cifar-contrastive"``.

    Returns
    -------
    dict
        `label`, `gaussian` and the five numbers of ``TABLE1_NUMBERS``.

    Raises
    ------
    InputError
        For another name.

    Examples
    --------
    >>> table1_column("binary-e0")["cv"]
    0.36
    """
    columns = paper_values()["table1"]["columns"]
    if name not in columns:
        raise unknown_name("column", name, columns)
    return columns[name]


@lru_cache(maxsize=1)
def _read() -> dict[str, Any]:
    text = files("thinshell.experiments").joinpath("paper_values.json").read_text(encoding="utf-8")
    return json.loads(text)
