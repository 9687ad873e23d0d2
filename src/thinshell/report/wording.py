"""The sentences and words that the reports share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thinshell.report.console import Glyphs, printable
from thinshell.report.numbers import count, share

__all__ = ["NORMALIZATIONS", "STYLES", "VERDICTS", "describe_data", "notes", "paper_protocol", "title"]

VERDICTS = {
    "consistent": "Consistent with a Gaussian",
    "departure": "Departure from a Gaussian",
    "inconclusive": "Inconclusive",
    "not_applicable": "Not applicable",
}
STYLES = {"consistent": "green", "departure": "red", "inconclusive": "yellow", "not_applicable": "dim"}
NORMALIZATIONS = {
    "none": "rows as they are",
    "l2": "rows l2-normalised",
    "zscore": "columns z-scored",
    "whiten": "whitened",
}
# How many indices of constant features a line names before it only counts.
NAMED_FEATURES = 8


def title(result: Mapping[str, Any]) -> str:
    """Return the name of the data set, or where its rows came from."""
    source = result.get("source") or {}
    paths = source.get("paths") or ["embeddings"]
    return printable(source.get("name") or paths[0])


def describe_data(result: Mapping[str, Any], glyphs: Glyphs) -> str:
    """Return the line that says what was read: name, rows, features, stored dtype."""
    features = "feature" if result.get("n_features") == 1 else "features"
    size = f"{count(result.get('n_samples'))} rows {glyphs.times} {count(result.get('n_features'))} {features}"
    dtype = (result.get("source") or {}).get("dtype")
    return ", ".join([title(result), size] + ([printable(dtype)] if dtype else []))


def paper_protocol(result: Mapping[str, Any], glyphs: Glyphs) -> str:
    """Return how the paper protocol's numbers were made: rows per test, repeats, seed, normalisation."""
    paper = result.get("paper") or {}
    tests = f"{count(paper.get('samples_per_test'))} rows per test {glyphs.times} {count(paper.get('repeats'))}"
    noun = "repeat" if paper.get("repeats") == 1 else "repeats"
    return f"{tests} {noun}, seed {result.get('seed')}, {normalization(result)}"


def normalization(result: Mapping[str, Any]) -> str:
    """Return in words what was done to the rows before testing."""
    kind = str(result.get("normalize"))
    return NORMALIZATIONS.get(kind, kind)


def notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the reader must know about the rows before believing any number."""
    yield from (printable(notice) for notice in (result.get("source") or {}).get("notices") or [])
    if dropped := result.get("n_dropped_nonfinite"):
        yield f"{count(dropped)} rows with NaN or infinity were dropped"
    if constant := _constant_features(result.get("constant_features")):
        yield constant
    if spectrum := _randomised_spectrum(result.get("spectrum") or {}):
        yield spectrum
    paper = result.get("paper") or {}
    asked = (paper.get("asked") or {}).get("samples_per_test")
    if asked and asked > (paper.get("samples_per_test") or asked):
        yield f"fewer rows than the {count(asked)} of one test: one test of all of them"
    duplicates = result.get("duplicates") or {}
    if repeated := duplicates.get("share"):
        yield f"{share(repeated)} of {count(duplicates.get('n_checked'))} rows checked are duplicates"


def _randomised_spectrum(spectrum: Mapping[str, Any]) -> str | None:
    if spectrum.get("method") != "randomised":
        return None
    resolved = spectrum.get("n_resolved") or 0
    leading = f"the {count(resolved)} leading eigenvalues are" if resolved > 1 else "the leading eigenvalue is"
    known = f"{leading} resolved, the others" if resolved else "no eigenvalue stands out, all"
    vectors = f"{count(spectrum.get('n_test_vectors'))} test vectors"
    return f"spectrum of all rows by randomised Nyström ({vectors}): {known} a smooth fit to their known sums"


def _constant_features(constant: Mapping[str, Any] | Sequence[Any] | None) -> str | None:
    if isinstance(constant, Mapping):
        number = constant.get("count") or 0
        names = constant.get("indices") or constant.get("names") or constant.get("features") or []
    else:
        names = constant or []
        number = len(names)
    if not number:
        return None
    listed = ", ".join(printable(name) for name in names[:NAMED_FEATURES])
    more = ", ..." if number > NAMED_FEATURES else ""
    features = "1 feature is" if number == 1 else f"{count(number)} features are"
    return f"{features} constant and left out of the tests" + (f": {listed}{more}" if listed else "")
