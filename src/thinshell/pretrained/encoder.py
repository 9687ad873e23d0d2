"""What every pretrained encoder offers, whichever library its weights come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

__all__ = ["POOLINGS", "Choices", "Encoder", "Modality", "ProcessedEncoder", "Processor"]

Modality = Literal["image", "text"]
# "auto" is what the model's own files or its kind call for.
POOLINGS = ("auto", "projection", "pooler", "cls", "mean", "last")


@dataclass(frozen=True)
class Choices:
    """How a model's activations become one vector an item.

    Attributes
    ----------
    modality : {"image", "text"}
        The tower, of models that have two.
    pooling : {"auto", "projection", "pooler", "cls", "mean", "last"}
        Of the activations: the model's projection, its own pooled output, the first token, the mean over tokens (text:
        without padding; pictures: without class and register tokens) or the last token.
    layer : int, optional
        Take the hidden states after this block (0: before the first; negative from the end) instead of the output.
    normalize : bool, optional
        Divide rows by their Euclidean norm; ``None`` does as the model's own files say.
    processor : str, optional
        The model or folder whose image processor or tokenizer is used, where the model's own files have none.
    """

    modality: Modality
    pooling: str = "auto"
    layer: int | None = None
    normalize: bool | None = None
    processor: str | None = None


class Encoder(ABC):
    """A frozen network with its own preprocessing.

    Attributes
    ----------
    facts : dict
        What a file of embeddings must tell: library, model, class, weights, layer, pooling, normalised or not,
        preprocessing.
    modality : {"image", "text"}
        What `examples` takes: RGB pictures (PIL) or strings.
    network : torch.nn.Module or None
        What computes, where it is a module of PyTorch's.
    """

    facts: dict[str, Any]
    modality: Modality
    network: torch.nn.Module | None = None

    @abstractmethod
    def examples(self, items: Sequence[Any]) -> list[Any]:
        """Preprocess pictures or texts one by one, as the model's own processor does; runs in data workers, too."""

    @abstractmethod
    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Make one batch, padded where that is needed."""

    @abstractmethod
    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Return one row an example, (n, n_features), on `device`."""

    def length(self, example: Any) -> int:
        """How much work an example is: batches are made of texts of like length."""
        return 1

    def truncated(self, example: Any) -> bool:
        """Whether a text was longer than the model takes."""
        return False

    def to(self, device: torch.device) -> None:
        """Move the weights."""
        if self.network is not None:
            self.network.to(device)


class Processor(Protocol):
    """A model's own preprocessing, see `thinshell.pretrained.processing`."""

    facts: dict[str, Any]

    def examples(self, items: Sequence[Any]) -> list[Any]:
        """Prepare pictures or texts one by one."""
        ...

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Make one batch."""
        ...

    def length(self, example: Any) -> int:
        """Return how much work an example is."""
        ...

    def truncated(self, example: Any) -> bool:
        """Return whether it was cut."""
        ...


class ProcessedEncoder(Encoder):
    """An encoder whose preprocessing is that of a processor.

    Attributes
    ----------
    processor : Processor
    """

    processor: Processor

    def examples(self, items: Sequence[Any]) -> list[Any]:
        """Preprocess by the model's own processor."""
        return self.processor.examples(items)

    def collate(self, examples: Sequence[Any]) -> Mapping[str, Tensor]:
        """Stack pictures, pad texts."""
        return self.processor.collate(examples)

    def length(self, example: Any) -> int:
        """Tokens of a text."""
        return self.processor.length(example)

    def truncated(self, example: Any) -> bool:
        """Whether a text was cut."""
        return self.processor.truncated(example)
