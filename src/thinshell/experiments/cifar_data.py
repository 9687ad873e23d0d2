"""CIFAR-10 for the experiments: as many pictures as asked for, and a name that says which they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training import Samples, cifar10

__all__ = ["cifar_samples", "pictures_name"]

# Means of red, green and blue over the 50,000 original training pictures, in [0, 1]: the eight digits that training
# recipes have passed on for years (rounded to four they are thinshell.training.CIFAR10_MEAN).
ORIGINAL_MEANS = (0.49139968, 0.48215841, 0.44653091)
# The last digit may be rounded; a lossy re-encoding of the pictures moves the means by 1e-5 and more.
DIGITS = 2e-8


def pictures_name(train: Tensor) -> str:
    """Return what to call CIFAR-10 pictures beside a number: the originals, or others.

    Parameters
    ----------
    train : Tensor of uint8 of shape (50000, 3, 32, 32)
        All training pictures.

    Returns
    -------
    str
        "CIFAR-10" where the mean of each colour is that of the original pictures to eight digits; else
        "CIFAR-10, re-encoded".

    Examples
    --------
    >>> pictures_name(torch.zeros(4, 3, 32, 32, dtype=torch.uint8))
    'CIFAR-10, re-encoded'
    """
    # Summed as whole numbers: exact.
    sums = torch.stack([train[:, colour].sum(dtype=torch.int64) for colour in range(3)])
    means = sums.double() / (255 * train[:, 0].numel())
    original = torch.tensor(ORIGINAL_MEANS, dtype=torch.float64)
    return "CIFAR-10" if bool(((means - original).abs() < DIGITS).all()) else "CIFAR-10, re-encoded"


def cifar_samples(data_dir: Path | None, n_train: int, n_test: int) -> Samples:
    """Read the first `n_train` training and `n_test` test pictures, in the official order, which is random in class.

    Parameters
    ----------
    data_dir : Path or None
        Where CIFAR-10 lies, see ``thinshell.training.cifar10``.
    n_train, n_test : int
        Up to 50,000 and 10,000.

    Returns
    -------
    Samples
        Its name, and the fact `pictures`, say whether these are the original pictures.

    Raises
    ------
    InputError
        If there is no folder, no CIFAR-10 in it, or a number is out of range.

    Examples
    --------
    >>> cifar_samples(None, 50_000, 10_000)
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: this experiment needs CIFAR-10, got no data_dir; ...
    """
    if data_dir is None:
        raise InputError(
            "this experiment needs CIFAR-10, got no data_dir; name the folder that holds cifar-10-batches-bin/ or "
            "cifar-10-binary.tar.gz (--data-dir DIR)"
        )
    whole = cifar10(data_dir)
    for name, asked, there in (("n_train", n_train, len(whole.train)), ("n_test", n_test, len(whole.test))):
        if not 1 <= asked <= there:
            raise InputError(f"{name} must lie between 1 and the {there:,} pictures of CIFAR-10, got {asked}")
    labels = whole.train_labels, whole.test_labels
    name = pictures_name(whole.train)
    return replace(
        whole,
        name=name,
        train=whole.train[:n_train],
        test=whole.test[:n_test],
        train_labels=None if labels[0] is None else labels[0][:n_train],
        test_labels=None if labels[1] is None else labels[1][:n_test],
        facts={**whole.facts, "n_train": n_train, "n_test": n_test, "pictures": name},
    )
