"""Rendering a plain result, and nothing else: terminal text and JSON from one ``to_dict()``."""

from thinshell.report.comparison import print_comparison
from thinshell.report.console import ReportConsole
from thinshell.report.fitted import print_fit
from thinshell.report.json import to_json
from thinshell.report.scored import print_scores
from thinshell.report.terminal import print_diagnosis
from thinshell.report.whitened import print_whitening

__all__ = [
    "ReportConsole",
    "print_comparison",
    "print_diagnosis",
    "print_fit",
    "print_scores",
    "print_whitening",
    "to_json",
]
