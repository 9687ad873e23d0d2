"""From a sketch to a plain result: protocols, criteria, verdicts."""
