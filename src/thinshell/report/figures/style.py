"""How figures look, and the axes they are drawn on; matplotlib is imported here, when something is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError, InputTypeError
from thinshell.report.console import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "REFERENCE", "SIZE", "add_legend", "axes_for", "checked", "label", "short", "style"]

# Okabe & Ito (2008), told apart by colour-blind readers; greys are kept for references.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
REFERENCE: dict[str, Any] = {"color": "0.25", "linestyle": "--", "linewidth": 1.0}
# One column of a paper, in inches.
SIZE = (3.4, 2.7)
# Characters of a name, of the labels below and beside, and of both columns of a legend together, that fit.
NAME_WIDTH = 28
X_WIDTH, Y_WIDTH = 52, 34
TWO_COLUMNS = 42

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.axisbelow": True,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "savefig.dpi": 300,
    # Journals want fonts embedded as TrueType; text in an SVG stays text; the same drawing gives the same bytes.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "thinshell",
}
SCHEMAS = {
    "thinshell/diagnosis/1": "a diagnosis",
    "thinshell/comparison/1": "a comparison",
    "thinshell/training/1": "a training run",
    "thinshell/fit/1": "a fitted model",
    "thinshell/scores/1": "scored rows",
}


def checked(result: Any, *schemas: str) -> Mapping[str, Any]:
    """Return `result` if it is a plain result of one of these schemas, else say what it is."""
    if not isinstance(result, Mapping):
        raise InputTypeError(
            f"result must be a mapping, as to_dict() or a JSON file gives it, got {type(result).__name__}; "
            "give result.to_dict()"
        )
    if result.get("schema") not in schemas:
        named = " or ".join(f"{schema!r} ({SCHEMAS[schema]})" for schema in schemas)
        raise InputError(
            f"result must have the schema {named}, got {result.get('schema')!r}; "
            "give that of another command, or use another function of thinshell.report.figures"
        )
    return result


@contextmanager
def style() -> Iterator[None]:
    """Draw with our style inside the block; matplotlib's own settings are left as they were."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError("figures need matplotlib, which is not installed; pip install 'thinshell[figures]'") from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"axes.prop_cycle": mpl.cycler(color=COLOURS)})  # type: ignore[attr-defined]
        yield


@contextmanager
def axes_for(ax: Any) -> Iterator[Axes]:
    """Yield the reader's own axes under their settings, or new ones of a paper's column under ours.

    No window is opened and pyplot is not used: the figure goes when its axes do.
    """
    if ax is not None:
        if not hasattr(ax, "transAxes"):
            raise InputTypeError(f"ax must be one matplotlib Axes, got {type(ax).__name__}; give one, or leave it out")
        yield ax
        return
    with style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()


def label(axes: Axes, x: str, y: str) -> None:
    """Name both axes, in two lines where one would not fit; a dollar sign in a name is a dollar sign."""
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set_parse_math(False)
    axes.set_xlabel("\n".join(wrap(x, X_WIDTH)))
    axes.set_ylabel("\n".join(wrap(y, Y_WIDTH)))


def add_legend(axes: Axes, entries: Sequence[tuple[Any, str]]) -> None:
    """Put a legend above the axes, where it hides no data; entries are handles and words."""
    if not entries:
        return
    half = (len(entries) + 1) // 2
    widths = [max((len(words) for _, words in part), default=0) for part in (entries[:half], entries[half:])]
    legend = axes.legend(
        [handle for handle, _ in entries],
        ["entry"] * len(entries),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        borderpad=0.0,
        ncols=2 if sum(widths) <= TWO_COLUMNS else 1,
    )
    # Set afterwards: matplotlib would leave out words that begin with an underscore and read others as formulas.
    for text, (_, words) in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text(words)


def short(name: object, width: int = NAME_WIDTH) -> str:
    """Return a name from data fit for a figure: printable, its middle left out where it is long.

    Examples
    --------
    >>> short("a/very/long/path/to/some/embeddings.npy", 20)
    'a/very/lo..dings.npy'
    """
    text = printable(name)
    if len(text) <= width:
        return text
    kept = width - 2
    return f"{text[: kept // 2]}..{text[-(kept - kept // 2) :]}"
