"""Features with labels, checked once for every downstream score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError

__all__ = ["Labelled", "labelled"]


@dataclass(frozen=True)
class Labelled:
    """Training and test features on one device, and labels counted from 0.

    Attributes
    ----------
    train, test : Tensor of shape (n_samples, n_features), float32 or float64
    train_labels, test_labels : Tensor of shape (n_samples,), int64
        Places in the list of the labels of training; -1 in the test set for one that training lacks.
    n_classes : int
    """

    train: Tensor
    test: Tensor
    train_labels: Tensor
    test_labels: Tensor
    n_classes: int


def labelled(train_features: Any, train_labels: Any, test_features: Any, test_labels: Any) -> Labelled:
    """Return both sets as tensors on the device of `train_features`."""
    train = _features("train_features", train_features)
    test = _features("test_features", test_features).to(train)
    if train.shape[1] != test.shape[1]:
        raise InputError(
            f"train_features and test_features must have the same columns, got {train.shape[1]} and "
            f"{test.shape[1]}; embed both with one encoder"
        )
    known = _labels("train_labels", train_labels, train)
    asked = _labels("test_labels", test_labels, test)
    classes, places = torch.unique(known, return_inverse=True)
    if len(classes) < 2:
        raise InputError(f"train_labels must hold at least two classes, got {len(classes)}; there is nothing to tell")
    found = torch.searchsorted(classes, asked).clamp_(max=len(classes) - 1)
    return Labelled(train, test, places, torch.where(classes[found] == asked, found, -1), len(classes))


def _features(name: str, values: Any) -> Tensor:
    rows = torch.as_tensor(values).detach()
    if rows.ndim != 2 or not len(rows):
        raise InputError(f"{name} must have shape (n_samples, n_features), got shape {tuple(rows.shape)}")
    if rows.is_complex():
        raise InputTypeError(f"{name} must hold real numbers, got dtype {rows.dtype}; convert it first")
    if rows.device.type == "mps":  # which lacks float64
        rows = rows.cpu()
    rows = rows if rows.dtype in (torch.float32, torch.float64) else rows.float()
    if not bool(torch.isfinite(rows).all()):
        count = int((~torch.isfinite(rows).all(dim=1)).sum())
        raise InputError(f"{name} must be finite, got NaN or infinity in {count:,} of {len(rows):,} rows; drop them")
    return rows


def _labels(name: str, values: Any, features: Tensor) -> Tensor:
    labels = torch.as_tensor(values, device=features.device)
    if labels.is_floating_point() or labels.is_complex():
        raise InputTypeError(f"{name} must be whole numbers, got dtype {labels.dtype}; number the classes")
    if labels.shape != (len(features),):
        raise InputError(f"{name} must hold one label a row, shape ({len(features)},), got shape {tuple(labels.shape)}")
    return labels.long()
