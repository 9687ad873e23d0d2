"""From a path to what can be embedded."""

from __future__ import annotations

from pathlib import Path

from thinshell.errors import InputError, unknown_name
from thinshell.pretrained.data.cifar10 import Cifar10Items, cifar10_folder
from thinshell.pretrained.data.coco import coco, is_coco
from thinshell.pretrained.data.folder import FolderItems
from thinshell.pretrained.data.items import Items
from thinshell.pretrained.data.lines import JsonLineItems, LineItems
from thinshell.pretrained.data.pictures import SUFFIXES
from thinshell.pretrained.data.tables import open_table, saved_dataset

__all__ = ["KINDS", "open_data"]

KINDS = ("auto", "images", "texts", "coco", "cifar10", "dataset")
_LINES, _JSON_LINES = (".txt",), (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather", ".ipc")
_PACKED = (".gz",)


def open_data(
    path: str | Path,
    *,
    kind: str = "auto",
    column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    split: str | None = None,
    images_dir: str | Path | None = None,
    captions: str = "all",
) -> list[Items]:
    r"""Open pictures or texts.

    Parameters
    ----------
    path : str or Path
        A folder of pictures (class folders are labels), one picture; ``.txt`` (a text a line), ``.csv``, ``.tsv``,
        ``.jsonl``, ``.parquet``, ``.arrow`` (``.txt``, ``.csv`` and ``.jsonl`` also as ``.gz``); the annotations of
        COCO captions (``.json``); the folder of CIFAR-10's binary version; a folder that ``datasets`` saved.
    kind : {"auto", "images", "texts", "coco", "cifar10", "dataset"}
        What it is; "auto" tells by what is there.
    column, id_column, label_column : str, optional
        Columns of a table, fields of JSON lines. Without `column`: the only one with texts or pictures, or one that is
        called text, sentence, caption, content, description or image.
    split : str, optional
        Of CIFAR-10 ("test", "train") and of saved data sets.
    images_dir : str or Path, optional
        Where the pictures of COCO captions lie.
    captions : {"all", "first"}
        Of COCO.

    Returns
    -------
    list of Items
        One, or pictures and captions of COCO.

    Raises
    ------
    InputError
        If there is nothing of the kind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "queries.csv").write_text("id,text\nq1,thin shells\nq2,thick shells\n")
    ...     (items,) = open_data(Path(folder, "queries.csv"), id_column="id")
    ...     len(items), items.kind, items.id(1), items.load(1)
    (2, 'text', 'q2', 'thick shells')
    """
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{path} is not there; name a folder of pictures, or a file of texts")
    found = _kind(place) if kind == "auto" else kind
    _check_fit(place, found, kind)
    columns = (column, id_column, label_column)
    if found not in ("texts", "dataset") and any(columns):
        raise InputError(f"{path} has no columns to choose from; column, id_column and label_column are for tables")
    if split is not None and found not in ("cifar10", "dataset"):
        raise InputError(f"{path} has no splits; split is for CIFAR-10 and saved data sets: leave it out")
    if images_dir is not None and found != "coco":
        raise InputError(f"{path} is no COCO annotation file; images_dir is for these: leave it out")
    if found == "coco":
        return coco(place, images_dir, captions)
    if found == "cifar10":
        return [Cifar10Items(place, split)]
    if found == "dataset":
        return [saved_dataset(place, columns, split)]
    return [FolderItems(place) if found == "images" else _texts(place, columns)]


def _texts(path: Path, columns: tuple[str | None, str | None, str | None]) -> Items:
    suffix = _suffix(path)
    if suffix in _JSON_LINES:
        return JsonLineItems(path, *columns)
    if suffix in _TABLES:
        return open_table(path, columns)
    if any(columns):
        raise InputError(f"{path} has no columns: a text file has one text a line; leave the columns out")
    return LineItems(path)


def _suffix(path: Path) -> str:
    """Return the last suffix, that before ``.gz`` where it is packed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _kind(path: Path) -> str:
    if path.is_dir():
        if cifar10_folder(path) is not None:
            return "cifar10"
        if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
            return "dataset"
        return "images"
    suffix = _suffix(path)
    if suffix in SUFFIXES:
        return "images"
    if suffix == ".json":
        if is_coco(path):
            return "coco"
        raise InputError(
            f"{path} is JSON, but no annotation file of COCO captions; one object a line is .jsonl: rename it or "
            "convert it"
        )
    if suffix in (*_LINES, *_JSON_LINES, *_TABLES):
        return "texts"
    raise InputError(
        f"{path} is of a kind that is not known by its name; thinshell embeds pictures ({', '.join(SUFFIXES)}), texts "
        f"({', '.join((*_LINES, *_JSON_LINES, *_TABLES))}), COCO captions (.json) and folders; say --kind texts for "
        "a text file"
    )


def _check_fit(path: Path, kind: str, asked: str) -> None:
    folder = path.is_dir()
    if folder == (kind in ("texts", "coco")) and not (kind == "images" and not folder):
        needs = "a file" if folder else "a folder"
        raise InputError(f"kind {asked!r} needs {needs}, got {path}; name another or leave kind out")
