"""The user's own rows, from any file of arrays that thinshell reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.training.samples import Samples
from thinshell.training.splitting import check_test_share, split_rows

__all__ = ["array_file"]

Paths = str | Path | Sequence[str | Path]


def array_file(
    path: Paths,
    *,
    test_path: Paths | None = None,
    labels: str | Path | None = None,
    test_labels: str | Path | None = None,
    test_share: float = 0.2,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
    seed: int = 0,
) -> Samples:
    """Read rows from a file, several or a glob (.npy, .npz, .parquet, .arrow, .safetensors, .csv).

    Parameters
    ----------
    path : str, Path or list of them
        What is trained on; see ``thinshell.io.open_source``.
    test_path : str, Path or list of them, optional
        What is measured on; without it a share of the rows of `path`.
    labels, test_labels : str or Path, optional
        ``.npy`` files of whole numbers from 0, one a row of `path` and of `test_path`.
    test_share : float
        Share of the rows measured on, in (0, 1), where there is no `test_path`.
    column, key, index : optional
        Which part of the file; see ``thinshell.io.open_source``.
    seed : int
        Chooses the rows that are measured on.

    Returns
    -------
    Samples
        float32 rows.

    Raises
    ------
    InputError
        If a file cannot be read, a number is not finite (the sentence names the row), or labels do not fit.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "rows.npy"), np.ones((10, 3)))
    ...     samples = array_file(Path(folder, "rows.npy"))
    >>> samples.train.shape, samples.test.shape, samples.train.dtype
    (torch.Size([8, 3]), torch.Size([2, 3]), torch.float32)
    """
    check_test_share(test_share)
    rows, name = _rows(path, column, key, index)
    classes = None if labels is None else _labels(labels, len(rows))
    facts: dict[str, Any] = {"files": name, "n_rows": len(rows)}
    if test_path is not None:
        test, test_name = _rows(test_path, column, key, index)
        test_classes = None if test_labels is None else _labels(test_labels, len(test))
        return Samples("array", rows, test, classes, test_classes, {**facts, "test_files": test_name})
    if test_labels is not None:
        raise InputError("test_labels goes with test_path: give both, or leave test_labels out")
    chosen = split_rows(len(rows), test_share, seed, ", ".join(name))
    train, test = (rows[part] for part in chosen)
    both = [None if classes is None else classes[part] for part in chosen]
    return Samples("array", train, test, *both, facts={**facts, "test_share": test_share, "seed": seed})


def _rows(path: Paths, column: str | None, key: str | None, index: int | None) -> tuple[Tensor, list[str]]:
    source = open_source(path, column=column, key=key, index=index)
    blocks, before = [], 0
    for block in source.blocks():
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad):
            raise InputError(f"{source.paths[0]} has NaN or infinity in row {before + bad[0]}; remove such rows first")
        blocks.append(np.array(block, dtype=np.float32))
        before += len(block)
    return torch.from_numpy(np.concatenate(blocks)), [os.path.basename(name) for name in source.paths]


def _labels(path: str | Path, n_rows: int) -> Tensor:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the labels {path} cannot be read ({reason}); save them with numpy.save") from error
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu" or len(values) != n_rows:
        shape, dtype = getattr(values, "shape", None), getattr(values, "dtype", None)
        raise InputError(
            f"the labels {path} must be whole numbers of shape ({n_rows},), one a row, got {dtype} of shape {shape}"
        )
    return torch.from_numpy(values.astype(np.int64))
