"""Databases through ``thinshell diagnose``: the JSON of a file with the same rows, and no password anywhere."""

import json

import faiss
import lancedb
import numpy as np
import pyarrow as pa
import pytest
from pgvector.psycopg import register_vector

from thinshell.cli import main

ROWS = np.random.default_rng(0).standard_normal((100_000, 384)).astype(np.float32)


@pytest.fixture(scope="module")
def as_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, ROWS)
    return result_of(str(path), path.with_name("rows.json"))


def result_of(data, path, *more):
    assert main(["diagnose", data, "--json", str(path), "--html", str(path) + ".html", "--quiet", *more]) == 0
    return json.loads(path.read_text())


def without_origin(result):
    kept = {name: value for name, value in result.items() if name != "command"}
    kept["source"] = {name: result["source"][name] for name in ("dtype", "fingerprint")}
    return kept


def test_pgvector(postgres, as_file, tmp_path):
    """100,000 x 384 in a real PostgreSQL, streamed through a cursor of the server."""
    with postgres.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE TABLE through_diagnose (id serial PRIMARY KEY, embedding vector(384))")
        register_vector(connection)
        copy = "COPY through_diagnose (embedding) FROM STDIN WITH (FORMAT BINARY)"
        with connection.cursor().copy(copy) as target:
            target.set_types(["vector"])
            for row in ROWS:
                target.write_row([row])
    url = postgres.url("?table=through_diagnose&column=embedding&order=id")
    result = result_of(url, tmp_path / "r.json")
    assert without_origin(result) == without_origin(as_file)
    secret = url.split(":")[2].partition("@")[0]
    page = (tmp_path / "r.json.html").read_text()
    for text in (json.dumps(result), page):
        assert secret not in text
        assert postgres.password not in text
    assert "***" in result["command"]


def test_lancedb(as_file, tmp_path):
    column = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.reshape(-1)), ROWS.shape[1])
    lancedb.connect(tmp_path / "db").create_table("items", pa.table({"vector": column}))
    for data in (f"lancedb://{tmp_path}/db?table=items", str(tmp_path / "db" / "items.lance")):
        assert without_origin(result_of(data, tmp_path / "r.json")) == without_origin(as_file)


def test_faiss(as_file, tmp_path):
    index = faiss.IndexFlatIP(ROWS.shape[1])
    index.add(ROWS)
    faiss.write_index(index, str(tmp_path / "rows.faiss"))
    result = result_of(str(tmp_path / "rows.faiss"), tmp_path / "r.json")
    assert without_origin(result) == without_origin(as_file)


def test_one_sentence_each(postgres, tmp_path, capsys):
    for data in (
        postgres.url("?table=nothing"),
        postgres.url("?table=nothing", password="wrong"),
        "postgresql://me:secret@127.0.0.1:1/db?table=a",
        f"lancedb://{tmp_path}/gone?table=a",
    ):
        assert main(["diagnose", data]) == 2
        error = capsys.readouterr().err
        assert error.startswith("thinshell: error: ")
        assert error.count("\n") == 1
        assert "secret" not in error
        assert "wrong" not in error
