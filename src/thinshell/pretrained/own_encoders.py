"""Encoders that thinshell trained, and functions of the user's own."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError, InputTypeError
from thinshell.pretrained.encoder import Choices, Encoder

__all__ = ["CallableEncoder", "TrainedEncoder", "named_function"]


class TrainedEncoder(Encoder):
    """The encoder of a training run of thinshell's, on pictures of the size it was trained on.

    Parameters
    ----------
    path : Path
        The folder of a run, or its ``encoder.safetensors``.
    choices : Choices
        Neither layer nor pooling: the encoder's output is what was trained.

    Raises
    ------
    InputError
        If the file is no encoder of thinshell's, or takes no pictures.
    """

    modality = "image"

    def __init__(self, path: Path, choices: Choices) -> None:
        from thinshell.training import load_encoder

        if choices.modality != "image":
            raise InputError(f"{path} takes pictures, and the data are texts; name another model or other data")
        if choices.layer is not None or choices.pooling != "auto":
            raise InputError("an encoder of thinshell's gives its output: leave layer and pooling out")
        file = path / "encoder.safetensors" if path.is_dir() else path
        network = load_encoder(file)
        size = _side(file)
        self.network = network.requires_grad_(False)
        self._size = size
        self.normalize = bool(choices.normalize)
        self.facts = {
            "library": "thinshell",
            "class": type(network).__name__,
            "layer": "output",
            "pooling": "none",
            "normalized": self.normalize,
            "preprocessing": {"size": size, "resample": "bicubic, cut around the middle"},
        }

    def examples(self, items: Sequence[Any]) -> list[Tensor]:
        """Scale and cut around the middle to the size it was trained on, as bytes."""
        from PIL import Image, ImageOps

        fitted = (
            item
            if item.size == (self._size, self._size)
            else ImageOps.fit(item, (self._size, self._size), method=Image.Resampling.BICUBIC)
            for item in items
        )
        return [torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy()) for picture in fitted]

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Stack the pictures."""
        return {"pixel_values": torch.stack(list(examples))}

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Return the encoder's output."""
        from thinshell.training.pixels import as_floats

        assert self.network is not None
        rows = self.network(as_floats(batch["pixel_values"].to(device, non_blocking=True))).float()
        return torch.nn.functional.normalize(rows) if self.normalize else rows


class CallableEncoder(Encoder):
    """A function from a list of pictures (PIL, RGB) or texts to an array of one row each.

    Parameters
    ----------
    function : callable
        Does preprocessing and computing; its result is taken as it is.
    name : str
        For the facts.
    choices : Choices
        Neither layer nor pooling.

    Raises
    ------
    InputError, InputTypeError
        If layer or pooling are given, or on `encode` if the function returns something else.
    """

    def __init__(self, function: Callable[[list[Any]], Any], name: str, choices: Choices) -> None:
        if choices.layer is not None or choices.pooling != "auto":
            raise InputError("a function of your own gives what it gives: leave layer and pooling out")
        self._function, self._name = function, name
        self.modality = choices.modality
        self.normalize = bool(choices.normalize)
        self.facts = {
            "library": "python",
            "class": name,
            "layer": "output",
            "pooling": "none",
            "normalized": self.normalize,
            "preprocessing": {},
        }

    def examples(self, items: Sequence[Any]) -> list[Any]:
        """Leave them to the function."""
        return list(items)

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Any]:
        """Leave them to the function."""
        return {"items": list(examples)}

    def encode(self, batch: Mapping[str, Any], device: torch.device) -> Tensor:
        """Call the function and look at what it returns."""
        items = batch["items"]
        rows = self._function(items)
        rows = rows.detach() if isinstance(rows, Tensor) else torch.from_numpy(np.array(rows, dtype=np.float32))
        if rows.ndim != 2 or len(rows) != len(items):
            raise InputTypeError(
                f"{self._name} must return one row an item, shape ({len(items)}, n_features), got shape "
                f"{tuple(rows.shape)}"
            )
        rows = rows.float()
        return torch.nn.functional.normalize(rows) if self.normalize else rows


def named_function(name: str) -> Callable[[list[Any]], Any]:
    """Import ``package.module:function``.

    Raises
    ------
    InputError
        If there is no such module or function.

    Examples
    --------
    >>> named_function("builtins:list")
    <class 'list'>
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"python:{name} must be python:package.module:function; the function is missing")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"python:{name} cannot be imported ({error}); start where the module can be found") from error
    if not callable(function):
        raise InputTypeError(f"python:{name} must be a function, got {type(function).__name__}")
    return function


def _side(file: Path) -> int:
    """Return the width of the pictures that an encoder was trained on."""
    from safetensors import safe_open

    from thinshell.training.portable import METADATA

    with safe_open(file, framework="pt") as opened:
        n_inputs = json.loads(opened.metadata()[METADATA]).get("n_inputs") or 0
    side = round((n_inputs / 3) ** 0.5)
    if 3 * side * side != n_inputs:
        raise InputError(
            f"{file} was trained on rows of {n_inputs} numbers, not on square RGB pictures; thinshell embeds these"
        )
    return side
