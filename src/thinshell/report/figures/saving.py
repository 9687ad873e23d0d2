"""Every panel of a result as files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell._files import replacing
from thinshell.errors import InputError, InputTypeError, unknown_name
from thinshell.report.comparison_panels import PANELS, comparison_panels
from thinshell.report.figures.comparison import COMPARISON, comparison_axes
from thinshell.report.figures.diagnosis import (
    DIAGNOSIS,
    FIT,
    coordinates_axes,
    cosine_axes,
    directions_axes,
    norm_axes,
    sample_size_axes,
    spectrum_axes,
)
from thinshell.report.figures.gaussian import SCORES, pit_axes
from thinshell.report.figures.shapes import quantile_axes, shape_axes
from thinshell.report.figures.style import style
from thinshell.report.figures.training import TRAINING, training_axes
from thinshell.report.gaussian_panels import pit_panel
from thinshell.report.panels import coordinates_panel, spectrum_panel
from thinshell.report.training_panels import training_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "check_figures", "save_figures"]

# What would make two files of the same figure differ is left out of each.
FORMATS: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
WHITENING = "thinshell/whitening/1"
Draw = Callable[[Mapping[str, Any]], "Axes"]
_DRAW: dict[str, Draw] = {
    "norms": norm_axes,
    "coordinates": coordinates_axes,
    "directions": directions_axes,
    "spectrum": spectrum_axes,
    "cosines": cosine_axes,
    "sample_size": sample_size_axes,
}


def check_figures(folder: str | Path, formats: Sequence[str] = ("pdf", "svg", "png")) -> None:
    """Find what would keep `save_figures` from writing, before there is a result and without making anything.

    Parameters
    ----------
    folder : str or Path
        Where the figures are to go; need not exist.
    formats : sequence of {"pdf", "svg", "png"}
        What is to be written.

    Raises
    ------
    InputError
        If a format is unknown, the folder cannot be written to or made, or matplotlib is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     check_figures(Path(place) / "new" / "figures", ["pdf"])
    """
    _formats(formats)
    there = Path(folder).absolute()
    while not os.path.exists(there) and there != there.parent:  # False also for a name that is too long
        there = there.parent
    if not there.is_dir():
        raise InputError(f"the folder {folder} cannot be made ({there} is a file); choose another place")
    if not os.access(there, os.W_OK):
        raise InputError(f"the folder {there} is not writable; choose another place")
    with style():
        pass


def save_figures(
    result: Mapping[str, Any], folder: str | Path, formats: Sequence[str] = ("pdf", "svg", "png")
) -> list[Path]:
    """Draw every panel that a result has and write each as a file of its own.

    Parameters
    ----------
    result : mapping
        What ``to_dict()`` of a diagnosis, a comparison or a training run returns, or its JSON file or that of
        ``thinshell fit`` or ``score`` read.
    folder : str or Path
        Made if it is missing. Files of the same names are replaced, all of them together.
    formats : sequence of {"pdf", "svg", "png"}
        Fonts are embedded in a PDF as TrueType, text in an SVG stays text, a PNG has 300 dots an inch.

    Returns
    -------
    list of Path
        ``norms.pdf``, ``norms.svg``, …; of a diagnosis also ``worst_coordinate.*`` and
        ``worst_coordinate_quantiles.*``, of a training run one for each number; of a fit
        ``calibration.*`` and ``spectrum.*``, of scores ``scored.*``. The same result gives the same bytes.

    Raises
    ------
    InputError
        If the result is none of these, has nothing to draw, a format is unknown, the folder cannot be written to or
        matplotlib is missing.

    Examples
    --------
    >>> import tempfile
    >>> result = {"schema": "thinshell/diagnosis/1", "n_features": 2, "spectrum": {"eigenvalues": [3.0, 1.0]}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_figures(result, folder, formats=["svg"])]
    ['spectrum.svg']
    """
    chosen = _formats(formats)
    figures = dict(_figures(result))
    if not figures:
        raise InputError("result holds nothing to draw: none of its panels applies or was kept; make it again")
    check_figures(folder, chosen)
    with style():
        target = _folder(folder)
        written: list[Path] = []
        with ExitStack() as together:
            for name, draw in figures.items():
                figure = draw(result).figure
                for kind in chosen:
                    written.append(target / f"{name}.{kind}")
                    _save(figure, together.enter_context(replacing(written[-1])), kind)
    return written


def _figures(result: Any) -> Iterator[tuple[str, Draw]]:
    schema = result.get("schema") if isinstance(result, Mapping) else None
    if schema == DIAGNOSIS:
        yield from ((name, draw) for name, draw in _DRAW.items() if PANELS[name](result) is not None)
        columns = coordinates_panel(result)
        if columns is not None and columns.worst() is not None:
            yield "worst_coordinate", shape_axes
            yield "worst_coordinate_quantiles", quantile_axes
    elif schema == COMPARISON:
        for name in PANELS:
            if any(panel is not None for _, panel in comparison_panels(result, name)):
                yield name, partial(comparison_axes, panel=name)
    elif schema == TRAINING:
        for number in training_numbers(result):
            yield number, partial(training_axes, number=number)
    elif schema in (FIT, SCORES):
        yield from _gaussian(result, schema)
    else:
        raise _not_drawn(result, schema)


def _gaussian(result: Mapping[str, Any], schema: str) -> Iterator[tuple[str, Draw]]:
    if pit_panel(result) is not None:
        yield "calibration" if schema == FIT else "scored", pit_axes
    if schema == FIT and spectrum_panel(result) is not None:
        yield "spectrum", spectrum_axes


def _not_drawn(result: Any, schema: Any) -> InputError | InputTypeError:
    if not isinstance(result, Mapping):
        return InputTypeError(
            f"result must be a mapping, as to_dict() or a JSON file gives it, got {type(result).__name__}; "
            "give result.to_dict()"
        )
    if schema == WHITENING:
        return InputError("result is a whitening, which has no pictures: diagnose the whitened rows for some")
    known = ", ".join((DIAGNOSIS, COMPARISON, TRAINING, FIT, SCORES))
    return InputError(
        f"result must have one of the schemas {known}, got {schema!r}; give the JSON of thinshell diagnose, compare, "
        "train, fit or score"
    )


def _formats(formats: Sequence[str]) -> list[str]:
    if isinstance(formats, str) or not formats:
        raise InputError(f"formats must be a list such as ['pdf', 'png'], got {formats!r}; put it in brackets")
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("formats", name, FORMATS)
    return list(dict.fromkeys(formats))


def _folder(folder: str | Path) -> Path:
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made ({error.strerror or error}); choose another") from error
    return path


def _save(figure: Any, path: Path, kind: str) -> None:
    with warnings.catch_warnings():
        # A sign that the font lacks is drawn as a box; the figure is none the worse for it.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(path, format=kind, metadata=FORMATS[kind])
