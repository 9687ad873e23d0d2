"""How pictures look, and how they are saved; matplotlib is imported only here and only when a picture is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell.experiments.experiment import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "PAPER", "UNTRAINED", "can_draw", "mark_epochs", "mark_level", "save_picture", "style"]

# Okabe & Ito (2008), told apart by colour-blind readers; black is kept for the paper's numbers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PAPER: dict[str, Any] = {"marker": "D", "color": "black", "linestyle": "none", "markersize": 5, "label": "paper"}
UNTRAINED: dict[str, Any] = {
    "marker": "o", "color": "0.6", "linestyle": "none", "markersize": 6, "markerfacecolor": "white", "label": "epoch 0"
}  # fmt: skip
SUFFIXES = (".png", ".svg")
DOTS_PER_INCH = 150

_STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "figure.dpi": DOTS_PER_INCH,
    # Text in an SVG stays text, and the same drawing gives the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "thinshell",
}


def can_draw() -> bool:
    """Return whether matplotlib is installed.

    Examples
    --------
    >>> can_draw()
    True
    """
    return find_spec("matplotlib") is not None


@contextmanager
def style() -> Iterator[None]:
    """Draw with our style inside the block; matplotlib's own settings are left as they were."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"axes.prop_cycle": mpl.cycler(color=COLOURS)})  # type: ignore[attr-defined]
        yield


def save_picture(picture: Picture, results: Mapping[str, Any], folder: Path) -> list[str]:
    """Draw a picture and write it as PNG and SVG; return the names of the files.

    No window is opened and no global figure is left: the figure is drawn by Agg.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=picture.size, layout="constrained")
        FigureCanvasAgg(figure)
        picture.draw(results, figure)
        names = [f"{picture.name}{suffix}" for suffix in SUFFIXES]
        for name in names:
            # Without a date: the same results give the same file.
            metadata = {"Date": None} if name.endswith(".svg") else None
            figure.savefig(folder / name, dpi=DOTS_PER_INCH, metadata=metadata)
    return names


def mark_level(axes: Axes, value: float, words: str, *, vertical: bool = False) -> None:
    """Draw a dashed line at a threshold or a reference, named in the legend."""
    line = axes.axvline if vertical else axes.axhline
    line(value, color="0.35", linestyle="--", linewidth=1.0, label=words, zorder=1)


def mark_epochs(axes: Axes, last: int) -> None:
    """Label a horizontal axis of epochs, whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epochs trained")
    axes.set_xlim(-0.03 * max(last, 1), 1.03 * max(last, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
