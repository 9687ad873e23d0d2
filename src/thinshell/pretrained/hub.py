"""Models of the Hugging Face hub, as a folder on this machine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from thinshell.errors import InputError

__all__ = ["hub_folder", "offline_hub", "weights_fingerprint"]

_SMALL = ("*.json", "*.txt", "*.model", "*.jinja", "*/*.json")
_SAFE = ("*.safetensors", "*/*.safetensors")
# Read with torch.load(weights_only=True), where a repository has nothing else.
_PICKLED = ("pytorch_model*.bin", "*/pytorch_model.bin")
# Seconds until the hub has answered, before a long download.
_PATIENCE = 20


def hub_folder(name: str, revision: str | None, *, offline: bool) -> Path:
    """Return the folder of a hub model's files, downloaded unless they are there.

    Weights come as safetensors; only a repository without any gives its ``pytorch_model.bin``, which is read with
    ``weights_only=True``. Formats of other libraries are left where they are.

    Raises
    ------
    InputError
        If the hub has no such model, or it is not on this machine and the network is not to be used or not there.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    whole = name + (f"@{revision}" if revision else "")
    offline = offline or constants.HF_HUB_OFFLINE
    if (folder := _kept(name, revision)) is not None:
        return folder
    try:
        if offline:
            raise InputError("--offline keeps from fetching it")
        return _fetched(name, revision)
    except GatedRepoError as error:
        raise InputError(
            f"model {whole} is given only to people who accepted its terms: accept them on "
            f"https://huggingface.co/{name} and log in with `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise InputError(
            f"model {whole} is not on the Hugging Face hub (or is private); look it up on https://huggingface.co/models"
        ) from error
    except Exception as error:  # the hub's client hands on whatever its HTTP library and the disk raise
        why = str(error) if isinstance(error, InputError) else f"the hub cannot be reached ({_short(error)})"
        raise InputError(
            f"model {whole} is not on this machine and {why}; fetch it where there is a network with `hf download "
            f"{name}`, copy the folder here and give its path"
        ) from error


@contextlib.contextmanager
def offline_hub(offline: bool) -> Iterator[None]:
    """Keep other libraries, which ask the hub themselves, from the network for a while."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or offline
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _kept(name: str, revision: str | None) -> Path | None:
    """Return the folder of a model that was downloaded before, whole; nothing is asked of the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None
    # Other programs fetch single files: settings alone are no model.
    weights = any(file.suffix in (".safetensors", ".bin") for file in folder.rglob("*"))
    return folder if weights and any(folder.glob("*.json")) else None


def _fetched(name: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    listed = HfApi().model_info(name, revision=revision, timeout=_PATIENCE).siblings or []
    safe = any(file.rfilename.endswith(".safetensors") for file in listed)
    return Path(snapshot_download(name, revision=revision, allow_patterns=[*_SMALL, *(_SAFE if safe else _PICKLED)]))


def _short(error: Exception) -> str:
    # The last cause is the plainest: "[Errno -2] Name or service not known".
    while isinstance(error.__cause__ or error.__context__, Exception):
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 120 else words[:117] + "..."


def weights_fingerprint(path: Path) -> str:
    """Return 32 hexadecimal digits of the SHA-256 of a model's weights and settings, files in order of their names.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "config.json").write_text("{}")
    ...     len(weights_fingerprint(Path(folder)))
    32
    """
    kept = (".safetensors", ".bin", ".json", ".txt", ".model", ".onnx", ".data")
    files = sorted(file for file in path.rglob("*") if file.suffix in kept) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(path) if path.is_dir() else "").encode())
        with open(file, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:32]
