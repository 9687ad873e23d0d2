"""Reading PostgreSQL, a real one: types, order, one snapshot, names as data, passwords, memory."""

import subprocess
import sys
from urllib.parse import quote

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.databases import postgres as module
from thinshell.io.databases.postgres import open_postgres
from thinshell.io.urls import without_password

psycopg = pytest.importorskip("psycopg")
pgvector = pytest.importorskip("pgvector")

ARRAY = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)
N, D = 100_000, 384


def load(connection, table, array, kind="vector", columns=("id", "e")):
    """Make a table by a binary COPY and return its name."""
    from pgvector import HalfVector
    from pgvector.psycopg import register_vector
    from psycopg.sql import SQL, Identifier

    register_vector(connection)
    base = kind.partition("(")[0]
    made = SQL("CREATE TABLE {} ({} integer, {} {})")
    name = Identifier(*table) if isinstance(table, tuple) else Identifier(table)
    connection.execute(made.format(name, *map(Identifier, columns), SQL(kind)))
    turned = {"vector": lambda row: row, "halfvec": HalfVector}.get(base, lambda row: row.tolist())
    types = {"real[]": "float4[]", "double precision[]": "float8[]"}
    with connection.cursor().copy(SQL("COPY {} FROM STDIN WITH (FORMAT BINARY)").format(name)) as copy:
        copy.set_types(["int4", types.get(base, base)])
        for number, row in enumerate(array):
            copy.write_row((number, turned(row)))


@pytest.fixture
def database(postgres):
    """A fresh schema in the search path of the database, and a connection to it."""
    with postgres.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        yield connection


@pytest.fixture
def items(postgres, database):
    load(database, "items", ARRAY, "vector(6)", ("id", "embedding"))
    return postgres.url("?table=items&column=embedding")


def read(source, **options):
    return np.concatenate(list(source.blocks(**options)))


def refused(url, column=None):
    with pytest.raises(InputError) as caught:
        open_postgres(url, column)
    return sentence(caught.value, url)


def sentence(error, url):
    """Return what an error says behind the URL, having looked for the password in all that hangs on it."""
    shown, chain = without_password(url), error
    while chain is not None:
        assert "s3s" not in f"{chain!s}{chain!r}{chain.args!r}"
        chain = None if chain.__suppress_context__ else chain.__cause__ or chain.__context__
    text = str(error)
    assert "\n" not in text
    assert text.startswith(shown)
    return text[len(shown) :].strip()


@pytest.mark.parametrize("kind", ["vector", "vector(6)", "halfvec", "halfvec(6)", "real[]", "double precision[]"])
def test_types(postgres, database, monkeypatch, kind):
    monkeypatch.setattr(module, "FETCH_BYTES", 24 * 17)
    name = kind.partition("(")[0]
    dtype = {"halfvec": "float16", "double precision[]": "float64"}.get(name, "float32")
    array = np.random.default_rng(0).standard_normal((300, 6)).astype(dtype)
    load(database, "items", array, kind)
    source = open_postgres(postgres.url("?table=items"), None)
    assert (source.n_samples, source.n_features, source.dtype) == (300, 6, dtype)
    assert source.block_dtype == (np.float64 if dtype == "float64" else np.float32)
    assert source.notices == ["column 'e' is read; left out: id"]
    for max_bytes in (1, 24 * 70, 10**6):
        for _ in range(2):
            blocks = list(source.blocks(max_bytes))
            assert {len(b) for b in blocks[:-1]} <= {max(1, max_bytes // (6 * source.block_dtype.itemsize))}
            assert all(b.dtype == source.block_dtype and b.flags.c_contiguous for b in blocks)
            np.testing.assert_array_equal(np.concatenate(blocks), array)


def test_both_schemes_through_open_source(postgres, items):
    np.testing.assert_array_equal(read(open_source(items)), ARRAY)
    np.testing.assert_array_equal(read(open_source(items.replace("postgresql", "postgres"))), ARRAY)
    np.testing.assert_array_equal(read(open_source(postgres.url("?table=items"), column="embedding")), ARRAY)


def test_order_and_parameters_of_libpq(postgres, database, items):
    database.execute("CREATE TABLE mixed AS SELECT * FROM items ORDER BY id * 7 % 300")
    url = postgres.url("?sslmode=disable&table=mixed&order=id&application_name=me%26you&connect_timeout=3")
    np.testing.assert_array_equal(read(open_postgres(url, None)), ARRAY)
    unordered = read(open_postgres(postgres.url("?table=mixed"), None))
    np.testing.assert_array_equal(unordered, ARRAY[np.argsort(np.arange(300) * 7 % 300)])
    assert refused(postgres.url("?table=mixed&order=idd")).startswith(
        "has no column to order by 'idd'; did you mean 'id'?"
    )
    assert "names the column 'e', the argument column 'f'" in refused(postgres.url("?table=mixed&column=e"), "f")


def test_schemas_views_and_an_extension_elsewhere(postgres, database, items):
    database.execute("DROP SCHEMA IF EXISTS other CASCADE")
    database.execute("CREATE SCHEMA other")
    load(database, ("other", "a.b"), ARRAY + 1)
    database.execute("CREATE VIEW half AS SELECT id, embedding FROM items WHERE id < 150")
    database.execute("CREATE MATERIALIZED VIEW kept AS SELECT embedding FROM items ORDER BY id")
    np.testing.assert_array_equal(read(open_postgres(postgres.url("?table=other.a.b"), None)), ARRAY + 1)
    np.testing.assert_array_equal(read(open_postgres(postgres.url("?table=public.items"), None)), ARRAY)
    np.testing.assert_array_equal(read(open_postgres(postgres.url("?table=half"), None)), ARRAY[:150])
    source = open_postgres(postgres.url("?table=kept"), None)
    assert source.notices == []
    np.testing.assert_array_equal(read(source), ARRAY)
    database.execute("ALTER EXTENSION vector SET SCHEMA other")
    np.testing.assert_array_equal(read(open_postgres(postgres.url("?table=items"), None)), ARRAY)
    database.execute("DROP SCHEMA other CASCADE")


NAMES = [
    "items; DROP TABLE items--",
    'it"ems',
    "it'ems",
    "Items With Spaces",
    "Ünïcödé 表",
    "a.b",
    "%s {} $1 \\ x",
    'items" WHERE (SELECT pg_sleep(60)) IS NULL --',
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_name(postgres, database, items, name):
    url = postgres.url(f"?table={quote(name, safe='')}")
    assert refused(url).startswith(f"has no table {name!r}; ")
    for option in ("column", "order"):
        answer = refused(postgres.url(f"?table=items&{option}={quote(name, safe='')}"))
        assert answer.startswith(f"has no column {'to order by ' if option == 'order' else ''}{name!r}; ")
    assert "has no column" in refused(items.partition("&")[0], name)
    assert database.execute("SELECT count(*) FROM items").fetchone() == (300,)
    load(database, name, ARRAY * 2, columns=(f"id {name}", name))
    full = f"{url}&column={quote(name, safe='')}&order={quote('id ' + name, safe='')}"
    for source in (open_postgres(full, None), open_postgres(url, name), open_source(full)):
        np.testing.assert_array_equal(read(source), ARRAY * 2)
    assert database.execute("SELECT count(*) FROM items").fetchone() == (300,)


def test_the_session_cannot_write(postgres, items):
    source = open_postgres(items, None)
    with source._connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM items")


def test_tables_and_columns_that_are_not_there(postgres, database, items):
    database.execute("CREATE TABLE plain (id integer, label text, counts integer[])")
    database.execute("CREATE TABLE two (a vector(3), b real[], c text)")
    url = postgres.url
    assert refused(url()) == "names no table; add table= to the query of the URL, one of items, two"
    assert refused(url("?table=itemz")) == "has no table 'itemz'; did you mean 'items'? Available: items, two, plain"
    assert refused(url("?table=items&column=embeding")) == (
        "has no column 'embeding'; did you mean 'embedding'? Available: id, embedding"
    )
    assert refused(url("?table=two")) == ("has 2 columns of embeddings: a, b; name one with column='a' (--column a)")
    assert refused(url("?table=plain")).startswith(
        "has no column of vector, halfvec, real[] or double precision[]; it has: id (integer), label (text), counts (in"
    )
    assert refused(url("?table=plain"), "counts").startswith("has integer[] in column 'counts'; thinshell reads vector")
    database.execute("DROP TABLE items, two")
    assert refused(url()).endswith("though none has a column of vector, halfvec, real[] or double precision[]")


def test_nulls_ragged_rows_and_empty_tables(postgres, database, monkeypatch):
    monkeypatch.setattr(module, "FETCH_BYTES", 12 * 2)
    database.execute("CREATE TABLE t (id serial, e vector)")
    assert open_postgres(postgres.url("?table=t"), None).n_samples == 0
    database.execute("INSERT INTO t (e) VALUES ('[1,2,3]'), ('[4,5,6]'), ('[7,8,9]'), ('[1,2]')")
    url = postgres.url("?table=t&order=id")
    source = open_postgres(url, None)
    assert source.n_features == 3
    with pytest.raises(InputError) as caught:
        read(source)
    assert sentence(caught.value, url) == (
        "has rows of different dimension in column 'e': row 3 has 2 values, row 0 has 3; every row must have the same "
        "number of features"
    )
    database.execute("UPDATE t SET e = NULL WHERE id IN (2, 4)")
    assert refused(url) == (
        "has 2 NULL embeddings in column 'e', of 4 rows; leave them out in a view (CREATE VIEW ... WHERE ... IS NOT "
        "NULL) and name that as the table"
    )
    with pytest.raises(InputError, match="has a NULL in row 1 of column 'e'; leave the row out in a view"):
        read(source)
    database.execute("CREATE VIEW v AS SELECT * FROM t WHERE e IS NOT NULL")
    np.testing.assert_array_equal(read(open_postgres(postgres.url("?table=v"), None)), [[1, 2, 3], [7, 8, 9]])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("ARRAY[1, NULL, 3]::real[]", "has a NULL in row 1 of column 'e'"),
        ("ARRAY[[1, 2, 3], [4, 5, 6]]::real[]", "has an array of 2 dimensions in row 1 of column 'e'; each row must"),
        ("'{}'::real[]", "row 1 has 0 values, row 0 has 3"),
        ("'[5:6]={1,2}'::real[]", "row 1 has 2 values, row 0 has 3"),
    ],
)
def test_arrays_that_are_no_rows(postgres, database, bad, message):
    database.execute("CREATE TABLE t AS SELECT 0 AS id, ARRAY[1, 2, 3]::real[] AS e")
    database.execute(f"INSERT INTO t VALUES (1, {bad})")
    url = postgres.url("?table=t&order=id")
    with pytest.raises(InputError) as caught:
        read(open_postgres(url, None))
    assert message in sentence(caught.value, url)
    database.execute("DELETE FROM t WHERE id = 0")
    if "5:6" in bad:  # wherever its subscripts begin
        np.testing.assert_array_equal(read(open_postgres(url, None)), [[1, 2]])
    else:
        assert "in row 0 of column 'e'" in refused(url)


def test_one_snapshot_while_rows_come_and_go(postgres, database, items, monkeypatch):
    monkeypatch.setattr(module, "FETCH_BYTES", 24 * 20)
    source = open_postgres(items, None)
    blocks = source.blocks(24 * 30)
    seen = [next(blocks)]
    database.execute("INSERT INTO items SELECT 1000 + id, embedding FROM items")
    seen.append(next(blocks))
    database.execute("DELETE FROM items WHERE id BETWEEN 100 AND 199")
    database.execute("VACUUM items")
    seen.extend(blocks)
    np.testing.assert_array_equal(np.concatenate(seen), ARRAY)
    assert (source.n_samples, len(source.notices)) == (300, 1)
    assert len(read(source)) == 500
    assert source.n_samples == 500
    assert source.notices[1] == f"{source.paths[0]} had 300 rows when it was opened, 500 when read"
    database.execute("DROP TABLE items")
    with pytest.raises(InputError, match=r'could not be read \(relation "public.items" does not exist\); check'):
        read(source)


def test_no_connection_is_left(postgres, database, items):
    source = open_postgres(items, None)
    blocks = source.blocks(24)
    next(blocks)
    del blocks
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'thinshell'"
    for _ in range(50):
        if database.execute(count).fetchone() == (0,):
            return
        database.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("a connection of thinshell is still open")


def test_passwords_are_nowhere(postgres, database, items):
    source = open_postgres(items + "&application_name=x", None)
    shown = f"postgresql://some%20one:***@127.0.0.1:{postgres.port}/db?table=items&column=embedding&application_name=x"
    assert source.paths == (shown,)
    assert not source.portable
    texts = [repr(source), str(source.notices), *(repr(value) for value in vars(source).values())]
    assert not any("s3s" in text for text in texts)
    url = (
        items.replace(f":{quote(postgres.password, safe='')}@", "@") + "&password=" + quote(postgres.password, safe="")
    )
    source = open_postgres(url, None)
    assert source.paths[0].endswith("&password=***")
    np.testing.assert_array_equal(read(source), ARRAY)


def test_a_url_without_a_password_is_portable(postgres, items, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    url = items.replace(f":{quote(postgres.password, safe='')}@", "@")
    source = open_postgres(url, None)
    assert (source.portable, source.paths) == (True, (url,))


def test_servers_that_do_not_answer(postgres, items, monkeypatch):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert refused(items.replace(f":{postgres.port}/", f":{port}/")) == (
        f"cannot be reached: nothing answers at 127.0.0.1:{port}; check host and port, and that PostgreSQL runs"
    )
    assert refused("postgresql:///db?host=/tmp/none&table=items").startswith("cannot be reached: nothing answers at")
    wrong = postgres.url("?table=items", password="s3s-wrong")
    assert refused(wrong) == "was refused: the server does not know user 'some one' with this password; check both"
    assert refused(wrong.replace("some%20one", "nobody")).startswith("was refused: the server does not know user 'nob")
    assert refused(postgres.url("?table=items", database="dv")) == (
        "names the database 'dv', which the server does not have; check the name after the /"
    )
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    assert refused(postgres.url("?table=items", password="")).startswith("wants a password for user 'some one'; write")
    assert refused("postgresql://me:s3s@no.such.host.invalid/db?table=items").startswith("could not be connected to (")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3s%zz@127.0.0.1/db?table=items",
        "postgresql://me:s3s@[::1/db?table=items",
        "postgresql://me:s3s@127.0.0.1/db?table=items&no_such_option=s3",
        "postgresql://me:s3s@127.0.0.1:port/db?table=items",
        "postgresql://me:s3s/w@rd@127.0.0.1/db?table=items",
        "postgresql://me:s3s?w#rd@127.0.0.1/db?table=items",
    ],
)
def test_urls_that_are_none(url):
    refused(url)


def test_tables_that_may_not_be_read(postgres, database, items):
    database.execute("DROP ROLE IF EXISTS guest")
    database.execute("CREATE ROLE guest LOGIN PASSWORD 's3s'")
    database.execute("GRANT USAGE ON SCHEMA public TO guest")
    url = f"postgresql://guest:s3s@127.0.0.1:{postgres.port}/db?table=items"
    assert refused(url).startswith("may not be read by this user; have GRANT SELECT on the table")
    database.execute("DROP OWNED BY guest")
    database.execute("DROP ROLE guest")


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pgvector.psycopg", None)
    answer = refused("postgresql://me:s3s@host/db?table=items")
    assert answer == ": reading PostgreSQL needs psycopg and pgvector: pip install 'thinshell[databases]'"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://host:5432/db?table=a@b", "postgresql://host:5432/db?table=a@b"),
        ("postgresql://a:1,b:2/db?table=a@b", "postgresql://a:1,b:2/db?table=a@b"),
        ("postgresql://[::1]:5432/db?table=a@b", "postgresql://[::1]:5432/db?table=a@b"),
        ("postgresql://me:pw@[::1]/db", "postgresql://me:***@[::1]/db"),
        ("postgresql://me:p@w@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p/w@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p?w@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p#[w@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:@host/db", "postgresql://me:***@host/db"),
        ("postgresql:///db?PASSWORD=a&x=1", "postgresql:///db?PASSWORD=***&x=1"),
        ("postgresql:///db?p%61ssword=a&sslpassword=b", "postgresql:///db?p%61ssword=***&sslpassword=***"),
        ("a.npy", "a.npy"),
    ],
)
def test_what_is_shown_of_a_url(url, shown):
    assert without_password(url) == shown


SCRIPT = """
import sys, pathlib
import psycopg, pgvector.psycopg
from thinshell.io import prefetch
from thinshell.io.databases.postgres import open_postgres

def status(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1000

pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
rows = sum(len(block) for block in prefetch(open_postgres(sys.argv[1], None).blocks(4 * 2**20)))
print(rows, status("VmHWM") - before)
"""


def test_a_table_of_150_mb(postgres, database):
    array = np.random.default_rng(0).standard_normal((N, D), dtype=np.float32)
    load(database, "large", array, f"vector({D})")
    url, start = postgres.url("?table=large"), 0
    for block in open_postgres(url, None).blocks():
        np.testing.assert_array_equal(block, array[start : start + len(block)])
        start += len(block)
    assert start == N
    if not sys.platform.startswith("linux"):
        return
    done = subprocess.run([sys.executable, "-c", SCRIPT, url], capture_output=True, text=True)
    if "Permission" in done.stderr or "clear_refs" in done.stderr:
        pytest.skip("the high-water mark of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    assert int(rows) == N
    # Measured: 26 MB.
    assert float(megabytes) < 80
