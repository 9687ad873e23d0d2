"""From paths to a source: which format a file has, and who reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from thinshell.errors import InputError, InputTypeError
from thinshell.io.joined import joined
from thinshell.io.paths import expanded, leading_bytes
from thinshell.io.shapes import checked_index
from thinshell.io.source import Source

__all__ = ["open_source"]

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
}
# Only asked when the extension says nothing.
SIGNATURES = {b"\x93NUMPY": "npy", b"PK\x03\x04": "npz", b"PAR1": "parquet", b"ARROW1": "arrow"}
PICKLED = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt")


def open_source(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
) -> Source:
    """Open one file, a glob or a list of them as one data set of rows.

    Only headers are read. Several files are read in the given order (those of a glob sorted by name) and must
    have the same number of features; their formats may differ.

    Parameters
    ----------
    paths : str, Path or iterable of them
        ``.npy``, ``.npz``, ``.parquet``/``.pq``, ``.arrow``/``.feather``/``.ipc``, ``.safetensors``, ``.csv``
        or ``.tsv`` files. ``*``, ``?``, ``[...]`` and ``**`` are expanded.
    column : str, optional
        Parquet, Arrow, CSV: the column that holds the embeddings. Without it the only list column is taken,
        or every numeric column as one feature where there is no list column.
    key : str, optional
        ``.npz``, ``.safetensors``: the array to take where there are several.
    index : int, optional
        The part of a 3-D array, counted from 0 along its first axis.

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
    for name, value in (("column", column), ("key", key)):
        if value is not None and not isinstance(value, str):
            raise InputTypeError(f"{name} must be a name (str) or None, got {type(value).__name__}")
    part = checked_index(index)
    return joined([_open_one(path, column, key, part) for path in expanded(paths)])


def _open_one(path: str, column: str | None, key: str | None, index: int | None) -> Source:
    kind = _kind(path, leading_bytes(path))
    _check_options(path, kind, column, key, index)
    # Imported here: Arrow costs 0.1 s of start-up that a .npy file need not pay.
    if kind == "npy":
        from thinshell.io.npy import open_npy

        return open_npy(path, index)
    if kind == "npz":
        from thinshell.io.npz import open_npz

        return open_npz(path, key, index)
    if kind == "safetensors":
        from thinshell.io.tensors import open_safetensors

        return open_safetensors(path, key, index)
    if kind == "parquet":
        from thinshell.io.parquet import open_parquet

        return open_parquet(path, column)
    if kind == "arrow":
        from thinshell.io.arrow import open_arrow

        return open_arrow(path, column)
    from thinshell.io.delimited import open_delimited

    return open_delimited(path, column)


def _kind(path: str, head: bytes) -> str:
    extension = os.path.splitext(path)[1].lower()
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    supported = ", ".join(EXTENSIONS)
    if extension in PICKLED:
        raise InputError(
            f"{path} is a {extension} file, which is read by unpickling; refused: thinshell never unpickles; "
            f"save the embeddings as one of {supported}"
        )
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    said = f"the unknown extension {extension!r}" if extension else "no extension"
    raise InputError(f"{path} has {said}; thinshell reads {supported}")


def _check_options(path: str, kind: str, column: str | None, key: str | None, index: int | None) -> None:
    if column is not None and kind not in ("parquet", "arrow", "csv"):
        raise InputError(f"{path} has no columns to pick from; column is for Parquet, Arrow and CSV files")
    if key is not None and kind not in ("npz", "safetensors"):
        raise InputError(f"{path} has no named arrays; key is for .npz and .safetensors files: leave it out")
    if index is not None and kind not in ("npy", "npz", "safetensors"):
        raise InputError(f"{path} is a table; index is only for 3-D arrays: leave it out")
