"""Objectives for training encoders: torch modules called with ``(z0, z1, labels=None)`` that return a scalar.

`InfoNCE` and its relatives see directions only; `BarlowTwins`, `VICReg`, `SIGReg` and `GaussianPrior` see the
embeddings as they are. All work under autocast, in several processes with ``gather_distributed=True``, and say in one
sentence what is wrong with their input.
"""

from thinshell.objectives.alignment_uniformity import AlignmentUniformity
from thinshell.objectives.barlow_twins import BarlowTwins
from thinshell.objectives.decoupled import DecoupledContrastive
from thinshell.objectives.entropy import entropy_gaussian, entropy_knn, entropy_polar
from thinshell.objectives.gaussian_prior import GaussianPrior
from thinshell.objectives.infonce import InfoNCE
from thinshell.objectives.ntxent import NTXent
from thinshell.objectives.registry import OBJECTIVES, create_objective
from thinshell.objectives.regularized import Regularized
from thinshell.objectives.sigreg import SIGReg
from thinshell.objectives.supcon import SupCon
from thinshell.objectives.vicreg import VICReg

__all__ = [
    "OBJECTIVES",
    "AlignmentUniformity",
    "BarlowTwins",
    "DecoupledContrastive",
    "GaussianPrior",
    "InfoNCE",
    "NTXent",
    "Regularized",
    "SIGReg",
    "SupCon",
    "VICReg",
    "create_objective",
    "entropy_gaussian",
    "entropy_knn",
    "entropy_polar",
]
