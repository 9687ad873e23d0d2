"""diagnose(): read, summarise, measure, judge, and put into words - each done elsewhere, joined here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from thinshell.diagnosis.checks import full_checks, joint_checks, paper_checks
from thinshell.diagnosis.directions import Directions, measure_directions
from thinshell.diagnosis.full import full_protocol
from thinshell.diagnosis.geometry import measure_geometry
from thinshell.diagnosis.hints import find_hints
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import paper_protocol
from thinshell.diagnosis.pictures import coordinate_pictures, shape_section
from thinshell.diagnosis.reading import Reading, read
from thinshell.diagnosis.resources import Resources, bytes_of
from thinshell.diagnosis.result import Diagnosis
from thinshell.diagnosis.sample_size import curve_columns, sample_size_section
from thinshell.diagnosis.sections import (
    EMPTY_SECTIONS,
    about_data,
    coordinates_section,
    full_section,
    paper_section,
    without_constant,
)
from thinshell.diagnosis.shards import Cluster, Progress
from thinshell.diagnosis.verdicts import joint_remark, look_next
from thinshell.errors import InputError
from thinshell.sketch import Summary, summarize
from thinshell.statistics._columns import sample_covariance
from thinshell.statistics._small import part_of
from thinshell.statistics._threads import limited_threads, single_threaded_blas, thread_map
from thinshell.statistics.mardia import mardia_skewness_check
from thinshell.statistics.principal_axes import principal_axes_test
from thinshell.statistics.squared_correlation import squared_correlation
from thinshell.statistics.thin_shell import spectrum_norm_test

__all__ = ["diagnose"]


def diagnose(
    data: Any,
    *,
    protocol: str = "both",
    normalize: str = "none",
    samples_per_test: int = 250,
    repeats: int = 20,
    seed: int = 0,
    drop_nonfinite: bool = False,
    column: str | None = None,
    key: str | None = None,
    index: int | None = None,
    side: str | None = None,
    positives: Any = None,
    positives_index: int | None = None,
    pictures: bool = True,
    progress: Progress | None = None,
    name: str | None = None,
    dim: int | None = None,
    spectrum: str = "all",
    threads: int | None = None,
    memory: str | int | None = None,
    skip_bad_shards: bool = False,
    cluster: Cluster | None = None,
) -> Diagnosis:
    """Tell how Gaussian embeddings are.

    Parameters
    ----------
    data : array_like, EmbeddingSketch, path, list of paths, or iterable of 2-D blocks
        Rows are samples, columns features. Files are read as `thinshell.io.open_source` reads them, in bounded
        memory; a saved sketch is recognised.
    protocol : {"both", "paper", "full"}
        "paper": each coordinate tested on `repeats` random subsets of `samples_per_test` rows, statistics
        averaged (comparable across any number of rows). "full": every row once, with effect sizes and
        `detectable_at`.
    normalize : {"none", "l2", "zscore", "whiten"}
        What is done to the rows first ("whiten" is ZCA).
    samples_per_test, repeats : int
        Of the paper protocol.
    seed : int
        Same seed, same result.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out instead of refusing them.
    column, key, index : optional
        Which part of a file, see `thinshell.io.open_source`.
    side : str, optional
        Of a Parquet file that holds two sides of pairs (columns `side` and `pair`), the one to look at; both together
        are for `diagnose_pairs`.
    positives : array_like, path or list of paths, optional
        Row i is the positive partner of row i of `data` (another view, the other modality): adds their cosines and
        their alignment. They are read along with the data and normalised as these are. `column` and `key` count for
        them, too, where their files have such.
    positives_index : int, optional
        Which part of `positives` to read where they are 3-D, as `index` is for the data.
    pictures : bool
        Measure what only pictures need: the sections `shape`, `directions` and `sample_size` and the entry `shapes` of
        `coordinates`, which are None otherwise. Up to a second for many columns.
    progress : callable, optional
        Called as ``progress(rows_done, rows_total or None)`` after every block.
    name : str, optional
        What reports call the data.
    dim : int, optional
        Of standard input (``-``) that is no .npy stream: float32 numbers, so many a row.
    spectrum : {"all", "sample"}
        Rows that the covariance and its spectrum are taken from: all, or the row sample, which is several times faster
        for large data.
    threads : int, optional
        CPUs to use at most, those of BLAS included.
    memory : str or int, optional
        What the process should stay below, such as ``"1GB"``: blocks become smaller.
    skip_bad_shards : bool
        Go on without files that cannot be read; the notices name them.
    cluster : Cluster, optional
        Who sketches files and URLs instead of this process: `thinshell.scale.Dask`.

    Returns
    -------
    Diagnosis
        Its `to_dict()` has the schema "thinshell/diagnosis/1".

    Raises
    ------
    InputError, InputTypeError
        One clear sentence about what cannot be used, and why.

    References
    ----------
    Betser, Gofer, Levi & Gilboa (2026), "InfoNCE Induces Gaussian Distribution", ICLR; Tables 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> result = diagnose(np.random.default_rng(0).standard_normal((2000, 16)))
    >>> result.verdict, result.to_dict()["paper"]["ad_normal_share"]
    ('consistent', 1.0)
    """
    options = Options(protocol, normalize, samples_per_test, repeats, seed, drop_nonfinite, spectrum)
    resources = Resources(bytes_of(memory), skip_bad_shards, cluster)
    if positives_index is not None and positives is None:
        raise InputError(f"positives_index must come with positives, got {positives_index} alone; leave it out")
    where = {"column": column, "key": key, "index": index, "dim": dim, "side": side}
    where["positives_index"] = positives_index
    how = {"where": where, "positives": positives, "name": name, "progress": progress, "resources": resources}
    with limited_threads(threads):
        reading = read(data, options, **how)
        with part_of(reading.sketch.n_samples * reading.sketch.n_features):
            return _diagnosed(reading, options, pictures)


def _summarized(reading: Reading) -> Summary:
    try:
        return summarize(reading.sketch)
    except InputError as error:
        # Of several data sets the sentence has to say which.
        raise InputError(f"{reading.source['name']}: {error}") from None


def _diagnosed(reading: Reading, options: Options, pictures: bool) -> Diagnosis:
    summary = _summarized(reading)
    about = about_data(reading, options, summary)
    varying = without_constant(summary)
    if varying is None:
        reason = "No coordinate varies: every column is constant."
        words = {"verdict": "not_applicable", "reason": reason, "look_next": "Look at how the file was made."}
        return Diagnosis(**words, sketch=reading.sketch, _fields=about | words | EMPTY_SECTIONS, _summary=summary)
    measured = _measured(varying, summary, options, reading)
    geometry, paper, full, directions = (measured[name] for name in ("geometry", "paper", "full", "directions"))
    hints = find_hints(varying, geometry, measured["axes"], measured["norm_law"].ratio)
    checks = [*paper_checks(paper, summary.n_samples)] if paper else []
    checks += [*full_checks(full, varying.columns)] if full else []
    checks += joint_checks(varying, geometry, **{name: measured[name] for name in JOINT})
    shapes, drawn = _drawn(varying, summary, directions) if pictures else (None, NO_PICTURES)
    sections = {
        "norms": geometry.norms,
        "paper": paper_section(paper, hints, varying, options) if paper else None,
        "full": full_section(full, summary.n_features) if full else None,
        "sphere": geometry.sphere,
        "spectrum": geometry.spectrum,
        "checks": [check.to_dict() for check in checks],
        "hints": [asdict(hint) for hint in hints],
        "coordinates": coordinates_section(reading, summary, paper, full, shapes),
        **drawn,
    }
    leading = sections["paper"] or sections["full"]
    words = {
        "verdict": leading["verdict"],
        "reason": leading["reason"] + joint_remark(leading["verdict"], checks),
        "look_next": look_next(leading["verdict"], checks, hints),
    }
    return Diagnosis(**words, sketch=reading.sketch, _fields=about | words | sections, _summary=summary)


# What `joint_checks` is given beside the geometry.
JOINT = ("axes", "norm_law", "squares", "mardia", "directions")


def _measured(varying: Summary, summary: Summary, options: Options, reading: Reading) -> dict[str, Any]:
    """Measure what does not depend on each other, several at a time where there are CPUs for it."""
    rows, seed, several = varying.rows, options.seed, varying.n_features > 1
    # Most of what needs it needs the same one: products of 8,192 rows are a tenth of a second each.
    covariance = sample_covariance(rows) if len(rows) >= max(2, rows.shape[1]) else None
    of_all = covariance if varying is summary else None
    work: dict[str, Callable[[], Any]] = {
        "geometry": lambda: measure_geometry(summary, seed, reading.positives, of_all),
        "axes": lambda: principal_axes_test(rows, known_covariance=covariance),
        "paper": lambda: paper_protocol(rows, options) if options.protocol != "full" else None,
        "norm_law": lambda: spectrum_norm_test(rows, known_covariance=covariance),
        "squares": lambda: squared_correlation(rows) if several else None,
        "mardia": lambda: mardia_skewness_check(rows, np.random.default_rng([seed, 3])) if several else None,
        "full": lambda: full_protocol(varying) if options.protocol != "paper" else None,
        "directions": lambda: measure_directions(rows, seed) if several else None,
    }
    # One thread of BLAS in each: two that share a pool of threads wait for each other.
    with single_threaded_blas():
        return dict(zip(work, thread_map(lambda part: part(), work.values()), strict=True))


NO_PICTURES: dict[str, Any] = {"shape": None, "directions": None, "sample_size": None}


def _drawn(varying: Summary, summary: Summary, directions: Directions | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shapes of the coordinates, and the sections that only pictures need."""
    sample_ad, shapes = coordinate_pictures(varying, summary.ad, curve_columns(varying.n_features))
    return shapes, {
        "shape": shape_section(len(varying.rows)),
        "directions": directions.section() if directions else None,
        "sample_size": sample_size_section(varying.rows, sample_ad),
    }
