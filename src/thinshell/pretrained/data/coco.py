"""MS-COCO captions: pictures and what people wrote about them, as two sides of pairs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.data.items import Items, file_fingerprint, text_of
from thinshell.pretrained.data.pictures import load_picture

__all__ = ["CaptionItems", "PictureItems", "coco", "is_coco"]

# Where the pictures lie, seen from the annotations' folder, in the layouts that people have.
_FOLDERS = (".", "val2017", "../val2017", "../images/val2017", "train2017", "../train2017", "../images/train2017")


class PictureItems(Items):
    """The pictures, in the order of the annotation file."""

    kind = "image"
    side = "image"

    def __init__(self, path: Path, folder: Path, images: Sequence[tuple[int, str]]) -> None:
        self._folder, self._images = folder, list(images)
        digest = hashlib.sha256(file_fingerprint(path).encode())
        for _, name in self._images:
            place = folder / name
            digest.update(f"{name}\0{place.stat().st_size if place.is_file() else None}\n".encode())
        self.fingerprint = digest.hexdigest()[:32]
        n = len(self._images)
        self.facts = {"name": f"{n:,} pictures of {path}", "path": str(path), "format": "COCO", "n_items": n}

    def __len__(self) -> int:
        return len(self._images)

    def id(self, i: int) -> str:
        """Return COCO's number of the picture."""
        return str(self._images[i][0])

    def pair(self, i: int) -> int:
        """Return COCO's number of the picture."""
        return self._images[i][0]

    def load(self, i: int) -> Any:
        """Return the picture."""
        path = self._folder / self._images[i][1]
        return load_picture(path, str(path))


class CaptionItems(Items):
    """The captions, in the order of their pictures."""

    kind = "text"
    side = "text"

    def __init__(self, path: Path, captions: Sequence[tuple[int, int, Any]], which: str) -> None:
        self._path, self._captions = path, list(captions)
        self.fingerprint = file_fingerprint(path)
        n = len(self._captions)
        self.facts = {
            "name": f"{n:,} captions of {path}",
            "path": str(path),
            "format": "COCO",
            "n_items": n,
            "captions": which,
        }

    def __len__(self) -> int:
        return len(self._captions)

    def id(self, i: int) -> str:
        """Return COCO's number of the caption."""
        return str(self._captions[i][1])

    def pair(self, i: int) -> int:
        """Return COCO's number of the picture it tells of."""
        return self._captions[i][0]

    def load(self, i: int) -> Any:
        """Return the caption."""
        return text_of(self._captions[i][2], f"{self._path}, annotation {self._captions[i][1]}")


def is_coco(path: Path) -> bool:
    """Whether a JSON file begins as an annotation file does: an object, not a list or lines of objects."""
    with open(path, "rb") as file:
        head = file.read(4096).lstrip()
    # The keys that come first in the files of COCO and of its kin.
    return head.startswith(b"{") and any(
        key in head for key in (b'"info"', b'"images"', b'"annotations"', b'"licenses"')
    )


def coco(path: Path, images_dir: str | Path | None, captions: str) -> list[Items]:
    """Open an annotation file of COCO captions.

    Parameters
    ----------
    path : Path
        ``captions_val2017.json`` or another file of its form.
    images_dir : str or Path, optional
        Where the pictures lie; looked for beside the annotations if not given.
    captions : {"all", "first"}
        "first" is the caption with the smallest number of each picture.

    Returns
    -------
    list of Items
        Pictures, then captions. Both carry COCO's number of the picture as their pair.

    Raises
    ------
    InputError
        If the file is no such JSON or the pictures are not found.
    """
    if captions not in ("all", "first"):
        raise unknown_name("captions", captions, ("all", "first"))
    try:
        content = json.loads(path.read_bytes())
        images = [(int(image["id"]), str(image["file_name"])) for image in content["images"]]
        notes = [(int(note["image_id"]), int(note["id"]), note["caption"]) for note in content["annotations"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise InputError(
            f"{path} is no annotation file of COCO captions ({said}); it must hold images (id, file_name) and "
            "annotations (id, image_id, caption)"
        ) from error
    order = {number: place for place, (number, _) in enumerate(images)}
    if not images or len(order) != len(images):
        raise InputError(f"{path} must hold at least one image, each with an id of its own")
    if strange := next((note for note in notes if note[0] not in order), None):
        raise InputError(f"{path}: annotation {strange[1]} is of image {strange[0]}, which is not in the file")
    notes.sort(key=lambda note: (order[note[0]], note[1]))
    if captions == "first":
        notes = [note for k, note in enumerate(notes) if not k or notes[k - 1][0] != note[0]]
    if not notes:
        raise InputError(f"{path} holds no captions; embed its pictures as a folder")
    return [PictureItems(path, _folder(path, images_dir, images), images), CaptionItems(path, notes, captions)]


def _folder(path: Path, images_dir: str | Path | None, images: Sequence[tuple[int, str]]) -> Path:
    if images_dir is not None:
        if not Path(images_dir).is_dir():
            raise InputError(f"images_dir must be a folder, got {images_dir}; name the one with {images[0][1]}")
        return Path(images_dir)
    for below in _FOLDERS:
        folder = Path(os.path.normpath(path.parent / below))
        # One may be missing; not the first few.
        if any((folder / name).is_file() for _, name in images[:16]):
            return folder
    raise InputError(
        f"the pictures of {path} ({images[0][1]} …) are not beside it, nor in val2017 or train2017; name their "
        "folder by --images-dir"
    )
