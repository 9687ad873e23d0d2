"""Encoders of the transformers library: CLIP and its kin, vision transformers, ResNets, BERT and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.pretrained.encoder import Choices, Modality, ProcessedEncoder
from thinshell.pretrained.pooling import flat, pool_tokens, special_tokens
from thinshell.pretrained.processing import ImageProcessor, TextProcessor
from thinshell.pretrained.quiet import quiet_transformers

__all__ = ["TransformersEncoder", "load_network"]

_TOKEN_POOLINGS = ("cls", "mean", "last")


def load_network(folder: Path) -> tuple[Any, set[str]]:
    """Read a model of transformers in float32; return it with the names of weights that its files lack.

    Raises
    ------
    InputError
        If the folder's files are damaged, or of an architecture that this version does not know.
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return _network(folder, tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=1)  # both towers of one model come from one reading, as long as its files stay as they are
def _network(folder: Path, files: tuple[tuple[str, int, int], ...]) -> tuple[Any, set[str]]:
    from transformers import AutoModel

    try:
        with quiet_transformers():
            network, report = AutoModel.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, weights_only=True, output_loading_info=True
            )
    except Exception as error:  # a library that raises whatever comes from JSON, safetensors and its registries
        reason = " ".join(str(error).split())
        raise InputError(f"{folder} cannot be read as a model of transformers ({reason[:300]})") from error
    if broken := sorted(str(key) for key in report["mismatched_keys"]):
        raise InputError(f"{folder} holds weights of other shapes than its config.json tells ({broken[0]})")
    return network.eval().requires_grad_(False), set(report["missing_keys"])


class TransformersEncoder(ProcessedEncoder):
    """A model in the format of transformers, with one tower or two.

    Parameters
    ----------
    folder : Path
        Holds config.json, weights, and preprocessor_config.json or tokenizer files.
    choices : Choices
        ``pooling="auto"`` is "projection" for models with two towers, the pooled output of convolutional networks,
        "cls" for vision transformers and "mean" for texts.

    Raises
    ------
    InputError
        If model, pooling, layer or modality do not fit together.
    """

    def __init__(self, folder: Path, choices: Choices) -> None:
        network, missing = load_network(folder)
        config = network.config
        self.modality: Modality = choices.modality
        self._two_towers = hasattr(network, "get_image_features") and hasattr(network, "get_text_features")
        tower = network
        if self._two_towers:
            prefix = "vision" if choices.modality == "image" else "text"
            tower = getattr(network, f"{prefix}_model")
            config = getattr(config, f"{prefix}_config")
        else:
            _check_modality(folder, network, choices.modality)
        self.network, self._tower, self._config = network, tower, config
        self.pooling = self._pooling(choices)
        self.layer = _checked_layer(choices.layer, config)
        self._check_missing(folder, missing)
        source = Path(choices.processor) if choices.processor else folder
        self.processor = (
            ImageProcessor(source) if choices.modality == "image" else TextProcessor(source, config.model_type, config)
        )
        self.normalize = bool(choices.normalize)
        self.facts = {
            "library": "transformers",
            "class": type(network).__name__,
            "tower": choices.modality if self._two_towers else None,
            "layer": "last" if self.layer is None else self.layer,
            "pooling": self.pooling,
            "normalized": self.normalize,
            "preprocessing": self.processor.facts,
        }

    def _pooling(self, choices: Choices) -> str:
        convolutional = not hasattr(self._config, "num_hidden_layers") and choices.modality == "image"
        if choices.pooling != "auto":
            if choices.pooling == "projection" and (not self._two_towers or choices.layer is not None):
                why = "only the output of a model with two towers, such as CLIP, is projected"
                raise InputError(f"pooling 'projection' does not fit {type(self.network).__name__}: {why}")
            if choices.pooling == "pooler" and choices.layer is not None:
                raise InputError("pooling 'pooler' is of the last layer; with layer, pool by 'cls', 'mean' or 'last'")
            return choices.pooling
        if choices.layer is not None:
            return "mean" if convolutional or choices.modality == "text" else "cls"
        if self._two_towers:
            return "projection"
        if convolutional:
            return "pooler"
        return "cls" if choices.modality == "image" else "mean"

    def _check_missing(self, folder: Path, missing: set[str]) -> None:
        needed = sorted(
            key for key in missing if self.pooling == "pooler" or not key.split(".")[0].startswith("pooler")
        )
        if needed:
            raise InputError(
                f"{folder} holds no weights for {needed[0]}"
                + (f" and {len(needed) - 1} more" if len(needed) > 1 else "")
                + ", which would stay random; choose another pooling or the whole model"
            )

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Run the tower and pool."""
        inputs = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
        rows = self._rows(inputs).float()
        return torch.nn.functional.normalize(rows) if self.normalize else rows

    def _rows(self, inputs: dict[str, Tensor]) -> Tensor:
        if self.pooling == "projection":
            network: Any = self.network
            features = network.get_image_features if self.modality == "image" else network.get_text_features
            return _tensor(features(**inputs))
        output = self._tower(**inputs, **({"output_hidden_states": True} if self.layer is not None else {}))
        if self.pooling == "pooler":
            pooled = getattr(output, "pooler_output", None)
            if pooled is None:
                raise InputError(
                    f"pooling 'pooler' does not fit {type(self._tower).__name__}, which pools nothing itself; "
                    f"choose one of {', '.join(_TOKEN_POOLINGS)}"
                )
            return flat(pooled)
        hidden = output.last_hidden_state if self.layer is None else output.hidden_states[self.layer]
        special = special_tokens(self._config) if self.modality == "image" else 0
        return pool_tokens(hidden, self.pooling, inputs.get("attention_mask"), special)


def _tensor(output: Any) -> Tensor:
    # transformers 5 returns the whole output, 4 the projected rows themselves.
    return output if isinstance(output, Tensor) else output.pooler_output


def _check_modality(folder: Path, network: Any, modality: Modality) -> None:
    takes = {"pixel_values": "image", "input_ids": "text"}.get(network.main_input_name)
    if takes is None:
        raise InputError(
            f"{folder} holds a {type(network).__name__}, which takes {network.main_input_name}; "
            "thinshell embeds pictures and texts"
        )
    if takes != modality:
        kinds = {"image": "pictures", "text": "texts"}
        raise InputError(
            f"{folder} holds a {type(network).__name__}, which takes {kinds[takes]}, and the data are "
            f"{kinds[modality]}; name another model or other data"
        )


def _checked_layer(layer: int | None, config: Any) -> int | None:
    if layer is None:
        return None
    # Convolutional networks count their stages.
    blocks = getattr(config, "num_hidden_layers", None) or len(getattr(config, "depths", ()))
    if not -blocks - 1 <= layer <= blocks:
        raise InputError(
            f"layer must be between 0 (before the first block) and {blocks}, or -1 to {-blocks - 1} from the end, "
            f"got {layer}"
        )
    return layer
