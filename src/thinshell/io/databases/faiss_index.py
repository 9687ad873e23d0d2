"""FAISS indexes: the rows that an index was made of, in the order of their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thinshell.errors import InputError
from thinshell.io.batches import gathered
from thinshell.io.failures import explained
from thinshell.io.source import Source, row_slices

__all__ = ["open_faiss"]

# The file is mapped, and pages touched through a map count as memory until it is closed: it is opened anew for each
# window, which takes a millisecond (measured: 154 MB of rows peak at 175 MB from one map, at 40 MB so). Rows of
# inverted lists lie apart, and every fault maps the 16 pages around it: fewer rows, but never so few that copying
# the centroids, which opening does, costs more than reading.
WINDOW_BYTES = 16 * 2**20
LIST_WINDOW_ROWS = 1024
# A place in inverted lists: the list in the upper half, the offset in the lower.
OFFSET_BITS = 32
# Of rows of length 1 that were transformed and back; rotations in float32 stay below 1e-5.
UNDONE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class _Opened:
    """An index taken apart: `store` holds the rows, `transforms` were applied to them, outermost first."""

    whole: Any  # keeps the parts alive
    store: Any
    transforms: list[Any] = field(default_factory=list)
    id_maps: list[Any] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return isinstance(self.store, _faiss(None).IndexIVF)


def open_faiss(path: str) -> Source:
    """Open the rows of a FAISS index file.

    Parameters
    ----------
    path : str
        An index that keeps its rows (flat, IVF flat, HNSW flat, NSG flat), or quantised ones, of which `notices` says
        that they are approximations; in ID maps, refinements and transforms that can be undone.

    Returns
    -------
    Source
        The rows in ascending order of their ids, else as they were added.

    Raises
    ------
    InputError
        If the file is damaged or no index, or the index cannot give its rows back.
    """
    _faiss(path)
    with explained(path), open(path, "rb"):
        pass
    opened = _opened(path, lists=False)
    n_samples = int(opened.store.ntotal)
    places = None
    if opened.has_lists:
        opened = _opened(path, lists=True)
        places = _places_in_lists(opened, path)
    for ids in opened.id_maps:
        places = _by_ids(ids, places, n_samples, path)
    source = FaissSource(path, opened, n_samples, places)
    if n_samples:
        source.probe(opened)
    return source


class FaissSource(Source):
    """Rows of one index; 8 bytes a row are held where they do not lie in order."""

    def __init__(self, path: str, opened: _Opened, n_samples: int, places: np.ndarray | None) -> None:
        self._lists = opened.has_lists
        self._places = places
        super().__init__(
            paths=(path,),
            n_samples=n_samples,
            n_features=int(opened.transforms[0].d_in if opened.transforms else opened.store.d),
            dtype="float32",
            block_dtype=np.dtype(np.float32),
            notices=_notices(opened),
        )
        held = max(int(opened.store.d), self.n_features)
        self._window = max(1, WINDOW_BYTES // (4 * held))
        if self._lists:
            self._window = min(self._window, max(LIST_WINDOW_ROWS, int(opened.store.nlist)))

    def probe(self, opened: _Opened) -> None:
        """Read one row, refusing an index that cannot give it.

        FAISS ends the process where many rows are asked of an index that has none (an exception leaves a thread of
        OpenMP), and raises where it is a single one.
        """
        path, kind = self.paths[0], _kind(opened.store)
        try:
            row = np.empty((1, opened.store.d), dtype=np.float32)
            place = 0 if self._places is None else int(self._places[0])
            self._one(opened.store, place, row[0])
        except RuntimeError as error:
            raise InputError(f"{path} is an {kind}, which cannot give its rows back; save the embeddings") from error
        for transform in opened.transforms:
            if not _can_be_undone(transform):
                raise InputError(
                    f"{path} transforms its rows in a way that cannot be undone ({_kind(transform)}); save the "
                    "embeddings themselves"
                )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        return gathered(self._pieces(), rows, self.block_dtype)

    def _pieces(self) -> Iterator[np.ndarray]:
        n_samples = self.n_samples or 0
        for start, stop in row_slices(n_samples, self._window):
            opened = _opened(self.paths[0], self._lists)
            if (int(opened.store.ntotal), opened.has_lists) != (n_samples, self._lists):
                raise InputError(f"{self.paths[0]} has changed since it was opened; open it again")
            try:
                stored = self._stored(opened.store, start, stop)
                piece = _undone(opened, stored)
            except RuntimeError as error:
                raise _damaged(self.paths[0]) from error
            del opened, stored  # the map of the file goes with them
            yield piece

    def _stored(self, store: Any, start: int, stop: int) -> np.ndarray:
        if self._places is None:
            return store.reconstruct_n(start, stop - start)
        places = self._places[start:stop]
        if not self._lists:
            return store.reconstruct_batch(places)
        piece = np.empty((stop - start, store.d), dtype=np.float32)
        for place, row in zip(places.tolist(), piece, strict=True):
            self._one(store, place, row)
        return piece

    def _one(self, store: Any, place: int, row: np.ndarray) -> None:
        if self._lists:
            # By place: a direct map would lose all but one row of an id that was given twice.
            offset = place & ((1 << OFFSET_BITS) - 1)
            store.reconstruct_from_offset(place >> OFFSET_BITS, offset, _faiss(None).swig_ptr(row))
        else:
            store.reconstruct(place, row)


def _faiss(path: str | None) -> Any:
    try:
        import faiss
    except ImportError as error:
        raise InputError(f"{path}: reading FAISS indexes needs faiss: pip install 'thinshell[databases]'") from error
    return faiss


def _opened(path: str, lists: bool) -> _Opened:
    """Open the file as a map, whose kind depends on whether the index has inverted lists, and take it apart."""
    faiss = _faiss(path)
    # Versions before 1.11 know only the map of inverted lists, which leaves other indexes to be loaded.
    flags = faiss.IO_FLAG_MMAP if lists else getattr(faiss, "IO_FLAG_MMAP_IFC", 0)
    with explained(path):
        try:
            whole = faiss.read_index(path, flags | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError as error:
            raise _unreadable(path, str(error)) from error
    return _taken_apart(path, whole)


def _unreadable(path: str, text: str) -> InputError:
    found = re.search(r'Index type 0x[0-9a-f]+ \("(.*?)"\) not recogni[sz]ed', text, re.DOTALL)
    if found is None or r"\x00" in found[1]:  # which stands for what is missing of the four characters
        return _damaged(path)
    if found[1].startswith("IB"):
        return InputError(
            f"{path} is a binary index, whose rows are bits; thinshell reads numbers: save the embeddings"
        )
    return InputError(f"{path} is not a FAISS index (it begins with {found[1]!r}); check the path")


def _damaged(path: str) -> InputError:
    return InputError(f"{path} is truncated or damaged: FAISS cannot read it to its end; copy or save it again")


def _taken_apart(path: str, whole: Any) -> _Opened:
    faiss = _faiss(path)
    transforms, id_maps, index = [], [], whole
    while True:
        if isinstance(index, faiss.IndexIDMap):
            id_maps.append(index.id_map)
            inner = index.index
        elif isinstance(index, faiss.IndexPreTransform):
            chain = [faiss.downcast_VectorTransform(index.chain.at(i)) for i in range(index.chain.size())]
            transforms += chain
            inner = index.index
        elif isinstance(index, faiss.IndexRefine):
            inner = index.refine_index  # holds the better copy of the rows
        elif isinstance(index, (faiss.IndexHNSW, faiss.IndexNSG)):
            inner = index.storage
        else:
            break
        index = faiss.downcast_index(inner)
    for transform in transforms:
        if transform.d_out < transform.d_in:
            raise InputError(
                f"{path} keeps {transform.d_out:,} of {transform.d_in:,} features ({_kind(transform)}), which cannot "
                "be undone; save the embeddings themselves"
            )
    if isinstance(index, (faiss.IndexLSH, faiss.IndexIVFFlatDedup)):
        raise InputError(f"{path} is an {_kind(index)}, which cannot give its rows back; save the embeddings")
    return _Opened(whole, index, transforms, id_maps[::-1])


def _places_in_lists(opened: _Opened, path: str) -> np.ndarray:
    """Return where each row lies in the inverted lists, in ascending order of the ids."""
    faiss, store = _faiss(path), opened.store
    lists = faiss.downcast_InvertedLists(store.invlists)
    # Lists of blocks (fast scan) end the process when asked for a row.
    if not isinstance(lists, (faiss.ArrayInvertedLists, faiss.OnDiskInvertedLists)):
        raise InputError(f"{path} is an {_kind(store)}, which cannot give its rows back; save the embeddings")
    # Another file may be gone or be anything; lists of this one, mapped, come without a name.
    if isinstance(lists, faiss.OnDiskInvertedLists) and lists.filename:
        raise InputError(
            f"{path} keeps its rows in another file ({lists.filename}), which is not read: save the embeddings"
        )
    sizes = [lists.list_size(number) for number in range(store.nlist)]
    if sum(sizes) != store.ntotal:
        raise _damaged(path)
    ids, places = np.empty(store.ntotal, np.int64), np.empty(store.ntotal, np.int64)
    stop = 0
    for number, size in enumerate(sizes):
        start, stop = stop, stop + size
        if size:
            ids[start:stop] = faiss.rev_swig_ptr(lists.get_ids(number), size)
            places[start:stop] = (number << OFFSET_BITS) + np.arange(size)
    return places[np.argsort(ids, kind="stable")]


def _by_ids(id_map: Any, places: np.ndarray | None, n_samples: int, path: str) -> np.ndarray | None:
    """Return the places in ascending order of the ids that a map gives them, None where that is their own."""
    ids = _faiss(path).vector_to_array(id_map)
    if len(ids) != n_samples:
        raise _damaged(path)
    if np.all(ids[1:] >= ids[:-1]):
        return places
    order = np.argsort(ids, kind="stable")
    return order if places is None else places[order]


def _can_be_undone(transform: Any) -> bool:
    """Try it: FAISS undoes whitening (PCAW) as if it were a rotation, without a word."""
    rows = np.random.default_rng(0).standard_normal((8, transform.d_in)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # which NormalizationTransform leaves alone
    try:
        there = transform.apply(rows)
        back = transform.reverse_transform(there)
    except RuntimeError:
        return False
    return bool(np.abs(back - rows).max() <= UNDONE_TOLERANCE * (1 + np.abs(there).max()))


def _undone(opened: _Opened, rows: np.ndarray) -> np.ndarray:
    for transform in reversed(opened.transforms):
        rows = transform.reverse_transform(rows)
    return rows


def _notices(opened: _Opened) -> list[str]:
    faiss, store = _faiss(None), opened.store
    notices = []
    exact = isinstance(store, faiss.IndexFlat) or (opened.has_lists and isinstance(store, faiss.IndexIVFFlat))
    if not exact:
        size = int(store.code_size if hasattr(store, "code_size") else store.sa_code_size())
        notices.append(
            f"values are approximations: the {_kind(store)} keeps {size:,} bytes of each row, whose {store.d:,} "
            f"float32 values took {4 * store.d:,}"
        )
    for transform in opened.transforms:
        if isinstance(transform, faiss.NormalizationTransform):
            notices.append("rows have length 1: the index keeps them so, and what length they had is lost")
        elif isinstance(transform, faiss.LinearTransform):
            notices.append(f"the {_kind(transform)} of the index is undone, to the precision of float32")
    return notices


def _kind(part: Any) -> str:
    return type(part).__name__
