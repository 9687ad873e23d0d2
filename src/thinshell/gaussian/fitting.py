"""A Gaussian fitted to files in one pass, with rows held out to calibrate it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from thinshell._version import __version__
from thinshell.errors import InputError
from thinshell.gaussian.class_conditional import ClassConditionalGaussian
from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.streams import HoldOut, Progress, RowStream
from thinshell.sketch import EmbeddingSketch, is_sketch_file
from thinshell.statistics._threads import limited_threads
from thinshell.statistics.spectrum import effective_rank, participation_ratio

__all__ = ["FIT_SCHEMA", "fit_data", "fit_report"]

FIT_SCHEMA = "thinshell/fit/1"
# Eigenvalues listed in a report.
_LISTED = 4096


def fit_data(
    paths: str | Path | list[str],
    *,
    covariance: str = "ledoit_wolf",
    shrinkage: float = 0.1,
    n_components: int | None = None,
    radius: str = "gaussian",
    holdout: float = 0.1,
    labels: str | None = None,
    tied: bool = True,
    drop_nonfinite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    **where: Any,
) -> tuple[GaussianModel | ClassConditionalGaussian, dict[str, Any]]:
    """Fit a model to files of embeddings, a saved sketch or standard input.

    Parameters
    ----------
    paths : str, Path or list of str
        As for ``thinshell.diagnose``; or one saved sketch, of whose rows none can be held out.
    covariance, shrinkage, n_components, radius
        Of `GaussianModel`; `radius` needs rows held out.
    holdout : float
        Share of the rows, in [0, 1), that the model is not fitted on but calibrated by: drawn by their numbers, at
        most 16,384 of them.
    labels : str, optional
        Column of classes beside the embeddings: the model is then a `ClassConditionalGaussian`, whose rows are held
        in memory and which is not calibrated.
    tied : bool
        One covariance for all classes.
    drop_nonfinite : bool
        Leave out rows with NaN or infinity.
    threads : int, optional
        CPUs used at most.
    progress : callable, optional
        Called with the rows read and their total.
    **where
        `column`, `key`, `index`, `side` or `dim`.

    Returns
    -------
    model : GaussianModel or ClassConditionalGaussian
    report : dict
        Schema "thinshell/fit/1", fit for JSON.

    Raises
    ------
    InputError
        Whatever is wrong with the files or the parameters; a radius to fit and no rows for it; labels of a sketch.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/rows.npy", np.random.default_rng(0).standard_normal((4000, 8)))
    ...     model, report = fit_data(f"{folder}/rows.npy")
    >>> model.rank_, report["calibration"]["verdict"], report["n_samples"] + report["n_held_out"]
    (8, 'calibrated', 4000)
    """
    how = {"covariance": covariance, "shrinkage": shrinkage, "n_components": n_components}
    if not 0 <= holdout < 1:
        raise InputError(f"holdout must be a share from 0 up to but not 1, got {holdout}; 0.1 holds a tenth back")
    if radius != "gaussian" and (holdout == 0 or labels is not None):
        raise InputError(
            f"radius {radius!r} is fitted to held-out rows, got {'none' if labels is None else 'labels'}; "
            "hold some out, or leave radius out"
        )
    with limited_threads(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the report has every sentence
        if isinstance(paths, (str, Path)) and is_sketch_file(paths):
            return _of_sketch(str(paths), {**how, "radius": radius}, labels)
        stream = RowStream(paths, drop_nonfinite=drop_nonfinite, progress=progress, **where)
        if labels is not None:
            return _of_classes(stream, labels, {**how, "tied": tied})
        model, held = _streamed(stream, {**how, "radius": radius}, holdout)
        if not len(held) and radius != "gaussian":
            raise InputError(f"radius {radius!r} is fitted to held-out rows, got none; hold more out")
        if len(held):
            model.calibrate(held)
        return model, fit_report(model, stream.about(), held)


def _streamed(stream: RowStream, params: dict[str, Any], share: float) -> tuple[GaussianModel, np.ndarray]:
    # What comes once is added up in float64 from the start; files are read again where float32 did not do.
    double = stream.source.once
    model, held = _passed(stream, params, share, double)
    if not double and model.needs_float64():
        model, held = _passed(stream, params, share, True)
    return model, held.rows()


def _passed(stream: RowStream, params: dict[str, Any], share: float, double: bool) -> tuple[GaussianModel, HoldOut]:
    model, held = GaussianModel(**params), HoldOut(share, stream.source.n_features)
    for numbers, rows in stream:
        for part in held.split(numbers, rows):
            model.partial_fit(part.astype(np.float64) if double else part)
    if stream.n_rows - len(held.rows()) < 2:
        raise InputError(
            f"{stream.about()['name']} must have at least 2 rows to fit, got {stream.n_rows} with {len(held.rows())} "
            "of them held out; give more"
        )
    return model, held


def _of_sketch(path: str, params: dict[str, Any], labels: str | None) -> tuple[GaussianModel, dict[str, Any]]:
    if labels is not None:
        raise InputError(f"{path} is a sketch, which holds no labels; give the embeddings")
    if params["radius"] != "gaussian":
        raise InputError(f"{path} is a sketch, of which no rows can be held out; leave radius out")
    model = GaussianModel.from_sketch(EmbeddingSketch.load(path), **params)
    notice = "fitted to a sketch: no rows could be held out, so the model is not calibrated"
    return model, fit_report(model, {"name": path, "paths": [path], "notices": [notice]}, None)


def _of_classes(
    stream: RowStream, column: str, params: dict[str, Any]
) -> tuple[ClassConditionalGaussian, dict[str, Any]]:
    labels = stream.column(column)
    if labels.null_count:
        raise InputError(
            f"column {column!r} must hold a class for every row, got {labels.null_count:,} nulls; fill them"
        )
    classes = np.asarray(labels.to_pylist())
    numbers, blocks = zip(*stream, strict=True)
    rows = np.concatenate(blocks)
    model = ClassConditionalGaussian(**params).fit(rows, classes[np.concatenate(numbers)])
    return model, fit_report(model, stream.about(), None)


def fit_report(
    model: GaussianModel | ClassConditionalGaussian, source: dict[str, Any], held: np.ndarray | None
) -> dict[str, Any]:
    """Return what there is to say of a fitted model, fit for JSON (schema "thinshell/fit/1").

    Parameters
    ----------
    model : GaussianModel or ClassConditionalGaussian
        Fitted.
    source : dict
        `name`, `paths` and `notices` of where its rows came from.
    held : ndarray or None
        Rows that it was calibrated by.

    Returns
    -------
    dict

    Examples
    --------
    >>> model = GaussianModel.from_parameters([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    >>> fit_report(model, {"name": "made up"}, None)["entropy"]
    {'nats': 3.531..., 'bits_per_dimension': 2.547...}
    """
    if isinstance(model, ClassConditionalGaussian):
        return _report_of_classes(model, source)
    values = np.asarray(model.eigenvalues_)
    nats = model.entropy() if model.radius == "gaussian" else None
    law = model._radius_law()
    held_out = None
    if held is not None and len(held):
        log_density = model.score_samples(held)
        held_out = {
            "log_density": {"mean": _finite(log_density.mean()), "std": _finite(log_density.std())},
            "bits_per_dimension": {"mean": _finite(-log_density.mean() / (model.rank_ * np.log(2.0)))},
        }
    return {
        **_head(model, source),
        "n_held_out": 0 if held is None else len(held),
        "rank": model.rank_,
        "covariance": {
            "method": model.covariance,
            "shrinkage": model.shrinkage_,
            "n_components": model.n_components if model.covariance == "low_rank" else None,
            "tied": None,
        },
        "radius": {"name": law.name, "parameters": law.parameters},
        "entropy": None if nats is None else {"nats": nats, "bits_per_dimension": nats / model.rank_ / math.log(2.0)},
        "spectrum": _spectrum(values),
        "notes": model.notes_,
        "calibration": model.calibration_,
        "held_out": held_out,
        "classes": None,
    }


def _report_of_classes(model: ClassConditionalGaussian, source: dict[str, Any]) -> dict[str, Any]:
    fitted = model._ready()
    counts = np.rint(model.priors_ * model.n_samples_seen_).astype(int)
    return {
        **_head(model, source),
        "n_held_out": 0,
        "rank": min(one.rank for one in fitted),
        "covariance": {
            "method": model.covariance,
            "shrinkage": fitted[0].shrinkage if model.tied else None,
            "n_components": model.n_components if model.covariance == "low_rank" else None,
            "tied": model.tied,
        },
        "radius": None,
        "entropy": None,
        "spectrum": _spectrum(fitted[0].eigenvalues) if model.tied else None,
        "notes": [],
        "calibration": None,
        "held_out": None,
        "classes": [{"label": str(name), "n": int(n)} for name, n in zip(model.classes_.tolist(), counts, strict=True)],
    }


def _head(model: Any, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": FIT_SCHEMA,
        "thinshell_version": __version__,
        "kind": type(model).__name__,
        "source": source,
        "n_samples": model.n_samples_seen_,
        "n_features": model.n_features_in_,
        "degenerate": model.degenerate_,
    }


def _spectrum(values: np.ndarray) -> dict[str, Any]:
    return {
        "eigenvalues": values[:_LISTED].tolist(),
        "effective_rank": effective_rank(values),
        "participation_ratio": participation_ratio(values),
        "top_share": float(values[0] / values.sum()),
        "condition": float(values[0] / values[-1]),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
