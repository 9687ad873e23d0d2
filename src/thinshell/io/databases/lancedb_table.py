"""Tables of LanceDB in a folder of this machine, by the URL of the database and the name of the table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np

from thinshell.errors import InputError
from thinshell.io.databases.urls import agreed_column, split_options
from thinshell.io.failures import explained, listed_names, unknown_name
from thinshell.io.lance import open_lance
from thinshell.io.source import Source
from thinshell.io.urls import without_password

__all__ = ["open_lancedb"]

OPTIONS = ("table", "column")
# A table is a folder of this name in that of the database.
EXTENSION = ".lance"


def open_lancedb(url: str, column: str | None) -> Source:
    """Open the list column, or the numeric columns, of a table of LanceDB.

    Parameters
    ----------
    url : str
        ``lancedb:///absolute/folder?table=items&column=vector``, or ``lancedb://relative/folder?...``.
    column : str or None
        The column, in place of the one in the URL.

    Returns
    -------
    Source
        The rows of the newest version at this moment, read as those of a ``.lance`` folder.

    Raises
    ------
    InputError
        If the folder, the table or the column cannot be read.
    """
    shown = without_password(url)
    address, options = split_options(url, OPTIONS)
    wanted = agreed_column(shown, options.get("column"), column)
    place, _, surplus = address.partition("://")[2].partition("?")
    if surplus:
        names = [pair.partition("=")[0] for pair in surplus.split("&")]
        raise InputError(f"{shown} has parameters that are not known: {listed_names(names)}; write table= and column=")
    folder = os.path.expanduser(unquote(place))
    if not folder:
        raise InputError(f"{shown} names no folder; write lancedb:///absolute/folder?table=...")
    tables = _tables(folder, shown)
    name = options.get("table")
    if name is None:
        there = f"one of {listed_names(tables)}" if tables else "though the folder holds none"
        raise InputError(f"{shown} names no table; add ?table=, {there}")
    if name not in tables:
        raise unknown_name(shown, "table", name, tables)
    return LanceTableSource(url, open_lance(os.path.join(folder, name + EXTENSION), wanted))


def _tables(folder: str, shown: str) -> list[str]:
    # The client makes a folder that is not there, and gives the names a page at a time.
    with explained(shown):
        return sorted(name.removesuffix(EXTENSION) for name in os.listdir(folder) if name.endswith(EXTENSION))


class LanceTableSource(Source):
    """Rows of a table, called by its URL."""

    def __init__(self, url: str, table: Source) -> None:
        shown = without_password(url)
        self.portable = shown == url
        self._table = table
        super().__init__(
            paths=(shown,),
            n_samples=table.n_samples,
            n_features=table.n_features,
            dtype=table.dtype,
            block_dtype=table.block_dtype,
            feature_names=table.feature_names,
            notices=table.notices,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        return self._table._read(rows)
