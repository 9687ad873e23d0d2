"""A folder of pictures, with class folders or without."""

from __future__ import annotations

import hashlib
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from thinshell.errors import InputError
from thinshell.pretrained.data.items import Items
from thinshell.pretrained.data.pictures import SUFFIXES, load_picture

__all__ = ["FolderItems"]


class FolderItems(Items):
    """All pictures below a folder, sorted by their path; a single picture is a folder of one.

    Where every picture lies in a sub-folder and there are at least two of these, the names of the first-level folders
    are the labels. Hidden files and folders are passed over, links to folders not followed.

    Parameters
    ----------
    path : Path
        The folder, or a picture.
    pattern : str, optional
        Of the file names, with ``*`` and ``?``.

    Raises
    ------
    InputError
        If there are no pictures.
    """

    kind = "image"

    def __init__(self, path: Path, pattern: str | None = None) -> None:
        self._path = path
        self._root = path if path.is_dir() else path.parent
        self._names = _pictures(path) if path.is_dir() else [path.name]
        if pattern is not None:
            self._names = [name for name in self._names if fnmatchcase(name.rpartition("/")[2], pattern)]
        if not self._names:
            called = "" if pattern is None else f" called {pattern}"
            raise InputError(f"{path} holds no pictures{called} ({', '.join(SUFFIXES)}); name a folder that does")
        tops = {name.partition("/")[0] if "/" in name else "" for name in self._names}
        self._labelled = "" not in tops and len(tops) > 1
        digest = hashlib.sha256()
        for name in self._names:
            status = os.stat(self._root / name)
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        self.fingerprint = digest.hexdigest()[:32]
        noun = "picture" if len(self._names) == 1 else "pictures"
        self.facts: dict[str, Any] = {
            "name": f"{len(self._names):,} {noun} of {path}",
            "path": str(path),
            "format": "pictures",
            "pattern": pattern,
            "n_items": len(self._names),
            "classes": len(tops) if self._labelled else None,
        }

    def __len__(self) -> int:
        return len(self._names)

    def matching(self, pattern: str) -> FolderItems:
        """Return the pictures whose file name fits a pattern with ``*`` and ``?``."""
        return FolderItems(self._path, pattern)

    def id(self, i: int) -> str:
        """Return the path below the folder."""
        return self._names[i]

    def label(self, i: int) -> str | None:
        """Return the first-level folder, where these are classes."""
        return self._names[i].partition("/")[0] if self._labelled else None

    def load(self, i: int) -> Any:
        """Return the picture."""
        path = self._root / self._names[i]
        return load_picture(path, str(path))


def _pictures(root: Path) -> list[str]:
    found = []
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        relative = Path(folder).relative_to(root)
        found += [
            (relative / name).as_posix()
            for name in files
            if not name.startswith(".") and name.lower().endswith(SUFFIXES)
        ]
    return sorted(found)
