"""One process of a distributed run over gloo, for `test_objectives_distributed.py`.

Called with rank, number of ranks, a file to meet in and a file to write. Rank 0 also computes the full batch alone.
"""

import sys

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from thinshell.errors import InputError
from thinshell.objectives import (
    AlignmentUniformity,
    BarlowTwins,
    DecoupledContrastive,
    GaussianPrior,
    InfoNCE,
    NTXent,
    Regularized,
    SIGReg,
    SupCon,
    VICReg,
)

N_LOCAL, N_INPUTS, N_FEATURES = 9, 5, 4

CASES = {
    "infonce": lambda g: InfoNCE(0.3, gather_distributed=g),
    "infonce_tiles": lambda g: InfoNCE(0.3, chunk_size=4, gather_distributed=g),
    "infonce_learnt": lambda g: InfoNCE(
        0.3, symmetric=True, learnable_temperature=True, chunk_size=4, gather_distributed=g
    ),
    "infonce_symmetric": lambda g: InfoNCE(0.3, symmetric=True, gather_distributed=g),
    "ntxent": lambda g: NTXent(0.3, learnable_temperature=True, gather_distributed=g),
    "ntxent_tiles": lambda g: NTXent(0.3, chunk_size=5, gather_distributed=g),
    "supcon": lambda g: SupCon(0.3, gather_distributed=g),
    "supcon_tiles": lambda g: SupCon(0.3, chunk_size=5, learnable_temperature=True, gather_distributed=g),
    "decoupled": lambda g: DecoupledContrastive(0.3, gather_distributed=g),
    "barlow_twins": lambda g: BarlowTwins(gather_distributed=g),
    "vicreg": lambda g: VICReg(gather_distributed=g),
    "sigreg": lambda g: SIGReg(0.5, n_slices=6, gather_distributed=g),
    "sigreg_unbiased": lambda g: SIGReg(0.5, n_slices=6, estimator="unbiased", gather_distributed=g),
    "alignment_uniformity": lambda g: AlignmentUniformity(1.5, chunk_size=4, gather_distributed=g),
    "prior_polar": lambda g: GaussianPrior(0.5, 0.3, gather_distributed=g),
    "prior_knn": lambda g: GaussianPrior(0.5, 0.3, entropy="knn", gather_distributed=g),
    "prior_gaussian": lambda g: GaussianPrior(0.5, 0.3, entropy="gaussian", gather_distributed=g),
    "regularized": lambda g: Regularized(InfoNCE(gather_distributed=g), GaussianPrior(gather_distributed=g)),
}


class Training(torch.nn.Module):
    """A shared encoder with its objective inside, as DistributedDataParallel wants them."""

    def __init__(self, objective):
        super().__init__()
        torch.manual_seed(1)
        self.encoder = torch.nn.Linear(N_INPUTS, N_FEATURES, dtype=torch.float64)
        self.objective = objective.double()
        self.views = ()

    def forward(self, x0, x1, labels):
        self.views = self.encoder(x0), self.encoder(x1)
        for z in self.views:
            z.retain_grad()
        return self.objective(*self.views, labels)


def batch(world):
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, world * N_LOCAL, N_INPUTS, dtype=torch.float64, generator=generator)
    return x0, x0 + 0.3 * noise, torch.arange(world * N_LOCAL) % 4


def run(model, training, rows, data):
    value = model(*(x[rows] for x in data))
    value.backward()
    found = {"value": value, "z0": training.views[0].grad, "z1": training.views[1].grad}
    found |= {name: parameter.grad for name, parameter in training.named_parameters()}
    return {key: tensor.detach().numpy() for key, tensor in found.items()}


def unequal_batches_are_refused_everywhere(rank):
    z = torch.randn(4 + rank, 3)
    try:
        InfoNCE(gather_distributed=True)(z, z)
    except InputError as error:
        return str(error)
    return "nothing"


def main(rank, world, meeting_file, output):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting_file}", rank=rank, world_size=world)
    data = batch(world)
    results = {"refusal": np.array(unequal_batches_are_refused_everywhere(rank))}
    mine = slice(rank * N_LOCAL, (rank + 1) * N_LOCAL)
    for name, make in CASES.items():
        training = Training(make(True))
        found = run(DistributedDataParallel(training), training, mine, data)
        if rank == 0:
            alone = Training(make(False))
            found |= {f"full.{key}": value for key, value in run(alone, alone, slice(None), data).items()}
        results |= {f"{name}.{key}": value for key, value in found.items()}
    np.savez(output, **results)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
