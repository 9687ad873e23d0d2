"""An encoder in one file, with what is needed to make it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from thinshell._files import replacing
from thinshell.errors import InputError
from thinshell.training.encoders import create_encoder

__all__ = ["load_encoder", "save_encoder"]

METADATA = "thinshell.encoder"


def save_encoder(encoder: nn.Module, path: str | Path, recipe: dict[str, Any]) -> None:
    """Write an encoder's weights, and the arguments of ``create_encoder`` that its layers come from.

    Parameters
    ----------
    encoder : torch.nn.Module
        Made by ``create_encoder(**recipe)`` and trained since.
    path : str or Path
        A ``.safetensors`` file; appears whole.
    recipe : dict
        ``name``, ``n_inputs``, ``n_features`` and options, fit for JSON.

    Raises
    ------
    InputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> recipe = {"name": "linear", "n_inputs": 3, "n_features": 2}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_encoder(create_encoder(**recipe), folder + "/encoder.safetensors", recipe)
    ...     load_encoder(folder + "/encoder.safetensors").n_features
    2
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={METADATA: json.dumps(recipe)})


def load_encoder(path: str | Path) -> nn.Module:
    """Read an encoder that :func:`save_encoder` wrote; nothing is unpickled.

    Parameters
    ----------
    path : str or Path
        The ``.safetensors`` file.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the CPU.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold an encoder of thinshell's.

    Examples
    --------
    >>> load_encoder("no-such-file")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no-such-file cannot be read as an encoder (...); ...
    """
    try:
        with safe_open(path, framework="pt") as file:
            recipe = (file.metadata() or {}).get(METADATA)
        if recipe is None:
            raise InputError(f"{path} holds no encoder of thinshell's; give the encoder.safetensors of a training run")
        encoder = create_encoder(**json.loads(recipe))
        encoder.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError, TypeError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as an encoder ({reason}); give that of a training run") from error
    return encoder.eval()
