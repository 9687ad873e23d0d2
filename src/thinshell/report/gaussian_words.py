"""The sentences of a fitted model, of scored rows and of whitened rows: the one that matters first, and the notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from thinshell.report.console import Glyphs, printable
from thinshell.report.gaussian_panels import batch_of
from thinshell.report.numbers import count, fixed, percent, rounded
from thinshell.report.wording import title

__all__ = [
    "CALIBRATION",
    "Opening",
    "covariance_words",
    "describe_fit",
    "describe_scores",
    "describe_whitening",
    "fit_notes",
    "fit_opening",
    "score_words",
    "scores_notes",
    "scores_opening",
    "whitening_notes",
    "whitening_opening",
]

# Which mark and colour a verdict on the calibration gets.
CALIBRATION = {
    "calibrated": "consistent",
    "heavier tails": "departure",
    "lighter tails": "departure",
    "shifted": "departure",
    "inconclusive": "inconclusive",
}
COVARIANCES = {
    "ledoit_wolf": "Ledoit-Wolf",
    "empirical": "empirical",
    "oas": "oracle approximating shrinkage",
    "shrunk": "shrunk",
    "low_rank": "factor analysis",
}
# Laws of the distances that are fitted to held-out rows.
FITTED_LAWS = {"scaled": "scaled chi-square", "gamma": "gamma"}
KINDS = {"GaussianModel": "Gaussian", "ClassConditionalGaussian": "class-conditional Gaussian"}
BATCHES = {
    "farther": "As a whole the rows are shifted outwards",
    "nearer": "As a whole the rows are shifted towards the mean",
    "wider": "As a whole the rows are not shifted, but too many lie both near and far",
    "narrower": "As a whole the rows are not shifted, but their distances are more alike than the model's",
    "alike": "The rows as a whole do not look shifted",
}
# Notes of one kind before the others are only counted.
MOST_NOTES = 8


class Opening(NamedTuple):
    """What stands first.

    Attributes
    ----------
    verdict : str
        Which mark and colour it gets.
    head, rest : str
        The outcome in a clause, and the numbers behind it.
    """

    verdict: str
    head: str
    rest: str


def fit_opening(result: Mapping[str, Any]) -> Opening:
    """Return whether the model can be believed, by its held-out rows.

    Examples
    --------
    >>> fit_opening({"calibration": {"verdict": "calibrated", "sentence": "The model is calibrated: 1 % lie beyond."}})
    Opening(verdict='consistent', head='The model is calibrated', rest='1 % lie beyond.')
    >>> fit_opening({}).head
    'Fitted, but not calibrated'
    >>> fit_opening({"calibration": {"verdict": "heavier tails"}, "radius": {"name": "gamma"}}).head
    'Distances follow a gamma law fitted to the held-out rows'
    """
    calibration = result.get("calibration")
    if not calibration and result.get("kind") == "ClassConditionalGaussian":
        classes = f" of {count(len(result['classes']))} classes" if result.get("classes") else ""
        rest = "it gives no p-values, so there is nothing to calibrate; compare rows by its distances."
        return Opening("not_applicable", f"A Gaussian for each{classes or ' class'} is fitted", rest)
    if not calibration:
        rest = "no rows were held out to check the model with, so nobody knows what its p-values are worth."
        return Opening("not_applicable", "Fitted, but not calibrated", rest)
    verdict, law = str(calibration.get("verdict")), (result.get("radius") or {}).get("name")
    if law in FITTED_LAWS:
        rest = f"p-values and log-densities follow it. Beside a Gaussian the held-out rows are: {printable(verdict)}."
        return Opening("consistent", f"Distances follow a {FITTED_LAWS[law]} law fitted to the held-out rows", rest)
    sentence = printable(calibration.get("sentence") or f"Calibration: {verdict}.")
    head, _, rest = sentence.partition(min((": ", "; "), key=lambda mark: sentence.find(mark) % (len(sentence) + 1)))
    return Opening(CALIBRATION.get(verdict, "unknown"), head.rstrip("."), rest)


def describe_fit(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[str]:
    """Yield what was fitted on which rows, and where it went."""
    held_out = f", {count(result.get('n_held_out'))} more held out" if result.get("n_held_out") else ""
    size = f"{count(result.get('n_samples'))} rows {glyphs.times} {count(result.get('n_features'))} features"
    yield f"{title(result)}, {size}{held_out}"
    kind = KINDS.get(str(result.get("kind")), printable(result.get("kind") or "model"))
    rank = f" of rank {count(result.get('rank'))}" if result.get("rank") is not None else ""
    target = f" {glyphs.arrow} {printable(result['model'])}" if result.get("model") else ""
    yield f"{kind}{rank}, covariance: {covariance_words(result)}{target}"


def covariance_words(result: Mapping[str, Any]) -> str:
    """Return how the covariance was estimated, and how much it was shrunk.

    Examples
    --------
    >>> covariance_words({"covariance": {"method": "ledoit_wolf", "shrinkage": 0.0123}})
    'Ledoit-Wolf, 1.23 % shrinkage'
    """
    covariance = result.get("covariance") or {}
    method = str(covariance.get("method") or "-")
    words = [COVARIANCES.get(method, printable(method))]
    if covariance.get("n_components") is not None:
        words.append(f"{count(covariance['n_components'])} factors")
    if covariance.get("shrinkage") is not None:
        words.append(f"{percent(covariance['shrinkage'])} shrinkage")
    if covariance.get("tied") is not None:
        words.append("one for all classes" if covariance["tied"] else "one for each class")
    return ", ".join(words)


def fit_notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the reader must know: how the rows were read, degenerate columns, how the fit was made.

    Examples
    --------
    >>> list(fit_notes({"degenerate": [{"kind": "constant", "text": "Column 5 is constant."}]}))
    ['Column 5 is constant.']
    """
    yield from _source_notes(result)
    degenerate = [
        entry for entry in result.get("degenerate") or [] if entry and (entry.get("text") or entry.get("kind"))
    ]
    yield from (printable(entry.get("text") or entry["kind"]) for entry in degenerate[:MOST_NOTES])
    if len(degenerate) > MOST_NOTES:
        yield f"{count(len(degenerate) - MOST_NOTES)} more findings of this kind are in the JSON (degenerate)"
    yield from (printable(note) for note in result.get("notes") or [] if note)


def scores_opening(result: Mapping[str, Any]) -> Opening:
    """Return how many rows are odd, how many chance would give, and whether the whole batch looks shifted.

    Examples
    --------
    >>> opening = scores_opening({"n_samples": 500, "discoveries": {"level": 0.05, "n": 3},
    ...                           "far": {"0.05": {"n": 30, "expected": 25.0}}})
    >>> opening.head
    '3 of 500 rows are odd at a false discovery rate of 5 %'
    >>> opening.rest
    '30 have a p-value below 5 %, where chance gives 25.'
    """
    n, found = result.get("n_samples"), result.get("discoveries") or {}
    odd = found.get("n")
    if odd is None:
        rest = f"The oddest come first by {score_words(result.get('by'))}; without p-values no row is called odd."
        return Opening("not_applicable", f"{count(n)} rows are scored", rest)
    rate = f"at a false discovery rate of {percent(found.get('level'))}"
    head = f"{count(odd)} of {count(n)} rows {'is' if odd == 1 else 'are'} odd {rate}"
    if odd in (0, n):
        head = f"{'All' if odd else 'None'} of {count(n)} rows {'are' if odd else 'is'} odd {rate}"
    far, batch = (result.get("far") or {}).get("0.05") or {}, batch_of(result)
    sentences = []
    if far.get("n") is not None:
        have = "has" if far["n"] == 1 else "have"
        sentences.append(
            f"{count(far['n'])} {have} a p-value below 5 %, where chance gives {rounded(far['expected'])}."
        )
    if batch is not None:
        place = f": on average {percent(batch.place)} of the model's own rows lie nearer to the mean"
        sentences.append(f"{BATCHES[batch.kind]}{place} ({percent(batch.expected_place)} expected).")
    moved = batch is not None and batch.kind != "alike"
    return Opening("departure" if odd or moved else "consistent", head, " ".join(sentences))


def score_words(name: Any) -> str:
    """Return the name of a score in words.

    Examples
    --------
    >>> score_words("mahalanobis"), score_words("mine")
    ('squared distance', 'mine')
    """
    return SCORE_WORDS.get(str(name), printable("-" if name is None else name))


SCORE_WORDS = {
    "log_density": "log-density",
    "bits_per_dimension": "bits a dimension",
    "mahalanobis": "squared distance",
    "pvalue": "p-value",
    "typicality": "typicality",
    "relative_mahalanobis": "relative distance",
    "class_mahalanobis": "class distance",
}


def describe_scores(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[str]:
    """Yield which rows were scored, and by which model."""
    size = f"{count(result.get('n_samples'))} rows {glyphs.times} {count(result.get('n_features'))} features"
    target = f" {glyphs.arrow} {printable(result['out'])}" if result.get("out") else ""
    yield f"{title(result)}, {size}{target}"
    model = result.get("model") or {}
    words = [f"{printable(model.get('path') or 'model')}: {KINDS.get(str(model.get('kind')), 'model')}"]
    if model.get("rank") is not None:
        words[0] += f" of rank {count(model['rank'])}"
    if model.get("n_samples") is not None:
        words.append(f"fitted on {count(model['n_samples'])} rows")
    if model.get("radius") in FITTED_LAWS:
        words.append(f"distances by a {FITTED_LAWS[model['radius']]} law")
    elif verdict := model.get("calibration_verdict"):
        words.append(f"calibration: {printable(verdict)}")
    yield "scored by " + ", ".join(words)


def scores_notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the reader must know before believing a p-value.

    Examples
    --------
    >>> list(scores_notes({"pit": {}, "model": {"calibration_verdict": "calibrated"}}))
    []
    """
    yield from _source_notes(result)
    model = result.get("model") or {}
    verdict, fitted = model.get("calibration_verdict"), model.get("radius") in FITTED_LAWS
    if result.get("discoveries") and verdict != "calibrated" and not fitted:
        if verdict is None:
            yield "the model was never checked on held-out rows: its p-values may be off"
        elif verdict == "inconclusive":
            yield "too few held-out rows checked the model: its p-values may be off"
        else:
            yield (
                f"held-out rows of its own already fit the model badly ({printable(verdict)}): its p-values are no "
                "probabilities, only their order counts, and a shift may be the model's"
            )
    yield from (printable(note) for note in result.get("notes") or [] if note)


def whitening_opening(result: Mapping[str, Any]) -> Opening:
    """Return what whitening did to the directions of the rows.

    Examples
    --------
    >>> whitening_opening({"before": {"mean_cosine": 0.6}, "after": {"mean_cosine": 0.0}}).head
    'Whitened: the mean cosine of two rows went from 0.600 to 0.000'
    """
    before, after = result.get("before") or {}, result.get("after") or {}
    cosines = f"{fixed(before.get('mean_cosine'), 3)} to {fixed(after.get('mean_cosine'), 3)}"
    uniformities = f"{fixed(before.get('uniformity'))} to {fixed(after.get('uniformity'))}"
    head = f"Whitened: the mean cosine of two rows went from {cosines}"
    return Opening("consistent", head, f"Uniformity went from {uniformities}; lower is more uniform.")


def describe_whitening(result: Mapping[str, Any], glyphs: Glyphs) -> Iterator[str]:
    """Yield which rows were whitened, how, and where they went."""
    size = f"{count(result.get('n_samples'))} rows {glyphs.times} {count(result.get('n_features'))} features"
    yield f"{title(result)}, {size}"
    method = printable(result.get("method") or "-")
    method = method.upper() if method in ("pca", "zca") else method.capitalize()
    target = f" {glyphs.arrow} {printable(result['out'])}" if result.get("out") else ""
    model = f", kept as {printable(result['model'])}" if result.get("model") else ""
    yield f"{method}, {count(result.get('n_out'))} columns{target}{model}"


def whitening_notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield how the rows were read, and which directions hardly vary."""
    yield from _source_notes(result)
    floored = result.get("floored") or {}
    if floored.get("text"):
        yield printable(floored["text"])
    elif floored.get("n"):
        share = f", {percent(floored.get('share'))} of the variance," if floored.get("share") is not None else ""
        yield f"{count(floored['n'])} eigenvalues{share} were raised to the floor {rounded(result.get('floor'))}"
    yield from (printable(note) for note in result.get("notes") or [] if note)


def _source_notes(result: Mapping[str, Any]) -> Iterator[str]:
    yield from (printable(notice) for notice in (result.get("source") or {}).get("notices") or [] if notice)
