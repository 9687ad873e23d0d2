"""Files of embeddings whitened, block by block, into a file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from thinshell._version import __version__
from thinshell.errors import InputError
from thinshell.gaussian.streams import ID, HoldOut, Progress, RowStream
from thinshell.gaussian.whitener import Whitener
from thinshell.gaussian.whitening import whitening_report
from thinshell.io.row_writer import check_format, row_writer
from thinshell.statistics._threads import limited_threads

__all__ = ["WHITENING_SCHEMA", "whiten_data"]

WHITENING_SCHEMA = "thinshell/whitening/1"
# Rows that the directions before and after are measured on, as `whitening_report` takes.
_MEASURED = 5_000
_METADATA = "thinshell.whitening"


def whiten_data(
    paths: str | Path | list[str],
    out: str | Path,
    *,
    whitener: Whitener | None = None,
    name: str | None = None,
    drop_nonfinite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    **where: Any,
) -> tuple[Whitener, dict[str, Any]]:
    """Whiten the rows of files.

    Parameters
    ----------
    paths : str, Path or list of str
        As for ``thinshell.diagnose``; read twice unless `whitener` is fitted already.
    out : str or Path
        Where to write, ``.npy`` or ``.parquet`` (which keeps a column ``id``); in the type of the rows.
    whitener : Whitener, optional
        Fitted, or with the parameters to fit with.
    name : str, optional
        What `out` will be called in the end, where it is a temporary file.
    drop_nonfinite, threads, progress, **where
        As for `fit_data`.

    Returns
    -------
    whitener : Whitener
        Fitted.
    report : dict
        Schema "thinshell/whitening/1", fit for JSON.

    Raises
    ------
    InputError
        Whatever is wrong with the files; rows that come once and no fitted whitener; another number of features.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/rows.npy", 5 + np.random.default_rng(0).standard_normal((1000, 4)))
    ...     _, report = whiten_data(f"{folder}/rows.npy", f"{folder}/white.npy")
    ...     white = np.load(f"{folder}/white.npy", allow_pickle=False)
    >>> np.allclose(white.T @ white / 1000, np.eye(4)), round(report["before"]["mean_cosine"], 2)
    (True, 0.97)
    """
    check_format(name or str(out))
    whitener = Whitener() if whitener is None else whitener
    with limited_threads(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        stream = RowStream(paths, drop_nonfinite=drop_nonfinite, progress=progress, **where)
        if not whitener.__sklearn_is_fitted__():
            _fit(whitener, stream)
        elif whitener.n_features_in_ != stream.source.n_features:
            raise InputError(
                f"{stream.about()['name']} has {stream.source.n_features:,} features, the whitener was fitted on "
                f"{whitener.n_features_in_:,}; give embeddings of the same encoder"
            )
        before, after = _write(whitener, stream, Path(out), name or str(out))
    if not len(before):
        raise InputError(f"{stream.about()['name']} has no rows to whiten; give at least 2")
    return whitener, _report(whitener, stream, before, after)


def _fit(whitener: Whitener, stream: RowStream) -> None:
    if stream.source.once:
        raise InputError(
            f"{stream.about()['name']} can be read only once and whitening reads twice; save it first, or give a "
            "fitted whitener (--model)"
        )
    found = _passed(whitener, stream, double=False)
    if found._sums.single and found._found().covariance.unresolved:  # float32 leaves open which directions vary
        found = _passed(whitener, stream, double=True)
    whitener.__dict__.update(found.__dict__)


def _passed(whitener: Whitener, stream: RowStream, *, double: bool) -> Whitener:
    found = Whitener(**whitener.get_params())
    for _, rows in stream:
        found.partial_fit(rows.astype(np.float64) if double else rows)
    if not found.__sklearn_is_fitted__():
        raise InputError(f"{stream.about()['name']} has no rows to whiten; give at least 2")
    return found


def _write(whitener: Whitener, stream: RowStream, out: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Write all rows; return a sample of them before and after."""
    source = stream.source
    width = whitener.whitening_.shape[1]
    before, after = HoldOut(1.0, source.n_features, _MEASURED), HoldOut(1.0, width, _MEASURED)
    ids = stream.ids()
    metadata = {_METADATA: json.dumps({"thinshell_version": __version__, "method": whitener.method})}
    with row_writer(out, name, source.block_dtype, width, metadata) as writer:
        for numbers, rows in stream:
            white = whitener.transform(rows)
            writer.write(white, {} if ids is None else {ID: ids.take(numbers)})
            before.split(numbers, rows)
            after.split(numbers, white)
    return before.rows(), after.rows()


def _report(whitener: Whitener, stream: RowStream, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    moving = before.any(axis=1) & after.any(axis=1)  # a row that is all zero has no direction
    measured = whitening_report(before[moving], after[moving]) if moving.sum() > 1 else None
    sides = ({}, {}) if measured is None else tuple(_side(measured, when) for when in ("before", "after"))
    floored = whitener.floored_
    return {
        "schema": WHITENING_SCHEMA,
        "thinshell_version": __version__,
        "source": stream.about(),
        "n_samples": stream.n_rows,
        "n_features": stream.source.n_features,
        "n_out": whitener.whitening_.shape[1],
        "method": whitener.method,
        "floor": whitener.floor,
        "floored": {"n": floored["count"], "share": floored["share"], "text": floored["text"]},
        "degenerate": whitener.degenerate_,
        "before": sides[0],
        "after": sides[1],
    }


def _side(measured: dict[str, Any], when: str) -> dict[str, Any]:
    return {
        "uniformity": measured["uniformity"][when],
        "uniformity_of_sphere": measured["uniformity"][f"sphere_{when}"],
        "mean_cosine": measured["mean_pair_cosine"][when],
        "n_rows": measured["n_rows_uniformity"],
    }
