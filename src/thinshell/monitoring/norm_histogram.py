"""The norms of one measurement as a histogram, for looking at how a thin shell forms."""

from __future__ import annotations

import numpy as np

from thinshell.sketch.summary import MIN_SAMPLES

__all__ = ["BINS", "norm_histogram"]

BINS = 30


def norm_histogram(rows: np.ndarray) -> dict[str, list[float] | list[int]] | None:
    """Return the norms of the finite rows in equal bins from the smallest to the largest.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Raw embeddings. Rows with NaN or infinity are left out, as they are of the numbers beside.

    Returns
    -------
    dict or None
        ``edges`` (31 numbers) and ``counts`` (30 whole numbers), plain data of JSON; None where fewer rows are left
        than a measurement needs. Where all norms are equal the bins are one unit wide together.

    Examples
    --------
    >>> histogram = norm_histogram(np.arange(1.0, 11.0)[:, None] * [[3.0, 4.0]])
    >>> histogram["edges"][0], histogram["edges"][-1], sum(histogram["counts"])
    (5.0, 50.0, 10)
    """
    # Summed in float64 without a copy of the rows in it.
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    norms = norms[np.isfinite(norms)]
    if len(norms) < MIN_SAMPLES:
        return None
    low, high = float(norms.min()), float(norms.max())
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts, _ = np.histogram(norms, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
