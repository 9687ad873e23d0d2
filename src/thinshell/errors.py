"""Errors whose text is meant for the person who gave the input.

Every sentence names the parameter (or the file, row, column), what is allowed, what was received and
what to do. Python callers get an ordinary ``ValueError`` or ``TypeError``; the command line prints the same
text on stderr and exits with 2.
"""


class InputError(ValueError):
    """A value, a file or an array that cannot be used as it is.

    Examples
    --------
    >>> raise InputError("n_samples must be at least 8, got 3; give more rows")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: n_samples must be at least 8, got 3; give more rows
    """


class InputTypeError(TypeError):
    """An argument of a type that is not taken at all.

    Examples
    --------
    >>> raise InputTypeError("embeddings must be an array, got str")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputTypeError: embeddings must be an array, got str
    """
