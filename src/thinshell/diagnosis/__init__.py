"""From a sketch to a plain result: protocols, criteria, verdicts."""

from thinshell.diagnosis.compare import compare
from thinshell.diagnosis.diagnose import diagnose
from thinshell.diagnosis.paired import diagnose_pairs, pair_sides
from thinshell.diagnosis.result import Comparison, Diagnosis
from thinshell.diagnosis.taking_in import sketch_data

__all__ = ["Comparison", "Diagnosis", "compare", "diagnose", "diagnose_pairs", "pair_sides", "sketch_data"]
