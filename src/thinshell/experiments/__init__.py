"""The paper's experiments, its printed values as data, and experiments of ours beside them.

Running one needs the `train` extra, pictures the `figures` extra: ``pip install 'thinshell[train,figures]'``.
"""

from thinshell.experiments.context import Context, Unfinished
from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.published import paper_values
from thinshell.experiments.registry import EXPERIMENTS
from thinshell.experiments.reproduction import reproduce

__all__ = [
    "EXPERIMENTS",
    "Choice",
    "Comparison",
    "Context",
    "Experiment",
    "Picture",
    "Table",
    "Unfinished",
    "paper_values",
    "reproduce",
]
