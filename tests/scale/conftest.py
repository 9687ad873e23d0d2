"""A real S3 server on loopback, and a proxy before it that stumbles when it is told to."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy(ThreadingHTTPServer):
    """Hands requests on; `plan` holds, by the end of a path, what goes wrong with the next GET requests for it."""

    daemon_threads = True

    def __init__(self, port, backend):
        super().__init__(("127.0.0.1", port), Handler)
        self.backend = backend
        self.plan = {}
        self.served = []
        self.lock = threading.Lock()

    def next_failure(self, path):
        with self.lock:
            for end, failures in self.plan.items():
                if path.endswith(end) and failures:
                    return failures.pop(0)
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def forward(self):
        server = self.server
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        path = urlsplit(self.path).path
        failure = server.next_failure(path) if self.command == "GET" else None
        server.served.append((self.command, path, self.headers.get("Range"), failure))
        if failure == "503":
            text = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
            self.send_response(503)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            return
        connection = http.client.HTTPConnection("127.0.0.1", server.backend, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        kept = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(kept or 0))
        self.end_headers()
        if failure == "cut":  # the connection breaks in the middle of the body
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = forward


@pytest.fixture(scope="session")
def s3_server():
    """The port of the proxy before a moto server in a process of its own."""
    port = free_port()
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    proxy = Proxy(free_port(), port)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    yield proxy
    proxy.shutdown()
    proxy.server_close()
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def s3_system(s3_server):
    """One s3fs for all tests, which finds the server as any user's does: by the environment."""
    import s3fs

    settings = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_server.server_port}",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(s3fs.S3FileSystem, "retries", 1)
        yield s3fs.S3FileSystem()


@pytest.fixture
def s3(s3_server, s3_system, monkeypatch):
    """A bucket that is empty, and the proxy."""
    monkeypatch.setattr("thinshell.io.remote.WAITS", (0.01, 0.01, 0.01))
    if s3_system.exists("bucket"):
        s3_system.rm("bucket", recursive=True)
    s3_system.mkdir("bucket")
    s3_server.plan.clear()
    s3_server.served.clear()
    yield s3_system, s3_server
    s3_server.plan.clear()


def parquet(path, rows):
    width = rows.shape[1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).reshape(-1)), width)
    pq.write_table(pa.table({"embedding": column}), path)


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """A folder of 64 Parquet shards of 66,000 x 8, each of them a part of its own."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    for number in range(64):
        parquet(folder / f"part-{number:03}.parquet", rng.standard_normal((66_000, 8), dtype=np.float32))
    return folder


os.environ.setdefault("DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH", "100")
