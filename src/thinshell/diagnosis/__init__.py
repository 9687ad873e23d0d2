"""From a sketch to a plain result: protocols, criteria, verdicts."""

from thinshell.diagnosis.compare import compare
from thinshell.diagnosis.diagnose import diagnose
from thinshell.diagnosis.paired import diagnose_pairs, pair_sides
from thinshell.diagnosis.result import Comparison, Diagnosis

__all__ = ["Comparison", "Diagnosis", "compare", "diagnose", "diagnose_pairs", "pair_sides"]
