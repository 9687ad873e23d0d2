"""Fetching one large file: taken up where it broke off, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from thinshell.errors import InputError

__all__ = ["Progress", "download"]

Progress = Callable[[int, int | None], None]

BLOCK_BYTES = 2**18
TIMEOUT_SECONDS = 30.0
# A connection that breaks is taken up again so often, after 1, 2, 4 ... seconds, as long as it brings nothing new.
ATTEMPTS = 5


def download(url: str, path: str | Path, *, md5: str, progress: Progress | None = None, pause: float = 1.0) -> Path:
    """Fetch `url` to `path`.

    What has come so far lies beside it as ``NAME.part``; a later call goes on from there (HTTP Range). The file gets
    its name only once its checksum is right.

    Parameters
    ----------
    url : str
        http or https.
    path : str or Path
        Its folder is made if need be.
    md5 : str
        Expected MD5 sum in hexadecimal.
    progress : callable, optional
        Called with (bytes done, bytes in all or None).
    pause : float
        Seconds before the first new attempt; doubled each time.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the server cannot be reached or refuses, the connection keeps breaking (run again to go on), the checksum
        is wrong (the part is removed), or the folder cannot be written to.

    Examples
    --------
    >>> download("ftp://host/file", "file", md5="")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: the URL must begin with http:// or https://, got 'ftp://host/file'
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"the URL must begin with http:// or https://, got {url!r}")
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise InputError(f"{target.parent} cannot be written to ({error.strerror or error}); choose another") from error
    _fetch_all(url, part, progress, pause)
    if (found := _md5(part)) != md5:
        part.unlink()
        raise InputError(f"what came from {url} has the MD5 sum {found}, expected {md5}; it was removed: try again")
    os.replace(part, target)
    return target


def _fetch_all(url: str, part: Path, progress: Progress | None, pause: float) -> None:
    failures = 0
    while True:
        before = part.stat().st_size
        try:
            _fetch_rest(url, part, progress)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing lies beyond: the part is whole, or of another file
                return
            raise InputError(f"{url} could not be fetched: the server says {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            failures = failures + 1 if part.stat().st_size == before else 1
            if failures == ATTEMPTS:
                reason = getattr(error, "reason", None) or error
                raise InputError(
                    f"{url} could not be fetched ({reason}); {part.stat().st_size:,} bytes are kept in {part}: "
                    "run again to go on from there"
                ) from error
            time.sleep(pause * 2 ** (failures - 1))


def _fetch_rest(url: str, part: Path, progress: Progress | None) -> None:
    done = part.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if response.status != 206:  # the server sends the whole file again
            done = 0
        length = response.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        with part.open("ab" if done else "wb") as stream:
            while block := response.read(BLOCK_BYTES):
                stream.write(block)
                done += len(block)
                if progress is not None:
                    progress(done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()
