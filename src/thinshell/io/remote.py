"""Files behind a URL, read in ranges through fsspec; what fails on the way is tried again, then named."""

from __future__ import annotations

import io
import time
from functools import lru_cache
from typing import Any

from thinshell.errors import InputError
from thinshell.io.failures import one_line
from thinshell.io.urls import scheme_of, without_password

__all__ = ["RemoteFile", "filesystem", "glob_urls", "is_final", "remote_size"]

# Ranges asked for at a time and bytes of each: one connection to an object store gives 30 to 90 MB/s.
RANGE_BYTES = 8 * 2**20
# Seconds before the next try. Object stores ask for such pauses when they answer 503 Slow Down.
WAITS = (0.5, 1.0, 2.0)
# What the package of a protocol is called where fsspec has none of its own.
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
    "abfs": "adlfs",
    "az": "adlfs",
}


@lru_cache(maxsize=64)
def filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL and the path in it."""
    scheme = scheme_of(url)
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(url)
    except ImportError as error:
        package = PACKAGES.get(scheme, "fsspec")
        extra = "'thinshell[scale]'" if package in ("s3fs", "aiohttp", "fsspec") else package
        sentence = f"{without_password(url)}: reading {scheme}:// needs {package}: pip install {extra}"
        raise InputError(sentence) from error
    except Exception as error:
        if _unreachable(error) is not None:  # Hugging Face is asked at once what the path means
            raise InputError(
                f"{without_password(url)} could not be reached: {one_line(error)}; check the network"
            ) from error
        if not isinstance(error, ValueError):
            raise
        raise InputError(
            f"{without_password(url)} starts with {scheme}://, which is not read ({one_line(error)}); use a path, "
            "s3://, gs://, hf://, https:// or another that fsspec knows"
        ) from error


def is_final(error: BaseException) -> bool:
    """Tell whether trying again cannot help."""
    final = (FileNotFoundError, PermissionError, IsADirectoryError, NotImplementedError, InputError)
    return (isinstance(error, final) and _unreachable(error) is None) or type(error).__name__ == "NoCredentialsError"


def _unreachable(error: BaseException | None) -> BaseException | None:
    """Return the failure to connect behind an error: fsspec calls a file missing whose server does not answer."""
    while error is not None:
        if "Connect" in type(error).__name__:
            return error
        error = error.__cause__ or error.__context__
    return None


def _patiently(url: str, attempt: Any) -> Any:
    """Return what `attempt` returns, trying again when a server stumbles."""
    for wait in (*WAITS, None):
        try:
            return attempt()
        except Exception as error:  # every protocol has errors of its own: ClientError, ClientResponseError, ...
            if type(error).__name__ == "NoCredentialsError":
                raise InputError(
                    f"{without_password(url)} needs credentials, none were found; set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE), or FSSPEC_S3_ANON=true for a public bucket"
                ) from error
            if is_final(error):
                raise
            if wait is None:
                failed = _unreachable(error)
                verb = "read" if failed is None else "reached"
                raise InputError(
                    f"{without_password(url)} could not be {verb}: {one_line(failed or error)} ({len(WAITS) + 1} "
                    "tries); check the address and the network, or try again later"
                ) from error
            time.sleep(wait)
    raise AssertionError  # the last round returns or raises


def remote_size(url: str) -> int:
    """Return the bytes of a remote file."""
    system, path = filesystem(url)

    def size() -> int:
        system.invalidate_cache()
        about = system.info(path)
        if about.get("type") == "directory":
            raise IsADirectoryError(path)
        return about.get("size")

    found = _patiently(url, size)
    if found is None:
        raise InputError(f"{without_password(url)} has no size: its server does not tell how long it is; download it")
    return int(found)


def glob_urls(url: str) -> list[str]:
    """Return the files that a pattern matches, sorted by name, as URLs."""
    system, path = filesystem(url)
    return sorted(system.unstrip_protocol(name) for name in _patiently(url, lambda: system.glob(path)))


class RemoteFile(io.RawIOBase):
    """A remote file as a readable, seekable binary file.

    Small reads are served from one range that was read ahead; large ones go straight into the caller's buffer, several
    ranges at a time.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.size = remote_size(url)
        self._system, self._path = filesystem(url)
        self._place = 0
        self._ahead, self._ahead_start = b"", 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes; return how much of it."""
        view = memoryview(buffer).cast("B")
        stop = min(self._place + len(view), self.size)
        count = max(0, stop - self._place)
        if not count:
            return 0
        held = self._ahead_start <= self._place and stop <= self._ahead_start + len(self._ahead)
        if not held and count >= RANGE_BYTES:
            view[:count] = self._ranges(self._place, stop)
        else:
            if not held:
                self._ahead = self._ranges(self._place, min(self._place + RANGE_BYTES, self.size))
                self._ahead_start = self._place
            offset = self._place - self._ahead_start
            view[:count] = self._ahead[offset : offset + count]
        self._place = stop
        return count

    def _ranges(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range; those of its pieces that fail or come back short are asked for again."""
        starts = list(range(start, stop, RANGE_BYTES))
        wanted = {first: min(first + RANGE_BYTES, stop) for first in starts}
        held: dict[int, bytes] = {}
        reason = ""
        for wait in (0.0, *WAITS):
            if len(held) < len(wanted):
                time.sleep(wait)
                reason = self._ask({first: last for first, last in wanted.items() if first not in held}, held) or reason
        missing = [first for first in starts if first not in held]
        if missing:
            raise InputError(
                f"{without_password(self.url)} could not be read at byte {missing[0]:,}: {reason} ({len(WAITS) + 1} "
                "tries); upload it again, or try later"
            )
        return held[start] if len(starts) == 1 else b"".join(held[first] for first in starts)

    def _ask(self, wanted: dict[int, int], held: dict[int, bytes]) -> str:
        """Put the pieces that came whole into `held`; return what was wrong with the others."""
        starts, stops = list(wanted), list(wanted.values())
        try:
            answers = self._system.cat_ranges([self._path] * len(starts), starts, stops, on_error="return")
        except Exception as error:  # some file systems raise whatever on_error says
            answers = [error] * len(starts)
        reason = ""
        for start, stop, answer in zip(starts, stops, answers, strict=True):
            if isinstance(answer, BaseException):
                if is_final(answer):
                    raise answer
                reason = one_line(answer)
                continue
            if len(answer) == self.size and stop - start < self.size:  # a server that does not know ranges
                answer = answer[start:stop]
            if len(answer) == stop - start:
                held[start] = bytes(answer)
            else:
                reason = f"{len(answer):,} of {stop - start:,} bytes came; it may be truncated"
        return reason
