"""Zarr stores (a folder, a zip file or an address), and what all arrays stored in chunks have in common."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from math import prod
from typing import Any
from zipfile import ZipFile

import numpy as np

from thinshell.errors import InputError
from thinshell.io.batches import gathered
from thinshell.io.dtypes import as_block, block_dtype, check_dtype, dtype_name, dtype_notices
from thinshell.io.failures import explained, listed_names, one_line, unknown_name
from thinshell.io.shapes import matrix_shape
from thinshell.io.source import Source, row_slices
from thinshell.io.urls import is_url

__all__ = ["ChunkedSource", "StoredArray", "chosen_array", "open_zarr", "unwritten_notices"]

# What is decoded at a time where chunks are small: ten 1.5 MB chunks keep the decoding threads busy.
READ_BYTES = 16 * 2**20
# Counting the stored chunks lists the whole folder; a million files would take seconds.
MAX_COUNTED_CHUNKS = 100_000
NODE_FILES = ("zarr.json", ".zarray", ".zgroup")


class StoredArray:
    """What the choice of an array looks at: `dtype` is None where the library cannot tell."""

    def __init__(self, shape: Iterable[int] | None, dtype: np.dtype | None) -> None:
        self.shape = None if shape is None else tuple(int(length) for length in shape)
        self.dtype = dtype

    def __str__(self) -> str:
        shape = "empty" if self.shape is None else str(self.shape)
        return f"{shape} {'unknown type' if self.dtype is None else dtype_name(self.dtype)}"

    @property
    def may_be_embeddings(self) -> bool:
        """Whether these are numbers in two or three dimensions."""
        return (
            self.shape is not None
            and len(self.shape) in (2, 3)
            and self.dtype is not None
            and self.dtype.kind in "fiub"
        )


def chosen_array(path: str, arrays: Mapping[str, StoredArray], what: str) -> tuple[str, list[str]]:
    """Return the name of the only array that may be embeddings, and the notices of that choice."""
    if not arrays:
        raise InputError(f"{path} holds no {what}s; save one of shape (n_samples, n_features)")
    names = [name for name, array in arrays.items() if array.may_be_embeddings]
    if len(names) > 1:
        texts = [f"{name} {arrays[name]}" for name in names]
        raise InputError(
            f"{path} holds {len(names)} {what}s: {listed_names(texts)}; "
            f"name one with key={names[0]!r} (--key {names[0]})"
        )
    if not names and len(arrays) > 1:
        texts = [f"{name} {array}" for name, array in arrays.items()]
        raise InputError(
            f"{path} holds no {what} of shape (n_samples, n_features) with numbers; it has: {listed_names(texts)}"
        )
    name = names[0] if names else next(iter(arrays))
    others = [f"{other} {array}" for other, array in arrays.items() if other != name]
    return name, [f"{what} {name!r} is read; left out: {listed_names(others)}"] if others else []


def unwritten_notices(stored: int, expected: int, fill: object) -> list[str]:
    """Return the notice of an array of which some chunks were never written."""
    if stored >= expected:
        return []
    return [
        f"{expected - stored:,} of {expected:,} chunks are not stored and are read as {fill}; "
        "was the array written to its end?"
    ]


class ChunkedSource(Source):
    """Rows of an array in chunks: whole rows of chunks are read, so that each chunk is decoded once.

    `chunks` is the shape of a chunk (None: the array lies in one piece and any rows can be read).
    """

    container: str

    def __init__(
        self,
        path: str,
        *,
        shape: tuple[int, ...],
        dtype: np.dtype,
        chunks: tuple[int, ...] | None,
        index: int | None,
        notices: Iterable[str] = (),
    ) -> None:
        self._index = index
        self._step = _rows_at_once(shape, dtype, chunks)
        super().__init__(
            paths=(path,),
            n_samples=shape[-2],
            n_features=shape[-1],
            dtype=dtype_name(dtype),
            block_dtype=block_dtype(dtype),
            notices=[*dtype_notices(dtype), *notices],
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        with explained(self.paths[0], self.container), self._opened() as array:
            yield from gathered(self._pieces(array), rows, self.block_dtype)

    def _pieces(self, array: Any) -> Iterator[np.ndarray]:
        for start, stop in row_slices(self.n_samples or 0, self._step):
            yield self._piece(array, start, stop)  # without a name here, which would keep it beside the next one

    def _piece(self, array: Any, start: int, stop: int) -> np.ndarray:
        piece = np.asarray(array[start:stop] if self._index is None else array[self._index, start:stop])
        if piece.shape != (stop - start, self.n_features):
            raise InputError(f"{self.paths[0]} has changed since it was opened; open it again")
        return as_block(piece)

    @abstractmethod
    def _opened(self) -> AbstractContextManager[Any]:
        """Open the array for the time of one pass."""


def _rows_at_once(shape: tuple[int, ...], dtype: np.dtype, chunks: tuple[int, ...] | None) -> int:
    # Of a 3-D array all parts in a chunk are decoded, one is used.
    together = 1 if chunks is None else prod(chunks[:-2])
    rows = max(1, READ_BYTES // (together * shape[-1] * dtype.itemsize))
    chunk_rows = 1 if chunks is None else chunks[-2]
    return max(1, rows // chunk_rows) * chunk_rows


def open_zarr(path: str, key: str | None, index: int | None) -> Source:
    """Open a Zarr array, array `key` (or the only one) of a Zarr group, or part `index` of it if it is 3-D.

    Parameters
    ----------
    path : str
        A folder or zip file with a store of version 2 or 3, or an address with ``://`` as fsspec knows it.
    key : str or None
        Name of the array inside a group, ``"a/b"`` for subgroups.
    index : int or None
        The part of a 3-D array.

    Returns
    -------
    Source
        Its rows; only metadata has been read.
    """
    with explained(path, "Zarr"), _node(path) as root:
        name, array, notices = _array(root, path, key)
        where = f"{path}[{name!r}]" if name else path
        _refuse_pickles(array, where)
        check_dtype(array.dtype, where)
        matrix_shape(array.shape, where, index)
        return ZarrSource(path, name, array, index, notices)


class ZarrSource(ChunkedSource):
    """Rows of one Zarr array."""

    container = "Zarr"

    def __init__(self, path: str, name: str, array: Any, index: int | None, notices: Iterable[str]) -> None:
        self._name = name
        super().__init__(
            path,
            shape=array.shape,
            dtype=array.dtype,
            chunks=_decoded_together(array),
            index=index,
            notices=[*notices, *_unwritten(array, path)],
        )

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with _node(self.paths[0]) as root:
            yield root[self._name] if self._name else root


def _decoded_together(array: Any) -> tuple[int, ...]:
    """Return the shape of a shard where one row of shards is small, else of a chunk."""
    shards = array.shards
    if shards is None:
        return array.chunks
    # Inner chunks can be read one by one, at the price of the shard's index each time.
    row_bytes = prod(shards[:-1]) * array.shape[-1] * array.dtype.itemsize
    return shards if row_bytes <= READ_BYTES else array.chunks


def _unwritten(array: Any, path: str) -> list[str]:
    stored_shape = array.shards or array.chunks
    expected = prod(-(-length // stored) for length, stored in zip(array.shape, stored_shape, strict=True))
    if is_url(path) or expected > MAX_COUNTED_CHUNKS:
        return []
    stored = array.nchunks_initialized // prod(
        outer // inner for outer, inner in zip(stored_shape, array.chunks, strict=True)
    )
    return unwritten_notices(stored, expected, array.fill_value)


def _import_zarr(path: str) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise InputError(f"{path}: reading Zarr needs zarr: pip install 'thinshell[scale]'") from error
    return zarr


@contextmanager
def _node(path: str) -> Iterator[Any]:
    """Open the array or group at the root of the store, for reading."""
    zarr = _import_zarr(path)
    if not is_url(path) and not os.path.isdir(path):
        with ZipFile(path) as archive:  # refuses what is no zip file, or a truncated one, in plain words
            inside = _root_of(archive)
        with zarr.storage.ZipStore(path, mode="r") as store:
            yield _open(zarr, path, store, inside)
        return
    yield _open(zarr, path, path, None)


def _open(zarr: Any, path: str, store: Any, inside: str | None) -> Any:
    try:
        with _quiet():
            return zarr.open(store, mode="r", path=inside)
    except (FileNotFoundError, zarr.errors.NodeNotFoundError) as error:
        if not is_url(path) and not os.path.exists(path):
            raise
        raise InputError(
            f"{path} holds no Zarr array or group; give the folder that has {', '.join(NODE_FILES)} in it"
        ) from error
    except ValueError as error:
        raise _unknown_type(path, error) from error


def _root_of(archive: ZipFile) -> str:
    """Return where the store begins: zipping a folder by hand puts its name before everything."""
    folders = [os.path.dirname(name) for name in archive.namelist() if os.path.basename(name) in NODE_FILES]
    return min(folders, key=len, default="")


@contextmanager
def _quiet() -> Iterator[None]:
    # Zarr warns about stray files in a folder and about string types that are refused anyway.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _unknown_type(path: str, error: ValueError) -> Exception:
    text = one_line(error)
    if "No Zarr data type" not in text:
        return error
    if "pickle" in text:
        return _pickled(path)
    return InputError(
        f"{path} holds an array of a type that this zarr does not read ({text}); name another with key, "
        "or convert it to float32 before saving (bfloat16 is not a type of Zarr)"
    )


def _pickled(where: str) -> InputError:
    return InputError(
        f"{where} is stored with the pickle codec; refused: thinshell never unpickles; save it again as a float array"
    )


def _array(root: Any, path: str, key: str | None) -> tuple[str, Any, list[str]]:
    """Return the name (empty for the root itself), the array and the notices of its choice."""
    if not hasattr(root, "members"):
        if key is not None:
            raise InputError(f"{path} is a single Zarr array; key is for groups of them: leave it out")
        return "", root, []
    if key is None:
        return _only(root, path)
    try:
        with _quiet():
            node = root[key.strip("/")]
    except KeyError:
        raise unknown_name(path, "array", key, _members(root, path)) from None
    except ValueError as error:
        raise _unknown_type(f"{path}[{key!r}]", error) from error
    if not hasattr(node, "members"):
        return key.strip("/"), node, []
    return _only(root, path, inside=key.strip("/") + "/")


def _only(root: Any, path: str, inside: str = "") -> tuple[str, Any, list[str]]:
    arrays = {name: array for name, array in _members(root, path).items() if name.startswith(inside)}
    described = {name: StoredArray(array.shape, array.dtype) for name, array in arrays.items()}
    name, notices = chosen_array(f"{path}[{inside[:-1]!r}]" if inside else path, described, "array")
    return name, arrays[name], notices


def _members(root: Any, path: str) -> dict[str, Any]:
    try:
        with _quiet():
            members = dict(root.members(max_depth=None))
    except ValueError as error:
        raise _unknown_type(path, error) from error
    return {name: members[name] for name in sorted(members) if not hasattr(members[name], "members")}


def _refuse_pickles(array: Any, where: str) -> None:
    # A codec is code, and numcodecs has one that unpickles chunks. Zarr 3.1 does not let it near numbers; should
    # that change, this does not.
    with _quiet():
        told = {name: value for name, value in array.metadata.to_dict().items() if name != "attributes"}
    if "pickle" in repr(told):
        raise _pickled(where)
