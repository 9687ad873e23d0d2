"""How Gaussian are your embeddings? Diagnose, train for, reproduce and use Gaussian representations."""

from thinshell._version import __version__

__all__ = ["__version__"]
