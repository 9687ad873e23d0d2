"""How well a score tells rows from elsewhere from rows like the fitted ones, and scores that need no model."""

from __future__ import annotations

import operator

import numpy as np

from thinshell.errors import InputError, InputTypeError
from thinshell.statistics._columns import row_blocks
from thinshell.statistics._threads import thread_map
from thinshell.statistics._validation import as_float, as_sample
from thinshell.statistics.sphere import l2_normalize

__all__ = ["detection_metrics", "knn_distance", "max_softmax", "norm_score"]

METRICS = ("auroc", "aupr_in", "aupr_out", "fpr_at_95_tpr")
# Resamples of one piece of work, each with a seed of its own: results do not depend on the number of threads.
_PIECE = 25
# Rows and fitted rows compared at a time in `knn_distance`: 16 MiB of float64 distances.
_ROWS, _TRAIN = 512, 4096


def _checked_scores(values: object, name: str) -> np.ndarray:
    array = as_float(values, name).astype(np.float64)
    if array.ndim != 1:
        raise InputError(f"{name} must have shape (n_samples,), got shape {array.shape}; give one score a row")
    if len(array) < 2:
        raise InputError(f"{name} must hold at least 2 scores, got {len(array)}; give more rows")
    if np.isnan(array).any():
        raise InputError(f"{name} must hold no NaN, got {np.isnan(array).sum():,}; drop or repair those rows")
    return array


def _metrics(w_in: np.ndarray, w_out: np.ndarray, needed: int) -> tuple[float, float, float, float]:
    """All four from how often each distinct score, ascending from the most typical, occurs on either side.

    Parameters
    ----------
    w_in, w_out : ndarray of shape (n_distinct,)
    needed : int
        Rows of the in side that must be accepted.
    """
    below_in, below_out = np.cumsum(w_in), np.cumsum(w_out)
    n_in, n_out = int(below_in[-1]), int(below_out[-1])
    auroc = float(w_out @ (below_in - 0.5 * w_in)) / (n_in * n_out)
    # Precision where every score from here on (up to here) is called out (in); a score that nobody has counts nothing.
    above_in, above_out = n_in - below_in + w_in, n_out - below_out + w_out
    precision_out = above_out / np.maximum(above_in + above_out, 1)
    precision_in = below_in / np.maximum(below_in + below_out, 1)
    accepted = int(np.searchsorted(below_in, needed))
    return (
        auroc,
        float(w_in @ precision_in) / n_in,
        float(w_out @ precision_out) / n_out,
        float(below_out[accepted]) / n_out,
    )


def _resampled(
    groups: tuple[np.ndarray, np.ndarray], n_distinct: int, needed: int, seeds: list[np.random.SeedSequence]
) -> np.ndarray:
    """Return the metrics of stratified resamples: as many rows of either side, drawn with replacement."""
    results = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = [group[rng.integers(len(group), size=len(group))] for group in groups]
        w_in, w_out = (np.bincount(ids, minlength=n_distinct) for ids in drawn)
        results.append(_metrics(w_in, w_out, needed))
    return np.array(results)


def detection_metrics(
    in_scores: object,
    out_scores: object,
    *,
    higher_is_odder: bool = True,
    n_bootstrap: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, dict[str, float]]:
    """Area under the ROC curve and its relatives for rows "in" (like the fitted ones) and "out" (from elsewhere).

    Parameters
    ----------
    in_scores, out_scores : array_like of shape (n_samples,)
        At least two each; infinity is allowed, NaN is not.
    higher_is_odder : bool
        Whether a higher score speaks for "out" (`mahalanobis`) or for "in" (`score_samples`).
    n_bootstrap : int
        Resamples for the intervals; 0 for none (``low`` and ``high`` are then NaN).
    seed : int
        Of the resamples.
    level : float
        Of the intervals, between 0 and 1.

    Returns
    -------
    dict of str to dict
        Each ``{"value", "low", "high"}``, in [0, 1]; the interval is the percentile bootstrap, in and out rows
        resampled each by themselves. Where the sides do not overlap at all it has no width: the bootstrap cannot tell
        what rows that were not seen would do.

        - ``"auroc"``: probability that an out row is odder than an in row, ties half. .5 is chance.
        - ``"aupr_in"``, ``"aupr_out"``: average precision with in (out) rows as what is looked for. Chance is their
          share of all rows.
        - ``"fpr_at_95_tpr"``: share of OUT rows that are taken for in when the threshold is set so that at least 95 %
          of IN rows are accepted. Lower is better; .95 is chance. (Others accept 5 % of in rows or find 95 % of OUT
          rows under the same name: compare definitions before numbers.)

    Raises
    ------
    InputError, InputTypeError
        Fewer than two scores, NaN, not one score a row; `n_bootstrap` below 0 or `level` not between 0 and 1.

    References
    ----------
    Hendrycks, D. and Gimpel, K. (2017). A baseline for detecting misclassified and out-of-distribution examples in
    neural networks. ICLR.

    Examples
    --------
    >>> metrics = detection_metrics([1.0, 2.0, 3.0, 4.0], [3.5, 5.0, 6.0, 7.0], seed=1)
    >>> metrics["auroc"]["value"], metrics["fpr_at_95_tpr"]["value"]
    (0.9375, 0.25)
    """
    sides = [_checked_scores(in_scores, "in_scores"), _checked_scores(out_scores, "out_scores")]
    try:
        resamples = operator.index(n_bootstrap)
    except TypeError:
        raise InputTypeError(f"n_bootstrap must be a whole number, got {type(n_bootstrap).__name__}") from None
    if resamples < 0:
        raise InputError(f"n_bootstrap must be at least 0, got {resamples}; the usual value is 1000")
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level}; the usual value is .95")
    n_in = len(sides[0])
    together = np.concatenate(sides)
    distinct, ids = np.unique(together if higher_is_odder else -together, return_inverse=True)
    groups = (ids[:n_in], ids[n_in:])
    # 19 of 20, rounded up in whole numbers: .95 * n is not.
    needed = -(-19 * n_in // 20)
    w_in, w_out = (np.bincount(group, minlength=len(distinct)) for group in groups)
    values = _metrics(w_in, w_out, needed)
    low = high = np.full(len(METRICS), np.nan)
    if resamples:
        seeds = np.random.SeedSequence(seed).spawn(resamples)
        pieces = [seeds[i : i + _PIECE] for i in range(0, resamples, _PIECE)]
        drawn = np.concatenate(thread_map(lambda piece: _resampled(groups, len(distinct), needed, piece), pieces))
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {
        name: {"value": value, "low": float(low[i]), "high": float(high[i])}
        for i, (name, value) in enumerate(zip(METRICS, values, strict=True))
    }


def _nearest(train: np.ndarray, squares: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Distance of each row to its k-th nearest fitted row; the candidates of one block after another are kept."""
    rows = rows.astype(np.float64)
    kept = np.empty((len(rows), 0))
    indices = np.empty((len(rows), 0), dtype=np.intp)
    for top in range(0, len(train), _TRAIN):
        block = train[top : top + _TRAIN].astype(np.float64)
        # Without |row|^2, which is the same for all.
        found = squares[top : top + _TRAIN] - 2 * (rows @ block.T)
        near = np.argpartition(found, min(k, len(block)) - 1, axis=1)[:, :k]
        kept = np.concatenate([kept, np.take_along_axis(found, near, 1)], axis=1)
        indices = np.concatenate([indices, near + top], axis=1)
        if kept.shape[1] > k:
            best = np.argpartition(kept, k - 1, axis=1)[:, :k]
            kept, indices = np.take_along_axis(kept, best, 1), np.take_along_axis(indices, best, 1)
    last = np.take_along_axis(indices, kept.argmax(axis=1)[:, None], 1)[:, 0]
    # Anew from the two rows: |x|^2 + |y|^2 - 2 x.y leaves 1e-8 between equal rows.
    return np.linalg.norm(rows - train[last].astype(np.float64), axis=1)


def knn_distance(train: object, rows: object, k: int = 50, *, normalize: bool = True) -> np.ndarray:
    """Distance of each row to its k-th nearest fitted row: a score without a model; larger is odder.

    Parameters
    ----------
    train : array_like of shape (n_train, n_features)
        The rows to be near to. A row that is among them counts itself as its nearest.
    rows : array_like of shape (n_samples, n_features)
        What is scored. Time grows as n_train * n_samples * n_features; memory beyond the input (and its unit rows)
        does not.
    k : int
        From 1 to n_train; 50 is what the reference takes for CIFAR-10.
    normalize : bool
        Compare directions: every row is scaled to length one first, as the reference does.

    Returns
    -------
    ndarray of shape (n_samples,)
        Euclidean distances, float64; in [0, 2] if normalised.

    Raises
    ------
    InputError, InputTypeError
        `k` out of range, different numbers of features, an all-zero row while normalising, not finite.

    References
    ----------
    Sun, Y., Ming, Y., Zhu, X. and Li, Y. (2022). Out-of-distribution detection with deep nearest neighbors. ICML.

    Examples
    --------
    >>> knn_distance([[0.0], [1.0], [5.0]], [[0.0], [4.0]], k=2, normalize=False)
    array([1., 3.])
    """
    first, second = as_sample(train, "train", min_samples=1), as_sample(rows, "rows")
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"rows must have {first.shape[1]} features as train has, got {second.shape[1]}; "
            "give embeddings of the same model"
        )
    try:
        number = operator.index(k)
    except TypeError:
        raise InputTypeError(f"k must be a whole number, got {type(k).__name__}") from None
    if not 1 <= number <= len(first):
        raise InputError(f"k must be from 1 to {len(first):,}, the number of rows of train, got {k}; the usual is 50")
    if normalize:
        first, second = l2_normalize(first), l2_normalize(second)
    squares = np.concatenate(
        [np.einsum("ij,ij->i", block, block) for block in (first[part].astype(np.float64) for part in _blocks(first))]
    )
    pieces = [second[top : top + _ROWS] for top in range(0, len(second), _ROWS)]
    parts = thread_map(lambda piece: _nearest(first, squares, piece, number), pieces)
    return np.concatenate(parts)


def _blocks(rows: np.ndarray) -> list[slice]:
    return list(row_blocks(*rows.shape))


def norm_score(rows: object) -> np.ndarray:
    """Euclidean norm of each row: a score without a model.

    Networks tend to give rows of what they were trained on the larger norms, so higher is read as more typical
    (``higher_is_odder=False`` in `detection_metrics`). A Gaussian has no such sign: see typicality.

    Parameters
    ----------
    rows : array_like of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_samples,)
        float64, at least 0, in units of the data.

    Raises
    ------
    InputError, InputTypeError
        Not finite, not 2-D, not real.

    Examples
    --------
    >>> norm_score([[3.0, 4.0]])
    array([5.])
    """
    sample = as_sample(rows, "rows")
    out = np.empty(len(sample))
    for part in _blocks(sample):
        out[part] = np.linalg.norm(sample[part].astype(np.float64), axis=1)
    return out


def max_softmax(logits: object) -> np.ndarray:
    """Probability of the likeliest class, where a classifier's logits are given; higher is more typical.

    Parameters
    ----------
    logits : array_like of shape (n_samples, n_classes)
        Before the softmax, of any size: the largest is taken out first.

    Returns
    -------
    ndarray of shape (n_samples,)
        float64 in [1 / n_classes, 1].

    Raises
    ------
    InputError, InputTypeError
        Not finite, not 2-D or a single class, not real.

    References
    ----------
    Hendrycks, D. and Gimpel, K. (2017). A baseline for detecting misclassified and out-of-distribution examples in
    neural networks. ICLR.

    Examples
    --------
    >>> max_softmax([[1e4, 1e4], [-1e4, 1e4]])
    array([0.5, 1. ])
    """
    sample = as_sample(logits, "logits")
    if sample.shape[1] < 2:
        raise InputError(f"logits must have at least 2 columns, one a class, got {sample.shape[1]}; give all classes")
    out = np.empty(len(sample))
    for part in _blocks(sample):
        block = sample[part].astype(np.float64)
        out[part] = 1 / np.exp(block - block.max(axis=1, keepdims=True)).sum(axis=1)
    return out
