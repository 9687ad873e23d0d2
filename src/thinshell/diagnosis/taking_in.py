"""Sketching without diagnosing."""

from __future__ import annotations

from typing import Any

from thinshell.diagnosis.options import Options
from thinshell.diagnosis.reading import read
from thinshell.diagnosis.resources import Resources, bytes_of
from thinshell.diagnosis.shards import Cluster, Progress
from thinshell.errors import InputError
from thinshell.sketch import EmbeddingSketch
from thinshell.statistics._threads import limited_threads

__all__ = ["sketch_data"]


def sketch_data(
    data: Any,
    *,
    like: EmbeddingSketch | None = None,
    normalize: str = "none",
    drop_nonfinite: bool = False,
    spectrum: str = "all",
    threads: int | None = None,
    memory: str | int | None = None,
    skip_bad_shards: bool = False,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    **where: Any,
) -> tuple[EmbeddingSketch, list[str]]:
    """Sketch anything that `thinshell.diagnose` takes, for instance to merge it with yesterday's sketch.

    Parameters
    ----------
    data : array_like, EmbeddingSketch, path, URL, list of them, or iterable of 2-D blocks
    like : EmbeddingSketch, optional
        A sketch that the result is to be merged with: it keeps as many rows, and products of columns if that one does.
    normalize, drop_nonfinite, spectrum, threads, memory, skip_bad_shards, cluster, progress
        As for `thinshell.diagnose`.
    **where
        `column`, `key`, `index`, `side` or `dim`.

    Returns
    -------
    sketch : EmbeddingSketch
    notices : list of str
        What was converted or left out.

    Raises
    ------
    InputError, InputTypeError
        As `thinshell.diagnose` does, and if the numbers of features differ.

    Examples
    --------
    >>> import numpy as np
    >>> yesterday, _ = sketch_data(np.random.default_rng(0).standard_normal((900, 4)))
    >>> today, _ = sketch_data(np.random.default_rng(1).standard_normal((100, 4)), like=yesterday)
    >>> yesterday.merge(today).n_samples
    1000
    """
    if like is not None and not like.exact and spectrum == "all":
        spectrum = "all" if like.keeps_covariance else "sample"
    options = Options("both", normalize, drop_nonfinite=drop_nonfinite, spectrum=spectrum)
    capacity = like.row_capacity if like is not None else None
    resources = Resources(bytes_of(memory), skip_bad_shards, cluster, capacity)
    with limited_threads(threads):
        reading = read(data, options, where=where, progress=progress, resources=resources)
    if like is not None and like.n_features != reading.sketch.n_features:
        raise InputError(
            f"{reading.source['name']} has {reading.sketch.n_features:,} features, the sketch has "
            f"{like.n_features:,}; update a sketch with embeddings of the same model"
        )
    return reading.sketch, reading.source["notices"]
