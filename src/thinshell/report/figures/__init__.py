"""Figures for papers: each panel of a result on matplotlib axes, and all of them as files.

Needs matplotlib (``pip install 'thinshell[figures]'``), which is loaded when the first figure is drawn.
"""

from thinshell.report.figures.comparison import comparison_axes
from thinshell.report.figures.diagnosis import (
    coordinates_axes,
    cosine_axes,
    directions_axes,
    norm_axes,
    sample_size_axes,
    spectrum_axes,
)
from thinshell.report.figures.gaussian import pit_axes
from thinshell.report.figures.saving import check_figures, save_figures
from thinshell.report.figures.shapes import quantile_axes, shape_axes
from thinshell.report.figures.training import training_axes

__all__ = [
    "check_figures",
    "comparison_axes",
    "coordinates_axes",
    "cosine_axes",
    "directions_axes",
    "norm_axes",
    "pit_axes",
    "quantile_axes",
    "sample_size_axes",
    "save_figures",
    "shape_axes",
    "spectrum_axes",
    "training_axes",
]
