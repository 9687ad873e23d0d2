"""From the name of a model to the library that runs it and the folder it lies in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from thinshell.errors import InputError, unknown_name

__all__ = ["LIBRARIES", "ModelName", "parse_model_name"]

LIBRARIES = {
    "hf": "a model of the Hugging Face hub or a folder in its format: hf:openai/clip-vit-large-patch14",
    "sentence-transformers": "a folder or hub model of sentence-transformers",
    "timm": "a model of timm, if that is installed: timm:densenet121.ra_in1k",
    "open_clip": "architecture and weights of open_clip, if that is installed: open_clip:ViT-B-32/laion2b_s34b_b79k",
    "torchscript": "a TorchScript file",
    "onnx": "an ONNX file",
    "python": "a function of yours, from a batch of pictures or texts to rows: python:package.module:function",
    "thinshell": "the folder of a training run, or its encoder.safetensors",
}
_SUFFIXES = {".onnx": "onnx", ".ts": "torchscript", ".pt": "torchscript", ".torchscript": "torchscript"}
# owner/name, each of letters, digits, dot, hyphen, underscore; old models of the hub have no owner.
_HUB = re.compile(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*")


@dataclass(frozen=True)
class ModelName:
    """A model's name, read.

    Attributes
    ----------
    library : str
        One of `LIBRARIES`.
    name : str
        What stands after the library: a hub name, a path, an architecture, a function.
    revision : str or None
        Branch, tag or commit of a hub model.
    path : Path or None
        The folder or file, where it is one.
    """

    library: str
    name: str
    revision: str | None = None
    path: Path | None = None


def parse_model_name(model: str) -> ModelName:
    """Tell what a model's name stands for.

    Parameters
    ----------
    model : str
        ``library:name``, or a path, or the name of a hub model (``owner/name``, ``owner/name@revision``).

    Returns
    -------
    ModelName

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> parse_model_name("openai/clip-vit-base-patch32@main")
    ModelName(library='hf', name='openai/clip-vit-base-patch32', revision='main', path=None)
    >>> parse_model_name("timm:densenet121.ra_in1k").library
    'timm'
    """
    if not isinstance(model, str) or not model.strip():
        raise InputError(
            f"model must be a name, a folder or a file, got {model!r}; for example hf:facebook/dino-vitb16"
        )
    library, colon, name = model.partition(":")
    if not colon or len(library) == 1 or "/" in library:  # C:\folder is a path
        library, name = "", model
    elif library == "st":
        library = "sentence-transformers"
    if library and library not in LIBRARIES:
        raise unknown_name("the library of the model (what stands before the colon)", library, LIBRARIES)
    if library in ("timm", "open_clip", "python"):
        return ModelName(library, name)
    path = Path(name).expanduser()
    if path.exists():
        return ModelName(library or _library_of(path), name, None, path)
    if library in ("torchscript", "onnx", "thinshell") or name.startswith((".", "/", "~")) or path.suffix in _SUFFIXES:
        raise InputError(f"model {name} is not there; name a file or folder that exists")
    name, _, revision = name.partition("@")
    if not _HUB.fullmatch(name):
        raise InputError(
            f"model must be owner/name of the Hugging Face hub, a folder or a file, got {model!r}, which is neither; "
            "the other libraries are " + ", ".join(f"{known}:" for known in LIBRARIES)
        )
    return ModelName(library or "hf", name, revision or None)


def _library_of(path: Path) -> str:
    if path.is_dir():
        for file, library in (
            ("modules.json", "sentence-transformers"),
            ("open_clip_config.json", "open_clip"),
            ("encoder.safetensors", "thinshell"),
            ("config.json", "hf"),
        ):
            if (path / file).is_file():
                return library
        raise InputError(
            f"{path} holds no model: none of modules.json (sentence-transformers), config.json (transformers, timm), "
            "open_clip_config.json, encoder.safetensors (thinshell) is in it; name the folder these files lie in"
        )
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    if path.suffix == ".safetensors":
        return "thinshell"
    raise InputError(
        f"{path} is no model file that is known by its name ({', '.join(_SUFFIXES)}, .safetensors of a training run); "
        "say which library it is for: " + ", ".join(f"{known}:" for known in LIBRARIES)
    )
