"""Frozen features judged by their nearest neighbours."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import normalize

from thinshell.errors import InputError
from thinshell.monitoring.labelled import labelled

__all__ = ["knn_accuracy"]

# Cosines of one block of test rows with all training rows: 64 MiB of float32.
_BLOCK_VALUES = 2**24


def knn_accuracy(
    train_features: Any,
    train_labels: Any,
    test_features: Any,
    test_labels: Any,
    *,
    k: int = 20,
    temperature: float = 0.07,
) -> float:
    """Classify test rows by a vote of their nearest training rows in cosine similarity.

    Each of the `k` nearest votes for its class with weight ``exp(cosine / temperature)``, as in Wu et al. (2018),
    who take 200 neighbours and a temperature of .07; 20 neighbours serve small data sets, too.

    Parameters
    ----------
    train_features, test_features : array_like or Tensor of shape (n_samples, n_features)
        Any float type; normalised here. An all-zero row has cosine 0 with every other.
    train_labels, test_labels : array_like or Tensor of shape (n_samples,)
        Whole numbers. A test label that training lacks counts as wrong.
    k : int
        At most the number of training rows.
    temperature : float
        Positive; large values make it a plain majority.

    Returns
    -------
    float
        Share of test rows classified rightly, in [0, 1].

    Raises
    ------
    InputError
        If shapes do not fit, a value is not finite, there is one class only, or an option is out of its range.
    InputTypeError
        If labels are not whole numbers.

    Notes
    -----
    Test rows are compared block by block, on the device of `train_features`: memory grows with the number of training
    rows, not with the product.

    References
    ----------
    Wu, Xiong, Yu & Lin (2018), "Unsupervised feature learning via non-parametric instance discrimination", Section 3.4.

    Examples
    --------
    >>> features = [[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, 0.2]]
    >>> knn_accuracy(features, [0, 0, 1, 1], [[2.0, 0.0], [-3.0, 0.1]], [0, 1], k=2)
    1.0
    """
    data = labelled(train_features, train_labels, test_features, test_labels)
    if not 1 <= k <= len(data.train):
        raise InputError(f"k must lie between 1 and the {len(data.train):,} training rows, got {k}")
    if not temperature > 0:
        raise InputError(f"temperature must be a positive number, got {temperature}; the usual value is .07")
    bank = normalize(data.train, dim=1)
    right = 0
    step = max(1, _BLOCK_VALUES // len(bank))
    for rows, labels in zip(data.test.split(step), data.test_labels.split(step), strict=True):
        cosines, places = (normalize(rows, dim=1) @ bank.T).topk(k, dim=1)
        votes = torch.zeros(len(rows), data.n_classes, dtype=bank.dtype, device=bank.device)
        # Less 1, the largest cosine: weights of any temperature stay finite.
        votes.scatter_add_(1, data.train_labels[places], ((cosines - 1.0) / temperature).exp())
        right += int((votes.argmax(dim=1) == labels).sum())
    return right / len(data.test)
