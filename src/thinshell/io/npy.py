"""The .npy format: its header, checked before anything is allocated, and its source."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from thinshell.errors import InputError
from thinshell.io.dtypes import check_dtype, dtype_name
from thinshell.io.failures import explained, one_line
from thinshell.io.files import opened, size_of
from thinshell.io.raw import RawMatrix, RawSource
from thinshell.io.shapes import matrix_shape

__all__ = ["NpyHeader", "check_size", "open_npy", "read_header"]

# NumPy itself trusts headers up to 10,000 characters (max_header_size of numpy.load).
MAX_HEADER_BYTES = 10_000


@dataclass(frozen=True)
class NpyHeader:
    """What a .npy header promises; `offset` is where the numbers begin."""

    shape: tuple[int, ...]
    column_major: bool
    dtype: np.dtype
    offset: int

    @property
    def data_bytes(self) -> int:
        """Bytes of all numbers, as an exact Python integer whatever the header claims."""
        return prod(self.shape) * self.dtype.itemsize


def open_npy(path: str, index: int | None) -> RawSource:
    """Open a .npy file of shape (n, d), or part `index` of one of shape (k, n, d)."""
    with explained(path):
        with opened(path) as file:
            header = read_header(file, path)
        size = size_of(path)
    check_dtype(header.dtype, path)
    matrix_shape(header.shape, path, index)
    held = size - header.offset
    check_size(header, held, path)
    matrix = RawMatrix.part(header.offset, header.shape, header.dtype, header.column_major, index)
    surplus = held - header.data_bytes
    notices = [f"{surplus:,} bytes after the array in {path} are not read"] if surplus else []
    return RawSource(path, matrix, notices=notices)


def check_size(header: NpyHeader, held: int, where: str) -> None:
    """Refuse an array whose header promises more bytes than are `held`."""
    promised = header.data_bytes
    if promised > held:
        extent = " x ".join(f"{length:,}" for length in header.shape[-2:])
        extent = extent.replace(" x ", " rows x ", 1)
        parts = f"{header.shape[0]:,} parts of " if len(header.shape) == 3 else ""
        raise InputError(
            f"{where} is truncated: its header promises {parts}{extent} {dtype_name(header.dtype)} "
            f"({promised:,} bytes), the file holds {held:,}; copy or save it again"
        )


def read_header(file: IO[bytes], where: str) -> NpyHeader:
    """Read the header of a .npy stream; `where` starts the error sentences."""
    prefix = file.read(npy_format.MAGIC_LEN)
    if not prefix.startswith(npy_format.MAGIC_PREFIX):
        raise InputError(f"{where} is not a .npy file: {_resemblance(prefix)}")
    if len(prefix) < npy_format.MAGIC_LEN:
        raise InputError(f"{where} is truncated inside its header; copy or save it again")
    version = (prefix[6], prefix[7])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise InputError(f"{where} has .npy version {version[0]}.{version[1]}; thinshell reads 1.0, 2.0 and 3.0")
    length_bytes = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(length_bytes, "little")
    # Checked before reading: a forged length of 4 GB must not allocate 4 GB.
    if length > MAX_HEADER_BYTES:
        raise InputError(f"{where} is damaged: its header claims {length:,} bytes, a .npy header has about 128")
    text = file.read(length)
    if len(text) < length or not length_bytes:
        raise InputError(f"{where} is truncated inside its header; copy or save it again")
    shape, column_major, dtype = _parsed(version, length_bytes + text, where)
    offset = len(prefix) + len(length_bytes) + length
    return NpyHeader(shape, column_major, dtype, offset)


def _parsed(version: tuple[int, int], encoded: bytes, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    # Version 3.0 differs from 2.0 only in UTF-8 field names, and arrays with fields are refused anyway.
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers written by Python 2 are read, with a warning
            shape, column_major, dtype = read(BytesIO(encoded))
    except Exception as error:  # the header is parsed as a Python literal: damaged ones raise a dozen types
        raise InputError(f"{where} is damaged: its header cannot be read ({one_line(error)})") from error
    if any(length < 0 for length in shape):
        raise InputError(f"{where} is damaged: its header gives the shape {shape}")
    return tuple(int(length) for length in shape), column_major, dtype


def _resemblance(prefix: bytes) -> str:
    if prefix.startswith(b"PK"):
        return "it is a zip archive; rename it to .npz"
    if prefix.startswith(b"\x80") and len(prefix) > 1 and 2 <= prefix[1] <= 5:
        return "it is a Python pickle; refused: thinshell never unpickles; save it again with numpy.save"
    if prefix.startswith(b"PAR1"):
        return "it is a Parquet file; rename it to .parquet"
    return f"it starts with {prefix[:6]!r}; save it again with numpy.save"
