"""Encoders of timm and open_clip, where these are installed; they bring torchvision, which thinshell does without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.pretrained.encoder import Choices, Encoder
from thinshell.pretrained.names import ModelName

__all__ = ["OpenClipEncoder", "TimmEncoder"]


class TimmEncoder(Encoder):
    """A picture model of timm without its classifier: the pooled features before it.

    Parameters
    ----------
    name : ModelName
        Architecture and weights as timm writes them, ``densenet121.ra_in1k``, or a local folder.
    choices : Choices
        ``pooling="auto"`` is the model's own pooling; "cls" and "mean" pool its unpooled features.

    Raises
    ------
    InputError
        If timm is not installed, or has no such model.
    """

    modality = "image"

    def __init__(self, name: ModelName, choices: Choices) -> None:
        try:
            import timm  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:  # torchvision beside another torch raises RuntimeError
            raise InputError(_needs("timm", error)) from error
        if choices.modality != "image":
            raise InputError(
                f"timm:{name.name} takes pictures, and the data are texts; name another model or other data"
            )
        if choices.layer is not None or choices.pooling not in ("auto", "pooler", "cls", "mean"):
            raise InputError(
                "a model of timm gives its last features: pooling 'auto', 'pooler', 'cls' or 'mean', and no layer"
            )
        try:
            network = timm.create_model(
                f"local-dir:{name.path}" if name.path else name.name, pretrained=True, num_classes=0
            )
        except Exception as error:  # unknown names, no network, damaged files: each raises its own
            raise InputError(f"timm:{name.name} cannot be made ({' '.join(str(error).split())[:200]})") from error
        self.network = network.eval().requires_grad_(False)
        settings = timm.data.resolve_model_data_config(network)
        self._transform = timm.data.create_transform(**settings, is_training=False)
        self.pooling = "pooler" if choices.pooling == "auto" else choices.pooling
        self.normalize = bool(choices.normalize)
        self.facts = {
            "library": "timm",
            "class": type(network).__name__,
            "layer": "last",
            "pooling": self.pooling,
            "normalized": self.normalize,
            "preprocessing": {key: str(value) for key, value in settings.items()},
        }

    def examples(self, items: Sequence[Any]) -> list[Tensor]:
        """Transform as timm does for evaluation."""
        return [self._transform(picture) for picture in items]

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Stack the pictures."""
        return {"pixel_values": torch.stack(list(examples))}

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Return the features before the classifier."""
        network: Any = self.network
        pixels = batch["pixel_values"].to(device, non_blocking=True)
        if self.pooling == "pooler":
            rows = network(pixels)
        else:
            features = network.forward_features(pixels)
            if features.ndim == 4:
                if self.pooling == "cls":
                    raise InputError(
                        "pooling 'cls' does not fit a convolutional network, which has no tokens; use 'mean'"
                    )
                rows = features.mean(dim=(2, 3))
            else:
                special = int(getattr(network, "num_prefix_tokens", 1))
                rows = features[:, 0] if self.pooling == "cls" else features[:, special:].mean(dim=1)
        rows = rows.float()
        return torch.nn.functional.normalize(rows) if self.normalize else rows


class OpenClipEncoder(Encoder):
    """A tower of a model of open_clip, projected.

    Parameters
    ----------
    name : ModelName
        ``architecture/weights`` as open_clip lists them, a hub model ``hf-hub:owner/name``, or a local folder.
    choices : Choices
        The tower; only the projection is offered.

    Raises
    ------
    InputError
        If open_clip is not installed, or has no such model.
    """

    def __init__(self, name: ModelName, choices: Choices) -> None:
        try:
            import open_clip  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:
            raise InputError(_needs("open_clip", error, "open_clip_torch")) from error
        if choices.layer is not None or choices.pooling not in ("auto", "projection"):
            raise InputError("a model of open_clip gives its projection: leave layer and pooling out")
        architecture, _, weights = name.name.partition("/")
        whole = f"local-dir:{name.path}" if name.path else name.name
        by_name = (whole, None) if ":" in whole else (architecture, weights or None)
        if by_name[1] is None and ":" not in by_name[0]:
            raise InputError(
                f"open_clip:{name.name} names no weights, which would stay random; write "
                f"open_clip:{architecture}/laion2b_s34b_b79k or another of open_clip.list_pretrained()"
            )
        try:
            network, _, self._transform = open_clip.create_model_and_transforms(by_name[0], pretrained=by_name[1])
            self._tokenizer = open_clip.get_tokenizer(by_name[0])
        except Exception as error:  # unknown names, no network, damaged files: each raises its own
            raise InputError(f"open_clip:{name.name} cannot be made ({' '.join(str(error).split())[:200]})") from error
        self.network = network.eval().requires_grad_(False)
        self.modality = choices.modality
        self.normalize = bool(choices.normalize)
        self.facts = {
            "library": "open_clip",
            "class": type(network).__name__,
            "tower": self.modality,
            "layer": "last",
            "pooling": "projection",
            "normalized": self.normalize,
            "preprocessing": {"transform": " ".join(str(self._transform).split())} if self.modality == "image" else {},
        }

    def examples(self, items: Sequence[Any]) -> list[Tensor]:
        """Transform or tokenize as open_clip does."""
        if self.modality == "image":
            return [self._transform(picture) for picture in items]
        return list(self._tokenizer(list(items)))

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Stack what all has one size."""
        return {"inputs": torch.stack(list(examples))}

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Return the projected rows of a tower."""
        network: Any = self.network
        tower = network.encode_image if self.modality == "image" else network.encode_text
        rows = tower(batch["inputs"].to(device, non_blocking=True)).float()
        return torch.nn.functional.normalize(rows) if self.normalize else rows


def _needs(library: str, error: Exception, package: str | None = None) -> str:
    return (
        f"a model of {library} needs {library}, which cannot be imported here ({' '.join(str(error).split())[:120]}); "
        f"run: pip install {package or library}"
    )
