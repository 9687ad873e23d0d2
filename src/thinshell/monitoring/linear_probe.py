"""Frozen features judged by a linear classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, nll_loss, one_hot

from thinshell.errors import InputError
from thinshell.monitoring.labelled import labelled
from thinshell.monitoring.rows import sampled_rows

__all__ = ["linear_probe_accuracy"]

# Values of one block of training rows in float64: 64 MiB.
_BLOCK_VALUES = 2**23
# Gradient and change of the loss that L-BFGS stops at, far below what moves an accuracy.
_GRADIENT, _CHANGE = 1e-6, 1e-10


def linear_probe_accuracy(
    train_features: Any,
    train_labels: Any,
    test_features: Any,
    test_labels: Any,
    *,
    weight_decay: float = 1e-3,
    max_iterations: int = 200,
    max_samples: int | None = None,
    seed: int = 0,
) -> float:
    """Classify test rows by multinomial logistic regression on standardised features.

    The mean cross-entropy plus ``weight_decay / 2 |W|^2`` (the intercepts are free) is minimised over all rows at once
    by L-BFGS from zero: a convex problem with one solution, in which nothing is random. Features get mean 0 and
    variance 1 by the training rows; constant ones are left at 0.

    Parameters
    ----------
    train_features, test_features : array_like or Tensor of shape (n_samples, n_features)
        Any float type.
    train_labels, test_labels : array_like or Tensor of shape (n_samples,)
        Whole numbers. A test label that training lacks counts as wrong.
    weight_decay : float
        At least 0. scikit-learn's ``LogisticRegression(C=c)`` is ``weight_decay = 1 / (c n_samples)``; the default is
        its default for 1,000 rows.
    max_iterations : int
        Of L-BFGS, at least 1.
    max_samples : int, optional
        Training rows used at most.
    seed : int
        Draws them.

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
    Computed in float64 and in blocks of rows, on the device of `train_features`.

    References
    ----------
    Liu & Nocedal (1989), "On the limited memory BFGS method", Mathematical Programming 45; Chen et al. (2020), "A
    simple framework for contrastive learning", Appendix B.8.1 (the protocol: frozen features, L-BFGS, L2).

    Examples
    --------
    >>> features, labels = [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]], [0, 0, 1, 1]
    >>> linear_probe_accuracy(features, labels, [[0.5, 1.0], [9.0, 1.0]], [0, 1])
    1.0
    """
    if not weight_decay >= 0:
        raise InputError(f"weight_decay must be at least 0, got {weight_decay}; the usual value is 1e-3")
    for name, value in (("max_iterations", max_iterations), ("max_samples", max_samples)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, got {value}")
    data = labelled(train_features, train_labels, test_features, test_labels)
    rows = sampled_rows(len(data.train), max_samples, seed)
    train, labels = data.train[rows], data.train_labels[rows]
    mean, scale = _standardisation(train)
    weights = _fit(train, labels, data.n_classes, mean, scale, weight_decay, max_iterations)
    right = 0
    for part, truth in zip(_blocks(data.test), _blocks(data.test_labels, data.test.shape[1]), strict=True):
        right += int((_logits((part.double() - mean) * scale, weights).argmax(dim=1) == truth).sum())
    return right / len(data.test)


def _blocks(rows: Tensor, width: int | None = None) -> tuple[Tensor, ...]:
    return rows.split(max(1, _BLOCK_VALUES // (width or rows.shape[1])))


def _standardisation(train: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and inverse standard deviation of each column, 0 where it is constant."""
    total = sum((part.double().sum(dim=0) for part in _blocks(train)), torch.zeros((), device=train.device))
    mean = total / len(train)
    squares = sum(((part.double() - mean).square().sum(dim=0) for part in _blocks(train)), torch.zeros_like(mean))
    std = (squares / len(train)).sqrt()
    # What rounding the mean leaves of a constant column.
    constant = std <= 4 * torch.finfo(torch.float64).eps * mean.abs()
    return mean, torch.where(constant, 0.0, 1.0 / torch.where(constant, 1.0, std))


def _logits(rows: Tensor, weights: Tensor) -> Tensor:
    return rows @ weights[:-1] + weights[-1]


def _fit(
    train: Tensor,
    labels: Tensor,
    n_classes: int,
    mean: Tensor,
    scale: Tensor,
    weight_decay: float,
    max_iterations: int,
) -> Tensor:
    """Return weights of shape (n_features + 1, n_classes), the intercepts last."""
    width = train.shape[1]
    weights = torch.zeros(width + 1, n_classes, dtype=torch.float64, device=train.device)
    optimizer = torch.optim.LBFGS(
        [weights],
        max_iter=max_iterations,
        tolerance_grad=_GRADIENT,
        tolerance_change=_CHANGE,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    # The gradient is written out: it is short, and works where callers have switched gradients off.
    def closure() -> Tensor:
        gradient = weight_decay * weights
        gradient[-1] = 0.0
        loss = 0.5 * (gradient * weights).sum()
        for part, truth in zip(_blocks(train), _blocks(labels, width), strict=True):
            rows = (part.double() - mean) * scale
            logs = log_softmax(_logits(rows, weights), dim=1)
            loss = loss + nll_loss(logs, truth, reduction="sum") / len(train)
            residual = (logs.exp() - one_hot(truth, n_classes)) / len(train)
            gradient[:-1] += rows.T @ residual
            gradient[-1] += residual.sum(dim=0)
        weights.grad = gradient
        return loss

    optimizer.step(closure)
    return weights
