"""Training encoders with InfoNCE and its relatives: data, views, encoders, runs that resume.

Needs the `train` extra: ``pip install thinshell[train]``.
"""

from thinshell.training.arrays import array_file
from thinshell.training.augmentations import CropFlip, SimCLRAugmentation
from thinshell.training.batches import epoch_order
from thinshell.training.channels import BitFlips, ComponentDraws, GaussianChannel
from thinshell.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from thinshell.training.cifar10 import cifar10
from thinshell.training.config import TrainConfig, load_config
from thinshell.training.data import SAMPLES, create_samples
from thinshell.training.download import download
from thinshell.training.downstream import downstream_scores
from thinshell.training.embedding import embed
from thinshell.training.encoders import ENCODERS, LinearEncoder, MLPEncoder, create_encoder, projection_head
from thinshell.training.fit import FitResult, fit
from thinshell.training.images import image_folder
from thinshell.training.modules import ContrastiveModule, SupervisedModule
from thinshell.training.optimizers import learning_rate_factor, make_optimizer
from thinshell.training.pixels import CIFAR10_MEAN, CIFAR10_STD, as_floats
from thinshell.training.portable import load_encoder, save_encoder
from thinshell.training.randomness import generator_of, seed_of
from thinshell.training.resnet import ResNet
from thinshell.training.run import RunResult, run
from thinshell.training.samples import Samples
from thinshell.training.synthetic import gaussian_mixture, laplace, mixture_means, sparse_binary
from thinshell.training.views import VIEWS, create_views

__all__ = [
    "CIFAR10_MEAN",
    "CIFAR10_STD",
    "ENCODERS",
    "SAMPLES",
    "VIEWS",
    "BitFlips",
    "ComponentDraws",
    "ContrastiveModule",
    "CropFlip",
    "FitResult",
    "GaussianChannel",
    "LinearEncoder",
    "MLPEncoder",
    "ResNet",
    "RunResult",
    "Samples",
    "SimCLRAugmentation",
    "SupervisedModule",
    "TrainConfig",
    "array_file",
    "as_floats",
    "cifar10",
    "create_encoder",
    "create_samples",
    "create_views",
    "download",
    "downstream_scores",
    "embed",
    "epoch_order",
    "fit",
    "gaussian_mixture",
    "generator_of",
    "image_folder",
    "laplace",
    "latest_checkpoint",
    "learning_rate_factor",
    "load_checkpoint",
    "load_config",
    "load_encoder",
    "make_optimizer",
    "mixture_means",
    "projection_head",
    "run",
    "save_checkpoint",
    "save_encoder",
    "seed_of",
    "sparse_binary",
]
