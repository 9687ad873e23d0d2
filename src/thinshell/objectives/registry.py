"""Objectives by their names, for configurations."""

from __future__ import annotations

import inspect

from thinshell.errors import unknown_name
from thinshell.objectives._objective import Objective
from thinshell.objectives.alignment_uniformity import AlignmentUniformity
from thinshell.objectives.barlow_twins import BarlowTwins
from thinshell.objectives.decoupled import DecoupledContrastive
from thinshell.objectives.infonce import InfoNCE
from thinshell.objectives.ntxent import NTXent
from thinshell.objectives.sigreg import SIGReg
from thinshell.objectives.supcon import SupCon
from thinshell.objectives.vicreg import VICReg

__all__ = ["OBJECTIVES", "create_objective"]

OBJECTIVES: dict[str, type[Objective]] = {
    "infonce": InfoNCE,
    "ntxent": NTXent,
    "supcon": SupCon,
    "decoupled": DecoupledContrastive,
    "barlow_twins": BarlowTwins,
    "vicreg": VICReg,
    "sigreg": SIGReg,
    "alignment_uniformity": AlignmentUniformity,
}


def create_objective(name: str, **options: object) -> Objective:
    """Make an objective from its name.

    Parameters
    ----------
    name : str
        "infonce", "ntxent", "supcon", "decoupled", "barlow_twins", "vicreg", "sigreg" or "alignment_uniformity".
    **options
        What its class takes.

    Returns
    -------
    nn.Module
        To be called with ``(z0, z1, labels)``.

    Raises
    ------
    InputError
        An unknown name or option (the nearest one is named), or a value out of its range.

    Examples
    --------
    >>> create_objective("infonce", temperature=0.5, symmetric=True)
    InfoNCE(temperature=0.5, chunk_size=None)
    >>> create_objective("info_nce")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: objective must be one of 'alignment_uniformity', ..., got 'info_nce'; did you mean
    'infonce'?
    """
    if name not in OBJECTIVES:
        raise unknown_name("objective", name, OBJECTIVES)
    kind = OBJECTIVES[name]
    allowed = [parameter for parameter in inspect.signature(kind.__init__).parameters if parameter != "self"]
    for option in options:
        if option not in allowed:
            raise unknown_name(f"an option of objective {name!r}", option, allowed)
    return kind(**options)  # type: ignore[arg-type]
