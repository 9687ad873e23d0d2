"""Fitted models on disk: tensors in a safetensors file, what they mean in its JSON header."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from thinshell._files import replacing, safetensors_header
from thinshell._version import __version__
from thinshell.errors import InputError

__all__ = ["MODEL_SCHEMA", "Stored", "is_model_file", "load_kind", "load_model", "provenance_of", "save_model"]

MODEL_SCHEMA = "thinshell/gaussian/1"
# Where each kind of model is made. A class has `_stored()`, which returns what JSON takes and arrays, and a class
# method `_restored(header, tensors)`, which raises KeyError, ValueError or TypeError for what it did not write.
_KINDS = {
    "GaussianModel": "thinshell.gaussian.model",
    "ClassConditionalGaussian": "thinshell.gaussian.class_conditional",
    "PairedGaussian": "thinshell.gaussian.paired",
    "Whitener": "thinshell.gaussian.whitener",
}


def save_model(model: Any, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
    """Write a fitted model to a file that appears whole or not at all.

    Parameters
    ----------
    model : GaussianModel, ClassConditionalGaussian, PairedGaussian or Whitener
        Fitted.
    path : str or Path
        An older file of that name is replaced.
    provenance : dict, optional
        Anything JSON takes; kept as it is.

    Raises
    ------
    InputError
        If the file cannot be written or the provenance is no JSON.
    NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from thinshell.gaussian import GaussianModel
    >>> model = GaussianModel.from_parameters([0.0], [[4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, f"{folder}/model.safetensors", {"rows": "none"})
    ...     load_model(f"{folder}/model.safetensors").covariance_
    array([[4.]])
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    settings, tensors = model._stored()
    header = {
        "schema": MODEL_SCHEMA,
        "kind": type(model).__name__,
        "thinshell_version": __version__,
        "provenance": provenance or {},
        **settings,
    }
    try:
        text = json.dumps(header)
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance must be what JSON takes, got {error}; give numbers, strings and lists") from None
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    try:
        with replacing(path) as temporary:
            save_file(arrays, temporary, metadata={"thinshell": text})
    except SafetensorError as error:
        raise InputError(f"{path} could not be written ({error}); choose another place") from None


def is_model_file(path: str | Path) -> bool:
    """Tell by its header whether a file is a saved model of this room.

    Parameters
    ----------
    path : str or Path
        Any file, or none.

    Returns
    -------
    bool
        True for every schema version; False where the file is missing or something else.

    Examples
    --------
    >>> is_model_file("no such file")
    False
    """
    header = safetensors_header(path)
    return header is not None and str(header.get("schema", "")).startswith("thinshell/gaussian/")


def _checked_header(path: str | Path) -> dict[str, Any]:
    if not Path(path).is_file():
        raise InputError(f"{path} is not a file; name a model written by save or thinshell fit")
    header = safetensors_header(path)
    if header is None or not str(header.get("schema", "")).startswith("thinshell/gaussian/"):
        other = "" if header is None else f" but has schema {header.get('schema')!r}"
        raise InputError(f"{path} is not a Gaussian model{other}; make one with save or thinshell fit")
    if header["schema"] != MODEL_SCHEMA:
        raise InputError(
            f"{path} has schema {header['schema']!r}, this version reads {MODEL_SCHEMA!r}; update thinshell"
        )
    if header.get("kind") not in _KINDS:
        raise InputError(f"{path} holds a {header.get('kind')!r}, which this version does not know; update thinshell")
    return header


def load_model(path: str | Path) -> Any:
    """Read whatever model a file holds; nothing in it is executed.

    Parameters
    ----------
    path : str or Path
        Written by `save_model` or a model's ``save``.

    Returns
    -------
    GaussianModel, ClassConditionalGaussian, PairedGaussian or Whitener

    Raises
    ------
    InputError
        If the file is missing, damaged, something else, or of a newer schema.

    Examples
    --------
    >>> load_model("no such file")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no such file is not a file; name a model written by save or thinshell fit
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    header = _checked_header(path)
    home = getattr(importlib.import_module(_KINDS[header["kind"]]), header["kind"])
    try:
        return home._restored(header, load_file(path))
    except (SafetensorError, KeyError, ValueError, TypeError, IndexError, OSError) as error:
        raise InputError(f"{path} is a damaged model ({error}); make it again") from error


def load_kind(path: str | Path, kind: str) -> Any:
    """Read a model that must be of one kind.

    Parameters
    ----------
    path : str or Path
    kind : str
        Name of the class.

    Returns
    -------
    object
        Of that class.

    Raises
    ------
    InputError
        As `load_model`, and if the file holds another kind of model.

    Examples
    --------
    >>> load_kind("no such file", "Whitener")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no such file is not a file; name a model written by save or thinshell fit
    """
    header = _checked_header(path)
    if header["kind"] != kind:
        raise InputError(f"{path} holds a {header['kind']}, not a {kind}; load it with {header['kind']}.load")
    return load_model(path)


def provenance_of(path: str | Path) -> dict[str, Any]:
    """Return what a model file says of where it comes from.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict
        ``kind``, ``thinshell_version`` and ``provenance`` as given to `save_model`.

    Raises
    ------
    InputError
        If the file is no model of this version.

    Examples
    --------
    >>> provenance_of("no such file")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no such file is not a file; name a model written by save or thinshell fit
    """
    header = _checked_header(path)
    return {key: header.get(key) for key in ("kind", "thinshell_version", "provenance")}


class Stored:
    """A model that is kept in a file: what every class of `load_model` has."""

    def save(self, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Write the model to a safetensors file; with its sums, where it has any, so that rows can be added later.

        Parameters
        ----------
        path : str or Path
        provenance : dict, optional
            Anything JSON takes: where the rows came from.

        Raises
        ------
        InputError
            If the file cannot be written or the provenance is no JSON.
        NotFittedError
            If the model is not fitted.
        """
        save_model(self, path, provenance)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote; nothing in the file is executed.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        object
            Of this class.

        Raises
        ------
        InputError
            If the file is missing, damaged, of a newer schema or holds another kind of model.
        """
        return load_kind(path, cls.__name__)
