"""Preprocessing by a model's own image processor or tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.pretrained.quiet import quiet_transformers

__all__ = ["ImageProcessor", "TextProcessor"]

# What a tokenizer says where its files give no limit is a number beyond any text.
_NO_LIMIT = 10**6
_USUAL = 512
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
# Trained on texts padded to the full length, and sensitive to it.
_FULL_LENGTH = ("siglip", "siglip2", "siglip_text_model", "siglip2_text_model")


class ImageProcessor:
    """Resizing, cropping and scaling as preprocessor_config.json says, by transformers' processor on Pillow.

    Parameters
    ----------
    folder : Path
        Holds preprocessor_config.json.

    Raises
    ------
    InputError
        If it does not, or the file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoImageProcessor

        if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
            raise InputError(
                f"{folder} has no preprocessor_config.json, so how pictures are scaled is not known; give a model "
                "with the same preprocessing by --processor"
            )
        try:
            with quiet_transformers():
                self._process = _pillow_processor(AutoImageProcessor, folder)
        except Exception as error:  # whatever a foreign JSON file makes the library raise
            reason = " ".join(str(error).split())
            raise InputError(f"{folder}/preprocessor_config.json cannot be used ({reason[:300]})") from error
        self.facts: dict[str, Any] = {"class": type(self._process).__name__, **_settings(self._process)}

    def examples(self, items: Sequence[Any]) -> list[Tensor]:
        """Return one (channels, height, width) tensor a picture."""
        return [self._process(images=picture, return_tensors="pt")["pixel_values"][0] for picture in items]

    def collate(self, examples: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Stack pictures of one size."""
        shapes = {tuple(example.shape) for example in examples}
        if len(shapes) > 1:
            raise InputError(
                f"the model's processor leaves pictures at different sizes ({min(shapes)}, {max(shapes)}), which "
                "make no batch; use --batch-size 1"
            )
        return {"pixel_values": torch.stack(list(examples))}

    def length(self, example: Tensor) -> int:
        """Every picture is as much work as any other."""
        return 1

    def truncated(self, example: Tensor) -> bool:
        """Pictures are not cut by length."""
        return False


def _pillow_processor(auto: Any, folder: Path) -> Any:
    # The same pixels on every machine: with torchvision installed transformers would take another resize.
    try:
        return auto.from_pretrained(folder, local_files_only=True, backend="pil")
    except TypeError:
        return auto.from_pretrained(folder, local_files_only=True, use_fast=False)


def _settings(processor: Any) -> dict[str, Any]:
    plain = processor.to_dict()
    kept = ("size", "crop_size", "crop_pct", "image_mean", "image_std", "resample", "rescale_factor")
    flags = ("do_resize", "do_center_crop", "do_normalize", "do_rescale")
    return {name: plain[name] for name in (*kept, *flags) if plain.get(name) is not None}


class TextProcessor:
    """Tokens as the model's own tokenizer makes them, cut to the length the model takes.

    Parameters
    ----------
    folder : Path
        Holds the files of a tokenizer.
    model_type : str
        As config.json names it.
    config : object
        Of the text tower: its number of positions limits the length.
    max_length : int, optional
        Tokens kept, where the model's files tell it elsewhere.

    Raises
    ------
    InputError
        If there is no tokenizer in the folder.
    """

    def __init__(self, folder: Path, model_type: str, config: Any, max_length: int | None = None) -> None:
        from transformers import AutoTokenizer

        # Without them transformers 5 makes a tokenizer of no words, which turns every text into the same tokens.
        if not any((folder / name).is_file() for name in _TOKENIZERS):
            raise InputError(
                f"{folder} has no tokenizer ({', '.join(_TOKENIZERS[:3])} …); give a model with the same tokenizer by "
                "--processor"
            )
        try:
            with quiet_transformers():
                self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
        except Exception as error:  # whatever a missing or foreign file makes the library raise
            raise InputError(
                f"{folder} has no tokenizer that can be read ({' '.join(str(error).split())[:200]}); give a model "
                "with the same tokenizer by --processor"
            ) from error
        # Position 0 is the padding's in RoBERTa and its kin, which therefore take two tokens less.
        offset = 2 if "roberta" in model_type or model_type == "mpnet" else 0
        limits = (max_length, self._tokenizer.model_max_length, _positions(config) - offset)
        self.max_length = min((limit for limit in limits if limit and limit < _NO_LIMIT), default=_USUAL)
        self._full_length = model_type in _FULL_LENGTH
        if self._tokenizer.pad_token is None:
            if self._tokenizer.eos_token is None:
                raise InputError(f"the tokenizer of {folder} has no padding token; texts cannot be put into batches")
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self.facts: dict[str, Any] = {
            "class": type(self._tokenizer).__name__,
            "max_length": self.max_length,
            "padding": "full length" if self._full_length else "longest of the batch",
        }

    def examples(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return one dictionary of token numbers a text; `truncated` tells whether tokens were left out."""
        fast = self._tokenizer.is_fast
        tokens = self._tokenizer(
            list(items), truncation=True, max_length=self.max_length, return_overflowing_tokens=fast
        )
        names = [name for name in self._tokenizer.model_input_names if name in tokens]
        if not fast:
            return [dict(zip(names, row, strict=True)) for row in zip(*(tokens[name] for name in names), strict=True)]
        # A long text overflows into further rows, of which the first is what the model sees.
        owners = np.asarray(tokens["overflow_to_sample_mapping"])
        firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        cut = np.diff(np.r_[firsts, len(owners)]) > 1
        return [
            {name: tokens[name][row] for name in names} | {"cut": bool(was)}
            for row, was in zip(firsts.tolist(), cut.tolist(), strict=True)
        ]

    def collate(self, examples: Sequence[dict[str, Any]]) -> Mapping[str, Tensor]:
        """Pad to the longest of the batch, or to the full length where the model was trained so."""
        rows = [{name: value for name, value in example.items() if name != "cut"} for example in examples]
        padding: dict[str, Any] = {"padding": True}
        if self._full_length:
            padding = {"padding": "max_length", "max_length": self.max_length}
        with quiet_transformers():
            return dict(self._tokenizer.pad(rows, return_tensors="pt", **padding))

    def length(self, example: dict[str, Any]) -> int:
        """Tokens of a text."""
        return len(example["input_ids"])

    def truncated(self, example: dict[str, Any]) -> bool:
        """Whether tokens were left out."""
        return bool(example.get("cut", False))


def _positions(config: Any) -> int:
    return int(getattr(config, "max_position_embeddings", 0) or _NO_LIMIT)
