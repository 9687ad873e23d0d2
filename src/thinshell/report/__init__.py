"""Rendering a plain result, and nothing else: terminal text and JSON from one ``to_dict()``."""

from thinshell.report.comparison import print_comparison
from thinshell.report.console import ReportConsole
from thinshell.report.json import to_json
from thinshell.report.terminal import print_diagnosis

__all__ = ["ReportConsole", "print_comparison", "print_diagnosis", "to_json"]
