"""Tables of PostgreSQL: vectors of pgvector and arrays of floats, streamed through a cursor of the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from thinshell.errors import InputError
from thinshell.io.batches import gathered
from thinshell.io.databases.urls import agreed_column, split_options
from thinshell.io.dtypes import as_block, block_dtype, dtype_name
from thinshell.io.failures import listed_names, one_line, unknown_name
from thinshell.io.source import Source
from thinshell.io.urls import without_password

__all__ = ["open_postgres"]

OPTIONS = ("table", "column", "order")
# What one FETCH brings; libpq, psycopg and the joined matrix each hold a copy of it for a moment.
FETCH_BYTES = 4 * 2**20
CONNECT_SECONDS = 15
# Types by their name in pg_type (_float4 is real[]), and what they hold.
DTYPES = {
    "vector": np.dtype(np.float32),
    "halfvec": np.dtype(np.float16),
    "_float4": np.dtype(np.float32),
    "_float8": np.dtype(np.float64),
}
TAKEN = "vector, halfvec, real[] or double precision[]"

# Tables, partitioned tables, views, materialised views and foreign tables that the user can see, those with
# embeddings first; a schema is only written where the search path does not say it.
TABLES = """
SELECT c.oid, n.nspname, c.relname,
       CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS label,
       EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND t.typname = ANY(%s)) AS holds
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY holds DESC, label
"""
COLUMNS = """
SELECT a.attname, t.typname, format_type(a.atttypid, NULL), a.atttypmod, t.oid, t.typarray
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


class _Table(NamedTuple):
    oid: int
    schema: str
    name: str
    label: str
    holds: bool


class _Column(NamedTuple):
    name: str
    kind: str
    type_name: str
    typmod: int
    type_oid: int
    array_oid: int


class _Place(NamedTuple):
    """What is read, by the names that the catalogue of the server gave."""

    table: _Table
    column: _Column
    order: str | None

    @property
    def dtype(self) -> np.dtype:
        return DTYPES[self.column.kind]


def open_postgres(url: str, column: str | None) -> Source:
    """Open the embeddings of a table, or of a view, of PostgreSQL.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host:port/database?table=items&column=embedding``; the table may be
        ``schema.table``, ``order=id`` names a column by which the rows are ordered, other parameters are libpq's.
    column : str or None
        The column, in place of the one in the URL; without either the only one that can be read is taken.

    Returns
    -------
    Source
        Its rows as one moment's transaction sees them; `paths` is the URL with ``***`` for the password. Rows that
        are written between opening and reading are read, and `n_samples` is then put right.

    Raises
    ------
    InputError
        If the server, the table or the column cannot be read, or rows have no embedding or different dimensions.
    """
    shown = without_password(url)
    _import_psycopg(shown)
    address, options = split_options(url, OPTIONS)
    wanted = agreed_column(shown, options.get("column"), column)
    connect = _connector(address, shown)
    with _explained(shown), connect() as connection:
        table = _chosen_table(connection, shown, options.get("table"))
        columns = [_Column(*row) for row in connection.execute(COLUMNS, [table.oid]).fetchall()]
        chosen = _chosen_column(columns, shown, wanted)
        names = [each.name for each in columns]
        order = options.get("order")
        if order is not None and order not in names:
            raise unknown_name(shown, "column to order by", order, names)
        place = _Place(table, chosen, order)
        n_samples = _count(connection, shown, place)
        width = _width(connection, shown, place)
    others = [name for name in names if name != chosen.name]
    notices = [f"column {chosen.name!r} is read; left out: {listed_names(others)}"] if others else []
    return PostgresSource(url, connect, place, n_samples, width, notices)


class PostgresSource(Source):
    """Rows of one column of a table; each reading is one transaction, which sees the table at one moment."""

    def __init__(
        self,
        url: str,
        connect: Callable[[], Any],
        place: _Place,
        n_samples: int,
        width: int,
        notices: list[str],
    ) -> None:
        shown = without_password(url)
        self.portable = shown == url
        self._connect = connect  # a closure: the password is in no attribute
        self._place = place
        super().__init__(
            paths=(shown,),
            n_samples=n_samples,
            n_features=width,
            dtype=dtype_name(place.dtype),
            block_dtype=block_dtype(place.dtype),
            notices=notices,
        )

    def _read(self, rows: int) -> Iterator[np.ndarray]:
        shown, n_samples = self.paths[0], 0
        with _explained(shown), self._connect() as connection:
            for block in gathered(self._pieces(connection), rows, self.block_dtype):
                n_samples += len(block)
                yield block
        if n_samples != self.n_samples:
            self.notices.append(f"{shown} had {self.n_samples:,} rows when it was opened, {n_samples:,} when read")
            self.n_samples = n_samples

    def _pieces(self, connection: Any) -> Iterator[np.ndarray]:
        shown, place, width = self.paths[0], self._place, self.n_features
        fetched = max(1, FETCH_BYTES // (max(1, width) * place.dtype.itemsize))
        first_row = 0
        with _cursor(connection, place) as cursor:
            while values := cursor.fetchmany(fetched):
                yield _matrix(values, width, first_row, shown, place.column.name)
                first_row += len(values)
                del values  # before the next ones come


def _import_psycopg(shown: str) -> None:
    try:
        import pgvector.psycopg  # noqa: F401
        import psycopg  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{shown}: reading PostgreSQL needs psycopg and pgvector: pip install 'thinshell[databases]'"
        ) from error


def _connector(address: str, shown: str) -> Callable[[], Any]:
    """Return a function that opens a connection for one read-only transaction; nothing of it shows the password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    uri = "postgresql" + address[address.index("://") :]
    parameters: dict[str, Any] | None = None
    with suppress(psycopg.Error, ValueError):  # their text quotes what they could not read: perhaps the password
        parameters = conninfo_to_dict(uri)
    if parameters is None:
        raise InputError(
            f"{shown} is no URL that PostgreSQL reads; write postgresql://user:password@host:port/database?table=..., "
            "every other character than letters and digits of a password as %40 (@), %2F (/), %25 (%) and so on"
        )
    defaults = {"connect_timeout": CONNECT_SECONDS, "fallback_application_name": "thinshell", "client_encoding": "utf8"}
    added = {name: value for name, value in defaults.items() if name not in parameters}

    def connect() -> Any:
        try:
            return _read_only(psycopg.connect(uri, **added))
        except (psycopg.Error, OSError) as error:
            sentence = _refusal(error, shown, parameters)
        raise InputError(sentence)  # not chained, as in _explained

    return connect


def _read_only(connection: Any) -> Any:
    """Have all of a connection be one transaction that sees one moment and writes nothing."""
    from psycopg import IsolationLevel

    connection.prepare_threshold = None  # poolers such as PgBouncer may not have a prepared statement later on
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _refusal(error: BaseException, shown: str, parameters: dict[str, Any]) -> str:
    """Return why no connection came about, without the password."""
    text, user = str(error), parameters.get("user")
    at = f"{parameters.get('host') or 'the local socket'}:{parameters.get('port') or 5432}"
    who = f"user {user!r}" if user else "this user"
    if "Connection refused" in text or "No such file" in text:
        return f"{shown} cannot be reached: nothing answers at {at}; check host and port, and that PostgreSQL runs"
    if "no password supplied" in text:
        return f"{shown} wants a password for {who}; write it as user:password@, or set PGPASSWORD"
    if "authentication failed" in text:
        return f"{shown} was refused: the server does not know {who} with this password; check both"
    missing = re.search(r'database "(.*)" does not exist', text)
    if missing:
        return f"{shown} names the database {missing[1]!r}, which the server does not have; check the name after the /"
    said = one_line(error)
    for secret in filter(None, (parameters.get("password"), parameters.get("sslpassword"))):
        said = said.replace(secret, "***")
    return f"{shown} could not be connected to ({said}); check the URL"


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    """Turn what the server refuses into an InputError."""
    import psycopg

    try:
        yield
        return
    except psycopg.errors.InsufficientPrivilege:
        sentence = f"{shown} may not be read by this user; have GRANT SELECT on the table and its schema given to it"
    except psycopg.Error as error:
        sentence = f"{shown} could not be read ({one_line(error)}); check the server and try again"
    # Not chained: errors of psycopg carry the connection and with it the password.
    raise InputError(sentence) from None


def _chosen_table(connection: Any, shown: str, wanted: str | None) -> _Table:
    tables = [_Table(*row) for row in connection.execute(TABLES, [list(DTYPES)]).fetchall()]
    if wanted is None:
        held = [table.label for table in tables if table.holds]
        there = f"one of {listed_names(held)}" if held else f"though none has a column of {TAKEN}"
        raise InputError(f"{shown} names no table; add table= to the query of the URL, {there}")
    named = {f"{table.schema}.{table.name}": table for table in tables}
    named |= {table.name: table for table in tables if table.label == table.name}
    if wanted not in named:
        raise unknown_name(shown, "table", wanted, [table.label for table in tables])
    return named[wanted]


def _chosen_column(columns: list[_Column], shown: str, wanted: str | None) -> _Column:
    if wanted is not None:
        named = {column.name: column for column in columns}
        if wanted not in named:
            raise unknown_name(shown, "column", wanted, named)
        if named[wanted].kind not in DTYPES:
            held = named[wanted].type_name
            raise InputError(f"{shown} has {held} in column {wanted!r}; thinshell reads {TAKEN}: cast it in a view")
        return named[wanted]
    taken = [column for column in columns if column.kind in DTYPES]
    if len(taken) > 1:
        names = [column.name for column in taken]
        raise InputError(
            f"{shown} has {len(names)} columns of embeddings: {listed_names(names)}; name one with column={names[0]!r} "
            f"(--column {names[0]})"
        )
    if not taken:
        held = listed_names([f"{column.name} ({column.type_name})" for column in columns])
        raise InputError(f"{shown} has no column of {TAKEN}; it has: {held or 'none'}")
    return taken[0]


def _count(connection: Any, shown: str, place: _Place) -> int:
    from psycopg.sql import SQL, Identifier

    column, table = Identifier(place.column.name), Identifier(place.table.schema, place.table.name)
    query = SQL("SELECT count(*), count({}) FROM {}").format(column, table)
    n_samples, filled = connection.execute(query).fetchone()
    if filled < n_samples:
        raise InputError(
            f"{shown} has {n_samples - filled:,} NULL embeddings in column {place.column.name!r}, of {n_samples:,} "
            "rows; leave them out in a view (CREATE VIEW ... WHERE ... IS NOT NULL) and name that as the table"
        )
    return n_samples


def _width(connection: Any, shown: str, place: _Place) -> int:
    """Return the declared dimension, or that of the first row; 0 if there is none."""
    if place.column.kind in ("vector", "halfvec") and place.column.typmod > 0:
        return place.column.typmod
    with _cursor(connection, place) as cursor:
        first = cursor.fetchmany(1)
    if not first:
        return 0
    array = _array(first[0])
    width = 0 if array is None else array.size
    _matrix(first, width, 0, shown, place.column.name)  # refuses what is no list of numbers
    if width == 0:
        raise InputError(f"{shown} has an empty array in row 0 of column {place.column.name!r}; drop it")
    return width


@contextmanager
def _cursor(connection: Any, place: _Place) -> Iterator[Any]:
    """Open a cursor of the server over the embeddings, one value a row, in binary."""
    from psycopg.rows import scalar_row
    from psycopg.sql import SQL, Identifier

    query = SQL("SELECT {} FROM {}").format(
        Identifier(place.column.name), Identifier(place.table.schema, place.table.name)
    )
    if place.order is not None:
        query += SQL(" ORDER BY {}").format(Identifier(place.order))
    # Otherwise a large table may be read from where another session's scan of it is at the moment.
    connection.execute("SET LOCAL synchronize_seqscans = off")
    _register(connection, place.column)
    with connection.cursor(name="thinshell", row_factory=scalar_row) as cursor:
        cursor.execute(query, binary=True)
        yield cursor


def _register(connection: Any, column: _Column) -> None:
    from pgvector.psycopg.halfvec import register_halfvec_info
    from pgvector.psycopg.vector import register_vector_info
    from psycopg.types import TypeInfo

    # By the number of the type: its name is only found where the extension's schema is in the search path.
    info = TypeInfo(column.kind, column.type_oid, column.array_oid)
    if column.kind == "vector":
        register_vector_info(connection, info)
    elif column.kind == "halfvec":
        register_halfvec_info(connection, info)
    else:
        connection.adapters.register_loader(column.type_oid, _float_array_loader())


def _float_array_loader() -> type[Any]:
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class FloatArrayLoader(Loader):
        """Takes the numbers of an array as they lie; psycopg's own makes a Python float of each."""

        format = Format.BINARY

        def load(self, data: Any) -> np.ndarray | None:
            return _decoded(bytes(data))

    return FloatArrayLoader


def _decoded(data: bytes) -> np.ndarray | None:
    """Return an array from PostgreSQL's binary format; None if there is a NULL in it."""
    ndim, _, element = np.frombuffer(data, ">i4", 3).tolist()
    stored = ">f4" if element == 700 else ">f8"  # float4 and float8 have had these numbers for ever
    shape = np.frombuffer(data, ">i4", 2 * ndim, 12)[::2].tolist() if ndim else [0]
    item = np.dtype([("length", ">i4"), ("value", stored)])
    count = int(np.prod(shape))
    if len(data) != 12 + 8 * ndim + count * item.itemsize:  # a NULL has a length, -1, and no value
        return None
    return np.frombuffer(data, item, count, 12 + 8 * ndim)["value"].reshape(shape)


def _array(value: Any) -> np.ndarray | None:
    return value if value is None or isinstance(value, np.ndarray) else value.to_numpy()


def _matrix(values: list[Any], width: int, first_row: int, shown: str, name: str) -> np.ndarray:
    arrays = [_array(value) for value in values]
    for row, array in enumerate(arrays, start=first_row):
        if array is None:
            raise InputError(f"{shown} has a NULL in row {row} of column {name!r}; leave the row out in a view")
        if array.ndim != 1:
            raise InputError(
                f"{shown} has an array of {array.ndim} dimensions in row {row} of column {name!r}; each row must "
                "be a plain list of numbers"
            )
        if len(array) != width:
            raise InputError(
                f"{shown} has rows of different dimension in column {name!r}: row {row} has {len(array):,} values, "
                f"row 0 has {width:,}; every row must have the same number of features"
            )
    return as_block(np.concatenate(arrays).reshape(len(arrays), width))  # type: ignore[arg-type]
