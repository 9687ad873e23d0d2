"""Downloads against a real server on loopback: whole, broken off, resumed, wrong, refused."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from thinshell.errors import InputError
from thinshell.training import download

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `cut` makes each answer end after so many bytes, `ranges` whether it knows Range."""

    cut: int | None = None
    ranges = True
    status = 200
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/archive.tar.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:][: self.server.cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_whole_file_with_progress(server, tmp_path) -> None:
    seen = []
    path = download(server.url, tmp_path / "new" / "a.gz", md5=MD5, progress=lambda *done: seen.append(done))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [entry.name for entry in path.parent.iterdir()] == ["a.gz"]


def test_a_connection_that_breaks_is_taken_up_where_it_was(server, tmp_path) -> None:
    server.cut = 300_000
    assert download(server.url, tmp_path / "a.gz", md5=MD5, pause=0.001).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_later_call_goes_on(server, tmp_path) -> None:
    (tmp_path / "a.gz.part").write_bytes(CONTENT[:1000])
    assert download(server.url, tmp_path / "a.gz", md5=MD5).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_a_server_without_ranges_sends_all_again(server, tmp_path) -> None:
    server.ranges = False
    (tmp_path / "a.gz.part").write_bytes(b"something else" * 100)
    seen = []
    download(server.url, tmp_path / "a.gz", md5=MD5, progress=lambda *done: seen.append(done))
    assert (tmp_path / "a.gz").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_whole_part_needs_nothing_more(server, tmp_path) -> None:
    (tmp_path / "a.gz.part").write_bytes(CONTENT)
    assert download(server.url, tmp_path / "a.gz", md5=MD5).read_bytes() == CONTENT


def test_a_connection_that_brings_nothing_gives_up_and_keeps_the_part(server, tmp_path) -> None:
    server.cut = 0
    (tmp_path / "a.gz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(InputError, match=r"could not be fetched .*1,000 bytes are kept in .*a\.gz\.part: run again"):
        download(server.url, tmp_path / "a.gz", md5=MD5, pause=0.001)
    assert len(server.asked) == 5
    assert (tmp_path / "a.gz.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "a.gz").exists()


def test_a_wrong_checksum_leaves_nothing(server, tmp_path) -> None:
    with pytest.raises(InputError, match=rf"has the MD5 sum {MD5}, expected {'0' * 32}; it was removed: try again"):
        download(server.url, tmp_path / "a.gz", md5="0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_says_is_passed_on(server, tmp_path) -> None:
    server.status = 404
    with pytest.raises(InputError, match="could not be fetched: the server says 404 Not Found"):
        download(server.url, tmp_path / "a.gz", md5=MD5)


def test_nobody_answers(server, tmp_path) -> None:
    url = server.url
    server.server_close()
    with pytest.raises(InputError, match=r"could not be fetched .*refused"):
        download(url, tmp_path / "a.gz", md5=MD5, pause=0.001)


def test_no_place_to_write(server, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written to"):
        download(server.url, tmp_path / "file" / "a.gz", md5=MD5)
    assert server.asked == []
