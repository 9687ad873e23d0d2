"""A folder of pictures, with class folders or without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from thinshell.errors import InputError
from thinshell.training.samples import Samples
from thinshell.training.splitting import check_test_share, split_rows

__all__ = ["image_folder"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif")


def image_folder(path: str | Path, size: int = 32, *, test_share: float = 0.1, seed: int = 0) -> Samples:
    """Read a folder of pictures into memory.

    Parameters
    ----------
    path : str or Path
        Holds pictures, or one folder of pictures a class; or the folders ``train`` and ``test``, each of which does.
    size : int
        Pictures are scaled (bicubic) and cut around the middle to `size` x `size`, at least 8; as RGB.
    test_share : float
        Share of the pictures measured on, in (0, 1), where there are no ``train`` and ``test``.
    seed : int
        Chooses the pictures that are measured on.

    Returns
    -------
    Samples
        uint8 pictures (n, 3, size, size); the labels number the class folders in the order of their names.

    Raises
    ------
    InputError
        If the folder holds no pictures, or one cannot be read; the sentence names it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number in range(20):
    ...         place = Path(folder, "cat" if number % 2 else "dog")
    ...         place.mkdir(exist_ok=True)
    ...         Image.new("RGB", (40, 30), (number, 0, 0)).save(place / f"{number}.png")
    ...     samples = image_folder(folder, size=8)
    >>> samples.train.shape, samples.test.shape, samples.facts["classes"]
    (torch.Size([18, 3, 8, 8]), torch.Size([2, 3, 8, 8]), ['cat', 'dog'])
    """
    check_test_share(test_share)
    if size < 8:
        raise InputError(f"size must be at least 8 pixels, got {size}")
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{path} is not a folder; name a folder of pictures")
    facts: dict[str, Any] = {"folder": folder.name, "size": size}
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        classes = _classes(folder / "train")
        train, test = (_read(folder / split, classes, size) for split in ("train", "test"))
        return Samples("images", train[0], test[0], train[1], test[1], {**facts, "classes": classes})
    classes = _classes(folder)
    pictures, labels = _read(folder, classes, size)
    chosen = split_rows(len(pictures), test_share, seed, str(path))
    both = [None if labels is None else labels[part] for part in chosen]
    facts |= {"classes": classes, "test_share": test_share, "seed": seed}
    return Samples("images", pictures[chosen[0]], pictures[chosen[1]], *both, facts=facts)


def _classes(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file())


def _read(folder: Path, classes: list[str], size: int) -> tuple[Tensor, Tensor | None]:
    if unknown := sorted(set(_classes(folder)) - set(classes)):
        raise InputError(f"{folder} has the class {unknown[0]!r}, which is not among those trained on")
    if classes and _pictures_in(folder):
        raise InputError(f"{folder} holds both class folders and pictures; move the pictures into a class folder")
    groups = [_pictures_in(folder / name) if (folder / name).is_dir() else [] for name in classes]
    paths = [path for group in groups for path in group] if classes else _pictures_in(folder)
    if not paths:
        raise InputError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    pixels = np.stack([_picture(path, size) for path in paths])
    labels = [number for number, group in enumerate(groups) for _ in group]
    return torch.from_numpy(pixels), torch.tensor(labels) if classes else None


def _picture(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            fitted = ImageOps.fit(upright, (size, size), method=Image.Resampling.BICUBIC)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a picture that can be read ({error}); repair or remove it") from error
    return np.asarray(fitted).transpose(2, 0, 1)
