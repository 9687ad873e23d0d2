"""The safetensors format: a JSON header, then plain row-major numbers."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import as_block
from thinshell.io.failures import explained, listed_names, unknown_name
from thinshell.io.files import opened, size_of
from thinshell.io.raw import RawMatrix, RawSource
from thinshell.io.shapes import matrix_shape
from thinshell.io.urls import is_url

__all__ = ["open_safetensors"]

MAX_HEADER_BYTES = 100_000_000  # as in the library
LENGTH_BYTES = 8  # little-endian length of the JSON header; offsets count from its end

# Type names of the format; NumPy has no bfloat16, which is the upper half of a float32.
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "|b1",
}


def open_safetensors(path: str, key: str | None, index: int | None) -> RawSource:
    """Open tensor `key` (or the only one) of a safetensors file, or part `index` of it if it is 3-D."""
    tensors, data_start = _header(path)
    name = _chosen(path, tensors, key)
    where = f"{path}[{name!r}]"
    kind, shape = tensors[name]["dtype"], tuple(tensors[name]["shape"])
    if kind not in DTYPES:
        raise InputError(f"{where} has type {kind}, which thinshell does not read; save it as float16 or float32")
    matrix_shape(shape, where, index)
    offset = data_start + tensors[name]["data_offsets"][0]
    matrix = RawMatrix.part(offset, shape, np.dtype(DTYPES[kind]), column_major=False, index=index)
    if kind != "BF16":
        return RawSource(path, matrix)
    return RawSource(path, matrix, dtype="bfloat16", decode=_widened, decoded_dtype=np.dtype(np.float32))


def _header(path: str) -> tuple[dict[str, Any], int]:
    # The library checks the header (sizes, overlaps, end of file); reading the numbers ourselves keeps memory
    # bounded, where its memory map would count every page it has touched, and takes bfloat16.
    from safetensors import safe_open

    with explained(path, "safetensors"):
        if not is_url(path):
            with safe_open(path, framework="numpy"):
                pass
        with opened(path) as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if is_url(path) and length > MAX_HEADER_BYTES:
                raise InputError(f"{path} is damaged: its header claims {length:,} bytes; upload it again")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        if is_url(path):  # which the library cannot open
            _check_header(header, size_of(path) - LENGTH_BYTES - length, path)
    return header, LENGTH_BYTES + length


def _check_header(header: dict[str, Any], held: int, path: str) -> None:
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        itemsize = np.dtype(DTYPES.get(tensor["dtype"], "V1")).itemsize
        if tensor["dtype"] in DTYPES and prod(tensor["shape"]) * itemsize != end - begin:
            raise InputError(f"{path} is damaged: the size of tensor {name!r} does not fit its shape; upload it again")
        if not 0 <= begin <= end <= held:
            raise InputError(f"{path} is truncated: tensor {name!r} ends beyond the end of the file; upload it again")


def _chosen(path: str, tensors: dict[str, Any], key: str | None) -> str:
    if not tensors:
        raise InputError(f"{path} holds no tensors; save one of shape (n_samples, n_features)")
    if key is not None:
        if key not in tensors:
            raise unknown_name(path, "tensor", key, tensors)
        return key
    names = list(tensors)
    if len(names) > 1:
        texts = [f"{name} {tuple(tensors[name]['shape'])} {tensors[name]['dtype']}" for name in names]
        raise InputError(
            f"{path} holds {len(names)} tensors: {listed_names(texts)}; "
            f"name one with key={names[0]!r} (--key {names[0]})"
        )
    return names[0]


def _widened(halves: np.ndarray) -> np.ndarray:
    return as_block((halves.astype(np.uint32) << 16).view(np.float32))
