"""HDF5 files: datasets by name, read a row of chunks at a time."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from typing import IO, Any

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import check_dtype
from thinshell.io.failures import explained, unknown_name
from thinshell.io.shapes import matrix_shape
from thinshell.io.source import Source
from thinshell.io.zarr_arrays import ChunkedSource, StoredArray, chosen_array, unwritten_notices

__all__ = ["open_hdf5"]

MAX_SOFT_LINKS = 16  # as many as HDF5 itself follows before it calls them a circle

Opener = Callable[[], IO[bytes]]


def open_hdf5(path: str, key: str | None, index: int | None, opener: Opener | None = None) -> Source:
    """Open dataset `key` (or the only one) of an HDF5 file, or part `index` of it if it is 3-D.

    Parameters
    ----------
    path : str
        The file; it starts every error sentence.
    key : str or None
        Name of the dataset, ``"group/name"`` inside groups.
    index : int or None
        The part of a 3-D dataset.
    opener : callable, optional
        Returns a readable, seekable binary file to be read in place of `path`, a fresh one at each call.

    Returns
    -------
    Source
        Its rows; only metadata has been read. Nothing outside the file is read: links to other files are refused.
    """
    with explained(path, "HDF5"), _opened(path, opener) as file:
        name, dataset, notices = _chosen(file, path, key)
        where = f"{path}[{name!r}]"
        dtype = _checked(dataset, where)
        matrix_shape(dataset.shape, where, index)
        _refuse_other_files(dataset, where)
        _refuse_unknown_filters(dataset, where)
        return Hdf5Source(path, name, dataset, dtype, index, notices, opener)


class Hdf5Source(ChunkedSource):
    """Rows of one HDF5 dataset."""

    container = "HDF5"

    def __init__(
        self,
        path: str,
        name: str,
        dataset: Any,
        dtype: np.dtype,
        index: int | None,
        notices: list[str],
        opener: Opener | None,
    ) -> None:
        self._name = name
        self._opener = opener
        super().__init__(
            path,
            shape=dataset.shape,
            dtype=dtype,
            chunks=dataset.chunks,
            index=index,
            notices=[*notices, *_unwritten(dataset)],
        )

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with _opened(self.paths[0], self._opener) as file:
            # Looked up again with the same care: the file may have been replaced since it was opened.
            dataset = _followed(file, self.paths[0], self._name)
            if not hasattr(dataset, "chunks"):
                raise InputError(f"{self.paths[0]} has changed since it was opened; open it again")
            _refuse_other_files(dataset, f"{self.paths[0]}[{self._name!r}]")
            yield dataset


def _import_h5py(path: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: reading HDF5 needs h5py: pip install 'thinshell[scale]'") from error
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")  # where it is installed, importing it adds Blosc, Zstandard, ...
    return h5py


@contextmanager
def _opened(path: str, opener: Opener | None) -> Iterator[Any]:
    h5py = _import_h5py(path)
    if opener is None:
        with h5py.File(path, "r") as file:
            yield file
        return
    with opener() as stream, h5py.File(stream, "r") as file:
        yield file


def _chosen(file: Any, path: str, key: str | None) -> tuple[str, Any, list[str]]:
    if key is not None:
        node = _followed(file, path, key)
        if node is None:
            raise unknown_name(path, "dataset", key, _datasets(file))
        if hasattr(node, "chunks"):
            return key, node, []
    else:
        node = file
    datasets = _datasets(node)
    where = path if key is None else f"{path}[{key!r}]"
    described = {name: StoredArray(dataset.shape, _dtype(dataset)) for name, dataset in datasets.items()}
    name, notices = chosen_array(where, described, "dataset")
    return name if key is None else f"{key.rstrip('/')}/{name}", datasets[name], notices


def _datasets(group: Any) -> dict[str, Any]:
    """Return the datasets of a group and its subgroups; links to other places are not followed."""
    found: dict[str, Any] = {}

    def visit(name: str, node: Any) -> None:
        if hasattr(node, "chunks"):
            found[name] = node

    group.visititems(visit)
    return found


def _followed(file: Any, path: str, key: str) -> Any:
    """Return what `key` names, by way of soft links but never in another file; None if there is nothing."""
    h5py = _import_h5py(path)
    node, pending, soft_links = file, deque(_steps(key)), 0
    while pending:
        name = pending.popleft()
        link: Any = node.get(name, getlink=True) if isinstance(node, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise InputError(
                f"{path}[{key!r}] is a link to {link.path!r} in {link.filename}; links to other files are not "
                "followed: give that file"
            )
        if isinstance(link, h5py.SoftLink):
            soft_links += 1
            node = file if link.path.startswith("/") else node
            pending.extendleft(reversed(_steps(link.path)))
        elif isinstance(link, h5py.HardLink):
            node = node[name]
        if link is None or soft_links > MAX_SOFT_LINKS:
            return None
    return node


def _steps(name: str) -> list[str]:
    return [step for step in name.split("/") if step not in ("", ".")]


def _dtype(dataset: Any) -> np.dtype | None:
    try:
        return dataset.dtype
    except TypeError:  # HDF5 has types that NumPy has not
        return None


def _checked(dataset: Any, where: str) -> np.dtype:
    dtype = _dtype(dataset)
    if dtype is None:
        raise InputError(f"{where} has a type that NumPy has not; save it as float16 or float32")
    if dataset.shape is None:
        raise InputError(f"{where} is an empty dataset without a shape; save one of shape (n_samples, n_features)")
    if dtype.kind == "O":
        raise InputError(
            f"{where} holds text, references or lists of varying length; thinshell reads plain numbers: "
            "save a float array of shape (n_samples, n_features)"
        )
    check_dtype(dtype, where)
    return dtype


def _refuse_other_files(dataset: Any, where: str) -> None:
    # HDF5 reads what it does not find in them as zeros, without a word.
    others = [name for name, _, _ in dataset.external or ()]
    if dataset.is_virtual:
        others = [source.file_name for source in dataset.virtual_sources() if source.file_name != "."]
    if others:
        raise InputError(
            f"{where} lies in other files ({others[0]}, ...), which are not read through it; give those files, "
            "or copy the dataset into one"
        )


def _refuse_unknown_filters(dataset: Any, where: str) -> None:
    h5z = importlib.import_module("h5py.h5z")  # not among the names h5py declares
    plan = dataset.id.get_create_plist()
    for position in range(plan.get_nfilters()):
        code, _, _, name = plan.get_filter(position)
        if not h5z.filter_avail(code):
            label = name.decode(errors="replace").strip("\0") or "without a name"
            raise InputError(
                f"{where} is compressed with the HDF5 filter {code} ({label}), which is not installed; "
                "pip install hdf5plugin, or save it again with compression='gzip'"
            )


def _unwritten(dataset: Any) -> list[str]:
    if dataset.is_virtual or not prod(dataset.shape):
        return []
    if dataset.chunks is None:
        return unwritten_notices(int(dataset.id.get_storage_size() > 0), 1, dataset.fillvalue)
    expected = prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    return unwritten_notices(dataset.id.get_num_chunks(), expected, dataset.fillvalue)
