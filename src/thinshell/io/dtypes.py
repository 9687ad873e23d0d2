"""Which stored types are taken, and what they become in a block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thinshell.errors import InputError
from thinshell.io.failures import listed_names

__all__ = ["as_block", "block_dtype", "check_dtype", "dtype_name", "dtype_notices", "integer_notices"]

REFUSALS = {
    "c": "holds complex numbers ({dtype}); thinshell reads real ones: save .real, or both parts as columns",
    "O": "holds Python objects (dtype object) and reading them means unpickling; refused: thinshell never "
    "unpickles; save it again as a float array",
    "U": "holds text ({dtype}); thinshell reads numbers: convert it with array.astype(float)",
    "S": "holds byte strings ({dtype}); thinshell reads numbers: convert it with array.astype(float)",
    "T": "holds text ({dtype}); thinshell reads numbers: convert it with array.astype(float)",
    "M": "holds dates ({dtype}); thinshell reads embeddings: save a float array",
    "m": "holds time differences ({dtype}); thinshell reads embeddings: save a float array",
}
STRUCTURED = (
    "holds records with fields ({dtype}); thinshell reads plain numbers: save the field with the embeddings, "
    "for example array[{field!r}]"
)
RAW = (
    "holds raw bytes ({dtype}), not numbers (NumPy writes bfloat16 and float8 arrays so); convert it to "
    "float32 before saving"
)


def check_dtype(dtype: np.dtype, where: str) -> None:
    """Refuse a dtype that is not real numbers, in a sentence that starts with `where`."""
    if dtype.kind in "fiub":
        return
    if dtype.kind == "V":
        text = STRUCTURED if dtype.names else RAW
        field = dtype.names[0] if dtype.names else ""
        raise InputError(f"{where} " + text.format(dtype=_shortened(dtype), field=field))
    text = REFUSALS.get(dtype.kind, "has dtype {dtype}; thinshell reads floats, integers and booleans")
    raise InputError(f"{where} " + text.format(dtype=_shortened(dtype)))


def _shortened(dtype: np.dtype) -> str:
    text = str(dtype)
    return text if len(text) <= 60 else text[:57] + "..."


def block_dtype(dtype: np.dtype) -> np.dtype:
    """Return the type of a block: float32 for float16 and float32, else float64."""
    # float16 fits float32 exactly; integers need float64 (int32 and int8 fit exactly, int64 up to 2**53).
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def as_block(array: np.ndarray) -> np.ndarray:
    """Return `array` as an aligned C-contiguous float32 or float64 array, without a copy where it is one."""
    return np.require(array, dtype=block_dtype(array.dtype), requirements=["C", "A"])


def dtype_name(dtype: np.dtype) -> str:
    """Return the plain name, such as ``float32`` (also for a big-endian one)."""
    return dtype.newbyteorder("=").name


def dtype_notices(dtype: np.dtype) -> list[str]:
    """Return what the person who gave the data should know about the conversion to floats."""
    name = dtype_name(dtype)
    if dtype.kind in "iu":
        return [f"integers ({name}) are taken as float64"]
    if dtype.kind == "b":
        return ["booleans are taken as float64 (0 and 1)"]
    if dtype.kind == "f" and dtype.itemsize > 8:
        return [f"{name} is rounded to float64"]
    return []


def integer_notices(names: Sequence[str], dtypes: Sequence[np.dtype]) -> list[str]:
    """Return the notices of a table, where integers beside floats are often identifiers or labels."""
    integers = [name for name, dtype in zip(names, dtypes, strict=True) if dtype.kind in "iub"]
    if not integers or len(integers) == len(names):
        return list(dict.fromkeys(text for dtype in dtypes for text in dtype_notices(dtype)))
    return [
        f"integer columns are taken as features beside the float ones: {listed_names(integers)}; "
        "leave them out of the file if they are identifiers or labels"
    ]
