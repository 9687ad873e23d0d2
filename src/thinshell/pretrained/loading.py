"""A model's name in, an encoder out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.encoder import POOLINGS, Choices, Encoder
from thinshell.pretrained.hub import hub_folder, offline_hub, weights_fingerprint
from thinshell.pretrained.names import ModelName, parse_model_name

__all__ = ["load_pretrained"]


def load_pretrained(
    model: str | Path | Callable[[list[Any]], Any],
    modality: str,
    *,
    pooling: str = "auto",
    layer: int | None = None,
    normalize: bool | None = None,
    processor: str | None = None,
    offline: bool = False,
) -> Encoder:
    """Load a frozen encoder with its own preprocessing.

    Parameters
    ----------
    model : str, Path or callable
        ``hf:owner/name`` or just ``owner/name`` (Hugging Face hub), ``timm:name``, ``open_clip:architecture/weights``,
        ``python:module:function``; a folder in the format of transformers or sentence-transformers, the folder of a
        thinshell training run; a TorchScript or ONNX file; or a function from a list of pictures or texts to rows.
    modality : {"image", "text"}
        What will be embedded; chooses the tower of models that have two.
    pooling : {"auto", "projection", "pooler", "cls", "mean", "last"}
        See `Choices`.
    layer : int, optional
        Hidden states after this block instead of the output.
    normalize : bool, optional
        Rows of unit length; by default what the model's own files say (only models of sentence-transformers say it).
    processor : str, optional
        Model or folder whose preprocessing is used where the model's own files have none.
    offline : bool
        Never touch the network.

    Returns
    -------
    Encoder
        In evaluation mode, on the CPU; its `facts` tell which weights, layer, pooling and preprocessing.

    Raises
    ------
    InputError
        If the model is not there or cannot be read, or the choices do not fit it.

    Examples
    --------
    >>> encoder = load_pretrained(lambda texts: [[len(text), text.count(" ")] for text in texts], "text")
    >>> encoder.facts["library"], encoder.modality
    ('python', 'text')
    """
    if modality not in ("image", "text"):
        raise unknown_name("modality", modality, ("image", "text"))
    if pooling not in POOLINGS:
        raise unknown_name("pooling", pooling, POOLINGS)
    choices = Choices(modality, pooling, layer, normalize, processor)
    if callable(model):
        return _described(_callable(model, choices), getattr(model, "__qualname__", type(model).__name__), None)
    name = parse_model_name(str(model))
    if processor is not None:
        choices = replace(choices, processor=str(_folder(parse_model_name(processor), offline)))
    return _described(*_loaded(name, choices, offline))


def _loaded(name: ModelName, choices: Choices, offline: bool) -> tuple[Encoder, str, Path | None]:
    whole = name.name + (f"@{name.revision}" if name.revision else "")
    if name.library == "python":
        from thinshell.pretrained.own_encoders import named_function

        return _callable(named_function(name.name), choices, name.name), f"python:{name.name}", None
    if name.library == "timm":
        from thinshell.pretrained.other_libraries import TimmEncoder

        with offline_hub(offline):
            return TimmEncoder(name, choices), f"timm:{name.name}", name.path
    if name.library == "open_clip":
        from thinshell.pretrained.other_libraries import OpenClipEncoder

        with offline_hub(offline):
            return OpenClipEncoder(name, choices), f"open_clip:{name.name}", name.path
    folder = _folder(name, offline)
    if name.library == "hf" and name.path is None and (folder / "modules.json").is_file() and choices.layer is None:
        name = replace(name, library="sentence-transformers")  # a hub model tells its kind by its files
    return _from_files(name.library, folder, choices), f"{name.library}:{whole}", folder


def _from_files(library: str, path: Path, choices: Choices) -> Encoder:
    if library == "sentence-transformers":
        from thinshell.pretrained.sentence_encoder import SentenceEncoder

        return SentenceEncoder(path, choices)
    if library == "thinshell":
        from thinshell.pretrained.own_encoders import TrainedEncoder

        return TrainedEncoder(path, choices)
    if library in ("torchscript", "onnx"):
        from thinshell.pretrained.exported import OnnxEncoder, TorchScriptEncoder

        return (OnnxEncoder if library == "onnx" else TorchScriptEncoder)(path, choices)
    from thinshell.pretrained.transformers_encoder import TransformersEncoder

    return TransformersEncoder(path, choices)


def _folder(name: ModelName, offline: bool) -> Path:
    if name.path is not None:
        return name.path
    if name.library not in ("hf", "sentence-transformers"):
        raise InputError(
            f"processor must be a folder or a model of the Hugging Face hub, got {name.library}:{name.name}"
        )
    return hub_folder(name.name, name.revision, offline=offline)


def _callable(function: Callable[[list[Any]], Any], choices: Choices, name: str | None = None) -> Encoder:
    from thinshell.pretrained.own_encoders import CallableEncoder

    return CallableEncoder(function, name or getattr(function, "__qualname__", type(function).__name__), choices)


def _described(encoder: Encoder, name: str, path: Path | None) -> Encoder:
    fingerprint = None if path is None else weights_fingerprint(path)
    encoder.facts = {"model": name, "modality": encoder.modality, "weights": fingerprint, **encoder.facts}
    return encoder
