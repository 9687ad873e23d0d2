"""Folders of sentence-transformers: the chain of modules that modules.json names, computed as that library does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from thinshell.errors import InputError
from thinshell.pretrained.encoder import Choices, ProcessedEncoder
from thinshell.pretrained.pooling import masked_mean, pool_tokens
from thinshell.pretrained.processing import TextProcessor
from thinshell.pretrained.transformers_encoder import load_network

__all__ = ["SentenceEncoder"]

# The keys of 1_Pooling/config.json that are true, in the order in which the library joins what they give.
_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
# What files of version 5.2 and later call these.
_NEWER = {"lasttoken": "last", "weightedmean": "weighted_mean", "mean_sqrt_len_tokens": "mean_sqrt_len"}
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "Tanh": nn.Tanh, "Identity": nn.Identity, "ReLU": nn.ReLU, "GELU": nn.GELU, "Sigmoid": nn.Sigmoid, "SiLU": nn.SiLU,
}  # fmt: skip
_Stage = Callable[[Tensor], Tensor]


class SentenceEncoder(ProcessedEncoder):
    """A model of sentence-transformers: a text model, pooling, dense layers and normalisation, read from its files.

    Parameters
    ----------
    folder : Path
        Holds modules.json.
    choices : Choices
        ``pooling="auto"`` and ``normalize=None`` do what the files say; ``normalize=False`` leaves the last
        normalisation out, which gives the rows as they are before it.

    Raises
    ------
    InputError
        If the files ask for something that is not known here.
    """

    modality = "text"

    def __init__(self, folder: Path, choices: Choices) -> None:
        if choices.modality != "text":
            raise InputError(f"{folder} is a model of sentence-transformers for texts, and the data are pictures")
        if choices.layer is not None or choices.pooling in ("projection", "pooler"):
            raise InputError(
                "a model of sentence-transformers pools its last layer as its files say, or by 'cls', 'mean' or "
                f"'last'; for other layers and poolings name the same folder as hf:{folder}"
            )
        modules = _modules(folder)
        transformer = folder / modules[0][1]
        network, missing = load_network(transformer)
        if unread := sorted(key for key in missing if not key.startswith("pooler")):
            raise InputError(
                f"{transformer} holds no weights for {unread[0]}, which would stay random; take the whole model"
            )
        settings = _json(next((f for f in _settings_files(transformer) if f.is_file()), transformer / "config.json"))
        limit = settings.get("max_seq_length")
        self.processor = TextProcessor(transformer, network.config.model_type, network.config, limit)
        self._lowers = bool(settings.get("do_lower_case"))
        self.prompt = _default_prompt(folder)
        self.network = nn.ModuleList([network])
        self._modes: list[str] = []
        self._stages: list[_Stage] = []
        self.normalize = False
        for kind, path in modules[1:]:
            self._add(kind, folder / path, choices)
        if choices.pooling != "auto":
            self._modes = [choices.pooling]
        if choices.normalize and not self.normalize:
            self._stages.append(nn.functional.normalize)
            self.normalize = True
        self.network.eval().requires_grad_(False)
        self.facts = {
            "library": "sentence-transformers",
            "class": type(network).__name__,
            "modules": [kind for kind, _ in modules],
            "layer": "last",
            "pooling": "+".join(self._modes),
            "normalized": self.normalize,
            "prompt": self.prompt,
            "preprocessing": self.processor.facts | ({"lower_case": True} if self._lowers else {}),
        }

    def _add(self, kind: str, path: Path, choices: Choices) -> None:
        assert isinstance(self.network, nn.ModuleList)
        if kind == "Pooling":
            self._modes = _pooling_modes(path)
            if self.prompt and _json(path / "config.json").get("include_prompt") is False:
                raise InputError(
                    f"{path} leaves the prompt out of the mean, which is not done here; embed with its own library"
                )
        elif kind == "Normalize":
            if choices.normalize is not False:
                self._stages.append(nn.functional.normalize)
                self.normalize = True
        elif kind == "Dense":
            dense = _dense(path)
            self.network.append(dense)
            self._stages.append(dense)
        else:
            raise InputError(
                f"{path.parent}/modules.json asks for {kind}, which is not known here (Transformer, Pooling, Dense, "
                "Normalize are); embed with sentence-transformers itself and diagnose the file"
            )

    def examples(self, items: Sequence[Any]) -> list[Any]:
        """Put the model's default prompt before each text and make tokens."""
        texts = [self.prompt + str(item) for item in items]
        return self.processor.examples([text.lower() for text in texts] if self._lowers else texts)

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Run the text model, pool, and pass the rows through the other modules."""
        assert isinstance(self.network, nn.ModuleList)
        inputs = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
        hidden, mask = self.network[0](**inputs).last_hidden_state.float(), inputs["attention_mask"]
        rows = torch.cat([_pooled(hidden, mode, mask) for mode in self._modes], dim=1)
        for stage in self._stages:
            rows = stage(rows)
        return rows.float()


def _pooled(hidden: Tensor, mode: str, mask: Tensor) -> Tensor:
    if mode in ("cls", "last"):
        return pool_tokens(hidden, mode, mask, 0)
    if mode == "mean":
        return masked_mean(hidden, mask)
    weights = mask[..., None].to(hidden.dtype)
    if mode == "max":
        return hidden.masked_fill(weights == 0, -1e9).amax(dim=1)
    if mode == "mean_sqrt_len":
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9).sqrt()
    # Later tokens count more: weights 1, 2, 3 … (Muennighoff 2022, SGPT).
    weights = weights * torch.arange(1, hidden.shape[1] + 1, device=hidden.device)[None, :, None]
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); the model's folder is not whole") from error


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return (kind, sub-folder) of each module, in order."""
    listed = _json(folder / "modules.json")
    try:
        ordered = sorted(listed, key=lambda module: module["idx"])
        modules = [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in ordered]
    except (TypeError, KeyError) as error:
        raise InputError(f"{folder}/modules.json must be a list of modules with idx, path and type") from error
    if not modules or modules[0][0] != "Transformer":
        found = modules[0][0] if modules else "nothing"
        raise InputError(
            f"{folder}/modules.json must begin with a Transformer, got {found}; name the model itself as hf:..."
        )
    if not any(kind == "Pooling" for kind, _ in modules):
        raise InputError(f"{folder}/modules.json names no Pooling; name the model as hf:{folder} and choose one")
    return modules


def _settings_files(transformer: Path) -> list[Path]:
    kinds = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    return [transformer / f"sentence_{kind}_config.json" for kind in kinds]


def _pooling_modes(path: Path) -> list[str]:
    settings = _json(path / "config.json")
    if settings.get("pooling_mode"):
        named = settings["pooling_mode"]
        modes = [_NEWER.get(mode, mode) for mode in ([named] if isinstance(named, str) else named)]
    else:
        modes = [mode for key, mode in _MODES.items() if settings.get(key)]
    if not modes or set(modes) - set(_MODES.values()):
        raise InputError(f"{path}/config.json names no pooling that is known here ({', '.join(_MODES.values())})")
    return modes


def _dense(path: Path) -> nn.Sequential:
    settings = _json(path / "config.json")
    name = str(settings.get("activation_function", "Tanh")).rpartition(".")[2]
    if name not in _ACTIVATIONS:
        raise InputError(f"{path}/config.json asks for the activation {name}; known are {', '.join(_ACTIVATIONS)}")
    linear = nn.Linear(settings["in_features"], settings["out_features"], bias=settings.get("bias", True))
    safe, pickled = path / "model.safetensors", path / "pytorch_model.bin"
    try:
        weights = load_file(safe) if safe.is_file() else torch.load(pickled, map_location="cpu", weights_only=True)
        linear.load_state_dict({key.removeprefix("linear."): value.float() for key, value in weights.items()})
    except Exception as error:  # missing file, damaged file, other shapes: each library raises its own
        raise InputError(f"the weights in {path} cannot be read ({' '.join(str(error).split())[:200]})") from error
    return nn.Sequential(linear, _ACTIVATIONS[name]())


def _default_prompt(folder: Path) -> str:
    path = folder / "config_sentence_transformers.json"
    settings = _json(path) if path.is_file() else {}
    return str((settings.get("prompts") or {}).get(settings.get("default_prompt_name"), ""))
