"""URLs that name a table of a database: what thinshell takes out of them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from thinshell.errors import InputError

__all__ = ["agreed_column", "split_options"]


def split_options(url: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Take the named parameters out of the query of a URL.

    Parameters
    ----------
    url : str
        The URL; a ``+`` in it is a plus, as libpq has it.
    names : iterable of str
        Parameters that are thinshell's.

    Returns
    -------
    rest : str
        The URL without them, otherwise as it was typed.
    options : dict of str
        Their values, percent-decoded; empty ones are left out.

    Examples
    --------
    >>> split_options("postgresql://host/db?table=My%20items&sslmode=require", ["table", "column"])
    ('postgresql://host/db?sslmode=require', {'table': 'My items'})
    """
    head, _, query = url.partition("?")
    wanted, options, others = set(names), {}, []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if unquote(name) in wanted:
            options[unquote(name)] = unquote(value)
        else:
            others.append(pair)
    kept = {name: value for name, value in options.items() if value}
    return head + ("?" + "&".join(others) if others else ""), kept


def agreed_column(shown: str, named: str | None, column: str | None) -> str | None:
    """Return the column that the URL or the argument names, refusing two different ones."""
    if named is not None and column is not None and named != column:
        raise InputError(f"{shown} names the column {named!r}, the argument column {column!r}; leave one of them out")
    return column if column is not None else named
