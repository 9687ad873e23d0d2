"""An array in memory with the face of a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thinshell.errors import InputError
from thinshell.io.dtypes import as_block, block_dtype, check_dtype, dtype_name, dtype_notices
from thinshell.io.shapes import matrix_shape
from thinshell.io.source import Source, row_slices

__all__ = ["ArraySource"]


class ArraySource(Source):
    """Rows of an array, memory map or anything ``numpy.asarray`` takes.

    Blocks are views of the array where it is float32 or float64, C-contiguous and in native byte order
    (writing into a block then writes into the array); otherwise each block is a fresh copy. Pages of a memory
    map stay resident once they have been read: for a large file give its path to :func:`open_source` instead.

    Parameters
    ----------
    array : array_like of shape (n_samples, n_features)
        Real numbers: floats, integers or booleans.
    name : str
        What error sentences call it.

    Raises
    ------
    InputError
        If the array is not 2-D, has no rows or no columns, or does not hold real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> source = ArraySource(np.ones((3, 2), dtype=np.int64))
    >>> source.n_samples, source.n_features, source.dtype
    (3, 2, 'int64')
    >>> source.notices
    ['integers (int64) are taken as float64']
    >>> next(source.blocks()).dtype
    dtype('float64')
    """

    portable = False

    def __init__(self, array: object, name: str = "array") -> None:
        if type(array).__module__.startswith("numpy.ma"):  # without importing numpy.ma, 10 ms, to ask
            raise InputError(f"{name} is a masked array; drop the masked rows or fill them first")
        try:
            values = np.asarray(array)
        except (ValueError, TypeError, RuntimeError) as error:
            # Ragged lists, tensors on a GPU or with a gradient: the library's own words say which.
            reason = str(error).splitlines()[0]
            raise InputError(f"{name} could not be turned into a NumPy array ({reason})") from error
        check_dtype(values.dtype, name)
        n_samples, n_features = matrix_shape(values.shape, name, how=f"{name}[0]")
        if n_samples == 0:
            raise InputError(f"{name} has no rows (shape {values.shape}); give at least one")
        self._values = values
        super().__init__(
            paths=(name,),
            n_samples=n_samples,
            n_features=n_features,
            dtype=dtype_name(values.dtype),
            block_dtype=block_dtype(values.dtype),
            notices=dtype_notices(values.dtype),
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        for start, stop in row_slices(self._values.shape[0], rows):
            yield as_block(self._values[start:stop])
