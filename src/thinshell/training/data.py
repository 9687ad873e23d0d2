"""Data sets by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from thinshell.errors import unknown_name
from thinshell.training.arrays import array_file
from thinshell.training.cifar10 import cifar10
from thinshell.training.images import image_folder
from thinshell.training.samples import Samples
from thinshell.training.synthetic import gaussian_mixture, laplace, sparse_binary

__all__ = ["SAMPLES", "create_samples"]

SAMPLES: dict[str, Callable[..., Samples]] = {
    "laplace": laplace,
    "gaussian_mixture": gaussian_mixture,
    "sparse_binary": sparse_binary,
    "cifar10": cifar10,
    "images": image_folder,
    "array": array_file,
}


def create_samples(name: str, **options: Any) -> Samples:
    """Return a data set.

    Parameters
    ----------
    name : str
        ``"laplace"``, ``"gaussian_mixture"``, ``"sparse_binary"``, ``"cifar10"``, ``"images"`` (a folder) or
        ``"array"`` (any file of arrays).
    **options
        Arguments of the function of that name; see :data:`SAMPLES`.

    Returns
    -------
    Samples

    Raises
    ------
    InputError
        For an unknown name or option (with the nearest one), or as the function says.

    Examples
    --------
    >>> create_samples("laplace", n_train=10, n_test=5, n_features=4).train.shape
    torch.Size([10, 4])
    """
    if name not in SAMPLES:
        raise unknown_name("data", name, SAMPLES)
    allowed = list(inspect.signature(SAMPLES[name]).parameters)
    for option in options:
        if option not in allowed:
            raise unknown_name(f"the option of data {name!r}", option, allowed)
    return SAMPLES[name](**options)
