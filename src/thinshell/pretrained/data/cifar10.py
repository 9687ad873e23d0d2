"""CIFAR-10 from its official binary files, read where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.data.items import Items, file_fingerprint

__all__ = ["Cifar10Items", "cifar10_folder"]

_FOLDER = "cifar-10-batches-bin"
_FILES = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
# A record is the label, then 1024 red, 1024 green and 1024 blue values, row by row.
_SIDE, _RECORD = 32, 1 + 3 * 32 * 32
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar10_folder(path: Path) -> Path | None:
    """Return the folder that holds the binary files: this one, or one of that name in it."""
    return next((f for f in (path, path / _FOLDER) if all((f / name).is_file() for name in _FILES["test"])), None)


class Cifar10Items(Items):
    """The pictures of one split, in the official order, labelled by the names of their classes.

    Parameters
    ----------
    path : Path
        The folder ``cifar-10-batches-bin`` or the one that holds it.
    split : {"test", "train"}

    Raises
    ------
    InputError
        If files are missing or of another size.
    """

    kind = "image"

    def __init__(self, path: Path, split: str | None) -> None:
        self._split = split or "test"
        if self._split not in _FILES:
            raise unknown_name("split", split, _FILES)
        folder = cifar10_folder(path)
        if folder is None:
            raise InputError(
                f"{path} holds no CIFAR-10 ({_FOLDER} with {_FILES['test'][0]}); unpack cifar-10-binary.tar.gz and "
                "name its folder"
            )
        self._files = [folder / name for name in _FILES[self._split]]
        sizes = []
        for file in self._files:
            size = file.stat().st_size if file.is_file() else 0
            if not size or size % _RECORD:
                raise InputError(
                    f"{file} is missing or damaged: it must hold records of {_RECORD:,} bytes; unpack it again"
                )
            sizes.append(size // _RECORD)
            largest = int(np.memmap(file, np.uint8, "r").reshape(-1, _RECORD)[:, 0].max())
            if largest >= len(_CLASSES):
                raise InputError(f"{file} is damaged: labels go up to 9, got {largest}; unpack it again")
        self._starts = np.cumsum([0, *sizes])
        self._opened: dict[int, np.ndarray] = {}
        self.fingerprint = file_fingerprint(*self._files)
        n = int(self._starts[-1])
        self.facts = {
            "name": f"{n:,} pictures of CIFAR-10 ({self._split})",
            "path": str(path),
            "format": "CIFAR-10",
            "split": self._split,
            "n_items": n,
            "classes": len(_CLASSES),
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}

    def __len__(self) -> int:
        return int(self._starts[-1])

    def _record(self, i: int) -> np.ndarray:
        file = int(np.searchsorted(self._starts, i, side="right")) - 1
        if file not in self._opened:
            self._opened[file] = np.memmap(self._files[file], np.uint8, "r").reshape(-1, _RECORD)
        return self._opened[file][i - int(self._starts[file])]

    def id(self, i: int) -> str:
        """Return split and number, "test/17"."""
        return f"{self._split}/{i}"

    def label(self, i: int) -> str:
        """Return the name of the class."""
        return _CLASSES[int(self._record(i)[0])]

    def load(self, i: int) -> Any:
        """Return the picture."""
        from PIL import Image

        pixels = self._record(i)[1:].reshape(3, _SIDE, _SIDE).transpose(1, 2, 0)
        return Image.fromarray(np.ascontiguousarray(pixels))
