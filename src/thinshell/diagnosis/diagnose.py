"""diagnose(): read, summarise, measure, judge, and put into words - each done elsewhere, joined here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from thinshell.diagnosis.checks import full_checks, joint_checks, paper_checks
from thinshell.diagnosis.directions import Directions, measure_directions
from thinshell.diagnosis.full import full_protocol
from thinshell.diagnosis.geometry import measure_geometry
from thinshell.diagnosis.hints import find_hints
from thinshell.diagnosis.options import Options
from thinshell.diagnosis.paper import paper_protocol
from thinshell.diagnosis.pictures import coordinate_pictures, shape_section
from thinshell.diagnosis.reading import Progress, Reading, read
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
from thinshell.diagnosis.verdicts import joint_remark, look_next
from thinshell.errors import InputError
from thinshell.sketch import Summary, summarize
from thinshell.statistics._small import part_of
from thinshell.statistics.principal_axes import principal_axes_test
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
    options = Options(protocol, normalize, samples_per_test, repeats, seed, drop_nonfinite)
    if positives_index is not None and positives is None:
        raise InputError(f"positives_index must come with positives, got {positives_index} alone; leave it out")
    where = {"column": column, "key": key, "index": index, "side": side, "positives_index": positives_index}
    reading = read(data, options, where=where, positives=positives, name=name, progress=progress)
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
        return Diagnosis(**words, sketch=reading.sketch, _fields=about | words | EMPTY_SECTIONS)
    geometry = measure_geometry(summary, options.seed, reading.positives)
    axes = principal_axes_test(varying.rows)
    norm_law = spectrum_norm_test(varying.rows)
    hints = find_hints(varying, geometry, axes, norm_law.ratio)
    paper = paper_protocol(varying.rows, options) if options.protocol != "full" else None
    full = full_protocol(varying) if options.protocol != "paper" else None
    checks = [*paper_checks(paper, summary.n_samples)] if paper else []
    checks += [*full_checks(full, varying.columns)] if full else []
    directions = measure_directions(varying.rows, options.seed) if varying.n_features > 1 else None
    checks += joint_checks(varying, geometry, axes, norm_law, directions, options.seed)
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
    return Diagnosis(**words, sketch=reading.sketch, _fields=about | words | sections)


NO_PICTURES: dict[str, Any] = {"shape": None, "directions": None, "sample_size": None}


def _drawn(varying: Summary, summary: Summary, directions: Directions | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shapes of the coordinates, and the sections that only pictures need."""
    sample_ad, shapes = coordinate_pictures(varying, summary.ad, curve_columns(varying.n_features))
    return shapes, {
        "shape": shape_section(len(varying.rows)),
        "directions": directions.section() if directions else None,
        "sample_size": sample_size_section(varying.rows, sample_ad),
    }
