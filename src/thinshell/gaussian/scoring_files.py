"""Files of embeddings scored under a fitted model: a table of every row, the oddest rows, the batch as a whole."""

from __future__ import annotations

import json
import warnings
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from thinshell._version import __version__
from thinshell.errors import InputError, unknown_name
from thinshell.gaussian.calibration import N_BINS
from thinshell.gaussian.scores import SCORES, oddness, score_table, scores_of
from thinshell.gaussian.streams import ID, Progress, RowStream
from thinshell.io.row_writer import ColumnWriter
from thinshell.statistics._threads import limited_threads

__all__ = ["SCORES_SCHEMA", "score_data"]

SCORES_SCHEMA = "thinshell/scores/1"
_LEVELS = (0.05, 0.01, 0.001)
# Rows so many standard deviations inside the shell lie too near the mean.
_NEAR = -3.0
# In the metadata of the Parquet file, as JSON.
_METADATA = "thinshell.scores"


class _Batch:
    """What is kept of all rows: moments of each score, p-values by bins and the small ones, the oddest rows."""

    def __init__(self, names: tuple[str, ...], by: str, top: int) -> None:
        self._names, self._by, self._top = names, by, top
        self.n = 0
        self._sums = {name: np.zeros(2) for name in names}
        self._finite = dict.fromkeys(names, 0)
        self._ends = {name: [np.inf, -np.inf] for name in names}
        self._counts = np.zeros(N_BINS, int)
        self._small: list[np.ndarray] = []
        self._near = 0
        self._oddest: dict[str, np.ndarray] | None = None

    def add(self, numbers: np.ndarray, table: dict[str, np.ndarray]) -> None:
        self.n += len(numbers)
        for name, values in table.items():
            finite = values[np.isfinite(values)]
            self._sums[name] += finite.sum(), np.square(finite).sum()
            self._finite[name] += len(finite)
            low, high = self._ends[name]
            self._ends[name] = [min(low, values.min()), max(high, values.max())]
        if "pvalue" in table:
            pvalues = table["pvalue"]
            self._counts += np.histogram(1.0 - pvalues, bins=N_BINS, range=(0.0, 1.0))[0]
            self._small.append(pvalues[pvalues < _LEVELS[0]])
            self._near += int((table["typicality"] < _NEAR).sum())
        self._keep_oddest({"row": numbers, **table})

    def _keep_oddest(self, block: dict[str, np.ndarray]) -> None:
        if self._oddest is not None:
            block = {name: np.concatenate([self._oddest[name], values]) for name, values in block.items()}
        # Rows of equal oddness in their order, so that the blocks do not matter.
        order = np.lexsort((block["row"], -oddness(self._by, block[self._by])))[: self._top]
        self._oddest = {name: values[order] for name, values in block.items()}

    def oddest(self) -> dict[str, np.ndarray]:
        return self._oddest or {}

    def scores(self) -> dict[str, dict[str, Any]]:
        found = {}
        for name in self._names:
            score, n = SCORES[name], max(self._finite[name], 1)
            total, squares = self._sums[name] / n
            found[name] = {
                "unit": score.unit,
                "higher_is": score.higher_is,
                "text": score.text,
                "two_sided": score.two_sided,
                "mean": float(total),
                "std": float(np.sqrt(max(squares - total**2, 0.0))),
                "minimum": _plain(self._ends[name][0]),
                "maximum": _plain(self._ends[name][1]),
            }
        return found

    def against_chance(self, expected_near: float) -> dict[str, Any]:
        """Return how p-values and typicality lie to what rows of the model would show."""
        n, small = self.n, np.sort(np.concatenate(self._small))
        band = stats.binom(n, 1 / N_BINS)
        allowed = _LEVELS[0] * np.arange(1, len(small) + 1) / n
        found = np.flatnonzero(small <= allowed)
        threshold = float(small[found[-1]]) if len(found) else None
        return {
            "pit": {
                "edges": np.linspace(0, 1, N_BINS + 1).tolist(),
                "counts": self._counts.tolist(),
                "expected": [n / N_BINS] * N_BINS,
                "low": [float(band.ppf(0.005))] * N_BINS,
                "high": [float(band.ppf(0.995))] * N_BINS,
            },
            "far": {str(p): {"n": int((small < p).sum()), "expected": n * p} for p in _LEVELS},
            "discoveries": {
                "level": _LEVELS[0],
                "n": 0 if threshold is None else int((small <= threshold).sum()),
                "threshold": threshold,
            },
            "near": {"z": _NEAR, "n": self._near, "expected": n * expected_near},
        }


def score_data(
    model: Any,
    paths: str | Path | list[str],
    *,
    out: str | Path | None = None,
    top: int = 20,
    by: str | None = None,
    ids: str | None = None,
    drop_nonfinite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    facts: dict[str, Any] | None = None,
    **where: Any,
) -> dict[str, Any]:
    """Give every row of files its scores under a model.

    Parameters
    ----------
    model : GaussianModel or ClassConditionalGaussian
        Fitted.
    paths : str, Path or list of str
        As for ``thinshell.diagnose``.
    out : str or Path, optional
        Parquet file for the scores of all rows: ``row`` (its number, from 0), ``id`` where there is one, and a float64
        column for each score.
    top : int
        Oddest rows in the report, at least 1.
    by : str, optional
        Score that they are the oddest by; "mahalanobis", or "relative_mahalanobis" of a model with classes.
    ids : str, optional
        Column beside the embeddings that names the rows; "id" where there is one.
    drop_nonfinite, threads, progress, **where
        As for `fit_data`.
    facts : dict, optional
        Kept with the Parquet file, beside what is known here.

    Returns
    -------
    dict
        Schema "thinshell/scores/1", fit for JSON.

    Raises
    ------
    InputError
        Whatever is wrong with the files; another number of features than the model's; an unknown score or column.

    Examples
    --------
    >>> import tempfile
    >>> from thinshell.gaussian import GaussianModel
    >>> model = GaussianModel.from_parameters(np.zeros(8), np.eye(8))
    >>> rows = np.random.default_rng(0).standard_normal((500, 8))
    >>> rows[17] += 4
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/new.npy", rows)
    ...     report = score_data(model, f"{folder}/new.npy")
    >>> report["top"][0]["row"], report["discoveries"]["n"]
    (17, 1)
    """
    if top < 1:
        raise InputError(f"top must be at least 1, got {top}; the usual number is 20")
    names = scores_of(model)
    by = by or ("mahalanobis" if "mahalanobis" in names else "relative_mahalanobis")
    if by not in names:
        raise unknown_name("by", by, names)
    with limited_threads(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        stream = RowStream(paths, drop_nonfinite=drop_nonfinite, progress=progress, **where)
        if stream.source.n_features != model.n_features_in_:
            raise InputError(
                f"{stream.about()['name']} has {stream.source.n_features:,} features, the model was fitted on "
                f"{model.n_features_in_:,}; give embeddings of the same encoder"
            )
        known = stream.ids(ids)
        batch = _Batch(names, by, top)
        metadata = {_METADATA: json.dumps({"thinshell_version": __version__, **(facts or {})}, ensure_ascii=True)}
        writer = None if out is None else ColumnWriter(Path(out), metadata)
        with closing(writer) if writer is not None else nullcontext():
            for numbers, rows in stream:
                table = score_table(model, rows)
                batch.add(numbers, table)
                if writer is not None:
                    writer.write_columns({"row": numbers} | _taken(known, numbers) | table)
    if not batch.n:
        raise InputError(f"{stream.about()['name']} has no rows to score; give at least 1")
    return _report(model, stream, batch, by, known)


def _taken(known: Any, numbers: np.ndarray) -> dict[str, Any]:
    return {} if known is None else {ID: known.take(numbers)}


def _report(model: Any, stream: RowStream, batch: _Batch, by: str, known: Any) -> dict[str, Any]:
    oddest = batch.oddest()
    ids = [None] * len(oddest["row"]) if known is None else known.take(oddest["row"]).to_pylist()
    one = "pvalue" in batch.scores()
    chance: dict[str, Any] = batch.against_chance(model.near_share(_NEAR)) if one else dict.fromkeys(_CHANCE)
    calibration = getattr(model, "calibration_", None)
    return {
        "schema": SCORES_SCHEMA,
        "thinshell_version": __version__,
        "source": stream.about(),
        "model": {
            "kind": type(model).__name__,
            "rank": model.rank_ if one else None,
            "n_samples": model.n_samples_seen_,
            "radius": getattr(model, "radius", None),
            "calibration_verdict": None if calibration is None else calibration["verdict"],
        },
        "n_samples": batch.n,
        "n_features": stream.source.n_features,
        "scores": batch.scores(),
        **chance,
        "by": by,
        "top": [
            {"row": int(row), "id": None if name is None else str(name)}
            | {score: _plain(oddest[score][place]) for score in batch.scores()}
            for place, (row, name) in enumerate(zip(oddest["row"], ids, strict=True))
        ],
    }


_CHANCE = ("pit", "far", "discoveries", "near")


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
