"""What an experiment needs beyond the extra `train`, told before any work is done."""

from __future__ import annotations

from importlib.util import find_spec

from thinshell.errors import InputError

__all__ = ["check_scikit_learn"]


def check_scikit_learn(experiment: str) -> None:
    """Check that the Gaussian model can be imported.

    Raises
    ------
    InputError
        If scikit-learn is not installed.

    Examples
    --------
    >>> check_scikit_learn("ood")
    """
    if find_spec("sklearn") is None:
        raise InputError(
            f"{experiment} needs scikit-learn, which is not installed; run pip install 'thinshell[train,gaussian]'"
        )
