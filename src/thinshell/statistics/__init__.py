"""Pure functions on arrays: moments, normality tests, norms, sphere, spectrum, joint checks."""
