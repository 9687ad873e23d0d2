"""From paths to a source: which format a file has, and who reads it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from thinshell.errors import InputError, InputTypeError
from thinshell.io.files import opened
from thinshell.io.joined import joined
from thinshell.io.paths import DATABASES, expanded, leading_bytes
from thinshell.io.shapes import checked_dim, checked_index
from thinshell.io.source import Source
from thinshell.io.urls import is_url, scheme_of, without_password

__all__ = ["STDIN", "open_each", "open_source"]

# What standard input is called.
STDIN = "-"
EXTENSIONS = {
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".safetensors": "safetensors",
    ".csv": "csv",
    ".tsv": "csv",
    ".zarr": "zarr",
    ".zip": "zarr",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".lance": "lance",
    ".tar": "tar",
    ".tgz": "tar",
    ".tar.gz": "tar",
    ".faiss": "faiss",
    ".index": "faiss",
}
# Who opens a kind, and which of column, key and index it takes. Imported when needed: Arrow alone costs 0.1 s of
# start-up that a .npy file need not pay.
READERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "npy": ("npy.open_npy", ("index",)),
    "npz": ("npz.open_npz", ("key", "index")),
    "safetensors": ("tensors.open_safetensors", ("key", "index")),
    "parquet": ("parquet.open_parquet", ("column",)),
    "arrow": ("arrow.open_arrow", ("column",)),
    "csv": ("delimited.open_delimited", ("column",)),
    "zarr": ("zarr_arrays.open_zarr", ("key", "index")),
    "hdf5": ("hdf5.open_hdf5", ("key", "index")),
    "lance": ("lance.open_lance", ("column",)),
    "tar": ("tar.open_tar", ("key",)),
    "faiss": ("databases.faiss_index.open_faiss", ()),
    "postgresql": ("databases.postgres.open_postgres", ("column",)),
    "lancedb": ("databases.lancedb_table.open_lancedb", ("column",)),
}
TAKERS = {
    "column": "tables (Parquet, Arrow, CSV, Lance, databases)",
    "key": ".npz, .safetensors, Zarr, HDF5 and .tar files",
    "index": "3-D arrays",
}
# Kinds that are folders, which their own library opens.
FOLDERS = ("zarr", "lance")
# These take any open file; the others read from a path on this machine.
TAKE_OPENER = ("hdf5", "tar")
LOCAL_ONLY = ("lance", "faiss")
# Only asked when the extension says nothing.
SIGNATURES = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\x89HDF\r\n": "hdf5",
}
PICKLED = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt")
# Remote files whose heads are read at once: each is a round trip or two.
HEADS_AT_ONCE = 16


def open_source(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
    dim: int | None = None,
    skip_bad: bool = False,
) -> Source:
    """Open one file, a glob or a list of them as one data set of rows.

    Only headers are read. Several files are read in the given order (those of a glob sorted by name) and must
    have the same number of features; their formats may differ.

    Parameters
    ----------
    paths : str, Path or iterable of them
        ``.npy``, ``.npz``, ``.parquet``/``.pq``, ``.arrow``/``.feather``/``.ipc``, ``.safetensors``, ``.csv``,
        ``.tsv``, ``.h5``/``.hdf5``, ``.tar``/``.tar.gz`` (of .npy members) and ``.faiss``/``.index`` files, ``.zarr``
        and ``.lance`` folders. ``*``, ``?``, ``[...]`` and ``**`` are expanded. A URL that fsspec knows (``s3://``,
        ``gs://``, ``hf://``, ``https://``, …) is read in ranges; ``postgresql://…?table=…&column=…`` and
        ``lancedb://…?table=…`` name a table; ``-`` is standard input.
    column : str, optional
        Tables: the column that holds the embeddings. Without it the only list column is taken,
        or every numeric column as one feature where there is no list column.
    key : str, optional
        ``.npz``, ``.safetensors``, Zarr, HDF5: the array to take where there are several; of a ``.tar`` the extension.
    index : int, optional
        The part of a 3-D array, counted from 0 along its first axis.
    dim : int, optional
        Standard input that is no .npy stream: float32 numbers, so many a row.
    skip_bad : bool
        Go on without files that cannot be opened, which `notices` then name.

    Returns
    -------
    Source
        With ``n_samples``, ``n_features``, ``dtype``, ``paths``, ``feature_names``, ``notices``
        and ``blocks()``.

    Raises
    ------
    InputError
        If a file cannot be read as a matrix of real numbers. The sentence starts with its path.
    InputTypeError
        If an argument has a type that is not taken.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from thinshell.io import open_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in range(2):
    ...         np.save(pathlib.Path(folder, f"part-{part}.npy"), np.full((3, 4), part, dtype=np.float16))
    ...     source = open_source(f"{folder}/part-*.npy")
    ...     blocks = list(source.blocks())
    >>> source.n_samples, source.n_features, source.dtype
    (6, 4, 'float16')
    >>> [(block.shape, block.dtype.name) for block in blocks]
    [((3, 4), 'float32'), ((3, 4), 'float32')]
    """
    sources, skipped = open_each(paths, column=column, key=key, index=index, dim=dim, skip_bad=skip_bad)
    if not sources:
        raise InputError(skipped[0][1])
    source = joined(sources)
    source.notices.extend(f"left out: {reason}" for _, reason in skipped)
    return source


def open_each(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
    dim: int | None = None,
    skip_bad: bool = False,
) -> tuple[list[Source], list[tuple[str, str]]]:
    """Open every file by itself, in order.

    Parameters
    ----------
    paths, column, key, index, dim, skip_bad
        As for `open_source`.

    Returns
    -------
    sources : list of Source
    skipped : list of (str, str)
        With `skip_bad`, files that could not be opened, and why.

    Raises
    ------
    InputError, InputTypeError
        As `open_source` does.

    Examples
    --------
    >>> open_each("gone.npy", skip_bad=True)
    ([], [('gone.npy', 'gone.npy does not exist; check the path')])
    """
    for name, value in (("column", column), ("key", key)):
        if value is not None and not isinstance(value, str):
            raise InputTypeError(f"{name} must be a name (str) or None, got {type(value).__name__}")
    chosen = {"column": column, "key": key, "index": checked_index(index)}
    width, files = checked_dim(dim), expanded(paths)
    if width is not None and files != (STDIN,):
        raise InputError(f"dim is for standard input (-), got {files[0]}; leave it out")
    if STDIN in files and len(files) > 1:
        raise InputError("standard input (-) must be the only path, got others beside it; name files alone")
    attempt = partial(_attempt, chosen=chosen, dim=width, skip_bad=skip_bad)
    if sum(map(is_url, files)) > 1:
        with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
            found = list(pool.map(attempt, files))
    else:
        found = [attempt(path) for path in files]
    sources = [source for source in found if isinstance(source, Source)]
    return sources, [entry for entry in found if not isinstance(entry, Source)]


def _attempt(
    path: str, chosen: dict[str, str | int | None], dim: int | None, skip_bad: bool
) -> Source | tuple[str, str]:
    try:
        return _open_stdin(chosen, dim) if path == STDIN else _open_one(path, chosen)
    except InputError as error:
        if not skip_bad:
            raise
        return path, str(error)


def _open_stdin(chosen: dict[str, str | int | None], dim: int | None) -> Source:
    from thinshell.io.stream import open_stream

    for name, value in chosen.items():
        if value is not None:
            raise InputError(f"standard input is a .npy stream or bare numbers; {name} is not for it: leave it out")
    return open_stream(sys.stdin.buffer, "standard input", dim)


def _open_one(path: str, chosen: dict[str, str | int | None]) -> Source:
    shown, kind = without_password(path), _kind_by_name(path)
    if kind is None or (kind not in FOLDERS and scheme_of(path) not in DATABASES):
        head = leading_bytes(path)
        kind = kind or _kind_by_content(path, head)
    if kind in LOCAL_ONLY and is_url(path):
        raise InputError(f"{shown} is remote; {kind} is read from this machine: download it first")
    reader, takes = READERS[kind]
    for name, value in chosen.items():
        if value is not None and name not in takes:
            raise InputError(f"{shown} takes no {name}, which is for {TAKERS[name]}: leave it out")
    module, _, function = reader.rpartition(".")
    # Every reader takes the path, then its options in the order of READERS.
    read = cast(Callable[..., Source], getattr(importlib.import_module(f"thinshell.io.{module}"), function))
    if kind in TAKE_OPENER and is_url(path):
        return read(path, *(chosen[name] for name in takes), opener=cast(Callable[[], BinaryIO], partial(opened, path)))
    return read(path, *(chosen[name] for name in takes))


def _kind_by_name(path: str) -> str | None:
    """Return the kind that the scheme or the extension tells, None where they say nothing."""
    scheme = scheme_of(path)
    if scheme in DATABASES:
        return "postgresql" if scheme.startswith("postgres") else scheme
    name = urlsplit(path).path if is_url(path) else path
    name = name.rstrip("/").lower()
    if name.endswith(".tar.gz"):
        return "tar"
    extension = os.path.splitext(name)[1]
    if extension in PICKLED:
        raise InputError(
            f"{without_password(path)} is a {extension} file, which is read by unpickling; refused: thinshell never "
            f"unpickles; save the embeddings as one of {', '.join(EXTENSIONS)}"
        )
    return EXTENSIONS.get(extension)


def _kind_by_content(path: str, head: bytes) -> str:
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    extension = os.path.splitext(path)[1].lower()
    said = f"the unknown extension {extension!r}" if extension else "no extension"
    raise InputError(f"{without_password(path)} has {said}; thinshell reads {', '.join(EXTENSIONS)}")
