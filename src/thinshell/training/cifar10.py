"""CIFAR-10 from its official binary version: the archive, or the folder that comes out of it."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from thinshell.errors import InputError
from thinshell.training.download import Progress
from thinshell.training.download import download as fetch
from thinshell.training.samples import Samples

__all__ = ["CIFAR10_URL", "cifar10"]

# https://www.cs.toronto.edu/~kriz/cifar.html, "CIFAR-10 binary version", with its MD5 sum.
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE, ARCHIVE_MD5 = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
TRAIN, TEST = [f"data_batch_{number}.bin" for number in range(1, 6)], ["test_batch.bin"]
# A record is the label, then 1024 red, 1024 green and 1024 blue values, row by row.
RECORD, RECORDS, N_CLASSES = 1 + 3 * 32 * 32, 10_000, 10


def cifar10(data_dir: str | Path, *, download: bool = False, progress: Progress | None = None) -> Samples:
    """Read CIFAR-10.

    Parameters
    ----------
    data_dir : str or Path
        The folder ``cifar-10-batches-bin`` of the binary version, a folder that holds it or its archive
        ``cifar-10-binary.tar.gz``, or the archive itself. The archive is read as it is, without unpacking it.
    download : bool
        Fetch the archive (162 MB) into `data_dir` if it is not there; a download that broke off is taken up again.
    progress : callable, optional
        Called with (bytes done, bytes in all) during a download.

    Returns
    -------
    Samples
        uint8 pictures (50,000 and 10,000, 3, 32, 32) and labels from 0 to 9, in the official order.

    Raises
    ------
    InputError
        If the files are missing or damaged; the sentence names the file.

    References
    ----------
    Krizhevsky (2009), Learning multiple layers of features from tiny images.

    Examples
    --------
    >>> cifar10("no-such-folder")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no CIFAR-10 in no-such-folder: ...
    """
    if download and _found(Path(data_dir)) is None:
        _fetch(Path(data_dir), progress)
    source = _found(Path(data_dir))
    if source is None:
        raise InputError(
            f"no CIFAR-10 in {data_dir}: expected {FOLDER}/ of the binary version or {ARCHIVE}; "
            f"get it from {CIFAR10_URL}, or, to train, allow the download (download=True, data.download: true)"
        )
    read = _from_folder(source) if source.is_dir() else _from_archive(source)
    blocks = {name: _records(name, source, content) for name, content in read}
    splits = {
        split: np.concatenate([blocks[name] for name in names]) for split, names in (("train", TRAIN), ("test", TEST))
    }
    tensors = {}
    for split, records in splits.items():
        tensors[split] = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
        tensors[f"{split}_labels"] = torch.from_numpy(records[:, 0].astype(np.int64))
    digest = hashlib.sha256(b"".join(block.tobytes() for block in splits.values())).hexdigest()
    facts = {"n_train": len(splits["train"]), "n_test": len(splits["test"]), "sha256": digest}
    return Samples("cifar10", **tensors, facts=facts)


def _found(place: Path) -> Path | None:
    """Return the folder of binary files or the archive, None where neither is."""
    for folder in (place, place / FOLDER):
        if any((folder / name).exists() for name in TRAIN + TEST):
            return folder
    if place.is_file():
        return place
    return place / ARCHIVE if (place / ARCHIVE).is_file() else None


def _fetch(folder: Path, progress: Progress | None) -> None:
    if folder.is_file():
        return
    fetch(CIFAR10_URL, folder / ARCHIVE, md5=ARCHIVE_MD5, progress=progress)


def _from_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in TRAIN + TEST:
        try:
            yield name, (folder / name).read_bytes()
        except OSError as error:
            raise InputError(
                f"{folder / name} cannot be read ({error.strerror or error}); unpack {ARCHIVE} again"
            ) from error


def _from_archive(archive: Path) -> Iterator[tuple[str, bytes]]:
    _check_sum(archive)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if name in TRAIN + TEST and (content := tar.extractfile(member)) is not None:
                    yield name, content.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{archive} cannot be read ({error}); fetch it again from {CIFAR10_URL}") from error


def _check_sum(archive: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with archive.open("rb") as stream:
        for block in iter(lambda: stream.read(2**20), b""):
            digest.update(block)
    if digest.hexdigest() != ARCHIVE_MD5:
        raise InputError(
            f"{archive} is not the official archive (MD5 {digest.hexdigest()}, expected {ARCHIVE_MD5}); "
            f"remove it and fetch it again from {CIFAR10_URL}"
        )


def _records(name: str, source: Path, content: bytes) -> np.ndarray:
    if len(content) != RECORD * RECORDS:
        raise InputError(
            f"{source / name} has {len(content):,} bytes, expected {RECORD * RECORDS:,}: it is damaged; "
            f"unpack {ARCHIVE} again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(RECORDS, RECORD)
    bad = np.flatnonzero(records[:, 0] >= N_CLASSES)
    if len(bad):
        raise InputError(
            f"{source / name} has the label {records[bad[0], 0]} in record {bad[0]}, expected 0 to {N_CLASSES - 1}: "
            f"it is damaged; unpack {ARCHIVE} again"
        )
    return records
